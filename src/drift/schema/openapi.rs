//! OpenAPI v3 documents, as the API server publishes them per group and version, read into a [`Schema`].

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::drift::model::{Dialect, Facts, Field, ListType, NodeId, Scalar, Schema, Shape, Struct, TypeKey};

/// The pattern by which a custom resource's schema marks a quantity.
///
/// Rule: `k8s.io/apimachinery`, `pkg/api/resource/generated.proto` and controller-gen's markers.
const QUANTITY_PATTERN: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const DURATION: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Duration";
/// Components that carry any JSON although they look like an empty struct.
const RAW_JSON: [&str; 3] = [
    "io.k8s.apimachinery.pkg.runtime.RawExtension",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON",
];
/// Components whose fields follow the rules of Go types; all others are custom resources.
const BUILT_IN: [&str; 4] =
    ["io.k8s.api.", "io.k8s.apimachinery.", "io.k8s.apiextensions-apiserver.", "io.k8s.kube-aggregator."];
/// Components that OpenAPI leaves open because they are an object or something else.
const ALTERNATIVES: [(&str, &str); 2] = [
    (".v1.JSONSchemaPropsOrArray", "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"),
    (".v1.JSONSchemaPropsOrBool", "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"),
];
/// Lists that OpenAPI calls atomic although their order means nothing.
const BAGS: [(&str, &str); 1] = [("io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec", "metrics")];
/// The parameter of a request that is tried and not written. A server that does not know it would write.
const DRY_RUN: &str = "dryRun";
/// Deep enough for every real schema; a document that nests deeper is cut to "anything goes" there.
const MAX_DEPTH: usize = 200;

/// Why a document is no schema.
#[derive(Debug, thiserror::Error)]
pub enum OpenApiError {
    /// It is no OpenAPI v3 document.
    #[error("is no OpenAPI v3 document: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It has more shapes than a schema can number.
    #[error("is too large for a schema")]
    TooLarge,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(default)]
    components: Components,
    #[serde(borrow)]
    paths: Option<&'a RawValue>,
}

/// What may be asked at one address.
#[derive(Deserialize)]
struct PathItem {
    patch: Option<Operation>,
}

#[derive(Deserialize)]
struct Operation {
    #[serde(default)]
    parameters: Vec<Parameter>,
    #[serde(rename = "x-kubernetes-group-version-kind")]
    group_version_kind: Option<GroupVersionKind>,
}

#[derive(Deserialize)]
struct Parameter {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize, Default)]
struct Components {
    #[serde(default)]
    schemas: BTreeMap<String, Raw>,
}

/// The part of a schema object that comparison needs; everything else is skipped while reading.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Raw {
    #[serde(rename = "$ref")]
    reference: Option<String>,
    all_of: Vec<Raw>,
    #[serde(rename = "type")]
    kind: Option<String>,
    format: Option<String>,
    pattern: Option<String>,
    properties: BTreeMap<String, Raw>,
    additional_properties: Option<Additional>,
    items: Option<Box<Raw>>,
    default: Option<Value>,
    #[serde(rename = "x-kubernetes-list-type")]
    list_type: Option<String>,
    #[serde(rename = "x-kubernetes-map-type")]
    map_type: Option<String>,
    #[serde(rename = "x-kubernetes-list-map-keys")]
    list_map_keys: Vec<String>,
    #[serde(rename = "x-kubernetes-int-or-string")]
    int_or_string: bool,
    #[serde(rename = "x-kubernetes-preserve-unknown-fields")]
    preserve_unknown_fields: bool,
    #[serde(rename = "x-kubernetes-group-version-kind")]
    group_version_kind: Vec<GroupVersionKind>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Additional {
    Allowed(bool),
    Of(Box<Raw>),
}

#[derive(Deserialize)]
struct GroupVersionKind {
    group: String,
    version: String,
    kind: String,
}

impl GroupVersionKind {
    fn type_key(&self) -> TypeKey {
        TypeKey { group: self.group.clone(), version: self.version.clone(), kind: self.kind.clone() }
    }
}

/// Reads the document of one group and version.
///
/// # Errors
/// The text is no OpenAPI v3 document.
pub fn parse(document: &[u8], facts: &Facts) -> Result<Schema, OpenApiError> {
    let document: Document<'_> = serde_json::from_slice(document)?;
    let mut builder = Builder::new(&document.components.schemas, facts);
    for (name, raw) in &document.components.schemas {
        if let [key] = raw.group_version_kind.as_slice() {
            builder.kind(key.type_key(), name)?;
        }
    }
    for type_key in document.paths.map(tried).unwrap_or_default() {
        builder.schema.allow_dry_run(type_key);
    }
    Ok(builder.schema)
}

/// The kinds of which a patch can be tried without being written. Paths that cannot be read allow nothing.
fn tried(paths: &RawValue) -> Vec<TypeKey> {
    let paths: HashMap<String, PathItem> = serde_json::from_str(paths.get()).unwrap_or_default();
    let patches = paths.into_values().filter_map(|path| path.patch);
    let tries = |patch: &Operation| patch.parameters.iter().any(|parameter| parameter.name == DRY_RUN);
    patches.filter(tries).filter_map(|patch| Some(patch.group_version_kind?.type_key())).collect()
}

/// Builds a schema kind by kind, with the components that each refers to.
pub(super) struct Builder<'a> {
    /// What has been built.
    pub schema: Schema,
    components: &'a BTreeMap<String, Raw>,
    facts: &'a Facts,
    ids: HashMap<&'a str, NodeId>,
}

impl<'a> Builder<'a> {
    pub fn new(components: &'a BTreeMap<String, Raw>, facts: &'a Facts) -> Self {
        Self { schema: Schema::default(), components, facts, ids: HashMap::new() }
    }

    /// Adds a kind whose objects the component `name` describes.
    pub fn kind(&mut self, type_key: TypeKey, name: &str) -> Result<(), OpenApiError> {
        let id = self.component(name, 0)?;
        self.schema.name_kind(type_key, id);
        Ok(())
    }

    fn component(&mut self, name: &str, depth: usize) -> Result<NodeId, OpenApiError> {
        let Some((name, raw)) = self.components.get_key_value(name) else { return Ok(Schema::ANY) };
        if let Some(id) = self.ids.get(name.as_str()) {
            return Ok(*id);
        }
        let id = self.schema.reserve().ok_or(OpenApiError::TooLarge)?;
        self.ids.insert(name, id);
        let dialect =
            if BUILT_IN.iter().any(|prefix| name.starts_with(prefix)) { Dialect::BuiltIn } else { Dialect::Custom };
        let shape = match name.as_str() {
            QUANTITY => Shape::Scalar(Scalar::Quantity),
            DURATION => Shape::Scalar(Scalar::Duration),
            name if RAW_JSON.contains(&name) => Shape::Literal,
            _ => match ALTERNATIVES.iter().find(|(of, _)| name.ends_with(of)) {
                Some((_, component)) => self.either(component, depth)?,
                None => self.shape(raw, dialect, name, depth)?,
            },
        };
        self.fill(id, raw, shape);
        Ok(id)
    }

    fn fill(&mut self, id: NodeId, raw: &Raw, shape: Shape) {
        self.schema.fill(id, shape);
        if raw.map_type.as_deref() == Some("atomic") {
            self.schema.mark_atomic(id);
        }
    }

    fn node(&mut self, raw: &'a Raw, dialect: Dialect, depth: usize) -> Result<NodeId, OpenApiError> {
        if depth > MAX_DEPTH {
            return Ok(Schema::ANY);
        }
        let reference = raw.reference.as_ref().or(match raw.all_of.as_slice() {
            [only] => only.reference.as_ref(),
            _ => None,
        });
        if let Some(reference) = reference {
            let name = reference.rsplit('/').next().unwrap_or(reference);
            return self.component(name, depth + 1);
        }
        let shape = self.shape(raw, dialect, "", depth)?;
        if matches!(shape, Shape::Any) {
            return Ok(Schema::ANY);
        }
        let id = self.schema.reserve().ok_or(OpenApiError::TooLarge)?;
        self.fill(id, raw, shape);
        Ok(id)
    }

    fn shape(&mut self, raw: &'a Raw, dialect: Dialect, name: &str, depth: usize) -> Result<Shape, OpenApiError> {
        if raw.int_or_string || raw.format.as_deref() == Some("int-or-string") {
            let quantity = raw.pattern.as_deref() == Some(QUANTITY_PATTERN);
            return Ok(Shape::Scalar(if quantity { Scalar::Quantity } else { Scalar::Plain }));
        }
        match raw.kind.as_deref() {
            Some("array") => self.list(raw, dialect, depth),
            Some("object") | None => self.object(raw, dialect, name, depth),
            Some("string") => Ok(Shape::Scalar(match (raw.format.as_deref(), raw.pattern.as_deref()) {
                (Some("date-time"), _) => Scalar::Time,
                (Some("byte"), _) => Scalar::Bytes,
                (Some("duration"), _) => Scalar::Duration,
                (_, Some(QUANTITY_PATTERN)) => Scalar::Quantity,
                _ => Scalar::Plain,
            })),
            Some(_) => Ok(Shape::Scalar(Scalar::Plain)),
        }
    }

    /// A value that OpenAPI leaves open and of which the Go type knows more.
    fn either(&mut self, component: &str, depth: usize) -> Result<Shape, OpenApiError> {
        let object = self.component(component, depth + 1)?;
        let list = self.schema.reserve().ok_or(OpenApiError::TooLarge)?;
        self.schema.fill(list, Shape::List { item: object, list_type: ListType::Atomic });
        Ok(Shape::Either { object, list })
    }

    fn list(&mut self, raw: &'a Raw, dialect: Dialect, depth: usize) -> Result<Shape, OpenApiError> {
        let item = match &raw.items {
            Some(items) => self.node(items, dialect, depth + 1)?,
            None => Schema::ANY,
        };
        let list_type = match raw.list_type.as_deref() {
            Some("map") if !raw.list_map_keys.is_empty() => ListType::Map(raw.list_map_keys.clone()),
            Some("set") => ListType::Set,
            _ => ListType::Atomic,
        };
        Ok(Shape::List { item, list_type })
    }

    fn object(&mut self, raw: &'a Raw, dialect: Dialect, name: &str, depth: usize) -> Result<Shape, OpenApiError> {
        if raw.properties.is_empty() {
            return match &raw.additional_properties {
                Some(Additional::Of(value)) => Ok(Shape::Map(self.node(value, dialect, depth + 1)?)),
                Some(Additional::Allowed(true)) => Ok(Shape::Any),
                _ if raw.kind.is_none() || raw.preserve_unknown_fields => Ok(Shape::Any),
                _ => {
                    let facts = self.facts.get(name).cloned();
                    Ok(Shape::Struct(Struct { dialect, facts, ..Struct::default() }))
                }
            };
        }
        let mut fields = BTreeMap::new();
        for (field, raw) in &raw.properties {
            let mut node = self.node(raw, dialect, depth + 1)?;
            if BAGS.contains(&(name, field.as_str())) {
                node = self.bag(node)?;
            }
            fields.insert(field.clone(), Field { node, default: raw.default.clone() });
        }
        let facts = self.facts.get(name).cloned();
        Ok(Shape::Struct(Struct { fields, open: raw.preserve_unknown_fields, dialect, facts }))
    }

    fn bag(&mut self, list: NodeId) -> Result<NodeId, OpenApiError> {
        let Shape::List { item, .. } = *self.schema.shape(list) else { return Ok(list) };
        let id = self.schema.reserve().ok_or(OpenApiError::TooLarge)?;
        self.schema.fill(id, Shape::List { item, list_type: ListType::Bag });
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::drift::schema::kubernetes;

    #[test]
    fn only_a_kind_whose_patch_names_a_dry_run_may_be_tried() {
        let kind = |name: &str| json!({"group": "example.org", "version": "v1", "kind": name});
        let patch = |name: &str, parameters: &[&str]| {
            let parameters: Vec<_> = parameters.iter().map(|name| json!({"name": name, "in": "query"})).collect();
            json!({"patch": {"parameters": parameters, "x-kubernetes-group-version-kind": kind(name)}})
        };
        let document = json!({"paths": {
            "/apis/example.org/v1/widgets/{name}": patch("Widget", &["force", "dryRun"]),
            "/apis/example.org/v1/gadgets/{name}": patch("Gadget", &["force"]),
            "/apis/example.org/v1/things": {"get": {"parameters": [{"name": "dryRun"}]}},
        }});
        let schema = parse(document.to_string().as_bytes(), kubernetes::facts()).unwrap();
        assert!(schema.allows_dry_run(&TypeKey::new("example.org/v1", "Widget")));
        assert!(!schema.allows_dry_run(&TypeKey::new("example.org/v1", "Gadget")));
        let odd = parse(br#"{"paths": [1]}"#, kubernetes::facts()).unwrap();
        assert!(!odd.allows_dry_run(&TypeKey::new("example.org/v1", "Widget")));
        assert!(
            !kubernetes::schema().allows_dry_run(&TypeKey::new("v1", "ConfigMap")),
            "the embedded one knows no server"
        );
    }
}
