//! From an environment to its report: gather everything, then judge it; the one path that all drivers share.

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
