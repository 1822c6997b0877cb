//! What one environment remembers from scan to scan, and from process to process.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::drift::history::{Episode, Event, Grace, History, Look, Sight};
use crate::drift::model::{Assessment, Gap, GapReason, Identity, ObjectAssessment, Origin, Stage, Summary};
use crate::report::EnvironmentReport;
use crate::store::{Scanned, Session, Store, StoreError};

/// The history of one environment, with its record.
#[derive(Debug)]
pub(super) struct Chronicle {
    environment: String,
    history: History,
    store: Arc<Store>,
    /// Absent until the record could be read.
    session: Option<Session>,
    /// What is to be written, by finding and first sight.
    pending: BTreeMap<(Identity, String, Timestamp), Episode>,
}

impl Chronicle {
    /// That of `environment`, in which drift that cannot be checked stands for `max_staleness`.
    pub(super) fn new(environment: &str, max_staleness: SignedDuration, store: Arc<Store>) -> Self {
        Self {
            environment: environment.to_owned(),
            history: History::new(max_staleness),
            store,
            session: None,
            pending: BTreeMap::new(),
        }
    }

    /// From now on drift that cannot be checked stands for `max_staleness`.
    pub(super) const fn hold_for(&mut self, max_staleness: SignedDuration) {
        self.history.hold_for(max_staleness);
    }

    /// From now on drift counts once it has stood for so long, by its origin.
    pub(super) fn settle_for(&mut self, settling: &BTreeMap<Origin, Duration>) {
        let span = |time: &Duration| SignedDuration::try_from(*time).unwrap_or(SignedDuration::MAX);
        let times = settling.iter().map(|(origin, time)| (*origin, span(time))).collect();
        self.history.settle_for(Grace::new(&self.environment, times));
    }

    /// What stands at `now`, without a new scan.
    pub(super) fn standing(&self, now: Timestamp) -> Vec<ObjectAssessment> {
        self.history.standing(now)
    }

    /// The report with what the history adds to it: drift that stands, since when, and what has happened. Where that
    /// cannot be recorded, the report has a gap, and it is recorded with the next one.
    pub(super) async fn absorb(&mut self, mut report: EnvironmentReport) -> EnvironmentReport {
        let now = report.finished_at;
        // Before anything is judged: what stood before the start is as old as the record says.
        let recalled = if self.session.is_none() { self.recall(now).await } else { Ok(()) };
        let scan = Assessment { objects: mem::take(&mut report.objects), gaps: report.gaps.clone() };
        let objects = self.history.absorb(scan, now);
        self.note(&mut report.events);
        let recorded = match recalled {
            Ok(()) => self.record(&report).await,
            Err(error) => Err(error),
        };
        if let Err(error) = recorded {
            report.gaps.push(gap(&error));
            report.complete = false;
        }
        EnvironmentReport { summary: Summary::of(&objects), objects, ..report }
    }

    /// Takes over what has happened: to be counted, and to be written.
    fn note(&mut self, events: &mut BTreeMap<(Event, Origin), u64>) {
        for transition in self.history.take_transitions() {
            let episode = transition.episode;
            if transition.event != Event::Noted {
                *events.entry((transition.event, episode.origin.unwrap_or(Origin::Unknown))).or_default() += 1;
            }
            self.pend(episode);
        }
    }

    fn pend(&mut self, episode: Episode) {
        self.pending.insert((episode.key.identity(), episode.finding.clone(), episode.first_seen), episode);
    }

    async fn recall(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let (store, environment) = (Arc::clone(&self.store), self.environment.clone());
        let recalled = in_background(move || store.recall(&environment, now)).await?;
        self.session = Some(recalled.session);
        self.history.recall(recalled.episodes, recalled.look, now);
        // The record may be a new one: all that stands is written.
        self.pending.retain(|_, episode| matches!(episode.sight, Sight::Resolved { .. }));
        for episode in self.history.open().cloned().collect::<Vec<_>>() {
            self.pend(episode);
        }
        self.note(&mut BTreeMap::new());
        Ok(())
    }

    async fn record(&mut self, report: &EnvironmentReport) -> Result<(), StoreError> {
        match self.write(report).await {
            Err(StoreError::Reopened { .. }) => {
                self.recall(report.finished_at).await?;
                self.write(report).await
            }
            written => written,
        }
    }

    async fn write(&mut self, report: &EnvironmentReport) -> Result<(), StoreError> {
        let Some(session) = self.session else { return Ok(()) };
        let (store, environment) = (Arc::clone(&self.store), self.environment.clone());
        let look = if report.complete { Look::Everywhere } else { Look::Partial };
        let (ended, revision) = (report.finished_at, report.revision.clone());
        let episodes: Vec<Episode> = self.pending.values().cloned().collect();
        in_background(move || {
            let scan = Scanned { environment: &environment, ended, look, revision: revision.as_deref() };
            store.record(session, scan, &episodes)
        })
        .await?;
        self.pending.clear();
        Ok(())
    }
}

/// Runs `work` off the threads that answer requests.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(StoreError::Died(error.to_string())))
}

fn gap(error: &StoreError) -> Gap {
    Gap {
        stage: Stage::State,
        scope: "history".to_owned(),
        reason: GapReason::Failed,
        message: error.to_string(),
        source: None,
    }
}
