//! The normal form: an object without what means the same as absence.

use serde_json::Value;

use crate::drift::model::{Dialect, NodeId, Schema, Shape};

/// Drops every field that means absence, from the root down; elements of lists are never dropped.
pub(super) fn drop_absent(schema: &Schema, node: NodeId, value: &mut Value) {
    match (schema.shape_of(node, value), value) {
        (Shape::Struct(shape), Value::Object(map)) => {
            map.retain(|key, value| !schema.is_absent(shape, key, value));
            for (key, value) in map.iter_mut().filter(|(_, value)| holds_values(value)) {
                drop_absent(schema, shape.node(key), value);
            }
        }
        (Shape::Map(of), Value::Object(map)) => {
            map.retain(|_, value| !value.is_null());
            for value in map.values_mut() {
                drop_absent(schema, *of, value);
            }
        }
        (Shape::List { item, .. }, Value::Array(items)) => {
            for element in items {
                drop_absent(schema, *item, element);
            }
        }
        _ => {}
    }
}

/// Whether anything can be below a value.
pub(super) const fn holds_values(value: &Value) -> bool {
    matches!(value, Value::Object(_) | Value::Array(_))
}

/// Whether the fields of a shape are known to follow the rules of Go types.
pub(super) const fn is_built_in(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::BuiltIn)
}
