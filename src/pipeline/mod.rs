//! From an environment to its report: gather everything, then judge it; the one path that all drivers share.

mod diff;
mod evaluate;
mod gather;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::config::{Config, Environment};
use crate::drift::attribute::Authors;
use crate::drift::model::Redactor;
use crate::live::Source;
use crate::report::{EnvironmentReport, Identity};

pub use diff::{DiffError, diff};
pub use evaluate::{Evidence, evaluate};

/// What judging needs beside the objects.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Who is behind a field manager's name.
    pub authors: Authors,
    /// Registry host → host of its mirror.
    pub image_mirrors: BTreeMap<String, String>,
}

/// Why a pipeline cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The system gives no random key for the digests of Secret values.
    #[error("the system gives no random numbers for the redaction key: {0}")]
    Random(getrandom::Error),
}

/// Scans environments one at a time or side by side.
#[derive(Debug)]
pub struct Pipeline {
    /// By the cluster's name.
    sources: HashMap<String, Source>,
    rules: Rules,
    redactor: Redactor,
}

impl Pipeline {
    /// A pipeline for the environments of `config`; touches neither Git nor a cluster yet.
    ///
    /// # Errors
    /// The system gives no random key for the digests of Secret values.
    pub fn new(config: &Config) -> Result<Self, PipelineError> {
        let redactor = random_redactor()?;
        let clusters = config.environments.iter().map(|environment| &environment.cluster);
        let sources = clusters.map(|cluster| (cluster.name.clone(), Source::new(cluster, &redactor))).collect();
        let rules = Rules { authors: Authors::new(&config.deployers), image_mirrors: config.image_mirrors.clone() };
        Ok(Self { sources, rules, redactor })
    }

    /// Scans one environment. Never fails: what could not be known is a gap of the report.
    pub async fn scan(&self, environment: &Environment) -> EnvironmentReport {
        let started_at = Timestamp::now();
        let gathered = match self.sources.get(&environment.cluster.name) {
            Some(source) => gather::gather(environment, source, &self.redactor).await,
            None => gather::Gathered::default(),
        };
        let assessment = evaluate(&environment.name, gathered.evidence, &self.rules);
        let identity = Identity {
            name: environment.name.clone(),
            repository: environment.repository.name.clone(),
            branch: environment.branch.clone(),
            cluster: environment.cluster.name.clone(),
        };
        EnvironmentReport::new(identity, gathered.revision, assessment, (started_at, Timestamp::now()))
    }
}

/// A redactor under a key of its own, for this run only.
fn random_redactor() -> Result<Redactor, PipelineError> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(PipelineError::Random)?;
    Ok(Redactor::new(&key))
}
