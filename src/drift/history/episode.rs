//! One finding from its first sight to its end: an entry of the history.

use jiff::Timestamp;
use serde::Serialize;

use crate::drift::model::{Category, Change, Finding, Manager, ObjectAssessment, ObjectKey, Origin, Severity, State};

/// What is told of one finding while it stands, and once it has gone. It holds no value of any field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// The object.
    pub key: ObjectKey,
    /// The finding's id; of a missing or extra object its state.
    pub finding: String,
    /// Where in the object; empty for a missing or extra object.
    pub path: String,
    /// What happened to the field; absent for a missing or extra object.
    pub change: Option<Change>,
    /// The verdict on the object.
    pub state: State,
    /// What it is about.
    pub category: Option<Category>,
    /// How much it matters.
    pub severity: Option<Severity>,
    /// Why it differs.
    pub origin: Option<Origin>,
    /// Who wrote it.
    pub manager: Option<Manager>,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// Whether it still stands.
    pub sight: Sight,
}

/// Whether a finding still stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// The latest scan saw it.
    Standing,
    /// Nobody could look since.
    Hidden {
        /// When it was last seen.
        last_seen: Timestamp,
    },
    /// It has gone.
    Resolved {
        /// When it was last seen.
        last_seen: Timestamp,
        /// When a scan looked and saw it no more.
        at: Timestamp,
    },
}

/// Something that happened to a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// What happened.
    pub event: Event,
    /// How the finding stands since.
    pub episode: Episode,
}

/// What may happen to a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// It was not there at the scan before.
    Appeared,
    /// Another value, or another judgement.
    Changed,
    /// It has gone.
    Resolved,
    /// It is written down, and nothing has happened: it stood before anybody looked, or can no longer be seen.
    Noted,
}

impl Event {
    /// What is counted, in order.
    pub const COUNTED: [Self; 3] = [Self::Appeared, Self::Changed, Self::Resolved];

    /// The word of labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::Changed => "changed",
            Self::Resolved => "resolved",
            Self::Noted => "noted",
        }
    }
}

/// One episode as people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The environment.
    pub environment: String,
    /// The object.
    #[serde(flatten)]
    pub key: ObjectKey,
    /// Where in the object; empty for a missing or extra object.
    pub path: String,
    /// What happened to the field; absent for a missing or extra object.
    pub change: Option<Change>,
    /// The verdict on the object.
    pub state: State,
    /// What it is about.
    pub category: Option<Category>,
    /// How much it matters.
    pub severity: Option<Severity>,
    /// Why it differed.
    pub origin: Option<Origin>,
    /// Who wrote it.
    pub manager: Option<Manager>,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// When it had gone; absent while it stands.
    pub resolved: Option<Timestamp>,
    /// The commit that it was found against.
    pub revision: Option<String>,
    /// The commit against which it had gone.
    pub resolved_revision: Option<String>,
}

impl Episode {
    /// What `object` consists of when it drifts, first seen at `start`.
    pub(super) fn all_of(object: &ObjectAssessment, start: impl Fn(&str) -> Timestamp) -> Vec<Self> {
        match object.state {
            State::Missing | State::Extra => vec![Self::whole(object, start(object.state.as_str()))],
            _ => object.findings.iter().map(|finding| Self::field(object, finding, start(&finding.id))).collect(),
        }
    }

    fn whole(object: &ObjectAssessment, first_seen: Timestamp) -> Self {
        Self {
            key: object.key.clone(),
            finding: object.state.as_str().to_owned(),
            path: String::new(),
            change: None,
            state: object.state,
            category: object.category,
            severity: object.severity,
            origin: object.origin,
            manager: None,
            first_seen,
            sight: Sight::Standing,
        }
    }

    fn field(object: &ObjectAssessment, finding: &Finding, first_seen: Timestamp) -> Self {
        Self {
            finding: finding.id.clone(),
            path: finding.path.to_string(),
            change: Some(finding.change),
            category: Some(finding.category),
            severity: Some(finding.severity),
            origin: Some(finding.origin),
            manager: finding.manager.clone(),
            ..Self::whole(object, first_seen)
        }
    }

    /// When it was last seen; `now` for one that the latest scan saw.
    #[must_use]
    pub const fn last_seen(&self, now: Timestamp) -> Timestamp {
        match self.sight {
            Sight::Standing => now,
            Sight::Hidden { last_seen } | Sight::Resolved { last_seen, .. } => last_seen,
        }
    }

    /// Whether the same is told of both, the manager's last write aside.
    pub(super) fn is_judged_as(&self, other: &Self) -> bool {
        let name = |episode: &Self| episode.manager.as_ref().map(|manager| manager.name.clone());
        (self.state, self.severity, self.origin, name(self)) == (other.state, other.severity, other.origin, name(other))
    }
}
