//! The variables that Argo CD sets for a build, as `$NAME` and `${NAME}` in an Application.

use super::Field;

/// What is known of them before the build.
#[derive(Debug, Clone)]
pub(super) struct Variables(Vec<(&'static str, String)>);

/// Known only once the commit is: what depends on them would change with every commit.
const OF_THE_COMMIT: &str = "ARGOCD_APP_REVISION";

impl Variables {
    pub(super) fn new(instance: &str, namespace: &str, source: &Field<'_>) -> Self {
        let text = |key: &str| source.value.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        Self(vec![
            ("ARGOCD_APP_NAME", instance.to_owned()),
            ("ARGOCD_APP_NAMESPACE", namespace.to_owned()),
            ("ARGOCD_APP_SOURCE_REPO_URL", text("repoURL")),
            ("ARGOCD_APP_SOURCE_PATH", text("path")),
            ("ARGOCD_APP_SOURCE_TARGET_REVISION", text("targetRevision")),
        ])
    }

    /// The text with its variables replaced, one that does not exist by nothing.
    ///
    /// Rule: `Env.Envsubst`, which is Go's `os.Expand`: `$$` is a dollar.
    pub(super) fn expand(&self, text: &str, field: &Field<'_>) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let (name, behind) = name(after);
            rest = behind;
            if name == "$" {
                out.push('$');
            } else if name.starts_with(OF_THE_COMMIT) {
                field.refuse("holds the commit (`$ARGOCD_APP_REVISION`), which is not honoured; take it out");
            } else if let Some((_, value)) = self.0.iter().find(|(known, _)| *known == name) {
                out.push_str(value);
            } else if name.is_empty() && (after.is_empty() || !after.starts_with('{')) {
                // A dollar without a name behind it stays as it is.
                out.push('$');
            }
        }
        out.push_str(rest);
        out
    }
}

/// The name behind a dollar, and what follows it.
fn name(after: &str) -> (&str, &str) {
    if let Some(inside) = after.strip_prefix('{') {
        return match inside.split_once('}') {
            Some((name, rest)) => (name, rest),
            None => ("", inside),
        };
    }
    if let Some(rest) = after.strip_prefix('$') {
        return ("$", rest);
    }
    if after.starts_with(|c: char| c.is_ascii_digit() || "*#@!?-".contains(c)) {
        return after.split_at(1);
    }
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
    after.split_at(end)
}
