//! What is remembered of one environment from scan to scan: drift that stands although it cannot be checked, and
//! when each finding was first seen.

use std::collections::BTreeMap;
use std::mem;

use jiff::{SignedDuration, Timestamp};

use super::model::{Assessment, Gap, KindKey, ObjectAssessment, ObjectKey, Stage, State};

/// An object without its version.
type Identity = (KindKey, Option<String>, String);

/// The memory of one environment: a plain value, fed with scans, asked what stands.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    max_staleness: SignedDuration,
    known: BTreeMap<Identity, Known>,
    looked_everywhere: bool,
}

/// What is known of one object.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    /// The last verdict; `unknown` only while there never was another.
    last: ObjectAssessment,
    /// When the last verdict was made; absent while there never was one.
    judged: Option<Timestamp>,
    /// Whether the latest scan made it.
    current: bool,
    /// First sight of each standing finding, by its id; a missing or extra object by its state.
    first_seen: BTreeMap<String, Timestamp>,
}

impl History {
    /// A memory in which drift that cannot be checked stands for `max_staleness`.
    #[must_use]
    pub fn new(max_staleness: SignedDuration) -> Self {
        Self { max_staleness, known: BTreeMap::new(), looked_everywhere: false }
    }

    /// From now on drift that cannot be checked stands for `max_staleness`.
    pub const fn hold_for(&mut self, max_staleness: SignedDuration) {
        self.max_staleness = max_staleness;
    }

    /// Takes in what a scan that ended at `now` found, and says what stands, in report order.
    ///
    /// What the scan saw replaces what was known. What it could not see is `unknown`, but known drift stands until
    /// it is older than the maximal staleness. What it would have seen and did not is forgotten.
    pub fn absorb(&mut self, scan: Assessment, now: Timestamp) -> Vec<ObjectAssessment> {
        let mut before = mem::take(&mut self.known);
        for object in scan.objects {
            let identity = object.key.identity();
            let known = match before.remove(&identity) {
                Some(known) => known.seen_again(object, now),
                None => Known::first(object, now, self.looked_everywhere),
            };
            self.known.insert(identity, known);
        }
        before.retain(|_, known| scan.gaps.iter().any(|gap| hides(gap, &known.last)));
        for (identity, known) in before {
            self.known.insert(identity, Known { current: false, ..known });
        }
        self.looked_everywhere |= scan.gaps.is_empty();
        self.standing(now)
    }

    /// What stands at `now`, without a new scan, in report order.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Vec<ObjectAssessment> {
        let mut objects: Vec<_> =
            self.known.values().filter_map(|known| known.standing(now, self.max_staleness)).collect();
        objects.sort_by(|left, right| left.key.cmp(&right.key));
        objects
    }
}

impl Known {
    /// An object of which nothing was known. It drifts since its writer's time, unless a scan has looked everywhere
    /// and not seen it: then since now.
    fn first(mut object: ObjectAssessment, now: Timestamp, looked_everywhere: bool) -> Self {
        let start = if looked_everywhere { now } else { object.since.unwrap_or(now) };
        let first_seen: BTreeMap<_, _> = finding_ids(&object).into_iter().map(|id| (id, start)).collect();
        object.since = first_seen.values().min().copied();
        let judged = (object.state != State::Unknown).then_some(now);
        Self { last: object, judged, current: true, first_seen }
    }

    fn seen_again(self, mut object: ObjectAssessment, now: Timestamp) -> Self {
        if object.state == State::Unknown {
            // The verdict stays the last one, the place of its declaration is the new one.
            let last = ObjectAssessment { source: object.source, key: object.key, ..self.last };
            return Self { last, current: false, ..self };
        }
        if self.judged.is_none() {
            return Self::first(object, now, false);
        }
        let first_seen: BTreeMap<_, _> = finding_ids(&object)
            .into_iter()
            .map(|id| {
                let start = self.first_seen.get(&id).copied().unwrap_or(now);
                (id, start)
            })
            .collect();
        object.since = first_seen.values().min().copied();
        Self { last: object, judged: Some(now), current: true, first_seen }
    }

    fn standing(&self, now: Timestamp, max_staleness: SignedDuration) -> Option<ObjectAssessment> {
        let fresh = self.judged.is_some_and(|judged| now.duration_since(judged) <= max_staleness);
        if fresh && (self.current || self.last.state.is_drift()) {
            return Some(self.last.clone());
        }
        // Nobody declares an extra object: once it cannot be seen, there is nothing left to say of it.
        (self.last.state != State::Extra).then(|| unknown(&self.last))
    }
}

/// What an object's drift consists of, in words that stay the same from scan to scan.
fn finding_ids(object: &ObjectAssessment) -> Vec<String> {
    match object.state {
        State::Missing | State::Extra => vec![object.state.as_str().to_owned()],
        _ => object.findings.iter().map(|finding| finding.id.clone()).collect(),
    }
}

fn unknown(object: &ObjectAssessment) -> ObjectAssessment {
    ObjectAssessment { source: object.source.clone(), ..ObjectAssessment::new(object.key.clone(), State::Unknown) }
}

/// Whether a scan with `gap` may have failed to see an object that is there.
fn hides(gap: &Gap, object: &ObjectAssessment) -> bool {
    match gap.stage {
        Stage::Git | Stage::Render => true,
        // A document that cannot be read hides the objects of its file, and with it no extra object is claimed.
        Stage::Parse => match (&gap.source, &object.source) {
            (Some(broken), Some(declared)) => broken.file == declared.file,
            _ => true,
        },
        // From here on every declared object is in the scan, so only an extra one can be hidden.
        Stage::Connect | Stage::Discover => object.state == State::Extra,
        Stage::List | Stage::Watch => object.state == State::Extra && names_kind(&gap.scope, &object.key),
        Stage::Compare | Stage::State => false,
    }
}

/// Whether the scope of a gap, `v1/Secret in trino` or `v1/Secret`, is about objects like this one.
fn names_kind(scope: &str, key: &ObjectKey) -> bool {
    match scope.split_once(" in ") {
        Some((kind, namespace)) => kind == key.type_key.to_string() && key.namespace.as_deref() == Some(namespace),
        None => scope == key.type_key.to_string(),
    }
}

#[cfg(test)]
mod tests;
