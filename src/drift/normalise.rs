//! What a manifest leaves to its environment: the namespace in which it lives.

use serde_json::Value;

use super::model::{Desired, Scope};

/// Gives a namespaced object that names none the environment's `namespace`, and takes a stray one from an object
/// of the cluster as a whole.
pub fn place(desired: &mut Desired, scope: Scope, namespace: &str) {
    let key = &mut desired.key;
    match scope {
        Scope::Cluster => key.namespace = None,
        Scope::Namespaced if key.namespace.is_none() => key.namespace = Some(namespace.to_owned()),
        Scope::Namespaced => {}
    }
    if let Some(metadata) = desired.content.get_mut("metadata").and_then(Value::as_object_mut) {
        match &key.namespace {
            Some(namespace) => metadata.insert("namespace".to_owned(), Value::from(namespace.as_str())),
            None => metadata.remove("namespace"),
        };
    }
}
