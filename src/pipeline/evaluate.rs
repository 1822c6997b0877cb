//! The pure half of a scan: what was gathered becomes verdicts.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use serde_json::Value;

use crate::drift::attribute::{Attributed, Ownership};
use crate::drift::classify::{self, Subject};
use crate::drift::compare::{self, Context, Sides};
use crate::drift::model::{
    Assessment, Candidate, Change, Desired, Finding, Gap, Live, NodeId, ObjectAssessment, Origin, Pointer, Schema,
    State, TypeKey,
};
use crate::drift::normalise::{Normalised, is_default, normalise};
use crate::live::Listing;

use super::Rules;

/// Everything that a scan rests on.
#[derive(Debug, Default)]
pub struct Evidence {
    /// What Git declares; no object twice.
    pub desired: Vec<Desired>,
    /// What lives.
    pub live: Listing,
    /// The shapes of each kind.
    pub schemas: HashMap<TypeKey, Arc<Schema>>,
    /// What could not be gathered.
    pub gaps: Vec<Gap>,
}

/// Judges every declared object of `environment`.
#[must_use]
pub fn evaluate(environment: &str, evidence: &Evidence, rules: &Rules) -> Assessment {
    let unknown_shape = Arc::new(Schema::default());
    let mut objects: Vec<ObjectAssessment> = evidence
        .desired
        .par_iter()
        .map(|desired| {
            let schema = evidence.schemas.get(&desired.key.type_key).unwrap_or(&unknown_shape);
            Judge { environment, schema, rules, desired }.object(&evidence.live)
        })
        .collect();
    objects.sort_by(|one, other| one.key.cmp(&other.key));
    Assessment { objects, gaps: evidence.gaps.clone() }
}

/// What differs between one declared object and its live counterpart.
pub(super) fn findings(
    desired: &Desired,
    live: &Live,
    schemas: &HashMap<TypeKey, Arc<Schema>>,
    environment: &str,
    rules: &Rules,
) -> Vec<Finding> {
    let unknown_shape = Arc::new(Schema::default());
    let schema = schemas.get(&desired.key.type_key).unwrap_or(&unknown_shape);
    Judge { environment, schema, rules, desired }.findings(live)
}

/// One object under judgement.
struct Judge<'a> {
    environment: &'a str,
    schema: &'a Schema,
    rules: &'a Rules,
    desired: &'a Desired,
}

impl<'a> Judge<'a> {
    fn object(&self, listing: &'a Listing) -> ObjectAssessment {
        match listing.get(&self.desired.key) {
            Some(live) if live.terminating => ObjectAssessment { terminating: true, ..self.missing() },
            Some(live) => self.living(live),
            None if listing.is_complete_for(&self.desired.key) => self.missing(),
            None => self.verdict(State::Unknown),
        }
    }

    fn verdict(&self, state: State) -> ObjectAssessment {
        ObjectAssessment {
            key: self.desired.key.clone(),
            state,
            terminating: false,
            since: None,
            category: None,
            severity: None,
            origin: None,
            source: Some(self.desired.source.clone()),
            findings: Vec::new(),
            suppressed: Vec::new(),
        }
    }

    fn missing(&self) -> ObjectAssessment {
        let (category, severity) = classify::object(&self.desired.key.type_key.kind_key());
        ObjectAssessment {
            category: Some(category),
            severity: Some(severity),
            origin: Some(Origin::Unknown),
            ..self.verdict(State::Missing)
        }
    }

    fn living(&self, live: &'a Live) -> ObjectAssessment {
        let findings = self.findings(live);
        let mut object = ObjectAssessment { findings, ..self.verdict(State::Modified) };
        object.settle();
        object
    }

    fn findings(&self, live: &'a Live) -> Vec<Finding> {
        let root = self.schema.root(&self.desired.key.type_key);
        let normalised = normalise(self.schema, root, &self.desired.content);
        let mut attributed = self.attributed(live, root, &normalised, &live.content);
        if attributed.is_empty() {
            return Vec::new();
        }
        // A server of another version, or a dump, may lack defaults that Git declares: complete it and look again.
        let completed = normalise(self.schema, root, &live.content).full;
        attributed = self.attributed(live, root, &normalised, &completed);
        let lives = |at: &Attributed<'_>| {
            at.difference.change == Change::Removed
                || live.content.pointer(at.difference.live_pointer.as_str()).is_some()
        };
        let mut findings: Vec<Finding> = attributed.into_iter().filter(lives).map(|at| self.finding(at)).collect();
        findings.sort_by_cached_key(|finding| finding.path.to_string());
        findings
    }

    /// Every difference that counts, with what is known of its author.
    fn attributed<'v>(
        &'v self,
        live: &'v Live,
        root: NodeId,
        normalised: &'v Normalised,
        content: &'v Value,
    ) -> Vec<Attributed<'v>> {
        let rules = Context { schema: self.schema, image_mirrors: &self.rules.image_mirrors };
        let sides = Sides { declared: &normalised.declared, full: &normalised.full, live: content };
        let differences = compare::compare(rules, root, sides);
        if differences.is_empty() {
            return Vec::new();
        }
        let is_default = |pointer: &Pointer| is_default(self.schema, root, content, pointer);
        let ownership = Ownership::new(live, self.schema, &self.rules.authors, &is_default);
        differences.into_iter().flat_map(|difference| ownership.attribute(difference)).collect()
    }

    fn finding(&self, attributed: Attributed<'_>) -> Finding {
        let Attributed { difference, origin, manager } = attributed;
        let (category, severity) = classify::field(&Subject {
            kind: &self.desired.key.type_key.kind_key(),
            path: &difference.path,
            change: difference.change,
            desired: difference.desired,
            live: difference.live,
        });
        let pointer = match difference.change {
            Change::Removed => self.desired.as_written(&difference.desired_pointer),
            Change::Changed | Change::Added => difference.live_pointer,
        };
        let candidate = Candidate::new(self.environment, &self.desired.key, &self.desired.content);
        let show = |value| self.rules.redaction.show(&candidate, &difference.path, value);
        Finding {
            id: Finding::id_of(self.environment, &self.desired.key, &difference.path, difference.change),
            pointer: pointer.to_string(),
            change: difference.change,
            desired: difference.desired.map(show),
            live: difference.live.map(show),
            category,
            severity,
            origin,
            commits_behind: None,
            revision: None,
            manager,
            source: Some(self.desired.position(&difference.desired_pointer)),
            path: difference.path,
        }
    }
}

#[cfg(test)]
mod tests;
