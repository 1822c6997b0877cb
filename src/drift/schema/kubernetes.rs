//! The built-in kinds of the Kubernetes version that driftd was made against: schema, scope, and what Go types know.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use serde::Deserialize;
use serde_json::Value;

use crate::drift::model::{
    AllocatedField, Condition, DefaultAction, DefaultRule, Facts, KindKey, RulePath, RuleStep, Schema, Scope, Shape,
    Spelling, TypeFacts, TypeKey,
};

use super::older;
use super::openapi::{Builder, OpenApiError, Raw};

/// Written by `tests/controlplane/kubernetes/facts`, where its format is described; `just facts` writes it anew.
const TEXT: &str = include_str!("../kubernetes.jsonl");

/// What the text says.
#[derive(Default)]
struct BuiltIn {
    schema: Arc<Schema>,
    facts: Facts,
    scopes: HashMap<TypeKey, Scope>,
    allocated: HashMap<KindKey, Vec<AllocatedField>>,
}

static BUILT_IN: LazyLock<BuiltIn> = LazyLock::new(|| {
    read(TEXT).unwrap_or_else(|error| {
        // The text is part of the program and a test reads all of it.
        debug_assert!(false, "the embedded schema: {error}");
        BuiltIn::default()
    })
});

/// The shapes of all built-in kinds.
#[must_use]
pub fn schema() -> Arc<Schema> {
    Arc::clone(&BUILT_IN.schema)
}

/// What the Go types know, by component; joined to the OpenAPI documents of live servers.
#[must_use]
pub fn facts() -> &'static Facts {
    &BUILT_IN.facts
}

/// Whether a built-in kind lives in a namespace; `None` for kinds that are not built in.
#[must_use]
pub fn scope(type_key: &TypeKey) -> Option<Scope> {
    BUILT_IN.scopes.get(type_key).copied()
}

/// The fields of a kind that the server and its controllers fill in; those of every kind (`metadata.uid`, `status`)
/// are left out, since no object that is compared has them.
#[must_use]
pub fn allocated(kind: &KindKey) -> &'static [AllocatedField] {
    BUILT_IN.allocated.get(kind).map_or(&[], Vec::as_slice)
}

/// The components that describe the metadata of objects.
pub(super) fn metadata() -> BTreeMap<String, Raw> {
    let lines = TEXT.lines().filter(|line| line.starts_with(r#"{"type":"io.k8s.apimachinery.pkg.apis.meta.v1."#));
    let component = |line| match serde_json::from_str(line) {
        Ok(Line::Type(of)) => Some((of.name, of.schema)),
        _ => None,
    };
    lines.filter_map(component).collect()
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Kind { kind: Kind },
    Type(Box<Type>),
    Allocated { allocated: Allocated },
}

#[derive(Deserialize)]
struct Kind {
    group: String,
    version: String,
    #[serde(rename = "kind")]
    name: String,
    namespaced: bool,
    schema: String,
}

#[derive(Deserialize)]
struct Allocated {
    group: String,
    kind: String,
    path: String,
    #[serde(default)]
    when: BTreeMap<String, Value>,
    #[serde(default)]
    unless: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Type {
    #[serde(rename = "type")]
    name: String,
    schema: Raw,
    #[serde(default)]
    omitempty: Vec<String>,
    #[serde(default)]
    always: Vec<String>,
    #[serde(default)]
    structs: BTreeSet<String>,
    #[serde(default)]
    defaults: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    path: String,
    value: Option<Value>,
    copy: Option<String>,
    r#as: Option<String>,
    image_tag: Option<String>,
    fill: Option<String>,
    #[serde(default)]
    remove: bool,
    #[serde(default)]
    round: bool,
    #[serde(default)]
    when: BTreeMap<String, Value>,
    #[serde(default)]
    unless: BTreeMap<String, Value>,
}

/// Why the embedded text cannot be read.
#[derive(Debug, thiserror::Error)]
enum EmbeddedError {
    #[error("line {0}: {1}")]
    Line(usize, serde_json::Error),
    #[error("a default of {0} has no action")]
    NoAction(String),
    #[error(transparent)]
    Schema(#[from] OpenApiError),
}

fn read(text: &str) -> Result<BuiltIn, EmbeddedError> {
    let mut components = BTreeMap::new();
    let mut facts = Facts::new();
    let mut kinds = Vec::new();
    let mut allocated: HashMap<_, Vec<_>> = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        match serde_json::from_str(line).map_err(|error| EmbeddedError::Line(index + 1, error))? {
            Line::Kind { kind } => kinds.push(kind),
            Line::Type(of) => {
                let of = *of;
                let zero_is_absent = of.omitempty.into_iter().chain(of.always).collect();
                let defaults = of.defaults.into_iter().map(|rule| rule.read(&of.name)).collect::<Result<_, _>>()?;
                facts.insert(of.name.clone(), Arc::new(TypeFacts { zero_is_absent, structs: of.structs, defaults }));
                components.insert(of.name, of.schema);
            }
            Line::Allocated { allocated: of } => {
                let field = AllocatedField {
                    path: rule_path(&of.path),
                    when: conditions(of.when),
                    unless: conditions(of.unless),
                };
                allocated.entry(KindKey { group: of.group, kind: of.kind }).or_default().push(field);
            }
        }
    }
    let mut builder = Builder::new(&components, &facts);
    let mut scopes = HashMap::new();
    for kind in kinds {
        let type_key = TypeKey { group: kind.group, version: kind.version, kind: kind.name };
        scopes.insert(type_key.clone(), if kind.namespaced { Scope::Namespaced } else { Scope::Cluster });
        builder.kind(type_key, &kind.schema)?;
    }
    let mut schema = builder.schema;
    name_older(&mut schema, &mut scopes)?;
    Ok(BuiltIn { schema: Arc::new(schema), facts, scopes, allocated })
}

/// Kinds at versions that are no longer served have today's shape, with defaults of their own.
fn name_older(schema: &mut Schema, scopes: &mut HashMap<TypeKey, Scope>) -> Result<(), EmbeddedError> {
    for older in older::VERSIONS {
        let rules: Vec<Rule> = serde_json::from_str(older.defaults).map_err(|error| EmbeddedError::Line(0, error))?;
        let rules: Vec<DefaultRule> =
            rules.into_iter().map(|rule| rule.read(older.version)).collect::<Result<_, _>>()?;
        for kind in older.kinds {
            let (type_key, today) = (TypeKey::new(older.version, kind), TypeKey::new(older.today, kind));
            let Shape::Struct(mut shape) = schema.shape(schema.root(&today)).clone() else { continue };
            let mut facts = shape.facts.as_deref().cloned().unwrap_or_default();
            facts.defaults.splice(0..0, rules.iter().cloned());
            shape.facts = Some(Arc::new(facts));
            let root = schema.reserve().ok_or(OpenApiError::TooLarge)?;
            schema.fill(root, Shape::Struct(shape));
            schema.name_kind(type_key.clone(), root);
            if let Some(scope) = scopes.get(&today) {
                scopes.insert(type_key, *scope);
            }
        }
    }
    Ok(())
}

impl Rule {
    fn read(self, component: &str) -> Result<DefaultRule, EmbeddedError> {
        let spelling = match self.r#as.as_deref() {
            Some("lowercase") => Spelling::Lowercase,
            Some("list") => Spelling::List,
            _ => Spelling::Same,
        };
        let action = if let Some(value) = self.value {
            DefaultAction::Set(value)
        } else if let Some(path) = self.copy {
            DefaultAction::Copy(rule_path(&path), spelling)
        } else if let Some(path) = self.image_tag {
            DefaultAction::PullPolicy(rule_path(&path))
        } else if let Some(path) = self.fill {
            DefaultAction::Fill(rule_path(&path))
        } else if self.remove {
            DefaultAction::Remove
        } else if self.round {
            DefaultAction::Round
        } else {
            return Err(EmbeddedError::NoAction(component.to_owned()));
        };
        Ok(DefaultRule {
            path: rule_path(&self.path),
            action,
            when: conditions(self.when),
            unless: conditions(self.unless),
        })
    }
}

fn conditions(written: BTreeMap<String, Value>) -> Vec<Condition> {
    let values = |value| match value {
        Value::Array(values) => values,
        one => vec![one],
    };
    written.into_iter().map(|(path, value)| Condition { path: rule_path(&path), values: values(value) }).collect()
}

/// Reads `a.b`, `a[].b`, `a{}`, `a[k/e.y]`.
fn rule_path(text: &str) -> RulePath {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[]") {
            steps.push(RuleStep::Each);
            rest = after;
        } else if let Some(after) = rest.strip_prefix("{}") {
            steps.push(RuleStep::Values);
            rest = after;
        } else if let Some((key, after)) = rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            steps.push(RuleStep::Key(key.to_owned()));
            rest = after;
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let end = rest.find(['.', '[', '{']).unwrap_or(rest.len());
            steps.push(RuleStep::Key(rest[..end].to_owned()));
            rest = &rest[end..];
        }
    }
    RulePath(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_text_is_read_whole() {
        let built_in = read(TEXT).unwrap();
        let deployment = TypeKey::new("apps/v1", "Deployment");
        assert!(built_in.schema.knows(&deployment));
        assert_eq!(built_in.scopes[&deployment], Scope::Namespaced);
        assert_eq!(built_in.scopes[&TypeKey::new("v1", "Node")], Scope::Cluster);
        let job = KindKey { group: "batch".into(), kind: "Job".into() };
        assert!(built_in.allocated[&job].iter().any(|field| !field.unless.is_empty()));
        assert!(built_in.facts["io.k8s.api.core.v1.EnvVar"].zero_is_absent.contains("value"));
    }

    #[test]
    fn every_older_version_has_a_kind_of_today_and_its_scope() {
        let built_in = read(TEXT).unwrap();
        for (older, kind) in older::VERSIONS.iter().flat_map(|older| older.kinds.iter().map(move |kind| (older, kind)))
        {
            let type_key = TypeKey::new(older.version, kind);
            assert!(built_in.schema.knows(&type_key) && built_in.scopes.contains_key(&type_key), "{type_key}");
        }
    }

    #[test]
    fn paths_of_rules_are_read() {
        use RuleStep::{Each, Key, Values};
        let key = |name: &str| Key(name.into());
        assert_eq!(rule_path("a[].b{}").0, [key("a"), Each, key("b"), Values]);
        assert_eq!(rule_path("metadata.labels[k/e.y].c").0, [key("metadata"), key("labels"), key("k/e.y"), key("c")]);
    }
}
