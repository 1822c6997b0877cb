//! Fields that a built-in kind has and that the server drops all the same, as it does while a feature gate is off.

use serde_json::Value;

use crate::drift::model::{FieldSet, ListType, NodeId, PathStep, Schema, Shape};

/// Whether what a manager wrote at `steps` never came to live: it owns every leaf of the `declared` value still.
///
/// Whoever removes a field that lives takes it from all its owners; what never lived stays with whoever wrote it. Where
/// a zero means absence the manager may have written that, and an atomic list it may have written empty: of those
/// nothing can be told.
///
/// Rule: `sigs.k8s.io/structured-merge-diff`, `merge/update.go`.
pub(super) fn was_dropped(
    schema: &Schema,
    root: NodeId,
    fields: &FieldSet,
    steps: &[PathStep],
    declared: &Value,
) -> bool {
    let Some((PathStep::Key(key), parents)) = steps.split_last() else { return false };
    let parent = parents.iter().fold(root, |node, step| match (schema.shape(node), step) {
        (Shape::Struct(of), PathStep::Key(key)) => of.node(key),
        (Shape::Map(of), _) => *of,
        (Shape::List { item, .. }, _) => *item,
        _ => Schema::ANY,
    });
    match schema.shape(parent) {
        Shape::Struct(of) if of.facts.is_some() && !of.zero_is_absent(key) => {
            owns_leaves(schema, fields, (of.node(key), declared), steps)
        }
        _ => false,
    }
}

/// Whether the set names every leaf of a value.
fn owns_leaves(schema: &Schema, fields: &FieldSet, (node, value): (NodeId, &Value), steps: &[PathStep]) -> bool {
    let below =
        |step: PathStep, child: (NodeId, &Value)| owns_leaves(schema, fields, child, &[steps, &[step]].concat());
    match (schema.shape_of(node, value), value) {
        (Shape::Struct(of), Value::Object(map)) => {
            !map.is_empty() && map.iter().all(|(key, value)| below(PathStep::Key(key.clone()), (of.node(key), value)))
        }
        (Shape::List { item, list_type: ListType::Map(keys) }, Value::Array(elements)) => {
            let mut named = elements.iter().map(|element| (schema.element_key(*item, keys, element), element));
            !elements.is_empty()
                && named.all(|(step, element)| step.is_some_and(|step| below(step, (*item, element))))
        }
        (_, Value::Object(_) | Value::Array(_)) => false,
        _ => fields.names(steps),
    }
}
