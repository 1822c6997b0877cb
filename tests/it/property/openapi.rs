//! The server's OpenAPI documents, read as they are: another reader than the one under test.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fixture::Api;

/// The components of all documents that were asked for.
#[derive(Default)]
pub struct OpenApi {
    components: BTreeMap<String, Value>,
    kinds: BTreeMap<(String, String), String>,
}

impl OpenApi {
    /// Reads the documents of `versions` (`v1`, `apps/v1`).
    pub fn read(api: &Api, versions: &[&str]) -> Self {
        let mut read = Self::default();
        for version in versions {
            let root = if version.contains('/') { "apis" } else { "api" };
            let document = api.get(&format!("/openapi/v3/{root}/{version}")).expect("the document is published");
            for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
                for kind in schema["x-kubernetes-group-version-kind"].as_array().into_iter().flatten() {
                    let [group, version, kind] =
                        ["group", "version", "kind"].map(|key| kind[key].as_str().expect("text"));
                    let version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
                    read.kinds.insert((version, kind.to_owned()), name.clone());
                }
                read.components.insert(name.clone(), schema.clone());
            }
        }
        read
    }

    /// What the server publishes of the kinds of `objects`.
    pub fn of(api: &Api, objects: &[&Value]) -> Self {
        let mut versions: Vec<&str> = objects.iter().filter_map(|object| object["apiVersion"].as_str()).collect();
        versions.sort_unstable();
        versions.dedup();
        Self::read(api, &versions)
    }

    /// The component of this name.
    pub fn component(&self, name: &str) -> Schema<'_> {
        let (name, raw) = self.components.get_key_value(name).expect("the server publishes it");
        Schema { all: self, name, raw }
    }

    /// The schema of a kind's objects.
    pub fn kind(&self, object: &Value) -> Schema<'_> {
        let key = ["apiVersion", "kind"].map(|key| object[key].as_str().expect("text").to_owned());
        let name = &self.kinds[&key.into()];
        Schema { all: self, name, raw: &self.components[name] }
    }
}

/// One schema, references resolved.
#[derive(Clone, Copy)]
pub struct Schema<'a> {
    all: &'a OpenApi,
    /// The component's name, empty for one without.
    pub name: &'a str,
    /// As the server writes it.
    pub raw: &'a Value,
}

impl<'a> Schema<'a> {
    fn resolve(self, raw: &'a Value) -> Self {
        let reference = raw["$ref"].as_str().or_else(|| raw["allOf"][0]["$ref"].as_str());
        match reference.and_then(|reference| self.all.components.get_key_value(reference.rsplit('/').next()?)) {
            Some((name, raw)) => Schema { all: self.all, name, raw },
            None => Schema { all: self.all, name: "", raw },
        }
    }

    /// The named fields.
    pub fn fields(self) -> impl Iterator<Item = (&'a str, Self)> {
        self.raw["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(move |(key, raw)| (key.as_str(), self.resolve(raw)))
    }

    /// The schema below a key, of a struct or of a map.
    pub fn field(self, key: &str) -> Option<Self> {
        self.raw["properties"].get(key).map(|raw| self.resolve(raw)).or_else(|| self.values())
    }

    /// The schema of a map's values.
    pub fn values(self) -> Option<Self> {
        self.raw.get("additionalProperties").filter(|raw| raw.is_object()).map(|raw| self.resolve(raw))
    }

    /// The schema of a list's elements.
    pub fn items(self) -> Option<Self> {
        self.raw.get("items").map(|raw| self.resolve(raw))
    }

    /// The merge keys of a list's elements.
    pub fn keys(self) -> Option<Vec<&'a str>> {
        let keyed = self.raw["x-kubernetes-list-type"] == "map";
        keyed.then(|| {
            self.raw["x-kubernetes-list-map-keys"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
        })
    }

    /// A set, whose members are found by value.
    pub fn is_set(self) -> bool {
        self.raw["x-kubernetes-list-type"] == "set"
    }

    /// Whether a field must be there.
    pub fn requires(self, key: &str) -> bool {
        self.raw["required"].as_array().is_some_and(|required| required.iter().any(|name| name == key))
    }

    /// The default of the field `key`, which stands beside a reference.
    pub fn default_of(self, key: &str) -> Option<Value> {
        self.raw["properties"][key].get("default").cloned()
    }

    /// Whether it is a custom resource's field that keeps any JSON.
    pub fn is_open(self) -> bool {
        self.raw["x-kubernetes-preserve-unknown-fields"] == true && self.raw.get("properties").is_none()
    }

    /// Whether it is one of the components that carry any JSON as one value.
    pub fn is_raw(self) -> bool {
        self.name.ends_with(".RawExtension") || self.name.ends_with(".v1.JSON") || self.name.ends_with(".FieldsV1")
    }

    /// Whether it is a number or a text.
    pub fn is_int_or_string(self) -> bool {
        self.name.ends_with(".IntOrString") || self.raw["x-kubernetes-int-or-string"] == true
    }

    /// Whether it is an object of its own, with kind and name.
    pub fn is_embedded(self) -> bool {
        self.raw["x-kubernetes-embedded-resource"] == true
    }

    /// Whether it is a custom resource's, which keeps what it is given.
    pub fn is_custom(self) -> bool {
        !self.name.starts_with("io.k8s.")
    }

    /// Whether it is a quantity.
    pub fn is_quantity(self) -> bool {
        let by_pattern = |pattern: &str| pattern.contains("[KMGTPE]i");
        self.name.ends_with(".Quantity") || self.raw["pattern"].as_str().is_some_and(by_pattern)
    }
}
