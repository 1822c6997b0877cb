//! The verdict on every object of an environment, and its counts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{Category, Change, FieldPath, Finding, Gap, ObjectKey, Opinion, Origin, Position, Severity, State};

/// The verdict on one object.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectAssessment {
    /// Which object.
    #[serde(flatten)]
    pub key: ObjectKey,
    /// The verdict.
    pub state: State,
    /// The object waits for its finalizers: it counts as `missing`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub terminating: bool,
    /// When its drift began, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Fields that go back and forth between scans, whether or not they differ at the moment; only the daemon knows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flapping: Vec<String>,
    /// Of the worst finding; absent where nothing drifts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Of the worst finding; absent where nothing drifts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Of the worst finding; absent where nothing drifts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Where the object is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Position>,
    /// Ordered by path.
    pub findings: Vec<Finding>,
    /// Findings that an ignore rule hides, ordered by path; of a missing or extra object the one at the empty path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suppressed: Vec<Suppressed>,
    /// Findings that do not stand long enough to count, ordered by path; of a missing or extra object the one at the
    /// empty path. Only the daemon knows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settling: Vec<Settling>,
    /// What is wrong with its declaration and is no drift; ordered by path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// What the API server's dry-run of an apply says; absent where it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<Opinion>,
    /// Fields that Git does not declare and that the server, admission or a controller wrote: in sync.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controller_owned: Vec<FieldPath>,
}

/// A finding that an ignore rule hides: it counts for nothing, and is never out of sight.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Suppressed {
    /// What is hidden.
    #[serde(flatten)]
    pub finding: Finding,
    /// The name or place of the rule.
    pub suppressed_by: String,
}

/// A finding that does not count yet, such as that of a deployment in progress.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settling {
    /// What is found.
    #[serde(flatten)]
    pub finding: Finding,
    /// Since when it stands.
    pub since: Timestamp,
    /// From when on it counts, if it still stands then.
    pub until: Timestamp,
}

/// Something in Git that has no effect.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// Where in the object.
    pub path: FieldPath,
    /// What is wrong.
    pub message: String,
    /// Where it is declared.
    pub source: Position,
}

impl ObjectAssessment {
    /// The bare verdict `state` on the object `key`, of which nothing else is known.
    #[must_use]
    pub const fn new(key: ObjectKey, state: State) -> Self {
        Self {
            key,
            state,
            terminating: false,
            since: None,
            flapping: Vec::new(),
            category: None,
            severity: None,
            origin: None,
            source: None,
            findings: Vec::new(),
            suppressed: Vec::new(),
            settling: Vec::new(),
            warnings: Vec::new(),
            dry_run: None,
            controller_owned: Vec::new(),
        }
    }

    /// The finding that speaks for the object: the most severe one, among equals one by hand.
    #[must_use]
    pub fn worst(&self) -> Option<&Finding> {
        self.findings.iter().max_by_key(|finding| (finding.severity, finding.origin == Origin::Manual))
    }

    /// The one finding for which a missing or extra object stands.
    #[must_use]
    pub fn as_finding(&self, environment: &str) -> Finding {
        let change = if self.state == State::Extra { Change::Added } else { Change::Removed };
        let path = FieldPath::root();
        Finding {
            id: Finding::id_of(environment, &self.key, &path, change),
            path,
            pointer: String::new(),
            change,
            desired: None,
            live: None,
            category: self.category.unwrap_or(Category::Config),
            severity: self.severity.unwrap_or(Severity::Low),
            origin: self.origin.unwrap_or(Origin::Unknown),
            image: None,
            pods: None,
            commits_behind: None,
            revision: None,
            manager: None,
            source: self.source.clone(),
        }
    }

    /// Brings the verdict in line with findings that were taken away or judged anew.
    pub fn settle(&mut self) {
        if matches!(self.state, State::Missing | State::Extra | State::Unknown) {
            return;
        }
        let judgement = self.worst().map(|worst| (worst.category, worst.severity, worst.origin));
        self.state = if judgement.is_some() { State::Modified } else { State::InSync };
        self.category = judgement.map(|(category, _, _)| category);
        self.severity = judgement.map(|(_, severity, _)| severity);
        self.origin = judgement.map(|(_, _, origin)| origin);
        self.since = self.findings.iter().filter_map(|finding| finding.manager.as_ref()?.time).min();
    }

    /// Whether the second opinion has something to tell: a disagreement, or why there is none.
    #[must_use]
    pub fn is_disputed(&self) -> bool {
        match &self.dry_run {
            None => false,
            Some(Opinion::Disagreements(disagreements)) => !disagreements.is_empty(),
            Some(Opinion::ComparedLocally(_)) => true,
        }
    }

    /// Whether there is something to tell of it although it is in sync: the second opinion, or what does not count yet.
    #[must_use]
    pub fn has_more_to_tell(&self) -> bool {
        self.is_disputed() || !self.settling.is_empty()
    }

    /// How many findings it stands for: a missing or extra object counts as one.
    #[must_use]
    pub fn finding_count(&self) -> usize {
        match self.state {
            State::Missing | State::Extra => 1,
            _ => self.findings.len(),
        }
    }

    /// Category, severity and origin of each finding, a missing or extra object's own for its one.
    pub fn judgements(&self) -> impl Iterator<Item = (Category, Severity, Origin)> + '_ {
        let whole = match self.state {
            State::Missing | State::Extra => self
                .category
                .zip(self.severity)
                .zip(self.origin)
                .map(|((category, severity), origin)| (category, severity, origin)),
            _ => None,
        };
        let fields = self.findings.iter().map(|finding| (finding.category, finding.severity, finding.origin));
        whole.into_iter().chain(fields)
    }
}

/// Everything that one scan found out about an environment's objects.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assessment {
    /// Every declared object, in report order.
    pub objects: Vec<ObjectAssessment>,
    /// What could not be known.
    pub gaps: Vec<Gap>,
}

impl Assessment {
    /// Whether everything was compared.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty()
    }
}

/// Counts over any number of objects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Objects by state.
    pub objects: StateCounts,
    /// Findings that count.
    pub findings: usize,
    /// Findings that an ignore rule hides.
    pub suppressed: usize,
    /// Findings that do not count yet.
    #[serde(skip_serializing_if = "is_none")]
    pub settling: usize,
    /// Fields that the server, admission or a controller wrote beside what Git declares.
    pub controller_owned: usize,
    /// Findings by severity; zeros left out.
    pub by_severity: BTreeMap<&'static str, usize>,
    /// Findings by category; zeros left out.
    pub by_category: BTreeMap<&'static str, usize>,
    /// Objects by what the API server's dry-run says of them; absent where it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<OpinionCounts>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
const fn is_none(count: &usize) -> bool {
    *count == 0
}

/// Objects by second opinion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpinionCounts {
    /// The server finds the same of every declared field.
    pub agreed: usize,
    /// It does not.
    pub disagreed: usize,
    /// It gave no answer that could be used.
    pub compared_locally: usize,
}

impl OpinionCounts {
    fn add(&mut self, opinion: &Opinion) {
        match opinion {
            Opinion::Disagreements(disagreements) if disagreements.is_empty() => self.agreed += 1,
            Opinion::Disagreements(_) => self.disagreed += 1,
            Opinion::ComparedLocally(_) => self.compared_locally += 1,
        }
    }
}

/// Objects by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StateCounts {
    /// In sync.
    pub in_sync: usize,
    /// Modified.
    pub modified: usize,
    /// Missing.
    pub missing: usize,
    /// Extra.
    pub extra: usize,
    /// Unknown.
    pub unknown: usize,
}

impl StateCounts {
    /// The count of one state.
    #[must_use]
    pub const fn get(&self, state: State) -> usize {
        match state {
            State::InSync => self.in_sync,
            State::Modified => self.modified,
            State::Missing => self.missing,
            State::Extra => self.extra,
            State::Unknown => self.unknown,
        }
    }

    fn add(&mut self, state: State) {
        let count = match state {
            State::InSync => &mut self.in_sync,
            State::Modified => &mut self.modified,
            State::Missing => &mut self.missing,
            State::Extra => &mut self.extra,
            State::Unknown => &mut self.unknown,
        };
        *count += 1;
    }
}

impl Summary {
    /// Counts `objects`.
    pub fn of<'a>(objects: impl IntoIterator<Item = &'a ObjectAssessment>) -> Self {
        let mut summary = Self::default();
        for object in objects {
            summary.objects.add(object.state);
            summary.findings += object.finding_count();
            summary.suppressed += object.suppressed.len();
            summary.settling += object.settling.len();
            if let Some(opinion) = &object.dry_run {
                summary.dry_run.get_or_insert_default().add(opinion);
            }
            summary.controller_owned += object.controller_owned.len();
            for (category, severity, _) in object.judgements() {
                *summary.by_severity.entry(severity.as_str()).or_default() += 1;
                *summary.by_category.entry(category.as_str()).or_default() += 1;
            }
        }
        summary
    }
}
