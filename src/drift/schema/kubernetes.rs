//! The built-in kinds of the Kubernetes version that driftd was made against, for where no API server can be asked.

use std::sync::{Arc, LazyLock};

use crate::drift::model::{Schema, Scope, TypeKey};

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(Arc::default);

/// The shapes of all built-in kinds.
#[must_use]
pub fn schema() -> Arc<Schema> {
    Arc::clone(&SCHEMA)
}

/// Whether a built-in kind lives in a namespace; `None` for kinds that are not built in.
#[must_use]
pub fn scope(_type_key: &TypeKey) -> Option<Scope> {
    None
}
