//! When a value means the same as none.

use serde_json::{Map, Value};

use super::Walk;
use crate::drift::model::{Dialect, NodeId, Schema, Shape};

impl<'a> Walk<'a> {
    /// A field's value, `None` where it means absence.
    pub(super) fn present(
        &self,
        value: Option<&'a Value>,
        node: NodeId,
        dialect: Dialect,
        zero_is_absent: bool,
    ) -> Option<&'a Value> {
        value.filter(|value| !is_absent(self.context.schema, value, node, dialect, zero_is_absent))
    }

    /// A map entry's value: a key is there even where its value is empty.
    pub(super) fn present_entry(&self, value: Option<&'a Value>, node: NodeId, dialect: Dialect) -> Option<&'a Value> {
        let known = !matches!(self.context.schema.shape(node), Shape::Any);
        value
            .filter(|value| !value.is_null() && (known || !is_absent(self.context.schema, value, node, dialect, false)))
    }
}

/// Whether `value` means absence.
///
/// Rule: Go's `encoding/json` with `omitempty` for built-in kinds (an empty list or map is never written; a zero
/// scalar or an all-empty struct is not where the field is no pointer); the API server's pruning of `null` for all.
fn is_absent(schema: &Schema, value: &Value, node: NodeId, dialect: Dialect, zero_is_absent: bool) -> bool {
    let shape = schema.shape(node);
    match (value, dialect) {
        (Value::Null, _) => true,
        (Value::Array(items), Dialect::BuiltIn) => items.is_empty(),
        (Value::Array(items), Dialect::Custom) => items.is_empty() && matches!(shape, Shape::Any),
        (Value::Object(map), Dialect::Custom) => map.is_empty() && matches!(shape, Shape::Any),
        (Value::Object(map), Dialect::BuiltIn) => match shape {
            Shape::Map(_) => map.is_empty(),
            Shape::Struct(_) if zero_is_absent => all_absent(schema, map, node),
            _ => false,
        },
        (Value::String(text), Dialect::BuiltIn) => zero_is_absent && text.is_empty(),
        (Value::Number(number), Dialect::BuiltIn) => zero_is_absent && number.as_f64() == Some(0.0),
        (Value::Bool(flag), Dialect::BuiltIn) => zero_is_absent && !flag,
        _ => false,
    }
}

fn all_absent(schema: &Schema, map: &Map<String, Value>, node: NodeId) -> bool {
    let Shape::Struct(shape) = schema.shape(node) else { return map.is_empty() };
    map.iter().all(|(key, value)| {
        let node = shape.fields.get(key).map_or(Schema::ANY, |field| field.node);
        is_absent(schema, value, node, shape.dialect, shape.facts.zero_is_absent.contains(key))
    })
}
