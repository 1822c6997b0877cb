//! The pure half of a scan: what was gathered becomes verdicts.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use serde_json::Value;

use crate::drift::attribute::{Attributed, Author, Authors, Known, Ownership, Reading, Scaled};
use crate::drift::classify::{self, Subject};
use crate::drift::compare::{self, Context, Sides};
use crate::drift::model::{
    Answer, Assessment, Candidate, Category, Change, Desired, Difference, Disagreement, FieldPath, Finding, Gap,
    Heading, ImageChange, Live, NodeId, ObjectAssessment, Opinion, Origin, Packed, Pointer, Schema, State, Warning,
    Withheld, WithheldReason,
};
use crate::drift::normalise::{Normalised, adopt, complete, declared, is_default};
use crate::drift::schema::kubernetes;
use crate::drift::second;
use crate::live::Listing;

use super::{Rules, Second, Seen, Standing};

/// A mirror is driftd's rule and none of the server's.
static NO_MIRRORS: BTreeMap<String, String> = BTreeMap::new();

/// Everything that a scan rests on.
#[derive(Debug)]
pub struct Evidence {
    /// What Git declares, and how it is judged.
    pub standing: Arc<Standing>,
    /// What lives.
    pub live: Listing<Seen>,
    /// Live objects that Git should declare and does not.
    pub extra: Vec<Live>,
    /// What was asked about some of them.
    pub second: Second,
    /// What could not be gathered.
    pub gaps: Vec<Gap>,
}

/// Judges every declared object of the environment.
#[must_use]
pub fn evaluate(evidence: &Evidence) -> Assessment {
    let Evidence { standing, live, extra: extras, second, gaps } = evidence;
    let verdict = |declared: &Packed| standing.verdict(declared, live.find(&declared.key), second);
    let mut objects: Vec<ObjectAssessment> = standing.declared().objects().par_iter().filter_map(verdict).collect();
    objects.extend(extras.iter().map(|live| extra(live, &standing.rules().authors)));
    objects.sort_by(|one, other| one.key.cmp(&other.key));
    Assessment { objects, gaps: gaps.clone() }
}

/// The verdict on a live object that nobody declares.
fn extra(live: &Live, authors: &Authors) -> ObjectAssessment {
    let (category, severity) = classify::object(&live.key.type_key.kind_key(), State::Extra);
    let writers = live.writers().unwrap_or_default();
    let by = |wanted: Author| authors.of(writers).contains(&wanted);
    let origin = match () {
        () if by(Author::Person) => Origin::Manual,
        () if by(Author::Deployer) => Origin::Stale,
        () => Origin::Unknown,
    };
    ObjectAssessment {
        terminating: live.terminating,
        since: writers.iter().filter_map(|writer| writer.manager.time).min(),
        category: Some(category),
        severity: Some(severity),
        origin: Some(origin),
        ..ObjectAssessment::new(live.key.clone(), State::Extra)
    }
}

/// What becomes of the differences of one object.
#[derive(Default)]
struct Verdicts<'v> {
    /// Drift.
    attributed: Vec<Attributed<'v>>,
    /// Declared in vain.
    dropped: Vec<Difference<'v>>,
    /// The server's or a controller's.
    explained: Vec<FieldPath>,
}

/// What is said of one object.
#[derive(Default)]
pub(super) struct Judged {
    /// Something is not the same, be it explained or not.
    pub differs: bool,
    pub findings: Vec<Finding>,
    /// Fields that the server drops.
    dropped: Vec<Warning>,
    /// What only the server and its controllers have.
    controller_owned: Vec<FieldPath>,
}

/// One object under judgement.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    pub environment: &'a str,
    pub schema: &'a Schema,
    pub rules: &'a Rules,
    pub desired: &'a Desired,
    pub scaled: Option<&'a Scaled>,
    pub readings: &'a [Reading],
}

impl<'a> Judge<'a> {
    /// The bare verdict on a declared object of which nothing else is said.
    pub(super) fn bare(declared: &Heading, state: State) -> ObjectAssessment {
        ObjectAssessment { source: Some(declared.source.clone()), ..ObjectAssessment::new(declared.key.clone(), state) }
    }

    /// The verdict on a declared object that does not live.
    pub(super) fn missing(declared: &Heading) -> ObjectAssessment {
        let (category, severity) = classify::object(&declared.key.type_key.kind_key(), State::Missing);
        ObjectAssessment {
            category: Some(category),
            severity: Some(severity),
            origin: Some(Origin::Unknown),
            ..Self::bare(declared, State::Missing)
        }
    }

    /// The verdict on an object of which was `judged` what differs.
    pub(super) fn told(&self, live: &Live, judged: Judged, answer: Option<&Answer>) -> ObjectAssessment {
        let Judged { findings, dropped, mut controller_owned, .. } = judged;
        controller_owned.sort_by_cached_key(ToString::to_string);
        let mut warnings = self.unknown_fields(live);
        warnings.extend(dropped);
        warnings.sort_by_cached_key(|warning| warning.path.to_string());
        let dry_run = answer.map(|answer| self.opinion(live, &findings, answer));
        let known = Self::bare(self.desired, State::Modified);
        let mut object = ObjectAssessment { findings, warnings, dry_run, controller_owned, ..known };
        object.settle();
        object
    }

    /// What the server's answer says of the fields that Git declares.
    fn opinion(&self, live: &Live, findings: &[Finding], answer: &Answer) -> Opinion {
        let answer = match answer {
            Ok(answer) => answer,
            Err(withheld) => return Opinion::ComparedLocally(withheld.clone()),
        };
        let candidate = Candidate::new(self.environment, &self.desired.key, &self.desired.content);
        let differences = self.differences_from(answer, live);
        let dissents = second::dissents(findings, &differences, answer, live);
        if !dissents.is_empty() && answer.resource_version != live.resource_version {
            return Opinion::ComparedLocally(Withheld {
                reason: WithheldReason::Changed,
                message: "the object changed between the list and the dry-run; the next scan asks again".to_owned(),
            });
        }
        let disagreement = |dissent: second::Dissent<'_>| {
            let show = |value| self.rules.redaction.show(&candidate, &dissent.path, value);
            let (live, applied) = (dissent.live.map(show), dissent.applied.map(show));
            Disagreement { path: dissent.path, local: dissent.local, server: dissent.server, live, applied }
        };
        Opinion::Disagreements(dissents.into_iter().map(disagreement).collect())
    }

    /// What an apply would change: the answer stands where Git's object stands otherwise.
    fn differences_from<'v>(&'v self, answer: &'v Live, live: &'v Live) -> Vec<Difference<'v>> {
        let context = Context { schema: self.schema, image_mirrors: &NO_MIRRORS };
        let sides = Sides { declared: &answer.content, full: &answer.content, live: &live.content };
        compare::compare(context, self.schema.root(&self.desired.key.type_key), sides)
    }

    /// Fields that Git declares in vain, because the kind has none of their name.
    fn unknown_fields(&self, live: &Live) -> Vec<Warning> {
        let root = self.schema.root(&self.desired.key.type_key);
        let ineffective = compare::ineffective(self.schema, root, &self.desired.content, &live.content);
        ineffective
            .into_iter()
            .map(|(path, pointer)| Warning {
                message: format!(
                    "has no effect: {} has no such field and the server drops it; correct its name or remove it",
                    self.desired.key.type_key
                ),
                source: self.desired.position(&pointer),
                path,
            })
            .collect()
    }

    /// A field that the kind has and that this server drops all the same.
    fn dropped(&self, difference: &Difference<'_>) -> Warning {
        let message = "has no effect: the server drops it, as it does while a feature gate is off; remove it, or \
                       enable the feature";
        Warning {
            message: message.to_owned(),
            source: self.desired.position(&difference.desired_pointer),
            path: difference.path.clone(),
        }
    }

    /// What differs, what is declared in vain, and what only the server and its controllers have.
    pub(super) fn judged(&self, live: &Live) -> Judged {
        let root = self.schema.root(&self.desired.key.type_key);
        let mut full = complete(self.schema, root, self.desired.content.clone());
        if compare::equal(self.context(), root, &full, &live.content) {
            return Judged::default();
        }
        adopt(self.schema, root, kubernetes::allocated(&live.key.type_key.kind_key()), &mut full, &live.content);
        let normalised = Normalised { declared: declared(self.schema, root, self.desired.content.clone()), full };
        let first = self.verdicts(live, root, &normalised, &live.content);
        let controller_owned = first.explained;
        if first.attributed.is_empty() && first.dropped.is_empty() {
            return Judged { differs: true, controller_owned, ..Judged::default() };
        }
        // A server of another version, or a dump, may lack defaults that Git declares: complete it and look again.
        let completed = complete(self.schema, root, live.content.clone());
        let Verdicts { attributed, dropped, .. } = self.verdicts(live, root, &normalised, &completed);
        let lives = |at: &Attributed<'_>| {
            at.difference.change == Change::Removed
                || live.content.pointer(at.difference.live_pointer.as_str()).is_some()
        };
        let mut findings: Vec<Finding> = attributed.into_iter().filter(lives).map(|at| self.finding(at)).collect();
        findings.sort_by_cached_key(|finding| finding.path.to_string());
        let dropped = dropped.iter().map(|difference| self.dropped(difference)).collect();
        Judged { differs: true, findings, dropped, controller_owned }
    }

    fn context(&self) -> Context<'a> {
        Context { schema: self.schema, image_mirrors: &self.rules.image_mirrors }
    }

    /// Every difference, with what is known of its author.
    fn verdicts<'v>(
        &'v self,
        live: &'v Live,
        root: NodeId,
        normalised: &'v Normalised,
        content: &'v Value,
    ) -> Verdicts<'v> {
        let sides = Sides { declared: &normalised.declared, full: &normalised.full, live: content };
        let differences = compare::compare(self.context(), root, sides);
        if differences.is_empty() {
            return Verdicts::default();
        }
        let is_default = |pointer: &Pointer| is_default(self.schema, root, &normalised.declared, content, pointer);
        let known = Known {
            written: &self.desired.content,
            schema: self.schema,
            authors: &self.rules.authors,
            allocated: kubernetes::allocated(&live.key.type_key.kind_key()),
            scaled: self.scaled,
            readings: self.readings,
        };
        let ownership = Ownership::new(live, known, &is_default);
        let (dropped, differences): (Vec<_>, Vec<_>) =
            differences.into_iter().partition(|difference| ownership.was_dropped(difference));
        let mut explained = Vec::new();
        let attribute = |difference| ownership.attribute(difference, &mut explained);
        let attributed = differences.into_iter().flat_map(attribute).collect();
        Verdicts { attributed, dropped, explained }
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
        let (desired, live) = (difference.desired.map(show), difference.live.map(show));
        let images = desired.as_ref().zip(live.as_ref()).filter(|_| category == Category::Image);
        Finding {
            id: Finding::id_of(self.environment, &self.desired.key, &difference.path, difference.change),
            pointer: pointer.to_string(),
            change: difference.change,
            image: images.and_then(|(desired, live)| ImageChange::between(&difference.path, desired, live)),
            pods: None,
            desired,
            live,
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
