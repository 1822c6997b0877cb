//! One value for everything that a scan has to say; each format of it is a file of this room.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod history;
pub mod ignores;
pub mod json;
pub mod promotion;
#[cfg(test)]
mod sample;
mod shared;
pub mod text;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::drift::extras::NamespaceCoverage;
use crate::drift::history::Event;
use crate::drift::ignore::Ignored;
use crate::drift::model::{Assessment, Gap, ObjectAssessment, Origin, State, Summary};
use crate::drift::promotion::Promotion;

/// The version of the report's form; raised by a change that breaks scripts.
pub const SCHEMA_VERSION: u32 = 1;

/// Which objects a report lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// Those that are not in sync.
    OutOfSync,
    /// All of them.
    All,
}

/// What a one-shot run has to say in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Everything was compared and nothing drifts.
    InSync,
    /// Everything was compared and no drift is of the kind that was asked about.
    Tolerated,
    /// Drift was found, whether or not everything could be compared.
    Drift,
    /// No drift (of the kind that was asked about) was found, but not everything could be compared.
    Incomplete,
}

/// The report on all environments that were asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// driftd's own version.
    pub version: &'static str,
    /// When the first scan began.
    pub started_at: Timestamp,
    /// When the last scan ended.
    pub finished_at: Timestamp,
    /// Whether everything was compared.
    pub complete: bool,
    /// Counts over all environments.
    pub summary: Summary,
    /// In the order of the configuration.
    pub environments: Vec<EnvironmentReport>,
    /// One for each environment that is promoted from another, in the order of the configuration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub promotions: Vec<Promotion>,
}

/// The report on one environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentReport {
    /// Its name in the configuration.
    pub name: String,
    /// The repository's name in the configuration.
    pub repository: String,
    /// The branch that was read.
    pub branch: String,
    /// The commit that was read; absent while it could not be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The cluster's name in the configuration.
    pub cluster: String,
    /// What made manifests of its files.
    #[serde(flatten)]
    pub rendering: Rendering,
    /// Whether everything was compared.
    pub complete: bool,
    /// Counts over this environment.
    pub summary: Summary,
    /// What could not be known.
    pub gaps: Vec<Gap>,
    /// What ignore rules hide, and which of them hide nothing.
    #[serde(flatten)]
    pub ignored: Ignored,
    /// How much of each namespace Git declares, by name; empty where not everything in Git could be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub coverage: Vec<NamespaceCoverage>,
    /// What has happened to findings since the scan before, and how often; only the daemon knows.
    #[serde(skip)]
    pub events: BTreeMap<(Event, Origin), u64>,
    /// Ordered by namespace, kind, group, name.
    pub objects: Vec<ObjectAssessment>,
    /// When this environment's scan began; in the report only as the times of the whole.
    #[serde(skip)]
    pub started_at: Timestamp,
    /// When this environment's scan ended.
    #[serde(skip)]
    pub finished_at: Timestamp,
}

/// What made manifests of an environment's files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rendering {
    /// The renderer, also where it was chosen by a look at the files; those of several paths with a comma between them.
    /// Absent while nothing could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renderer: Option<String>,
    /// Objects that deployers run on their own occasions (hooks, tests) and that are not compared: those of a helm
    /// release, and others that have run and are gone.
    #[serde(skip_serializing_if = "no_hooks")]
    pub hooks: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
const fn no_hooks(hooks: &usize) -> bool {
    *hooks == 0
}

/// What an environment is, as its report names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its name in the configuration.
    pub name: String,
    /// The repository's name.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// The cluster's name.
    pub cluster: String,
}

impl EnvironmentReport {
    /// Joins what was found with what it was found about.
    #[must_use]
    pub fn new(
        identity: Identity,
        revision: Option<String>,
        assessment: Assessment,
        (started_at, finished_at): (Timestamp, Timestamp),
    ) -> Self {
        Self {
            name: identity.name,
            repository: identity.repository,
            branch: identity.branch,
            cluster: identity.cluster,
            revision,
            rendering: Rendering::default(),
            complete: assessment.is_complete(),
            summary: Summary::of(&assessment.objects),
            gaps: assessment.gaps,
            ignored: Ignored::default(),
            coverage: Vec::new(),
            events: BTreeMap::new(),
            objects: assessment.objects,
            started_at,
            finished_at,
        }
    }

    /// What a report lists unless all objects are asked for: those that are not in sync, and those of which the second
    /// opinion has something to tell.
    pub fn out_of_sync(&self) -> impl Iterator<Item = &ObjectAssessment> {
        self.listed(Listing::OutOfSync)
    }

    /// The objects that a report lists.
    pub fn listed(&self, listing: Listing) -> impl Iterator<Item = &ObjectAssessment> {
        self.objects
            .iter()
            .filter(move |object| listing == Listing::All || object.state != State::InSync || object.has_more_to_tell())
    }
}

impl Report {
    /// Joins the environments' reports; `None` while there is none.
    #[must_use]
    pub fn new(mut environments: Vec<EnvironmentReport>) -> Option<Self> {
        shared::warn(&mut environments);
        let started_at = environments.iter().map(|environment| environment.started_at).min()?;
        let finished_at = environments.iter().map(|environment| environment.finished_at).max()?;
        Some(Self {
            schema_version: SCHEMA_VERSION,
            version: env!("CARGO_PKG_VERSION"),
            started_at,
            finished_at,
            complete: environments.iter().all(|environment| environment.complete),
            summary: Summary::of(environments.iter().flat_map(|environment| &environment.objects)),
            environments,
            promotions: Vec::new(),
        })
    }
}
