//! How a scope is followed, as a value: what is asked next and what an answer means; no IO, no clock, no chance.

use std::time::Duration;

use crate::drift::model::{Gap, GapReason, Live, ObjectKey};

/// What a watch tells, in this order: [`Told::Begins`], every object, [`Told::Complete`], then changes as they come.
#[derive(Debug)]
pub enum Told {
    /// What is told from here to [`Told::Complete`] is all there is; what was known before and is not told again by
    /// then has gone.
    Begins,
    /// An object as it lives now.
    Applied(Box<Live>),
    /// An object has gone.
    Deleted(ObjectKey),
    /// Every object has been told.
    Complete,
    /// Nothing changed, and nothing was missed.
    Heard,
    /// The scope cannot be followed for now. What was told stands as it was; the watch goes on trying.
    Lost(Gap),
}

/// What is asked of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// Every object and then every change, in one answer.
    Stream,
    /// One page of a list, the first where `next` is empty.
    Page { next: String },
    /// Every change since a resource version.
    Changes { since: String },
}

/// One event of an answer.
#[derive(Debug)]
pub(super) enum Event {
    Applied(Box<Live>),
    Deleted {
        key: ObjectKey,
        resource_version: String,
    },
    Bookmark {
        resource_version: String,
        ends_initial_events: bool,
    },
    /// The server gives up on this answer.
    Error {
        status: u16,
        retry_after: Option<Duration>,
        gap: Gap,
    },
}

/// What came of a request.
#[derive(Debug)]
pub(super) enum Input {
    /// The server answers.
    Opened,
    /// One event of the answer.
    Event(Event),
    /// A page of a list, as a whole.
    Page { objects: Vec<Live>, next: String, resource_version: String },
    /// The answer ended, well or not, after so long; the gap is what is not known if it ended too early.
    Ended { lasted: Duration, gap: Gap },
    /// Nothing has come for longer than a server stays silent.
    Silent(Gap),
    /// The request failed.
    Refused { status: Option<u16>, retry_after: Option<Duration>, gap: Gap },
    /// The answer holds something that cannot be read.
    Unreadable(Gap),
}

/// What to do after an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Read on.
    Read,
    /// Ask for more of what has been going well so far.
    Continue,
    /// Ask anew, after [`Watch::pause`].
    Restart(Restart),
}

/// Why a watch asks anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Restart {
    /// The answer ended, which is what servers do every few minutes.
    Ended,
    /// The resource version is too old (410).
    Expired,
    /// Nothing came any more.
    Silent,
    /// The server refused.
    Refused,
    /// Nobody answered.
    Unreachable,
    /// The answer could not be read.
    Unreadable,
}

impl Restart {
    /// The word of labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Expired => "expired",
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Unreadable => "unreadable",
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is known from which one could go on.
    Fresh,
    /// The initial events of a streaming list arrive.
    Streaming,
    /// The pages of a list arrive.
    Paging { next: String },
    /// Every object is known as of a resource version.
    Following { since: String },
}

/// Whether the server streams lists; one that does not is asked for pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lists {
    Streamed,
    Paged,
}

/// The pause after a first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause: a right that is given back is noticed within it.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause that a server may ask for.
const LONGEST_WISH: Duration = Duration::from_mins(2);
/// An answer that ends so early and empty may be a refusal in disguise.
const SHORT: Duration = Duration::from_secs(1);
/// After so many refusals in a row a resource version is given up: the server may have been restored from an earlier
/// state and wait for one that never comes.
const REFUSALS: u32 = 3;

/// One scope being followed.
#[derive(Debug)]
pub(super) struct Watch {
    phase: Phase,
    lists: Lists,
    /// In a row.
    failures: u32,
    retry_after: Duration,
    /// Why it is lost at present.
    lost: Option<GapReason>,
    /// Events of the answer that is being read.
    events: u64,
}

impl Watch {
    pub const fn new() -> Self {
        Self {
            phase: Phase::Fresh,
            lists: Lists::Streamed,
            failures: 0,
            retry_after: Duration::ZERO,
            lost: None,
            events: 0,
        }
    }

    /// Whether every object has been told.
    pub const fn is_following(&self) -> bool {
        matches!(self.phase, Phase::Following { .. })
    }

    /// What to ask now.
    pub fn request(&self) -> Request {
        match (&self.phase, self.lists) {
            (Phase::Following { since }, _) => Request::Changes { since: since.clone() },
            (Phase::Paging { next }, _) => Request::Page { next: next.clone() },
            (Phase::Fresh | Phase::Streaming, Lists::Streamed) => Request::Stream,
            (Phase::Fresh | Phase::Streaming, Lists::Paged) => Request::Page { next: String::new() },
        }
    }

    /// How long to leave the server alone before the next request; `chance` between 0 and 1 keeps many watches apart.
    pub fn pause(&self, chance: f64) -> Duration {
        if self.failures == 0 {
            return self.retry_after;
        }
        let doubled = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(self.failures - 1).unwrap_or(u32::MAX));
        let pause = doubled.min(LONGEST_PAUSE).mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0);
        pause.max(self.retry_after)
    }

    /// Takes in what came of the last request.
    pub fn take(&mut self, input: Input) -> (Vec<Told>, Next) {
        match input {
            Input::Opened => {
                self.events = 0;
                if self.request() == Request::Stream {
                    self.phase = Phase::Streaming;
                    return (vec![Told::Begins], Next::Read);
                }
                (Vec::new(), Next::Read)
            }
            Input::Event(event) => {
                self.events += 1;
                self.event(event)
            }
            Input::Page { objects, next, resource_version } => {
                (self.page(objects, next, resource_version), Next::Continue)
            }
            Input::Ended { lasted, gap } => {
                if self.events == 0 && lasted < SHORT {
                    self.unless_following();
                    return self.failed(Restart::Ended, Duration::ZERO, gap);
                }
                self.ended(Restart::Ended, gap)
            }
            Input::Silent(gap) => {
                if self.phase == Phase::Streaming {
                    // It took the wish for a streaming list and does not know what that is.
                    self.lists = Lists::Paged;
                }
                self.ended(Restart::Silent, gap)
            }
            Input::Unreadable(gap) => {
                self.phase = Phase::Fresh;
                self.failed(Restart::Unreadable, Duration::ZERO, gap)
            }
            Input::Refused { status, retry_after, gap } => self.refused(status, retry_after.unwrap_or_default(), gap),
        }
    }

    fn event(&mut self, event: Event) -> (Vec<Told>, Next) {
        let told = match event {
            Event::Error { status, retry_after, gap } => {
                return self.refused(Some(status), retry_after.unwrap_or_default(), gap);
            }
            Event::Applied(live) => {
                if let Some(version) = &live.resource_version {
                    self.reached(version);
                }
                Told::Applied(live)
            }
            Event::Deleted { key, resource_version } => {
                self.reached(&resource_version);
                Told::Deleted(key)
            }
            Event::Bookmark { resource_version, ends_initial_events } => {
                if self.phase == Phase::Streaming {
                    if !ends_initial_events {
                        return (Vec::new(), Next::Read);
                    }
                    return (vec![self.complete(resource_version)], Next::Read);
                }
                self.reached(&resource_version);
                Told::Heard
            }
        };
        (vec![told], Next::Read)
    }

    /// Goes on from here should the answer end; initial events come in no order to go on from.
    fn reached(&mut self, version: &str) {
        if let Phase::Following { since } = &mut self.phase {
            version.clone_into(since);
            self.recovered();
        }
    }

    fn page(&mut self, objects: Vec<Live>, next: String, resource_version: String) -> Vec<Told> {
        let first = !matches!(self.phase, Phase::Paging { .. });
        let mut told = if first { vec![Told::Begins] } else { Vec::new() };
        told.extend(objects.into_iter().map(|live| Told::Applied(Box::new(live))));
        if next.is_empty() {
            told.push(self.complete(resource_version));
        } else {
            self.phase = Phase::Paging { next };
        }
        told
    }

    fn complete(&mut self, since: String) -> Told {
        self.phase = Phase::Following { since };
        self.recovered();
        Told::Complete
    }

    fn recovered(&mut self) {
        self.failures = 0;
        self.retry_after = Duration::ZERO;
        self.lost = None;
    }

    /// An answer that ends is asked for again where it ended.
    fn ended(&mut self, why: Restart, gap: Gap) -> (Vec<Told>, Next) {
        if !self.is_following() {
            self.unless_following();
            return self.failed(why, Duration::ZERO, gap);
        }
        self.retry_after = Duration::ZERO;
        (Vec::new(), Next::Restart(why))
    }

    fn refused(&mut self, status: Option<u16>, retry_after: Duration, gap: Gap) -> (Vec<Told>, Next) {
        match (status, &self.phase) {
            // The first 410 is the way of things: the list begins again at once.
            (Some(410), _) => {
                let surprising = self.phase == Phase::Fresh || self.failures > 0;
                self.phase = Phase::Fresh;
                if surprising {
                    return self.failed(Restart::Expired, retry_after, gap);
                }
                (Vec::new(), Next::Restart(Restart::Expired))
            }
            // Rule: `k8s.io/apimachinery/pkg/apis/meta/internalversion/validation`: a server that does not stream lists
            // calls the request invalid.
            (Some(400 | 405 | 422), Phase::Fresh | Phase::Streaming) if self.lists == Lists::Streamed => {
                self.lists = Lists::Paged;
                self.phase = Phase::Fresh;
                (Vec::new(), Next::Restart(Restart::Refused))
            }
            (None, _) => {
                self.unless_following();
                self.failed(Restart::Unreachable, retry_after, gap)
            }
            (Some(code), _) => {
                // A kind that is gone and comes back counts anew; a right may come back where it was.
                let given_up = code == 404 || (!matches!(code, 401 | 403 | 429) && self.failures + 1 >= REFUSALS);
                if given_up {
                    self.phase = Phase::Fresh;
                }
                self.unless_following();
                self.failed(Restart::Refused, retry_after, gap)
            }
        }
    }

    fn unless_following(&mut self) {
        if !self.is_following() {
            self.phase = Phase::Fresh;
        }
    }

    fn failed(&mut self, why: Restart, retry_after: Duration, gap: Gap) -> (Vec<Told>, Next) {
        self.failures += 1;
        self.retry_after = retry_after.min(LONGEST_WISH);
        let told = if self.lost.replace(gap.reason) == Some(gap.reason) { Vec::new() } else { vec![Told::Lost(gap)] };
        (told, Next::Restart(why))
    }
}

#[cfg(test)]
mod tests;
