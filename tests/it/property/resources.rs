//! The custom resources of this test: those of `crds.yaml`, and one whose schema is as large as schemas get.

use serde_json::{Map, Value, json};

use super::openapi::{OpenApi, Schema};
use crate::fixture::{ControlPlane, eventually};

const QUANTITY_PATTERN: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// Creates them and waits until the server publishes their schemas.
pub fn install(plane: &ControlPlane) {
    let api = plane.admin().api();
    let documents = driftd::yaml::documents(include_bytes!("crds.yaml"), &driftd::yaml::Budget::default());
    let mut definitions: Vec<Value> = documents.into_iter().map(|document| document.expect("YAML").value).collect();
    let large = large(&OpenApi::read(api, &["v1"]));
    assert!(large.to_string().len() > 300_000, "{}", large.to_string().len());
    definitions.push(large);
    for definition in &definitions {
        let made = api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition, "tests");
        made.unwrap_or_else(|error| panic!("{}: {error}", definition["metadata"]["name"]));
    }
    eventually("the custom resources of the property test are in the OpenAPI documents", || {
        let kinds = |version: &str| {
            let document = api.get(&format!("/openapi/v3/apis/property.example.com/{version}")).ok()?;
            Some(document["components"]["schemas"].to_string())
        };
        let all = kinds("v1")?;
        let there = ["Engine", "Bundle", "Platform"].iter().all(|kind| all.contains(&format!("\"kind\":\"{kind}\"")));
        (there && kinds("v1beta1").is_some()).then_some(())
    });
}

/// What operators do that let their users write Pods: the Pod template's schema spelled out, twice.
fn large(openapi: &OpenApi) -> Value {
    let template = structural(openapi.component("io.k8s.api.core.v1.PodTemplateSpec"));
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "platforms.property.example.com"},
        "spec": {
            "group": "property.example.com", "scope": "Namespaced",
            "names": {"kind": "Platform", "plural": "platforms"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object",
                "properties": {"spec": {"type": "object", "properties": {"coordinator": template, "worker": template}}},
            }}}],
        },
    })
}

/// A built-in schema as a structural one, in the way of controller-gen.
fn structural(schema: Schema<'_>) -> Value {
    if schema.is_quantity() {
        return json!({"x-kubernetes-int-or-string": true, "pattern": QUANTITY_PATTERN});
    }
    if schema.name.ends_with(".IntOrString") {
        return json!({"x-kubernetes-int-or-string": true});
    }
    if schema.name.ends_with(".v1.ObjectMeta") {
        let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
        return json!({"type": "object", "properties": {"labels": texts, "annotations": texts}});
    }
    let mut made = Map::new();
    let kept = ["type", "format", "enum", "required", "description"];
    let lists = ["x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"];
    for word in kept.iter().chain(&lists) {
        if let Some(value) = schema.raw.get(*word) {
            made.insert((*word).to_owned(), value.clone());
        }
    }
    if let Some(values) = schema.values() {
        made.insert("additionalProperties".to_owned(), structural(values));
    }
    if let Some(items) = schema.items() {
        made.insert("items".to_owned(), with_key_defaults(structural(items), schema));
    }
    let fields: Map<String, Value> = schema.fields().map(|(key, field)| (key.to_owned(), structural(field))).collect();
    if !fields.is_empty() {
        made.insert("properties".to_owned(), fields.into());
    }
    made.into()
}

/// A merge key that may be absent needs its default.
fn with_key_defaults(mut item: Value, list: Schema<'_>) -> Value {
    for key in list.keys().into_iter().flatten() {
        let default = list.items().filter(|item| !item.requires(key)).and_then(|item| item.default_of(key));
        if let (Some(default), Some(field)) = (default, item["properties"].get_mut(key)) {
            field["default"] = default;
        }
    }
    item
}
