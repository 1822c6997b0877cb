//! One place where Git and the cluster do not mean the same, before anybody asks who did it.

use serde_json::Value;

use super::{Change, FieldPath, NodeId, Pointer};

/// One place where the two sides do not mean the same, before anybody asks who did it.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference<'a> {
    /// Where, in names.
    pub path: FieldPath,
    /// Which side has it.
    pub change: Change,
    /// Git's value; absent for `added`.
    pub desired: Option<&'a Value>,
    /// The cluster's value; absent for `removed`.
    pub live: Option<&'a Value>,
    /// Where in Git's object: of the nearest declared parent for `added`.
    pub desired_pointer: Pointer,
    /// Where in the cluster's object: of the nearest living parent for `removed`.
    pub live_pointer: Pointer,
    /// How to read the value.
    pub node: NodeId,
}
