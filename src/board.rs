//! The one noticeboard: what the daemon found last, ready to be read by whoever serves it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::drift::promotion::Promotion;
use crate::metrics::{self, Format, Observed, Samples, ScanErrors, Standing};
use crate::report::{EnvironmentReport, Identity, Report};

/// Takes reports from the scans, hands out the latest [`Notice`].
#[derive(Debug)]
pub struct Board {
    entries: Mutex<Vec<Entry>>,
    latest: watch::Sender<Arc<Notice>>,
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

/// What is held of one environment.
#[derive(Debug)]
struct Entry {
    freshness: Freshness,
    report: Option<EnvironmentReport>,
    errors: ScanErrors,
    promotion: Option<Promotion>,
    samples: Samples,
}

impl Board {
    /// A board on which nothing stands yet.
    #[must_use]
    pub fn new(environments: Vec<Identity>) -> Self {
        let entries: Vec<_> = environments.into_iter().map(Entry::new).collect();
        let (latest, _) = watch::channel(Arc::new(Notice::of(&entries)));
        Self { entries: Mutex::new(entries), latest }
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
        // A thread that panicked while it held the lock left entries that are still whole: each is replaced at once.
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = entries.iter_mut().find(|entry| entry.freshness.identity.name == name) else { return };
        change(entry);
        entry.samples = entry.render();
        self.latest.send_replace(Arc::new(Notice::of(&entries)));
    }
}

impl Entry {
    fn new(identity: Identity) -> Self {
        let freshness = Freshness { identity, last_scan: None, last_success: None };
        let mut entry =
            Self { freshness, report: None, errors: ScanErrors::new(), promotion: None, samples: Samples::default() };
        entry.samples = entry.render();
        entry
    }

    fn scanned(&mut self, report: EnvironmentReport) {
        self.freshness.last_scan = Some(report.finished_at);
        if report.complete {
            self.freshness.last_success = Some(report.finished_at);
        }
        let stages: BTreeSet<_> = report.gaps.iter().map(|gap| gap.stage).collect();
        for stage in stages {
            *self.errors.entry(stage).or_default() += 1;
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
            promotion: self.promotion.as_ref(),
        })
    }
}

impl Notice {
    fn of(entries: &[Entry]) -> Self {
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
        Self { report, environments, promotions, text: body(Format::Text), open_metrics: body(Format::OpenMetrics) }
    }

    /// Whether every environment's first scan has ended, well or not.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.environments.iter().all(Freshness::is_scanned)
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
        let closing = metrics::closing(format);
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
