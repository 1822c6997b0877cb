//! What the Go types of Kubernetes know and OpenAPI does not say.

use std::collections::BTreeSet;

/// The facts of one Go type.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TypeFacts {
    /// Fields that are no pointers and whose zero is therefore the same as absence.
    pub zero_is_absent: BTreeSet<String>,
}
