//! What is remembered of one environment from scan to scan: drift that stands although it cannot be checked, when
//! each finding was first seen, what has happened to it, and which fields go back and forth.

mod episode;
mod flapping;
mod grace;

use std::collections::BTreeMap;
use std::mem;

use jiff::{SignedDuration, Timestamp};

use super::model::{
    Assessment, Finding, Gap, Identity, ObjectAssessment, ObjectKey, Origin, Settling, Shown, Stage, State,
};

pub use episode::{Entry, Episode, Event, Sight, Transition};
use flapping::Turns;
pub use flapping::WINDOW as FLAPPING_WINDOW;
pub use grace::Grace;
use grace::Waiting;

/// The memory of one environment: a plain value, fed with scans, asked what stands.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    max_staleness: SignedDuration,
    known: BTreeMap<Identity, Known>,
    looked_everywhere: bool,
    turns: Turns,
    grace: Grace,
    /// When drift by which Git is ahead was last seen to go: a deployer writes.
    deployed: Option<Timestamp>,
    transitions: Vec<Transition>,
}

/// How much the record has looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A complete scan is on record: what it does not tell of was not there.
    Everywhere,
    /// There is none.
    Partial,
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
    /// What stands of it, by [`Episode::finding`].
    open: BTreeMap<String, Episode>,
    /// What does not count yet, by [`Episode::finding`].
    waiting: BTreeMap<String, Waiting>,
    /// What the live value was before it became the present one, by [`Episode::finding`].
    values: BTreeMap<String, Option<Shown>>,
}

impl History {
    /// A memory in which drift that cannot be checked stands for `max_staleness`.
    #[must_use]
    pub fn new(max_staleness: SignedDuration) -> Self {
        Self {
            max_staleness,
            known: BTreeMap::new(),
            looked_everywhere: false,
            turns: Turns::default(),
            grace: Grace::default(),
            deployed: None,
            transitions: Vec::new(),
        }
    }

    /// Takes in what was recorded earlier: what stood then, and what was resolved within [`FLAPPING_WINDOW`].
    ///
    /// What stands since before is as old as the record says, whatever was thought of its age; what was judged since
    /// and does not stand any more is resolved.
    pub fn recall(&mut self, recorded: Vec<Episode>, look: Look, now: Timestamp) {
        self.looked_everywhere |= look == Look::Everywhere;
        for episode in recorded {
            self.turns.record(&episode, episode.first_seen);
            if matches!(episode.sight, Sight::Resolved { .. }) {
                continue;
            }
            let known = self.known.entry(episode.key.identity()).or_insert_with(|| Known::recalled(&episode));
            match known.open.get_mut(&episode.finding) {
                Some(open) => open.first_seen = episode.first_seen,
                None if known.judged.is_some() => self.transitions.push(resolved(episode, known.judged, now)),
                None => {
                    known.open.insert(episode.finding.clone(), episode);
                }
            }
            known.last.since = known.since();
        }
        self.turns.prune(now);
    }

    /// From now on drift that cannot be checked stands for `max_staleness`.
    pub const fn hold_for(&mut self, max_staleness: SignedDuration) {
        self.max_staleness = max_staleness;
    }

    /// From now on drift counts after `grace`; without it at once. What counts already goes on to.
    pub fn settle_for(&mut self, grace: Grace) {
        self.grace = grace;
    }

    /// Takes in what a scan that ended at `now` found, and says what stands, in report order.
    ///
    /// What the scan saw replaces what was known. What it could not see is `unknown`, but known drift stands until
    /// it is older than the maximal staleness. What it would have seen and did not is forgotten.
    pub fn absorb(&mut self, scan: Assessment, now: Timestamp) -> Vec<ObjectAssessment> {
        if self.sees_a_deployer(&scan) {
            self.deployed = Some(now);
        }
        let mut before = mem::take(&mut self.known);
        for object in scan.objects {
            let identity = object.key.identity();
            let known = match (before.remove(&identity), object.state) {
                (None, State::Unknown) => Known::unjudged(object),
                (Some(known), State::Unknown) => self.unseen(known, object),
                (known, _) => self.judged(known, object, now),
            };
            self.known.insert(identity, known);
        }
        for (identity, mut known) in before {
            if scan.gaps.iter().any(|gap| hides(gap, &known.last)) {
                self.hide(&mut known);
                self.known.insert(identity, known);
            } else {
                self.transitions.extend(known.open.into_values().map(|episode| resolved(episode, known.judged, now)));
            }
        }
        self.looked_everywhere |= scan.gaps.is_empty();
        self.turns.prune(now);
        self.standing(now)
    }

    /// What stands at `now`, without a new scan, in report order.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Vec<ObjectAssessment> {
        let mut objects: Vec<_> = self
            .known
            .iter()
            .filter_map(|(identity, known)| {
                let object = known.standing(now, self.max_staleness)?;
                Some(ObjectAssessment { flapping: self.turns.flapping(identity), ..object })
            })
            .collect();
        objects.sort_by(|left, right| left.key.cmp(&right.key));
        objects
    }

    /// What has happened since the last call.
    pub fn take_transitions(&mut self) -> Vec<Transition> {
        mem::take(&mut self.transitions)
    }

    /// Every finding that stands, seen by the latest scan or not.
    pub fn open(&self) -> impl Iterator<Item = &Episode> {
        self.known.values().flat_map(|known| known.open.values())
    }

    /// Whether drift by which Git was ahead has gone: somebody deploys.
    fn sees_a_deployer(&self, scan: &Assessment) -> bool {
        let lagging: BTreeMap<&Identity, &Known> = self.known.iter().filter(|(_, known)| known.lags()).collect();
        let catches_up = |object: &ObjectAssessment| {
            let known = lagging.get(&object.key.identity());
            object.state != State::Unknown && known.is_some_and(|known| known.catches_up(object))
        };
        !lagging.is_empty() && scan.objects.iter().any(catches_up)
    }

    /// A verdict on an object, which was known or not.
    ///
    /// What is new on it stands since its writer's time, unless somebody has looked before and not seen it: then since
    /// now.
    fn judged(&mut self, known: Option<Known>, mut object: ObjectAssessment, now: Timestamp) -> Known {
        let looked = known.as_ref().map_or(self.looked_everywhere, Known::was_looked_at);
        let start = if looked { now } else { object.since.unwrap_or(now) };
        let mut was = known.unwrap_or_else(|| Known::unjudged(unknown(&object)));
        let waiting = self.settle(&mut object, &was, (start, now));
        let first_seen = |id: &str| {
            let waited = || was.waiting.get(id).map_or(start, |waiting| waiting.first_seen);
            was.open.get(id).map_or_else(waited, |episode| episode.first_seen)
        };
        let episodes = Episode::all_of(&object, first_seen);
        let mut open = BTreeMap::new();
        for episode in episodes {
            let event = match was.open.remove(&episode.finding) {
                Some(before) => self.again(&mut was, &before, &object, &episode, now),
                None if looked => {
                    self.turns.record(&episode, now);
                    Some(Event::Appeared)
                }
                None => Some(Event::Noted),
            };
            self.transitions.extend(event.map(|event| Transition { event, episode: episode.clone() }));
            open.insert(episode.finding.clone(), episode);
        }
        self.transitions.extend(was.open.into_values().map(|episode| resolved(episode, was.judged, now)));
        was.values.retain(|finding, _| open.contains_key(finding));
        let mut known = Known { last: object, judged: Some(now), current: true, open, waiting, values: was.values };
        known.last.since = known.since();
        known
    }

    /// Takes out of a verdict what does not count yet, and tells it.
    fn settle(
        &self,
        object: &mut ObjectAssessment,
        was: &Known,
        (start, now): (Timestamp, Timestamp),
    ) -> BTreeMap<String, Waiting> {
        let whole = matches!(object.state, State::Missing | State::Extra).then_some(object.state);
        let findings = match whole {
            Some(_) => vec![object.as_finding(self.grace.environment())],
            None => mem::take(&mut object.findings),
        };
        let mut waiting = BTreeMap::new();
        for finding in findings {
            let id = whole.map_or_else(|| finding.id.clone(), |state| state.as_str().to_owned());
            let new = Waiting { first_seen: start, origin: finding.origin };
            let since = was.waiting.get(&id).map_or(new, |since| Waiting { origin: finding.origin, ..*since });
            let until = self.grace.until(since, self.deployed, now).filter(|_| !was.open.contains_key(&id));
            if let Some(until) = until {
                waiting.insert(id, since);
                object.settling.push(Settling { finding, since: since.first_seen, until });
            } else if whole.is_none() {
                object.findings.push(finding);
            }
        }
        if !waiting.is_empty() {
            object.state = if whole.is_some() { State::InSync } else { object.state };
            object.settle();
        }
        waiting
    }

    /// What has happened to a finding that stood before.
    fn again(
        &mut self,
        was: &mut Known,
        before: &Episode,
        object: &ObjectAssessment,
        episode: &Episode,
        now: Timestamp,
    ) -> Option<Event> {
        let live = |of: &ObjectAssessment| {
            let is_it = |finding: &&Finding| finding.id == episode.finding;
            of.findings.iter().find(is_it).map(|finding| finding.live.clone())
        };
        if let (Some(then), Some(today)) = (live(&was.last), live(object))
            && then != today
        {
            if was.values.insert(episode.finding.clone(), then) == Some(today) {
                self.turns.record(episode, now);
            }
            return Some(Event::Changed);
        }
        if !before.is_judged_as(episode) {
            return Some(Event::Changed);
        }
        (before != episode).then_some(Event::Noted)
    }

    /// No verdict on an object that was known: the last one stays, the place of its declaration is the new one.
    fn unseen(&mut self, mut known: Known, object: ObjectAssessment) -> Known {
        self.hide(&mut known);
        let last = ObjectAssessment { source: object.source, key: object.key, ..known.last };
        Known { last, ..known }
    }

    fn hide(&mut self, known: &mut Known) {
        known.current = false;
        let Some(last_seen) = known.judged else { return };
        for episode in known.open.values_mut().filter(|episode| episode.sight == Sight::Standing) {
            episode.sight = Sight::Hidden { last_seen };
            self.transitions.push(Transition { event: Event::Noted, episode: episode.clone() });
        }
    }
}

impl Known {
    /// An object on which there never was a verdict.
    const fn unjudged(last: ObjectAssessment) -> Self {
        Self {
            last,
            judged: None,
            current: true,
            open: BTreeMap::new(),
            waiting: BTreeMap::new(),
            values: BTreeMap::new(),
        }
    }

    /// An object of which only the record tells.
    fn recalled(episode: &Episode) -> Self {
        let state = if episode.state == State::Extra { State::Extra } else { State::Unknown };
        Self { current: false, ..Self::unjudged(ObjectAssessment::new(episode.key.clone(), state)) }
    }

    /// The findings by which Git is ahead, whether they count or not.
    fn behind(&self) -> impl Iterator<Item = &String> {
        let open = self.open.iter().filter(|(_, episode)| episode.origin == Some(Origin::Outdated));
        let waiting = self.waiting.iter().filter(|(_, waiting)| waiting.origin == Origin::Outdated);
        open.map(|(id, _)| id).chain(waiting.map(|(id, _)| id))
    }

    fn lags(&self) -> bool {
        self.behind().next().is_some()
    }

    fn catches_up(&self, object: &ObjectAssessment) -> bool {
        let has = |id: &String| match object.state {
            State::Missing | State::Extra => id == object.state.as_str(),
            _ => object.findings.iter().any(|finding| finding.id == *id),
        };
        self.behind().any(|id| !has(id))
    }

    fn was_looked_at(&self) -> bool {
        self.judged.is_some() || !self.open.is_empty()
    }

    fn since(&self) -> Option<Timestamp> {
        self.open.values().map(|episode| episode.first_seen).min()
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

/// An episode of an object on which the verdict before was made at `judged`.
fn resolved(episode: Episode, judged: Option<Timestamp>, at: Timestamp) -> Transition {
    let last_seen = episode.last_seen(judged.unwrap_or(at));
    Transition { event: Event::Resolved, episode: Episode { sight: Sight::Resolved { last_seen, at }, ..episode } }
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
