//! From an environment to its report: gather everything, then judge it; the one path that all drivers share.

mod autoscaling;
mod diff;
mod evaluate;
mod extra;
mod follow;
mod gather;
mod hooks;
mod kept;
mod lag;
mod promotion;
mod renders;
mod rollout;
mod standing;
mod vary;
mod versions;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::{Cluster, Config, Environment};
use crate::drift::attribute::Authors;
use crate::drift::classify::{SeverityRule, overrule};
use crate::drift::extras::Extras;
use crate::drift::ignore::{self, IgnoreRule, Ignored};
use crate::drift::model::{Assessment, Gap, GapReason, RedactRule, Redaction, Redactor, Stage};
use crate::git::Repositories;
use crate::live::Source;
use crate::render::Rendered;
use crate::report::{EnvironmentReport, Identity};
use crate::store::{self, KeyError};

use follow::{Families, Reading};
use gather::Gathered;
use kept::Kept;
use renders::{Earlier, Renders};

pub use diff::{DiffError, Undeclared, diff};
pub use evaluate::{Evidence, evaluate};
pub use promotion::Promotions;
pub use standing::{Second, Seen, Standing};
pub use versions::Readings;

/// What judging needs beside the objects.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Who is behind a field manager's name.
    pub authors: Authors,
    /// Registry host → host of its mirror.
    pub image_mirrors: BTreeMap<String, String>,
    /// Severities in place of the table's.
    pub severity: Vec<SeverityRule>,
    /// Which findings are hidden.
    pub ignore: Vec<IgnoreRule>,
    /// Which values are shown as digests only.
    pub redaction: Redaction,
}

impl Rules {
    /// What holds where nothing is configured.
    #[must_use]
    pub fn new(redactor: Redactor) -> Self {
        Self {
            authors: Authors::default(),
            image_mirrors: BTreeMap::new(),
            severity: Vec::new(),
            ignore: Vec::new(),
            redaction: Redaction::new(redactor, Vec::new()),
        }
    }
}

#[cfg(test)]
impl Default for Rules {
    fn default() -> Self {
        Self::new(Redactor::new(&[7; 32]))
    }
}

/// Why a pipeline cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// There is no key for the digests of Secret values.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Scans environments one at a time or side by side.
#[derive(Debug)]
pub struct Pipeline {
    repositories: Repositories,
    /// By the cluster's name.
    sources: HashMap<String, Configured>,
    renders: Arc<Renders>,
    families: Families,
    /// Where renderings are kept, and what is left out of them.
    keeps: (Option<PathBuf>, Vec<RedactRule>),
    rules: Arc<Rules>,
    extras: Extras,
    redactor: Redactor,
}

/// A cluster as it was configured.
#[derive(Debug, Clone)]
struct Configured {
    cluster: Arc<Cluster>,
    source: Arc<Source>,
}

impl Pipeline {
    /// A pipeline for the environments of `config`; touches neither Git nor a cluster yet.
    ///
    /// # Errors
    /// There is no key for the digests of Secret values.
    pub fn new(config: &Config) -> Result<Self, PipelineError> {
        Self::reading(config, Repositories::new(config))
    }

    /// A pipeline that shares the repositories of `config` with others.
    ///
    /// # Errors
    /// There is no key for the digests of Secret values.
    pub fn reading(config: &Config, repositories: Repositories) -> Result<Self, PipelineError> {
        Ok(Self::assembled(config, repositories, store::redactor(config)?, None))
    }

    /// A pipeline for `config` that reads `repositories` and keeps what this one has learnt of the clusters that are
    /// configured as before, and what it has rendered.
    #[must_use]
    pub fn reconfigured(&self, config: &Config, repositories: Repositories) -> Self {
        Self::assembled(config, repositories, self.redactor.clone(), Some(self))
    }

    fn assembled(config: &Config, repositories: Repositories, redactor: Redactor, before: Option<&Self>) -> Self {
        let clusters = config.environments.iter().map(|environment| &environment.cluster);
        let sources = clusters.map(|cluster| {
            let known = before.and_then(|before| before.sources.get(&cluster.name));
            let new = || Configured { cluster: Arc::clone(cluster), source: Arc::new(Source::new(cluster, &redactor)) };
            let same = known.filter(|known| known.cluster == *cluster);
            (cluster.name.clone(), same.cloned().unwrap_or_else(new))
        });
        let sources = sources.collect();
        let keeps = (config.render_cache.clone(), config.redact.clone());
        let rules = Arc::new(Rules {
            authors: Authors::new(&config.deployers),
            image_mirrors: config.image_mirrors.clone(),
            severity: config.severity.clone(),
            ignore: config.ignore.clone(),
            redaction: Redaction::new(redactor.clone(), config.redact.clone()),
        });
        let renders = before.filter(|before| before.keeps == keeps).map_or_else(
            || {
                let kept = config.render_cache.as_deref();
                Arc::new(Renders::new(kept.map(|folder| Kept::new(folder, rules.redaction.clone()))))
            },
            |before| Arc::clone(&before.renders),
        );
        let families = Families::default();
        Self { repositories, sources, renders, families, keeps, rules, extras: config.extras, redactor }
    }

    /// The repositories that it reads; clones share everything.
    #[must_use]
    pub fn repositories(&self) -> Repositories {
        self.repositories.clone()
    }

    /// The environments that `environment` stands for: itself, or one for each branch that its pattern finds, and for
    /// each object of a deployer that describes one.
    pub async fn expand(&self, environment: &Arc<Environment>) -> Vec<Arc<Environment>> {
        let mut found = Vec::new();
        for environment in self.repositories.expand(environment).await {
            let follow = environment.follow.as_ref().filter(|follow| follow.only.is_none());
            match follow.zip(self.read_with(&environment)) {
                Some((follow, reading)) => found.extend(reading.expand(&environment, follow).await),
                None => found.push(environment),
            }
        }
        found
    }

    fn read_with(&self, environment: &Environment) -> Option<Reading<'_>> {
        let Self { repositories, renders, families, redactor, .. } = self;
        let Configured { source, .. } = self.sources.get(&environment.cluster.name)?;
        Some(Reading { repositories, source, renders, families, redactor })
    }

    /// Scans one environment. Never fails: what could not be known is a gap of the report.
    pub async fn scan(&self, environment: &Environment) -> EnvironmentReport {
        let started_at = now();
        let mut gathered = match self.read_with(environment) {
            Some(reading) => gather::gather(environment, &reading, self.extras, &self.rules).await,
            None => Gathered::nothing(environment, &self.rules, None, Vec::new()),
        };
        let (tip, rendering) = (gathered.tip.clone(), gathered.rendering.clone());
        let coverage = std::mem::take(&mut gathered.coverage);
        let (assessment, ignored) = self.judge(environment, Arc::new(gathered), started_at).await;
        let identity = Identity {
            name: environment.name.clone(),
            repository: environment.repository.name.clone(),
            branch: tip.as_ref().map_or_else(|| environment.reference.to_string(), |at| at.reference.clone()),
            cluster: environment.cluster.name.clone(),
        };
        let times = (started_at, now());
        let revision = tip.map(|at| at.revision);
        let report = EnvironmentReport::new(identity, revision, assessment, times);
        EnvironmentReport { rendering, ignored, coverage, ..report }
    }

    /// The half of a scan that computes; it stays off the threads that answer requests.
    async fn judge(&self, environment: &Environment, gathered: Arc<Gathered>, now: Timestamp) -> (Assessment, Ignored) {
        let of = Arc::clone(&gathered);
        let compared = tokio::task::spawn_blocking(move || evaluate(&of.evidence)).await;
        let drifts = |assessment: &Assessment| assessment.objects.iter().any(|object| object.state.is_drift());
        let doubted = compared.as_ref().is_ok_and(drifts);
        let doubts = if doubted { self.doubts(environment, &gathered).await } else { Doubts::default() };
        let (of, rules, redactor) = (environment.clone(), Arc::clone(&self.rules), self.redactor.clone());
        let judged = tokio::task::spawn_blocking(move || {
            let mut assessment = compared.unwrap_or_else(|error| blank(&error));
            let ignored = Judge { environment: &of, gathered: &gathered, rules: &rules, redactor: &redactor, now }
                .judge(&mut assessment, &doubts);
            (assessment, ignored)
        });
        judged.await.unwrap_or_else(|error| (blank(&error), Ignored::default()))
    }

    /// What else the inputs may come to, asked for only where something drifts.
    async fn doubts(&self, environment: &Environment, gathered: &Gathered) -> Doubts {
        let (Some(inputs), Some(tip)) = (&gathered.inputs, &gathered.tip) else { return Doubts::default() };
        let second = if inputs.sources.may_vary() {
            self.renders.second(environment, inputs, &self.redactor).await
        } else {
            None
        };
        let earlier = self.renders.earlier(environment, tip, inputs, &self.redactor).await;
        Doubts { second, earlier }
    }
}

/// Other renderings, which may explain what drifts.
#[derive(Debug, Default)]
struct Doubts {
    second: Option<Arc<Rendered>>,
    earlier: Vec<Earlier>,
}

/// What findings are judged by, once they are found.
struct Judge<'a> {
    environment: &'a Environment,
    gathered: &'a Gathered,
    rules: &'a Rules,
    redactor: &'a Redactor,
    now: Timestamp,
}

impl Judge<'_> {
    /// Chance is taken away, then the operator has a say, and at last what lags behind is told.
    fn judge(&self, assessment: &mut Assessment, doubts: &Doubts) -> Ignored {
        let Self { environment, gathered, rules, redactor, now } = *self;
        if let Some(second) = &doubts.second {
            vary::confirm(assessment, second, &gathered.evidence);
        }
        let declared = gathered.evidence.standing.declared();
        rollout::judge(&mut assessment.objects, &gathered.rollouts, declared, (&environment.name, rules), now);
        overrule(&rules.severity, &environment.name, declared, &mut assessment.objects);
        let all = [&rules.ignore[..], &gathered.ignore].concat();
        let ignored = ignore::apply(&all, &environment.name, declared, assessment, now);
        if let Some(tip) = &gathered.tip {
            let (objects, evidence) = (&mut assessment.objects, &gathered.evidence);
            lag::attribute_lag(objects, tip, &doubts.earlier, evidence, redactor);
        }
        ignored
    }
}

fn blank(error: &tokio::task::JoinError) -> Assessment {
    Assessment { objects: Vec::new(), gaps: vec![died(error)] }
}

/// The time in whole seconds, the unit of every time in a report and of the API server's own.
#[must_use]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// A bug blanks one scan of one environment, and says so.
fn died(error: &tokio::task::JoinError) -> Gap {
    Gap {
        stage: Stage::Compare,
        scope: "every object".to_owned(),
        reason: GapReason::Failed,
        message: format!("the comparison ended without a result, which is a bug in driftd: {error}"),
        source: None,
    }
}
