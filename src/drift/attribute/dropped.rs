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
    let parent = schema.node_at(root, parents);
    match schema.shape(parent) {
        Shape::Struct(of) if of.facts.is_some() && !of.zero_is_absent(key) => {
            owns_leaves(schema, fields, (of.node(key), declared), steps)
        }
        _ => false,
    }
}

/// Whether the field is one that the server clears at every write, whatever is declared.
///
/// Rule: `pkg/registry/core/serviceaccount/strategy.go`, `cleanSecretReferences`.
pub(super) fn is_cleared(live: &Value, steps: &[PathStep]) -> bool {
    match steps {
        [PathStep::Key(secrets), PathStep::Element(_), PathStep::Key(field)] => {
            live["kind"] == "ServiceAccount" && secrets == "secrets" && field != "name"
        }
        _ => false,
    }
}

/// Whether the set names every leaf of a value.
fn owns_leaves(schema: &Schema, fields: &FieldSet, (node, value): (NodeId, &Value), steps: &[PathStep]) -> bool {
    let below =
        |step: PathStep, child: (NodeId, &Value)| owns_leaves(schema, fields, child, &[steps, &[step]].concat());
    match (schema.shape_of(node, value), value) {
        (Shape::Struct(_), Value::Object(map)) if map.is_empty() || schema.is_one_value(node) => fields.names(steps),
        (Shape::Struct(of), Value::Object(map)) => {
            map.iter().all(|(key, value)| below(PathStep::Key(key.clone()), (of.node(key), value)))
        }
        (Shape::List { item, list_type: ListType::Map(keys) }, Value::Array(elements)) => {
            let mut named = elements.iter().map(|element| (schema.element_key(*item, keys, element), element));
            !elements.is_empty() && named.all(|(step, element)| step.is_some_and(|step| below(step, (*item, element))))
        }
        (_, Value::Object(_) | Value::Array(_)) => false,
        _ => fields.names(steps),
    }
}
