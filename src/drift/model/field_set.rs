//! The fields that one manager owns, as a `FieldsV1` document of `metadata.managedFields` tells it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::PathStep;
use super::deferred::Deferred;

/// A tree of owned fields.
///
/// Rule: `sigs.k8s.io/structured-merge-diff`, `fieldpath/serialize.go`: a child `.` says that the container
/// itself is owned, a node without children is a leaf (scalar, atomic list or atomic map) and owns all below it.
#[derive(Debug, Clone)]
pub struct FieldSet {
    root: Deferred<Node>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Node {
    owned: bool,
    children: BTreeMap<String, Node>,
}

static NOTHING: Node = Node { owned: false, children: BTreeMap::new() };

impl FieldSet {
    /// Reads a `fieldsV1` value; what is no object owns nothing.
    #[must_use]
    pub fn parse(fields: &Value) -> Self {
        Self { root: Deferred::known(Some(Node::parse(fields))) }
    }

    /// A `fieldsV1` value that is still JSON text; it is read when somebody asks for a field.
    #[must_use]
    pub fn of_text(fields: Box<str>) -> Self {
        Self { root: Deferred::text(fields) }
    }

    fn root(&self) -> &Node {
        let read = |text: &str| serde_json::from_str(text).ok().map(|fields| Node::parse(&fields));
        self.root.get(read).unwrap_or(&NOTHING)
    }

    /// The deepest node on the way to `steps`, and how many steps lead there.
    fn walk(&self, steps: &[PathStep]) -> (&Node, usize) {
        let mut node = self.root();
        for (taken, step) in steps.iter().enumerate() {
            match node.children.get(&step.fields_v1()) {
                Some(child) => node = child,
                None => return (node, taken),
            }
        }
        (node, steps.len())
    }

    /// Whether the manager owns the field at `steps` itself: as a leaf, as a container by `.`, or through a container
    /// above it of which `is_one_value` says that it is owned as a whole. Any other container without children is one
    /// of which the manager owns nothing but that it is there: declared empty, or emptied by somebody else.
    #[must_use]
    pub fn owns(&self, steps: &[PathStep], is_one_value: impl Fn(&[PathStep]) -> bool) -> bool {
        let (node, taken) = self.walk(steps);
        if taken == steps.len() { node.owned } else { node.holds_below(&steps[..taken], is_one_value) }
    }

    /// Whether the set names the field at `steps` itself, not only something above or below it.
    #[must_use]
    pub fn names(&self, steps: &[PathStep]) -> bool {
        self.owns(steps, |_| false)
    }

    /// Whether the manager owns the field at `steps` or anything below it.
    #[must_use]
    pub fn touches(&self, steps: &[PathStep], is_one_value: impl Fn(&[PathStep]) -> bool) -> bool {
        let (node, taken) = self.walk(steps);
        if taken == steps.len() {
            node.owned || !node.children.is_empty()
        } else {
            node.holds_below(&steps[..taken], is_one_value)
        }
    }
}

impl Node {
    /// Whether what is below this node, which stands at `steps`, belongs to it without being named.
    fn holds_below(&self, steps: &[PathStep], is_one_value: impl Fn(&[PathStep]) -> bool) -> bool {
        !steps.is_empty() && self.children.is_empty() && is_one_value(steps)
    }

    fn parse(fields: &Value) -> Self {
        let Value::Object(map) = fields else { return Self::default() };
        let mut node = Self { owned: map.is_empty() || map.contains_key("."), children: BTreeMap::new() };
        for (key, child) in map.iter().filter(|(key, _)| *key != ".") {
            node.children.insert(canonical(key), Self::parse(child));
        }
        node
    }
}

impl Default for FieldSet {
    fn default() -> Self {
        Self { root: Deferred::known(None) }
    }
}

impl PartialEq for FieldSet {
    fn eq(&self, other: &Self) -> bool {
        self.root() == other.root()
    }
}

/// The key with its JSON written as we write it: sorted keys, no spaces.
fn canonical(key: &str) -> String {
    match key.split_once(':') {
        Some((prefix @ ("k" | "v"), json)) => match serde_json::from_str::<Value>(json) {
            Ok(value) => format!("{prefix}:{value}"),
            Err(_) => key.to_owned(),
        },
        _ => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(name: &str) -> PathStep {
        PathStep::Key(name.into())
    }

    fn element(name: &str) -> PathStep {
        PathStep::Element(vec![("name".into(), json!(name))])
    }

    /// Every container without children is owned as a whole.
    fn whole(_: &[PathStep]) -> bool {
        true
    }

    fn sample() -> FieldSet {
        FieldSet::parse(&json!({
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}, "f:finalizers": {".": {}, "v:\"x\"": {}}},
            "f:spec": {
                "f:nodeSelector": {},
                "f:containers": {"k:{\"name\": \"a\"}": {".": {}, "f:image": {}}},
            },
        }))
    }

    #[test]
    fn a_leaf_an_element_and_a_set_member_are_owned() {
        let set = sample();
        assert!(set.owns(&[key("metadata"), key("labels"), key("app")], whole));
        assert!(set.owns(&[key("metadata"), key("finalizers"), PathStep::Member(json!("x"))], whole));
        assert!(set.owns(&[key("spec"), key("containers"), element("a")], whole));
        assert!(!set.owns(&[key("spec"), key("containers"), element("b")], whole));
        assert!(!set.owns(&[key("metadata"), key("labels"), key("other")], whole));
    }

    #[test]
    fn an_atomic_map_owns_what_is_below_it_and_a_container_without_dot_does_not() {
        let set = sample();
        assert!(set.owns(&[key("spec"), key("nodeSelector"), key("disk")], whole));
        assert!(!set.owns(&[key("spec"), key("containers")], whole));
        assert!(set.touches(&[key("spec"), key("containers")], whole));
        assert!(!set.touches(&[key("spec"), key("replicas")], whole));
        assert!(!set.owns(&[key("spec"), key("nodeSelector"), key("disk")], |_| false), "it was emptied");
        assert!(set.names(&[key("spec"), key("nodeSelector")]));
        assert!(!set.names(&[key("spec"), key("nodeSelector"), key("disk")]));
        assert!(!FieldSet::parse(&json!({})).owns(&[key("spec")], whole));
    }
}
