//! How long drift must stand before it counts: a deployment in progress is no alarm.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::drift::model::Origin;

/// How long a deployer that wrote somewhere is taken to be still at it.
const WRITING: SignedDuration = SignedDuration::from_mins(1);
/// How long drift may settle at most because deployers write.
const LONGEST: SignedDuration = SignedDuration::from_mins(15);

/// How long the drift of one environment must stand before it counts, by its origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grace {
    environment: String,
    times: BTreeMap<Origin, SignedDuration>,
}

/// A finding that does not count yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Since when it stands, as far as it is known.
    pub first_seen: Timestamp,
    pub origin: Origin,
}

impl Grace {
    /// That of `environment`; what is not among `times` counts at once.
    #[must_use]
    pub fn new(environment: &str, times: BTreeMap<Origin, SignedDuration>) -> Self {
        Self { environment: environment.to_owned(), times }
    }

    pub(super) fn environment(&self) -> &str {
        &self.environment
    }

    /// Until when a finding settles; none where it counts at `now`. `wrote` is when a deployer was last seen to write.
    ///
    /// While a deployer writes, nothing counts that no person has written.
    pub(super) fn until(&self, waiting: Waiting, wrote: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let Waiting { first_seen, origin } = waiting;
        let own = later(first_seen, self.times.get(&origin).copied().unwrap_or_default());
        let deployed = wrote.filter(|_| origin != Origin::Manual);
        let deployed = deployed.map(|wrote| later(wrote, WRITING).min(later(first_seen, LONGEST)));
        let until = deployed.map_or(own, |deployed| deployed.max(own));
        (now < until).then_some(until)
    }
}

fn later(time: Timestamp, span: SignedDuration) -> Timestamp {
    time.saturating_add(span).unwrap_or(Timestamp::MAX)
}
