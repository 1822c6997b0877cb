//! What an Application tells kustomize, as Argo CD does it: by `kustomize edit`, before the build.

use serde_json::{Value, json};

use super::{Field, Source};
use crate::config::{Edit, Environment, Missing};

impl Source<'_> {
    /// Rule: `util/kustomize/kustomize.go`, `Build`.
    pub(super) fn kustomize(&self, environment: &mut Environment) {
        let options = self.field.at("kustomize");
        options.allow(&[
            "namePrefix",
            "nameSuffix",
            "images",
            "commonLabels",
            "commonAnnotations",
            "forceCommonLabels",
            "forceCommonAnnotations",
            "namespace",
            "commonAnnotationsEnvsubst",
            "replicas",
            "patches",
            "components",
            "ignoreMissingComponents",
            "labelWithoutSelector",
            "labelIncludeTemplates",
            "kubeVersion",
            "apiVersions",
        ]);
        let edits = &mut environment.rendering.kustomize.edits;
        let command = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        for (key, word) in [("namePrefix", "nameprefix"), ("nameSuffix", "namesuffix")] {
            if let Some(text) = options.text(key) {
                edits.push(Edit::Command(command(&["set", word, "--", text])));
            }
        }
        let images = options.items("images");
        list(
            edits,
            &["set", "image"],
            images.iter().filter_map(|image| Some(self.variables.expand(image.as_text()?, image))),
        );
        let replicas = options.items("replicas");
        list(edits, &["set", "replicas"], replicas.iter().filter_map(replica));
        self.labels(&options, edits);
        self.annotations(&options, edits);
        if let Some(namespace) = options.text("namespace") {
            edits.push(Edit::Command(command(&["set", "namespace", "--", namespace])));
        }
        let patches: Vec<Value> = options.items("patches").iter().map(patch).collect();
        if !patches.is_empty() {
            edits.push(Edit::Append("patches", patches));
        }
        let components: Vec<String> = options.texts("components").into_iter().map(str::to_owned).collect();
        if !components.is_empty() {
            let missing = if options.flag("ignoreMissingComponents") { Missing::Skipped } else { Missing::Refused };
            edits.push(Edit::Components(components, missing));
        }
        // Only charts that are inflated are told.
        capabilities(&options, environment);
    }

    fn labels(&self, options: &Field<'_>, edits: &mut Vec<Edit>) {
        let labels = options.strings("commonLabels");
        let at = options.at("commonLabels");
        let mut words = vec!["add", "label"];
        for (key, word) in [
            ("forceCommonLabels", "--force"),
            ("labelWithoutSelector", "--without-selector"),
            ("labelIncludeTemplates", "--include-templates"),
        ] {
            if options.flag(key) {
                words.push(word);
            }
        }
        let pairs = labels.iter().map(|(key, value)| format!("{key}:{}", self.variables.expand(value, &at)));
        list(edits, &words, pairs);
    }

    fn annotations(&self, options: &Field<'_>, edits: &mut Vec<Edit>) {
        let annotations = options.strings("commonAnnotations");
        let at = options.at("commonAnnotations");
        let expands = options.flag("commonAnnotationsEnvsubst");
        let mut words = vec!["add", "annotation"];
        if options.flag("forceCommonAnnotations") {
            words.push("--force");
        }
        let value = |text: &str| if expands { self.variables.expand(text, &at) } else { text.to_owned() };
        list(edits, &words, annotations.iter().map(|(key, text)| format!("{key}:{}", value(text))));
    }
}

/// One command for all of `values`; none where there is none.
fn list(edits: &mut Vec<Edit>, words: &[&str], values: impl Iterator<Item = String>) {
    let values: Vec<String> = values.collect();
    if values.is_empty() {
        return;
    }
    let words = words.iter().copied().chain(["--"]).map(str::to_owned);
    edits.push(Edit::Command(words.chain(values).collect()));
}

fn replica(field: &Field<'_>) -> Option<String> {
    field.allow(&["name", "count"]);
    let count = match field.at("count").value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let (Some(name), Some(count)) = (field.text("name"), count) else {
        field.refuse("names no workload and count");
        return None;
    };
    Some(format!("{name}={count}"))
}

fn patch(field: &Field<'_>) -> Value {
    field.allow(&["path", "patch", "target", "options"]);
    let mut patch = field.value.clone();
    if let Value::Object(map) = &mut patch {
        map.retain(|_, value| !value.is_null());
    }
    if patch.is_object() { patch } else { json!({}) }
}

/// What charts are told of the cluster in place of what it says itself.
pub(super) fn capabilities(options: &Field<'_>, environment: &mut Environment) {
    let helm = &mut environment.rendering.helm;
    if let Some(version) = options.text("kubeVersion") {
        helm.kube_version = Some(version.to_owned());
    }
    let apis = options.texts("apiVersions");
    if !apis.is_empty() {
        helm.api_versions = Some(apis.into_iter().map(str::to_owned).collect());
    }
}
