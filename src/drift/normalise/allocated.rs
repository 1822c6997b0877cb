//! What the server fills in inside a list that is one value, where no owner of a single field tells.

use serde_json::Value;

use crate::drift::model::{AllocatedField, ListType, NodeId, RuleStep, Schema, Shape};

/// Takes from `live` into `full`, Git's completed object, the allocated fields that Git omits in the elements of atomic
/// lists. Elements pair by their places: a list of another length differs anyway.
pub fn adopt(schema: &Schema, root: NodeId, allocated: &[AllocatedField], full: &mut Value, live: &Value) {
    let inside_lists = allocated.iter().filter(|field| field.path.0.contains(&RuleStep::Each));
    for field in inside_lists.filter(|field| field.applies_to(live)) {
        take(schema, (root, ListOnTheWay::None), &field.path.0, full, live);
    }
    drop_topology(full, live);
}

/// Takes away what the server clears at every write at this version, whatever is declared.
///
/// Rule: `pkg/registry/discovery/endpointslice/strategy.go`, `dropTopologyOnV1`.
fn drop_topology(full: &mut Value, live: &Value) {
    if live["apiVersion"] != "discovery.k8s.io/v1" || live["kind"] != "EndpointSlice" {
        return;
    }
    let endpoints = full.get_mut("endpoints").and_then(Value::as_array_mut).into_iter().flatten();
    for (index, endpoint) in endpoints.enumerate() {
        if let (Some(endpoint), true) =
            (endpoint.as_object_mut(), live["endpoints"][index].get("deprecatedTopology").is_none())
        {
            endpoint.remove("deprecatedTopology");
        }
    }
}

/// Whether an atomic list stands above.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ListOnTheWay {
    None,
    Atomic,
}

fn take(schema: &Schema, (node, above): (NodeId, ListOnTheWay), steps: &[RuleStep], full: &mut Value, live: &Value) {
    match (steps, schema.shape_of(node, full), full, live) {
        ([RuleStep::Key(key)], Shape::Struct(_), Value::Object(full), Value::Object(live)) => {
            if above == ListOnTheWay::Atomic
                && let Some(value) = live.get(key)
            {
                full.entry(key).or_insert_with(|| value.clone());
            }
        }
        ([RuleStep::Key(key), rest @ ..], Shape::Struct(shape), Value::Object(full), Value::Object(live)) => {
            if let (Some(full), Some(live)) = (full.get_mut(key), live.get(key)) {
                take(schema, (shape.node(key), above), rest, full, live);
            }
        }
        ([RuleStep::Each, rest @ ..], Shape::List { item, list_type }, Value::Array(full), Value::Array(live)) => {
            let is_one_value = above == ListOnTheWay::Atomic || *list_type == ListType::Atomic;
            if is_one_value && full.len() == live.len() {
                for (full, live) in full.iter_mut().zip(live) {
                    take(schema, (*item, ListOnTheWay::Atomic), rest, full, live);
                }
            }
        }
        _ => {}
    }
}
