//! Objects as they enter: what Git declares and what the cluster has, Secret values already sealed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::autoscaler::{Moved, modernise};
use super::deferred::Deferred;
use super::sops;
use super::{FieldSet, Manager, ObjectKey, Operation, Pointer, Received, Redactor, TypeKey};

/// The annotation in which `kubectl apply` keeps what it last declared.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Fields of `metadata` that the server alone keeps: declaring one has no effect.
pub(super) const SERVER_METADATA: [&str; 8] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "selfLink",
    "managedFields",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// Why a value is no object that can be compared. Never holds a value of it, only names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// The document is a list, a scalar, ….
    #[error("is no Kubernetes object: expected a mapping with apiVersion, kind and metadata.name")]
    NoObject,
    /// A required field is absent or empty.
    #[error("is no Kubernetes object: {0} is missing")]
    Missing(&'static str),
    /// A required field is no string.
    #[error(
        "is no Kubernetes object: {0} must be a string; YAML reads words like n, on or 1e3 as no string unless quoted"
    )]
    NoString(&'static str),
    /// `generateName` has no counterpart to compare with.
    #[error("has metadata.generateName but no metadata.name: it cannot be compared; give it a name")]
    GenerateName,
    /// A Secret that the API server would refuse.
    #[error("has a value under {field}{}{key} that is no {}", if key.is_empty() { "" } else { "." }, if *field == "data" { "base64 text; use stringData for plain text" } else { "text" })]
    SecretData {
        /// `data` or `stringData`.
        field: &'static str,
        /// The key below it; empty where the field itself is no mapping.
        key: String,
    },
}

/// What every object has to have: who it is and what it holds, with nothing secret left in it.
#[derive(Debug, Clone)]
pub struct Declared {
    /// Which object.
    pub key: ObjectKey,
    /// The object as JSON. Values of a Secret are digests; `managedFields`, `status` and the last-applied
    /// annotation are gone.
    pub content: Value,
    last_applied: Option<Deferred<Value>>,
    writers: Option<Deferred<Vec<Writer>>>,
    terminating: bool,
    pub(super) moved: Vec<Moved>,
    resource_version: Option<Box<str>>,
    pub(super) is_encrypted: bool,
}

impl Declared {
    /// Takes in a JSON object; this and [`Self::received`] are the only doors, and behind them a Secret's values no
    /// longer exist.
    ///
    /// # Errors
    /// The value is no Kubernetes object.
    pub fn new(content: Value, redactor: &Redactor) -> Result<Self, ObjectError> {
        Self::received(Received { content, managed_fields: None }, redactor)
    }

    /// Takes in an object of a server's answer.
    ///
    /// # Errors
    /// The value is no Kubernetes object.
    pub fn received(received: Received, redactor: &Redactor) -> Result<Self, ObjectError> {
        let Received { mut content, managed_fields } = received;
        let mut moved = modernise(&mut content);
        let key = read_key(&content)?;
        let is_encrypted = sops::hide(&mut content);
        if key.type_key.is_secret() {
            redactor.seal_secret(&mut content)?;
            moved = merge_string_data(&mut content);
        }
        let last_applied = take_last_applied(&mut content).map(|text| last_applied(text, &key, redactor));
        let terminating = content.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null());
        let mut resource_version = None;
        let mut writers = managed_fields.map(Deferred::text);
        if let Some(metadata) = metadata_mut(&mut content) {
            if let Some(fields) = metadata.get("managedFields") {
                writers = Some(Deferred::known(writers_of_value(fields)));
            }
            if let Some(Value::String(version)) = metadata.get_mut("resourceVersion") {
                resource_version = Some(std::mem::take(version).into());
            }
            for field in SERVER_METADATA {
                metadata.remove(field);
            }
        }
        if let Value::Object(map) = &mut content {
            map.remove("status");
        }
        Ok(Self { key, content, last_applied, writers, terminating, moved, resource_version, is_encrypted })
    }
}

/// Moves what a Secret says under `stringData` to `data`, as the server does, and tells what moved.
///
/// Rule: `pkg/apis/core/v1/conversion.go`, `Convert_v1_Secret_To_core_Secret`: `stringData` wins.
fn merge_string_data(content: &mut Value) -> Vec<Moved> {
    let Some(map) = content.as_object_mut() else { return Vec::new() };
    let Some(Value::Object(text)) = map.remove("stringData") else { return Vec::new() };
    let place = |field: &str, key: &str| Pointer::root().key(field).key(key);
    let moved = text.keys().map(|key| (place("data", key), place("stringData", key))).collect();
    match map.get_mut("data") {
        Some(Value::Object(data)) => data.extend(text),
        _ => {
            map.insert("data".to_owned(), Value::Object(text));
        }
    }
    moved
}

fn metadata_mut(content: &mut Value) -> Option<&mut Map<String, Value>> {
    content.get_mut("metadata")?.as_object_mut()
}

pub(super) fn take_last_applied(content: &mut Value) -> Option<String> {
    let metadata = metadata_mut(content)?;
    let annotations = metadata.get_mut("annotations")?.as_object_mut()?;
    let text = annotations.remove(LAST_APPLIED)?;
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
    match text {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// An annotation that cannot be read is as good as none. That of a Secret is read at once: its text goes no further.
fn last_applied(text: String, key: &ObjectKey, redactor: &Redactor) -> Deferred<Value> {
    if key.type_key.is_secret() {
        Deferred::known(seal_last_applied(&text, redactor))
    } else {
        Deferred::text(text.into())
    }
}

fn seal_last_applied(text: &str, redactor: &Redactor) -> Option<Value> {
    let mut applied = serde_json::from_str(text).ok()?;
    redactor.seal_secret(&mut applied).ok()?;
    merge_string_data(&mut applied);
    Some(applied)
}

fn read_key(content: &Value) -> Result<ObjectKey, ObjectError> {
    let Value::Object(map) = content else { return Err(ObjectError::NoObject) };
    let api_version = text(map, "apiVersion", "apiVersion")?;
    let kind = text(map, "kind", "kind")?;
    let empty = Map::new();
    let metadata = match map.get("metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => &empty,
    };
    if !metadata.contains_key("name") && metadata.contains_key("generateName") {
        return Err(ObjectError::GenerateName);
    }
    let name = text(metadata, "name", "metadata.name")?;
    let namespace = match metadata.get("namespace") {
        None | Some(Value::Null) => None,
        Some(Value::String(namespace)) if namespace.is_empty() => None,
        Some(Value::String(namespace)) => Some(namespace.clone()),
        Some(_) => return Err(ObjectError::NoString("metadata.namespace")),
    };
    Ok(ObjectKey { type_key: TypeKey::new(api_version, kind), namespace, name: name.to_owned() })
}

fn text<'a>(map: &'a Map<String, Value>, key: &str, full: &'static str) -> Result<&'a str, ObjectError> {
    match map.get(key) {
        None | Some(Value::Null) => Err(ObjectError::Missing(full)),
        Some(Value::String(text)) if text.is_empty() => Err(ObjectError::Missing(full)),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(ObjectError::NoString(full)),
    }
}

/// One entry of `metadata.managedFields`.
#[derive(Debug, Clone, PartialEq)]
pub struct Writer {
    /// Name, operation and time.
    pub manager: Manager,
    /// The version in whose words [`Self::fields`] speak.
    pub api_version: String,
    /// Empty for the object itself, else `scale`, `status`, ….
    pub subresource: String,
    /// What it owns.
    pub fields: FieldSet,
}

/// An object as the cluster has it.
#[derive(Debug, Clone)]
pub struct Live {
    /// Which object.
    pub key: ObjectKey,
    /// What the cluster has.
    pub content: Value,
    /// It waits for its finalizers.
    pub terminating: bool,
    /// At which of its states it was read; absent in a dump that leaves it out.
    pub resource_version: Option<Box<str>>,
    writers: Option<Deferred<Vec<Writer>>>,
    last_applied: Option<Deferred<Value>>,
}

impl Live {
    /// The entries of `managedFields`; `None` where the object came without them (a dump).
    #[must_use]
    pub fn writers(&self) -> Option<&[Writer]> {
        self.writers.as_ref()?.get(writers_of_text).map(Vec::as_slice)
    }

    /// The versions other than its own in whose words somebody owns fields of the object, its status left out.
    #[must_use]
    pub fn other_versions(&self) -> BTreeSet<String> {
        let own = self.key.type_key.api_version();
        let unread = self.writers.as_ref().and_then(Deferred::unread);
        if unread.is_some_and(|text| speaks_only(text, &own)) {
            return BTreeSet::new();
        }
        let writers = self.writers().unwrap_or_default().iter();
        let others = writers.filter(|writer| writer.subresource != "status" && writer.api_version != own);
        others.map(|writer| writer.api_version.clone()).collect()
    }

    /// What `kubectl apply` last declared, read from its annotation; of a Secret sealed like the object itself.
    #[must_use]
    pub fn last_applied(&self) -> Option<&Value> {
        self.last_applied.as_ref()?.get(|text| {
            let mut applied = serde_json::from_str(text).ok()?;
            modernise(&mut applied);
            Some(applied)
        })
    }
}

impl From<Declared> for Live {
    fn from(declared: Declared) -> Self {
        Self {
            key: declared.key,
            content: declared.content,
            terminating: declared.terminating,
            resource_version: declared.resource_version,
            writers: declared.writers,
            last_applied: declared.last_applied,
        }
    }
}

/// An entry of `managedFields` whose fields are not read yet.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Entry<F> {
    manager: String,
    operation: Option<String>,
    time: Option<String>,
    api_version: String,
    subresource: String,
    #[serde(rename = "fieldsV1")]
    fields: Option<F>,
}

impl<F> Default for Entry<F> {
    fn default() -> Self {
        Self {
            manager: String::new(),
            operation: None,
            time: None,
            api_version: String::new(),
            subresource: String::new(),
            fields: None,
        }
    }
}

impl<F> Entry<F> {
    /// `None` for an entry that names no operation or no fields.
    fn read(self, fields: fn(F) -> FieldSet) -> Option<Writer> {
        let applied = self.operation? == Operation::Apply.as_str();
        let manager = Manager {
            name: self.manager,
            operation: if applied { Operation::Apply } else { Operation::Update },
            time: self.time.and_then(|time| time.parse::<Timestamp>().ok()),
        };
        let fields = fields(self.fields?);
        Some(Writer { manager, api_version: self.api_version, subresource: self.subresource, fields })
    }
}

/// Whether every entry of a text of `managedFields` is of one version; looks at the text alone, since nearly all are.
fn speaks_only(managed_fields: &str, api_version: &str) -> bool {
    const KEY: &str = "\"apiVersion\":";
    managed_fields.match_indices(KEY).all(|(at, _)| {
        let value = managed_fields[at + KEY.len()..].trim_start().strip_prefix('"');
        value.and_then(|value| value.strip_prefix(api_version)).is_some_and(|rest| rest.starts_with('"'))
    })
}

fn writers_of_text(managed_fields: &str) -> Option<Vec<Writer>> {
    let entries: Vec<Entry<Box<RawValue>>> = serde_json::from_str(managed_fields).ok()?;
    Some(entries.into_iter().filter_map(|entry| entry.read(|fields| FieldSet::of_text(fields.into()))).collect())
}

fn writers_of_value(managed_fields: &Value) -> Option<Vec<Writer>> {
    let entries = managed_fields.as_array()?.iter().filter_map(|entry| Entry::<Value>::deserialize(entry).ok());
    Some(entries.filter_map(|entry| entry.read(|fields| FieldSet::parse(&fields))).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redactor() -> Redactor {
        Redactor::new(&[1; 32])
    }

    #[test]
    fn a_secret_loses_its_values_also_in_the_last_applied_annotation() {
        let applied = json!({"data": {"p": "aHVudGVyMg=="}}).to_string();
        let live: Live = Declared::new(
            json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": "s", "annotations": {LAST_APPLIED: applied}},
                "data": {"p": "aHVudGVyMg=="},
            }),
            &redactor(),
        )
        .unwrap()
        .into();
        assert!(!format!("{live:?}").contains("aHVudGVyMg"), "{live:?}");
        assert_eq!(live.last_applied().unwrap()["data"]["p"], live.content["data"]["p"]);
        assert!(live.content.pointer("/metadata/annotations").is_none());
    }

    #[test]
    fn the_versions_in_which_others_speak_are_told_without_reading_what_they_own() {
        let live = |versions: &[&str]| {
            let entry = |version: &&str| json!({"manager": "m", "operation": "Update", "apiVersion": version, "fieldsV1": {"f:apiVersion": {}}});
            let entries: Vec<Value> = versions.iter().map(entry).collect();
            let object =
                json!({"apiVersion": "a/v1", "kind": "K", "metadata": {"name": "k", "managedFields": entries}});
            let received = serde_json::from_str(&object.to_string()).unwrap();
            Live::from(Declared::received(received, &redactor()).unwrap())
        };
        let plain = live(&["a/v1", "a/v1"]);
        assert_eq!(plain.other_versions().len(), 0);
        assert!(plain.writers.as_ref().unwrap().unread().is_some(), "nothing was read");
        assert!(live(&["a/v1", "a/v1beta1"]).other_versions().contains("a/v1beta1"));
        assert!(live(&["a/v11"]).other_versions().contains("a/v11"));
    }

    #[test]
    fn what_is_no_object_is_told_by_the_field_that_it_lacks() {
        let error = |value| Declared::new(value, &redactor()).unwrap_err().to_string();
        assert!(error(json!([1])).contains("expected a mapping"));
        assert!(error(json!({"kind": "Pod"})).contains("apiVersion is missing"));
        assert!(error(json!({"apiVersion": "v1", "kind": 3})).contains("kind must be a string"));
        assert!(error(json!({"apiVersion": "v1", "kind": "Pod"})).contains("metadata.name is missing"));
        assert!(
            error(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "x-"}}))
                .contains("generateName")
        );
    }
}
