//! What an Application tells helm.

use std::sync::Arc;

use super::kustomize::capabilities;
use super::{Field, Origin, Source, is_nothing};
use crate::config::{Crds, Environment, Missing, Parameter, Renderer, Schema};
use crate::source::setting::way;
use crate::source::{Borrowed, DescribedPart, field};
use crate::yaml::{self, Budget};

impl Source<'_> {
    /// A chart of a Helm repository or registry.
    pub(super) fn chart(&self) -> Option<DescribedPart> {
        for other in ["kustomize", "directory"] {
            if let Some(field) = self.field.get(other).filter(|field| !is_nothing(field.value)) {
                field.refuse("stands beside `chart`, which helm renders; remove it");
            }
        }
        let (name, version) = (self.field.at("chart"), self.field.at("targetRevision"));
        let chart = self.reader.setting.chart(&name, &version, &self.field.at("repoURL"));
        let mut environment = self.environment();
        let mut borrowed = Vec::new();
        environment.renderer = Renderer::Helm;
        self.helm(&mut environment, "", None, &mut borrowed);
        environment.rendering.helm.chart = Some(chart?);
        Some(DescribedPart { environment: Arc::new(environment), borrowed })
    }

    /// Rule: `reposerver/repository/repository.go`, `helmTemplate`.
    pub(super) fn helm(
        &self,
        environment: &mut Environment,
        folder: &str,
        origin: Option<&Origin>,
        borrowed: &mut Vec<Borrowed>,
    ) {
        let options = self.field.at("helm");
        options.allow(&[
            "valueFiles",
            "parameters",
            "releaseName",
            "values",
            "fileParameters",
            "version",
            "passCredentials",
            "ignoreMissingValueFiles",
            "skipCrds",
            "valuesObject",
            "namespace",
            "kubeVersion",
            "apiVersions",
            "skipTests",
            "skipSchemaValidation",
        ]);
        if options.text("version").is_some_and(|version| version != "v3") {
            options.at("version").refuse("is no version of helm that is still there; write `v3` or remove it");
        }
        let mut file = |field: &Field<'_>| self.file(field, folder, origin, borrowed);
        let value_files = options.items("valueFiles").iter().filter_map(&mut file).collect();
        let mut parameters: Vec<Parameter> =
            options.items("parameters").iter().filter_map(|field| self.parameter(field)).collect();
        for field in options.items("fileParameters") {
            field.allow(&["name", "path"]);
            if let (Some(name), Some(path)) = (field.text("name"), file(&field.at("path"))) {
                parameters.push(Parameter::File(name.to_owned(), path));
            }
        }
        let helm = &mut environment.rendering.helm;
        helm.value_files = value_files;
        helm.missing = if options.flag("ignoreMissingValueFiles") { Missing::Skipped } else { Missing::Refused };
        helm.values = values(&options);
        helm.parameters = parameters;
        helm.release_name = Some(options.text("releaseName").unwrap_or(self.reader.name).to_owned());
        helm.namespace = options.text("namespace").map(str::to_owned);
        helm.crds = if options.flag("skipCrds") { Crds::LeftOut } else { Crds::Included };
        helm.schema = if options.flag("skipSchemaValidation") { Schema::Skipped } else { Schema::Kept };
        capabilities(&options, environment);
    }

    /// Rule: `cleanSetParameters`: a comma that is not escaped ends no value, unless the value is a list.
    fn parameter(&self, field: &Field<'_>) -> Option<Parameter> {
        field.allow(&["name", "value", "forceString"]);
        let name = field.text("name")?;
        let value = self.variables.expand(field.text("value").unwrap_or_default(), &field.at("value"));
        let value = if value.starts_with('{') && value.ends_with('}') { value } else { with_commas_escaped(&value) };
        let text = format!("{name}={value}");
        Some(if field.flag("forceString") { Parameter::Text(text) } else { Parameter::Typed(text) })
    }

    /// The name by which helm's settings know a file: relative to the chart, or borrowed.
    fn file(
        &self,
        field: &Field<'_>,
        folder: &str,
        origin: Option<&Origin>,
        borrowed: &mut Vec<Borrowed>,
    ) -> Option<String> {
        let text = field.as_text()?;
        let named = text.strip_prefix('$').and_then(|rest| rest.split_once('/'));
        let source = named.and_then(|(name, path)| Some((self.refs.iter().find(|(of, _)| *of == name)?, path)));
        let Some(((name, of), path)) = source else {
            let path = self.variables.expand(text, field);
            return own_file(field, &path, folder, origin);
        };
        let path = self.variables.expand(path, field);
        if origin.is_some_and(|own| own.repository.name == of.repository.name && own.reference == of.reference) {
            return Some(way(folder, &path));
        }
        let Some(path) = super::folder(&path) else {
            field.refuse("leads out of the repository");
            return None;
        };
        let name = format!("${name}/{path}");
        let file = Borrowed {
            repository: Arc::clone(&of.repository),
            reference: of.reference.clone(),
            path,
            name: name.clone(),
        };
        if !borrowed.contains(&file) {
            borrowed.push(file);
        }
        Some(name)
    }
}

/// A file of the chart's own repository.
fn own_file(field: &Field<'_>, path: &str, folder: &str, origin: Option<&Origin>) -> Option<String> {
    if path.contains("://") {
        field.refuse("is an address, and value files are read from Git alone; commit the file");
        return None;
    }
    if origin.is_none() {
        field.refuse("is a file of a chart that lies elsewhere; take value files from a source with `ref`");
        return None;
    }
    Some(if path.starts_with('/') { way(folder, path) } else { path.to_owned() })
}

/// `valuesObject`, or `values`, which it stands over.
fn values(options: &Field<'_>) -> Option<serde_json::Value> {
    if let Some(object) = options.get("valuesObject").filter(|field| !field::is_nothing(field.value)) {
        return Some(object.value.clone());
    }
    let text = options.text("values")?;
    let mut documents = yaml::documents(text.as_bytes(), &Budget::default()).into_iter();
    match (documents.next(), documents.next()) {
        (None, _) => None,
        (Some(Ok(document)), None) if document.value.is_object() => Some(document.value),
        (Some(Ok(document)), None) if document.value.is_null() => None,
        _ => {
            options.at("values").refuse("is no YAML mapping; correct it");
            None
        }
    }
}

fn with_commas_escaped(value: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    for c in value.chars() {
        if c == ',' && before != '\\' {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    out
}
