//! Argo CD's `Application` as an environment.
//!
//! Rule: Argo CD 2.14, `reposerver/repository/repository.go` and `util/kustomize/kustomize.go`.

mod helm;
mod kustomize;
mod variables;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::field::{Field, Notes, is_nothing};
use super::finish::{Finish, LeaveOut};
use super::setting::{Setting, folder};
use super::{Described, DescribedPart, ignore};
use crate::config::{Depth, Environment, Plain, Reference, Renderer, Repository};
use crate::drift::model::{Declared, Desired, Glob, Redactor};
use variables::Variables;

/// The group of all objects of Argo CD.
pub const GROUP: &str = "argoproj.io";
/// Argo CD's names of the cluster in which it runs.
const IN_CLUSTER: [&str; 2] = ["https://kubernetes.default.svc", "in-cluster"];
const DESTINATION: &str =
    "is no known cluster; name it under `argocd.destinations` of the environment whose cluster it is";

/// Whether an object is an `Application`.
#[must_use]
pub fn is_application(object: &Desired) -> bool {
    object.key.type_key.group == GROUP && object.key.type_key.kind == "Application"
}

/// Whether an object is an `ApplicationSet`, which generates Applications.
#[must_use]
pub fn is_set(object: &Desired) -> bool {
    object.key.type_key.group == GROUP && object.key.type_key.kind == "ApplicationSet"
}

/// What Argo CD calls an Application: its name, with its namespace in front where that is not Argo CD's own.
///
/// Rule: `pkg/apis/application/v1alpha1`, `InstanceName`.
#[must_use]
pub fn instance_name(object: &Desired, namespace: &str) -> String {
    let name = &object.key.name;
    match object.key.namespace.as_deref().filter(|own| *own != namespace) {
        Some(own) => format!("{own}_{name}"),
        None => name.clone(),
    }
}

/// Whether an Application is deployed to the environment's cluster, as far as the configuration names destinations.
#[must_use]
pub fn is_meant(object: &Desired, destinations: Option<&[String]>) -> bool {
    let named = ["server", "name"].iter().filter_map(|key| {
        object.content.pointer(&format!("/spec/destination/{key}"))?.as_str().filter(|text| !text.is_empty())
    });
    destinations.is_none_or(|known| named.clone().any(|name| known.iter().any(|one| one == name)))
}

/// What an Application comes to; `instance` is what Argo CD calls it.
#[must_use]
pub fn application(object: &Desired, instance: &str, setting: &Setting<'_>, redactor: &Redactor) -> Described {
    let notes = Notes::default();
    let root = Field::root(object, &notes);
    let reader = Reader { setting, instance, name: &object.key.name, spec: root.at("spec") };
    let mut described = reader.read(object, redactor);
    if !notes.may_render() {
        described.parts.clear();
    }
    described.gaps = notes.into_gaps();
    described
}

struct Reader<'a> {
    setting: &'a Setting<'a>,
    instance: &'a str,
    name: &'a str,
    spec: Field<'a>,
}

/// Which repository at which revision a source is.
#[derive(Clone)]
struct Origin {
    repository: Arc<Repository>,
    reference: Reference,
}

/// What one source is read with.
struct Source<'a> {
    reader: &'a Reader<'a>,
    field: &'a Field<'a>,
    variables: Variables,
    /// By the names under which value files may name them.
    refs: &'a [(&'a str, Origin)],
    namespace: Option<&'a str>,
}

impl<'a> Reader<'a> {
    fn read(&self, object: &Desired, redactor: &Redactor) -> Described {
        self.spec.allow(&[
            "source",
            "sources",
            "destination",
            "project",
            "syncPolicy",
            "ignoreDifferences",
            "info",
            "revisionHistoryLimit",
        ]);
        let namespace = self.destination();
        let several = self.spec.items("sources");
        // Argo CD does not look at `source` where there are `sources`.
        let sources = if several.is_empty() { vec![self.spec.at("source")] } else { several };
        let refs: Vec<(&str, Origin)> = sources
            .iter()
            .filter_map(|source| {
                let name = source.text("ref")?;
                Some((name, self.origin(source)?))
            })
            .collect();
        let parts = sources.iter().filter(|source| !is_only_ref(source));
        let parts = parts.filter_map(|source| self.part(source, &refs, namespace)).collect();
        Described {
            parts,
            namespace: namespace.map(str::to_owned),
            ignore: ignore::argo_cd(&self.spec),
            finish: Finish {
                leave_out: LeaveOut::Hooks,
                objects: self.namespace(object, namespace, redactor).into_iter().collect(),
                ..Finish::default()
            },
            gaps: Vec::new(),
        }
    }

    fn destination(&self) -> Option<&'a str> {
        let destination = self.spec.at("destination");
        destination.allow(&["server", "name", "namespace"]);
        for key in ["server", "name"] {
            let Some(text) = destination.text(key) else { continue };
            if self.destinations().is_none()
                && !IN_CLUSTER.contains(&text)
                && text != self.setting.environment.cluster.name
            {
                destination.at(key).refuse(DESTINATION);
            }
        }
        destination.text("namespace")
    }

    fn destinations(&self) -> Option<&[String]> {
        let crate::config::Deployer::ArgoCd { destinations, .. } = &self.setting.environment.follow.as_ref()?.deployer;
        destinations.as_deref()
    }

    fn origin(&self, source: &Field<'_>) -> Option<Origin> {
        let repository = self.setting.repository(&source.at("repoURL"))?;
        let revision = source.text("targetRevision").unwrap_or_default();
        if is_range(revision) {
            source.at("targetRevision").refuse("is a range of versions; name a branch, a tag or a commit");
            return None;
        }
        let reference = self.setting.reference(&repository, revision);
        Some(Origin { repository, reference })
    }

    fn part(&self, field: &Field<'a>, refs: &[(&str, Origin)], namespace: Option<&str>) -> Option<DescribedPart> {
        field.allow(&[
            "repoURL",
            "path",
            "targetRevision",
            "helm",
            "kustomize",
            "directory",
            "chart",
            "ref",
            "name",
            "plugin",
        ]);
        // Even an empty one says that a plugin renders.
        if let Some(plugin) = field.get("plugin") {
            plugin.refuse("is not honoured, so nothing is rendered; commit what the plugin makes and follow that");
        }
        let variables = Variables::new(self.instance, namespace.unwrap_or_default(), field);
        let source = Source { reader: self, field, variables, refs, namespace };
        if field.text("chart").is_some() { source.chart() } else { source.folder() }
    }

    /// The namespace whose labels and annotations Argo CD keeps, where it was told to make it.
    ///
    /// Rule: `controller/sync_namespace.go`.
    fn namespace(&self, object: &Desired, name: Option<&str>, redactor: &Redactor) -> Option<Desired> {
        let policy = self.spec.at("syncPolicy");
        policy.allow(&["automated", "syncOptions", "retry", "managedNamespaceMetadata"]);
        let metadata = policy.get("managedNamespaceMetadata")?;
        metadata.allow(&["labels", "annotations"]);
        let (labels, annotations) = (metadata.strings("labels"), metadata.strings("annotations"));
        if !policy.texts("syncOptions").contains(&"CreateNamespace=true") {
            return None;
        }
        let map = |pairs: Vec<(String, String)>| pairs.into_iter().map(|(key, value)| (key, value.into())).collect();
        let (labels, annotations): (Map<_, _>, Map<_, _>) = (map(labels), map(annotations));
        let content: Value = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name?, "labels": labels, "annotations": annotations},
        });
        let declared = Declared::new(content, redactor).ok()?;
        Some(Desired::rendered(declared, object.source.clone()))
    }
}

/// A source that others only take value files from.
fn is_only_ref(source: &Field<'_>) -> bool {
    source.text("ref").is_some() && source.text("path").is_none() && source.text("chart").is_none()
}

/// Whether a revision is one of many tags.
fn is_range(revision: &str) -> bool {
    revision.contains(['*', '^', '~', '>', '<', ' ', '|']) || revision.starts_with('=')
}

impl Source<'_> {
    fn environment(&self) -> Environment {
        let mut environment = self.reader.setting.plain();
        environment.namespace = self.namespace.map(str::to_owned);
        environment
    }

    /// A folder of a Git repository.
    fn folder(&self) -> Option<DescribedPart> {
        let origin = self.reader.origin(self.field)?;
        let Some(path) = folder(self.field.text("path").unwrap_or("/")) else {
            self.field.at("path").refuse("is no folder of the repository");
            return None;
        };
        let explicit = ["helm", "kustomize", "directory"]
            .map(|key| self.field.get(key).filter(|field| !is_nothing(field.value)).map(|field| (key, field)));
        let mut explicit = explicit.into_iter().flatten();
        let (chosen, second) = (explicit.next(), explicit.next());
        if let Some((key, field)) = second {
            let first = chosen.map_or("", |(key, _)| key);
            field.refuse(&format!("stands beside `{first}`; keep `{first}` or `{key}`"));
            return None;
        }
        let mut environment = self.environment();
        (environment.repository, environment.reference) = (origin.repository.clone(), origin.reference.clone());
        environment.renderer = match chosen.as_ref().map(|(key, _)| *key) {
            Some("helm") => Renderer::Helm,
            Some("kustomize") => Renderer::Kustomize,
            Some(_) => Renderer::Plain,
            None => Renderer::Auto,
        };
        let mut borrowed = Vec::new();
        self.helm(&mut environment, &path, Some(&origin), &mut borrowed);
        self.kustomize(&mut environment);
        environment.rendering.plain = self.directory();
        environment.rendering.overrides =
            vec![".argocd-source.yaml".to_owned(), format!(".argocd-source-{}.yaml", self.reader.instance)];
        environment.paths = vec![path];
        Some(DescribedPart { environment: Arc::new(environment), borrowed })
    }

    fn directory(&self) -> Plain {
        let directory = self.field.at("directory");
        directory.allow(&["recurse", "include", "exclude"]);
        Plain {
            depth: if directory.flag("recurse") { Depth::All } else { Depth::Own },
            include: globs(&directory, "include"),
            exclude: globs(&directory, "exclude"),
            evaluated: vec![".jsonnet".to_owned()],
        }
    }
}

/// The alternatives of a pattern such as `{*.yaml,prod/*}`.
///
/// Rule: `github.com/gobwas/glob` without separators, where `*` and `**` are the same.
fn globs(directory: &Field<'_>, key: &str) -> Vec<Glob> {
    let Some(text) = directory.text(key) else { return Vec::new() };
    if text.contains(['?', '[', ']', '\\', '!']) {
        directory.at(key).refuse("has more than `*` and `{a,b}` in it, which is not honoured; write it with those");
        return Vec::new();
    }
    let Some(texts) = alternatives(text) else {
        directory.at(key).refuse("has braces that do not close or stand in each other; write `{a,b}`");
        return Vec::new();
    };
    texts.iter().map(|text| Glob::new(text)).collect()
}

/// Every text that the braces of `text` stand for.
fn alternatives(text: &str) -> Option<Vec<String>> {
    let Some((before, rest)) = text.split_once('{') else {
        return (!text.contains('}')).then(|| vec![text.to_owned()]);
    };
    let (inside, after) = rest.split_once('}')?;
    if before.contains('}') || inside.contains('{') {
        return None;
    }
    let after = alternatives(after)?;
    let each = |choice: &str| after.iter().map(|rest| format!("{before}{choice}{rest}")).collect::<Vec<_>>();
    Some(inside.split(',').flat_map(each).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_stand_for_each_of_their_texts() {
        let all = |text: &str| alternatives(text).map(|texts| texts.join(" "));
        assert_eq!(all("*.yaml").as_deref(), Some("*.yaml"));
        assert_eq!(all("{a,b/*}.{x,y}").as_deref(), Some("a.x a.y b/*.x b/*.y"));
        for wrong in ["{a", "a}", "{a,{b}}", "}{"] {
            assert_eq!(all(wrong), None, "{wrong}");
        }
    }
}
