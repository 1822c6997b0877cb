//! Where in Git something is declared.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// A line of a file, as an editor or a forge would open it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// Relative to the repository's root (or to the folder given to `driftd diff`), with `/`.
    pub file: Arc<str>,
    /// Counted from 1.
    pub line: u32,
}

/// `trino/coordinator.yaml:27`.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
