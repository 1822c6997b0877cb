//! Custom resources as their definitions describe them, where no server publishes their schemas.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};

use super::kubernetes;
use super::openapi::{Builder, Raw};
use crate::drift::model::{Live, Schema, Scope, TypeKey};

/// What the server adds to every custom resource, whatever its definition says.
const METADATA: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// The custom resources of some definitions.
#[derive(Debug, Default)]
pub struct Definitions {
    schema: Arc<Schema>,
    scopes: HashMap<TypeKey, Scope>,
}

impl Definitions {
    /// Reads the `CustomResourceDefinition`s among `objects`; where two define the same version of a kind the former
    /// counts. A definition that cannot be read leaves its kind without a schema.
    ///
    /// Rule: `k8s.io/apiextensions-apiserver`, `pkg/controller/openapi/builder`.
    #[must_use]
    pub fn among<'a>(objects: impl Iterator<Item = &'a Value>) -> Self {
        let mut kinds = BTreeMap::new();
        let mut scopes = HashMap::new();
        for definition in objects.filter(|object| is_definition(object)) {
            for (type_key, schema) in versions(&definition["spec"]) {
                let cluster = definition["spec"]["scope"] == "Cluster";
                let scope = if cluster { Scope::Cluster } else { Scope::Namespaced };
                scopes.entry(type_key.clone()).or_insert(scope);
                let Ok(raw) = serde_json::from_value::<Raw>(schema) else { continue };
                kinds.entry(type_key.to_string()).or_insert((type_key, raw));
            }
        }
        if kinds.is_empty() {
            return Self::default();
        }
        let mut components = kubernetes::metadata();
        let names: Vec<(TypeKey, String)> =
            kinds.iter().map(|(name, (type_key, _))| (type_key.clone(), name.clone())).collect();
        components.extend(kinds.into_iter().map(|(name, (_, raw))| (name, raw)));
        let mut builder = Builder::new(&components, kubernetes::facts());
        for (type_key, name) in names {
            if builder.kind(type_key, &name).is_err() {
                break;
            }
        }
        let schema = Arc::new(builder.schema);
        Self { schema, scopes }
    }

    /// The definitions among live objects.
    #[must_use]
    pub fn of_live(lives: &[Live]) -> Self {
        Self::among(lives.iter().map(|live| &live.content))
    }

    /// The shapes of a kind: those of its definition, else the embedded ones.
    #[must_use]
    pub fn schema(&self, type_key: &TypeKey) -> Arc<Schema> {
        if self.schema.knows(type_key) { Arc::clone(&self.schema) } else { kubernetes::schema() }
    }

    /// Whether objects of the kind live in a namespace; `None` for kinds that are neither defined nor built in.
    #[must_use]
    pub fn scope(&self, type_key: &TypeKey) -> Option<Scope> {
        self.scopes.get(type_key).copied().or_else(|| kubernetes::scope(type_key))
    }
}

fn is_definition(object: &Value) -> bool {
    let group = object["apiVersion"].as_str().and_then(|version| version.strip_prefix("apiextensions.k8s.io/"));
    group.is_some() && object["kind"] == "CustomResourceDefinition"
}

/// Each version of a definition, `v1` or `v1beta1`, with the schema that the server would publish of it.
fn versions(spec: &Value) -> Vec<(TypeKey, Value)> {
    let (Some(group), Some(kind)) = (spec["group"].as_str(), spec["names"]["kind"].as_str()) else {
        return Vec::new();
    };
    let listed = spec["versions"].as_array().map_or(&[][..], Vec::as_slice);
    let only = json!({"name": spec["version"]});
    let all = if listed.is_empty() { std::slice::from_ref(&only) } else { listed };
    let published = |version: &Value| {
        let name = version["name"].as_str()?;
        let own = &version["schema"]["openAPIV3Schema"];
        let schema = if own.is_object() { own } else { &spec["validation"]["openAPIV3Schema"] };
        Some((TypeKey::new(&format!("{group}/{name}"), kind), published(schema, spec)))
    };
    all.iter().filter_map(published).collect()
}

/// A definition's schema with what every object has.
fn published(schema: &Value, spec: &Value) -> Value {
    let mut published = if schema.is_object() { schema.clone() } else { json!({}) };
    embed(&mut published);
    with_object_fields(&mut published);
    if !schema.is_object() || spec["preserveUnknownFields"] == true {
        published["x-kubernetes-preserve-unknown-fields"] = true.into();
    }
    published
}

/// Objects within objects have kind and metadata, too.
fn embed(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    for (word, below) in map.iter_mut() {
        match (word.as_str(), below) {
            ("properties", Value::Object(fields)) => fields.values_mut().for_each(embed),
            ("items" | "additionalProperties", below) => embed(below),
            _ => {}
        }
    }
    if schema["x-kubernetes-embedded-resource"] == true {
        with_object_fields(schema);
    }
}

fn with_object_fields(schema: &mut Value) {
    schema["type"] = "object".into();
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    schema["properties"]["apiVersion"] = json!({"type": "string"});
    schema["properties"]["kind"] = json!({"type": "string"});
    schema["properties"]["metadata"] = json!({"$ref": METADATA});
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::model::{ListType, Scalar, Shape};

    fn read(definition: &Value) -> Definitions {
        Definitions::among([definition].into_iter())
    }

    fn field<'a>(schema: &'a Schema, of: &TypeKey, path: &[&str]) -> &'a Shape {
        let steps: Vec<_> = path.iter().map(|key| crate::drift::model::PathStep::Key((*key).to_owned())).collect();
        schema.shape(schema.node_at(schema.root(of), &steps))
    }

    #[test]
    fn a_definition_says_what_its_objects_are() {
        let ports = json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port"],
                           "items": {"type": "object", "properties": {"port": {"x-kubernetes-int-or-string": true}}}});
        let definitions = read(&json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "spec": {"group": "example.org", "scope": "Cluster", "names": {"kind": "Widget"}, "versions": [
                {"name": "v1", "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"ports": ports}}}}}},
                {"name": "v2"},
            ]},
        }));
        let (first, second) = (TypeKey::new("example.org/v1", "Widget"), TypeKey::new("example.org/v2", "Widget"));
        assert_eq!(definitions.scope(&first), Some(Scope::Cluster));
        let schema = definitions.schema(&first);
        let keys = ListType::Map(vec!["port".to_owned()]);
        assert!(
            matches!(field(&schema, &first, &["spec", "ports"]), Shape::List { list_type, .. } if *list_type == keys)
        );
        assert!(matches!(field(&schema, &first, &["metadata", "creationTimestamp"]), Shape::Scalar(Scalar::Time)));
        assert!(
            matches!(schema.shape(schema.root(&second)), Shape::Struct(of) if of.open),
            "without a schema anything is kept"
        );
        assert_eq!(definitions.scope(&TypeKey::new("v1", "Node")), Some(Scope::Cluster));
        assert_eq!(definitions.scope(&TypeKey::new("example.org/v3", "Widget")), None);
    }

    #[test]
    fn a_definition_of_an_older_cluster_and_a_broken_one_are_read_as_far_as_they_go() {
        let definitions = read(&json!({
            "apiVersion": "apiextensions.k8s.io/v1beta1", "kind": "CustomResourceDefinition",
            "spec": {"group": "example.org", "version": "v1", "names": {"kind": "Old"}, "preserveUnknownFields": true,
                     "validation": {"openAPIV3Schema": {"properties": {"spec": {"type": "object"}}}}},
        }));
        let old = TypeKey::new("example.org/v1", "Old");
        assert!(matches!(field(&definitions.schema(&old), &old, &["spec"]), Shape::Struct(_)));
        assert_eq!(definitions.scope(&old), Some(Scope::Namespaced));
        let broken = json!({"properties": {"spec": {"type": ["object"]}}});
        for spec in [
            json!(null),
            json!({"group": 1}),
            json!({"group": "g", "names": {"kind": "K"}, "versions": [1]}),
            json!({"group": "g", "names": {"kind": "K"}, "versions": [{"name": "v1", "schema": {"openAPIV3Schema": broken}}]}),
        ] {
            let definition =
                json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec});
            let of = TypeKey::new("g/v1", "K");
            assert!(!read(&definition).schema(&of).knows(&of), "{definition}");
        }
    }
}
