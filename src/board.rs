//! The one noticeboard: what the daemon found last, ready to be read by whoever serves it.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::drift::promotion::Promotion;
pub use crate::metrics::Configuration;
use crate::metrics::{self, Events, Format, Observed, Samples, ScanErrors, Standing};
use crate::report::{EnvironmentReport, Identity, Report};

/// Takes reports from the scans, hands out the latest [`Notice`].
#[derive(Debug)]
pub struct Board {
    held: Mutex<Held>,
    latest: watch::Sender<Arc<Notice>>,
    hints: watch::Sender<Hints>,
}

/// When somebody said last that a repository has changed, by its name.
pub type Hints = BTreeMap<String, Instant>;

/// What is held of all environments.
#[derive(Debug)]
struct Held {
    entries: Vec<Entry>,
    /// Whether every first scan had ended once: an environment that comes later makes nobody wait.
    ready: bool,
    configuration: Configuration,
}

/// Everything there is to serve at one moment.
#[derive(Debug)]
pub struct Notice {
    /// On the environments scanned so far; absent before the first scan has ended.
    pub report: Option<Arc<Report>>,
    /// Every environment, in the order of the configuration.
    pub environments: Vec<Freshness>,
    /// One for each environment that is promoted from another, in the order of the configuration.
    pub promotions: Vec<Promotion>,
    /// How the configuration stands that all this rests on.
    pub configuration: Configuration,
    ready: bool,
    text: String,
    open_metrics: String,
}

/// How fresh the knowledge of an environment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freshness {
    /// What it is.
    pub identity: Identity,
    /// When its latest scan ended; absent until the first has.
    pub last_scan: Option<Timestamp>,
    /// When its latest complete scan ended.
    pub last_success: Option<Timestamp>,
}

/// Where one environment, or those that it stands for, come when the board is rearranged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// What is known of it stays.
    Kept {
        /// Which one.
        name: String,
        /// A promotion from another one is not known any more.
        promoted_from: Option<String>,
    },
    /// Nothing is known of it.
    New(Identity),
}

/// What is held of one environment.
#[derive(Debug)]
struct Entry {
    freshness: Freshness,
    report: Option<EnvironmentReport>,
    errors: ScanErrors,
    events: Events,
    promotion: Option<Promotion>,
    samples: Samples,
}

impl Board {
    /// A board on which nothing stands yet.
    #[must_use]
    pub fn new(environments: Vec<Identity>) -> Self {
        let entries = environments.into_iter().map(Entry::new).collect();
        let held = Held { entries, ready: false, configuration: Configuration::default() };
        let (latest, _) = watch::channel(Arc::new(Notice::of(&held)));
        Self { held: Mutex::new(held), latest, hints: watch::Sender::default() }
    }

    /// From now on the environments `now` stand where those that belong to `family` did: the one of that name, and
    /// those that are called `family:…`. What is known of one that stays is kept, of one that goes nothing.
    pub fn regroup(&self, family: &str, now: Vec<Identity>) {
        let belongs = |entry: &Entry| entry.belongs_to(family);
        self.update(|entries| {
            let place = entries.iter().position(belongs).unwrap_or(entries.len());
            let mut before: Vec<Entry> = entries.extract_if(.., |entry| belongs(entry)).collect();
            let entered = now.into_iter().map(|identity| {
                let known = before.iter().position(|entry| entry.freshness.identity.name == identity.name);
                known.map_or_else(|| Entry::new(identity), |index| before.swap_remove(index))
            });
            let entered: Vec<Entry> = entered.collect();
            entries.splice(place..place, entered);
        });
    }

    /// From now on exactly these stand on the board, in this order.
    pub fn rearrange(&self, places: Vec<Place>) {
        self.update(|entries| {
            let mut before = mem::take(entries);
            for place in places {
                match place {
                    Place::New(identity) => entries.push(Entry::new(identity)),
                    Place::Kept { name, promoted_from } => {
                        let own = before.extract_if(.., |entry| entry.belongs_to(&name));
                        entries.extend(own.map(|entry| entry.promoted_only_from(promoted_from.as_deref())));
                    }
                }
            }
        });
    }

    /// Puts up how the configuration stands.
    pub fn configure(&self, configuration: Configuration) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.configuration = configuration;
        self.latest.send_replace(Arc::new(Notice::of(&held)));
    }

    /// Puts up what a scan that has just ended found. A report on an environment that is not on the board is dropped.
    pub fn publish(&self, report: EnvironmentReport) {
        self.change(&report.name.clone(), |entry| entry.scanned(report));
    }

    /// Puts up what is left of an environment's last report although no scan has ended.
    pub fn withdraw(&self, report: EnvironmentReport) {
        self.change(&report.name.clone(), |entry| entry.report = Some(report));
    }

    /// Puts up how environments stand to those that they are promoted from; one that is not on the board is dropped.
    pub fn promote(&self, promotions: Vec<Promotion>) {
        for promotion in promotions {
            self.change(&promotion.environment.clone(), |entry| entry.promotion = Some(promotion));
        }
    }

    /// Says that the repository of this name is said to have changed just now.
    pub fn hint(&self, repository: &str) {
        self.hints.send_modify(|hints| {
            hints.insert(repository.to_owned(), Instant::now());
        });
    }

    /// Sees every hint.
    #[must_use]
    pub fn hints(&self) -> watch::Receiver<Hints> {
        self.hints.subscribe()
    }

    /// What stands now.
    #[must_use]
    pub fn latest(&self) -> Arc<Notice> {
        Arc::clone(&self.latest.borrow())
    }

    /// Sees every change from now on; what stands now counts as seen.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<Notice>> {
        self.latest.subscribe()
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Entry)) {
        self.update(|entries| {
            let Some(entry) = entries.iter_mut().find(|entry| entry.freshness.identity.name == name) else { return };
            change(entry);
            entry.samples = entry.render();
        });
    }

    fn update(&self, change: impl FnOnce(&mut Vec<Entry>)) {
        // A thread that panicked while it held the lock left entries that are still whole: each is replaced at once.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut held.entries);
        held.ready |= held.entries.iter().all(|entry| entry.freshness.is_scanned());
        self.latest.send_replace(Arc::new(Notice::of(&held)));
    }
}

impl Entry {
    fn new(identity: Identity) -> Self {
        let freshness = Freshness { identity, last_scan: None, last_success: None };
        let mut entry = Self {
            freshness,
            report: None,
            errors: ScanErrors::new(),
            events: Events::new(),
            promotion: None,
            samples: Samples::default(),
        };
        entry.samples = entry.render();
        entry
    }

    /// Whether it is that of the environment `name`, or of one that this stands for.
    fn belongs_to(&self, name: &str) -> bool {
        let own = &self.freshness.identity.name;
        own == name || own.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'))
    }

    fn promoted_only_from(mut self, source: Option<&str>) -> Self {
        if self.promotion.as_ref().is_some_and(|promotion| Some(promotion.promoted_from.as_str()) != source) {
            self.promotion = None;
            self.samples = self.render();
        }
        self
    }

    fn scanned(&mut self, report: EnvironmentReport) {
        // The branch of a pattern may be another one than before.
        self.freshness.identity.branch.clone_from(&report.branch);
        self.freshness.last_scan = Some(report.finished_at);
        if report.complete {
            self.freshness.last_success = Some(report.finished_at);
        }
        let stages: BTreeSet<_> = report.gaps.iter().map(|gap| gap.stage).collect();
        for stage in stages {
            *self.errors.entry(stage).or_default() += 1;
        }
        for (event, count) in &report.events {
            *self.events.entry(*event).or_default() += count;
        }
        self.report = Some(report);
    }

    fn render(&self) -> Samples {
        let identity = &self.freshness.identity;
        metrics::render(&Observed {
            name: &identity.name,
            repository: &identity.repository,
            branch: &identity.branch,
            cluster: &identity.cluster,
            revision: self.report.as_ref().and_then(|report| report.revision.as_deref()),
            standing: self.report.as_ref().map(|report| Standing {
                complete: report.complete,
                summary: &report.summary,
                objects: &report.objects,
                ignored: &report.ignored,
                coverage: &report.coverage,
            }),
            last_scan: self.freshness.last_scan,
            last_success: self.freshness.last_success,
            errors: &self.errors,
            events: &self.events,
            promotion: self.promotion.as_ref(),
        })
    }
}

impl Notice {
    fn of(Held { entries, ready, configuration }: &Held) -> Self {
        let environments: Vec<_> = entries.iter().map(|entry| entry.freshness.clone()).collect();
        let promotions: Vec<_> = entries.iter().filter_map(|entry| entry.promotion.clone()).collect();
        let report =
            Report::new(entries.iter().filter_map(|entry| entry.report.clone()).collect()).map(|mut report| {
                // What was never looked at is not known to be in sync.
                report.complete &= environments.iter().all(Freshness::is_scanned);
                report.promotions.clone_from(&promotions);
                Arc::new(report)
            });
        let samples: Vec<_> = entries.iter().map(|entry| &entry.samples).collect();
        let body = |format| metrics::join(&samples, format);
        Self {
            report,
            environments,
            promotions,
            configuration: configuration.clone(),
            ready: *ready,
            text: body(Format::Text),
            open_metrics: body(Format::OpenMetrics),
        }
    }

    /// Whether every environment's first scan has ended, well or not; an environment that comes later changes nothing.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.ready
    }

    /// The report on the environment `name`, once it was scanned.
    #[must_use]
    pub fn environment(&self, name: &str) -> Option<&EnvironmentReport> {
        self.report.as_ref()?.environments.iter().find(|environment| environment.name == name)
    }

    /// The body of a scrape: what was rendered when the state changed, and the process as it is now.
    #[must_use]
    pub fn metrics(&self, format: Format) -> String {
        let rendered = match format {
            Format::Text => &self.text,
            Format::OpenMetrics => &self.open_metrics,
        };
        let closing = metrics::closing(&self.configuration, format);
        let mut body = String::with_capacity(rendered.len() + closing.len());
        body.push_str(rendered);
        body.push_str(&closing);
        body
    }
}

impl Freshness {
    /// Whether a scan has ended, well or not.
    #[must_use]
    pub const fn is_scanned(&self) -> bool {
        self.last_scan.is_some()
    }
}
