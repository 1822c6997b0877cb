//! What the API says of its kinds: shapes, merge keys, list and map types, defaults.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::TypeKey;

/// The place of a [`Node`] in its [`Schema`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(pub u32);

/// How to read one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What the value is.
    pub shape: Shape,
    /// The name of the component, where it is one: `io.k8s.api.core.v1.Container`.
    pub component: Option<String>,
    /// What the server fills in where the value is absent, as OpenAPI says it.
    pub default: Option<Value>,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Nothing is known: compared as plain JSON, lists as atomic ones.
    Any,
    /// A leaf.
    Scalar(Scalar),
    /// An object with named fields.
    Struct {
        /// By JSON name.
        fields: BTreeMap<String, NodeId>,
        /// Replaced as a whole by an apply.
        atomic: bool,
        /// Fields without a name in the schema are kept by the server.
        open: bool,
    },
    /// An object with free keys.
    Map {
        /// Of every value.
        value: NodeId,
        /// Replaced as a whole by an apply.
        atomic: bool,
    },
    /// A list.
    List {
        /// Of every element.
        item: NodeId,
        /// How elements find their counterparts.
        list_type: ListType,
    },
}

/// How the elements of a list find their counterparts: `x-kubernetes-list-type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListType {
    /// By position; the list is one value.
    Atomic,
    /// By value.
    Set,
    /// By these fields: `x-kubernetes-list-map-keys`.
    Map(Vec<String>),
}

/// When two leaves mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// By text; numbers by value.
    Plain,
    /// `1000m` = `1`.
    Quantity,
    /// `80` is a number, `"80%"` a text.
    IntOrString,
    /// RFC 3339, by instant.
    Time,
    /// Base64, by content.
    Bytes,
    /// `1h` = `60m`.
    Duration,
}

/// The kinds of one or more API groups with all that their fields refer to.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    nodes: Vec<Node>,
    kinds: HashMap<TypeKey, NodeId>,
}
