//! Fields that Git declares and no schema knows: the server drops them.

use serde_json::Value;

use crate::drift::model::{FieldPath, ListType, NodeId, PathStep, Pointer, Schema, Shape};

/// The topmost declared fields of an object that its kind does not have and that do not live either.
///
/// Rule: `k8s.io/apiserver`, field validation: a field without a name in the schema is pruned, where the schema does
/// not say `x-kubernetes-preserve-unknown-fields`.
#[must_use]
pub fn ineffective(schema: &Schema, root: NodeId, declared: &Value, live: &Value) -> Vec<(FieldPath, Pointer)> {
    if knows_all(schema, root, declared) {
        return Vec::new();
    }
    let mut search = Search { schema, path: FieldPath::root(), found: Vec::new() };
    search.walk(root, declared, &mut Pointer::root());
    // A newer server than the schema's may well keep what the schema does not know.
    search.found.retain(|(path, _)| path.find_in(live).is_none());
    search.found
}

/// Whether a schema names every field; nearly always, so this copies nothing.
#[must_use]
pub fn knows_all(schema: &Schema, node: NodeId, value: &Value) -> bool {
    match (schema.shape_of(node, value), value) {
        (Shape::Struct(shape), Value::Object(map)) => map.iter().all(|(key, value)| match shape.fields.get(key) {
            Some(field) => knows_all(schema, field.node, value),
            None => shape.open || value.is_null(),
        }),
        (Shape::Map(of), Value::Object(map)) => map.values().all(|value| knows_all(schema, *of, value)),
        (Shape::List { item, .. }, Value::Array(items)) => items.iter().all(|value| knows_all(schema, *item, value)),
        _ => true,
    }
}

struct Search<'a> {
    schema: &'a Schema,
    path: FieldPath,
    found: Vec<(FieldPath, Pointer)>,
}

impl Search<'_> {
    fn walk(&mut self, node: NodeId, value: &Value, pointer: &mut Pointer) {
        match (self.schema.shape_of(node, value), value) {
            (Shape::Struct(shape), Value::Object(map)) => {
                for (key, value) in map.iter().filter(|(_, value)| !value.is_null()) {
                    let before = self.enter(PathStep::Key(key.clone()), pointer.push_key(key));
                    if shape.fields.contains_key(key) {
                        self.walk(shape.node(key), value, pointer);
                    } else if !shape.open {
                        self.found.push((self.path.clone(), pointer.clone()));
                    }
                    self.leave(pointer, before);
                }
            }
            (Shape::Map(of), Value::Object(map)) => {
                for (key, value) in map {
                    let before = self.enter(PathStep::Key(key.clone()), pointer.push_key(key));
                    self.walk(*of, value, pointer);
                    self.leave(pointer, before);
                }
            }
            (Shape::List { item, list_type }, Value::Array(items)) => {
                for (index, element) in items.iter().enumerate() {
                    let keyed = match list_type {
                        ListType::Map(keys) => self.schema.element_key(*item, keys, element),
                        ListType::Set | ListType::Atomic | ListType::Bag => None,
                    };
                    let before = self.enter(keyed.unwrap_or(PathStep::Index(index)), pointer.push_index(index));
                    self.walk(*item, element, pointer);
                    self.leave(pointer, before);
                }
            }
            _ => {}
        }
    }

    fn enter(&mut self, step: PathStep, before: usize) -> usize {
        self.path.push(step);
        before
    }

    fn leave(&mut self, pointer: &mut Pointer, before: usize) {
        self.path.pop();
        pointer.truncate(before);
    }
}
