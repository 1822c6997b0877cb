//! From an environment to its report: gather everything, then judge it; the one path that all drivers share.

use std::path::Path;

use crate::config::{Config, Environment};
use crate::report::EnvironmentReport;

/// Scans environments one at a time or side by side.
#[derive(Debug)]
pub struct Pipeline {}

impl Pipeline {
    /// A pipeline for the environments of `config`; touches nothing yet.
    #[must_use]
    pub fn new(_config: &Config) -> Self {
        Self {}
    }

    /// Scans one environment. Never fails: what could not be known is a gap of the report.
    #[allow(clippy::unused_async)]
    pub async fn scan(&self, _environment: &Environment) -> EnvironmentReport {
        todo!()
    }
}

/// Why two sets of manifests cannot be compared.
#[derive(Debug, thiserror::Error)]
#[error("comparing files is not part of this build yet")]
pub struct DiffError;

/// Compares two files or folders of manifests.
///
/// # Errors
/// Input that cannot be read or holds what is no object.
pub fn diff(_desired: &Path, _live: &Path) -> Result<EnvironmentReport, DiffError> {
    Err(DiffError)
}
