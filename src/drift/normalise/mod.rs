//! What a manifest leaves to others: everything that the server fills in.

mod allocated;
mod defaults;
mod form;

use serde_json::Value;

pub use allocated::adopt;

use super::model::{NodeId, Pointer, Schema};

/// An object twice: as it is written, and as the server would complete it.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalised {
    /// Without what means absence.
    pub declared: Value,
    /// With every default filled in; lists have the same elements in the same order as in `declared`.
    pub full: Value,
}

/// Brings an object into normal form and completes it.
#[must_use]
pub fn normalise(schema: &Schema, root: NodeId, content: &Value) -> Normalised {
    Normalised { declared: declared(schema, root, content.clone()), full: complete(schema, root, content.clone()) }
}

/// The object without what means absence.
#[must_use]
pub fn declared(schema: &Schema, root: NodeId, mut content: Value) -> Value {
    form::drop_absent(schema, root, &mut content);
    content
}

/// The object without what means absence, and with every default filled in.
#[must_use]
pub fn complete(schema: &Schema, root: NodeId, content: Value) -> Value {
    let mut full = declared(schema, root, content);
    defaults::fill(schema, root, &mut full);
    full
}

/// Whether the server would fill the field at `pointer` of what lives with the value that it has, were it absent.
#[must_use]
pub fn is_default(schema: &Schema, root: NodeId, declared: &Value, content: &Value, pointer: &Pointer) -> bool {
    let mut without = content.clone();
    if !remove(&mut without, pointer.as_str()) {
        return false;
    }
    // Of two fields that the server keeps equal the older is a reason for the newer only where Git declares it.
    for (field, ending) in [("/serviceAccount", "Name"), ("/dataSource", "Ref")] {
        let older = pointer.as_str().strip_suffix(ending).filter(|older| older.ends_with(field));
        if let Some(older) = older.filter(|older| declared.pointer(older).is_none()) {
            remove(&mut without, older);
        }
    }
    // Both in normal form, which drops a zero that means absence.
    let (filled, whole) = (complete(schema, root, without), complete(schema, root, content.clone()));
    filled.pointer(pointer.as_str()) == whole.pointer(pointer.as_str())
}

/// Takes a key of a map or a field of a struct away; elements of lists stay, their places mean something.
fn remove(content: &mut Value, pointer: &str) -> bool {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return false };
    let key = key.replace("~1", "/").replace("~0", "~");
    match content.pointer_mut(parent) {
        Some(Value::Object(map)) => map.remove(&key).is_some(),
        _ => false,
    }
}
