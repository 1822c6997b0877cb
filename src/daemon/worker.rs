//! One environment's endless round: scan, remember, publish, wait.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::board::Board;
use crate::config::Environment;
use crate::drift::history::History;
use crate::drift::model::{Assessment, Gap, GapReason, ObjectAssessment, Stage, Summary};
use crate::pipeline::Pipeline;
use crate::report::EnvironmentReport;

/// Whatever can scan an environment.
pub trait Scan: Send + Sync + 'static {
    /// Scans it. Never fails: what could not be known is a gap of the report. May be dropped at any await.
    fn scan(&self, environment: &Environment) -> impl Future<Output = EnvironmentReport> + Send;
}

impl Scan for Pipeline {
    fn scan(&self, environment: &Environment) -> impl Future<Output = EnvironmentReport> + Send {
        Self::scan(self, environment)
    }
}

/// How often, and how long without.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// From the beginning of one scan to that of the next.
    pub interval: Duration,
    /// How long known drift stands while it cannot be checked.
    pub max_staleness: Duration,
}

/// Scans `environment` at once and then at every interval; a scan that takes longer leaves beats out.
pub(super) async fn run(environment: Arc<Environment>, scanner: Arc<impl Scan>, board: Arc<Board>, pace: Pace) {
    let max_staleness = SignedDuration::try_from(pace.max_staleness).unwrap_or(SignedDuration::MAX);
    let mut history = History::new(max_staleness);
    let mut beat = interval(pace.interval.max(Duration::from_millis(1)));
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        beat.tick().await;
        let scan = scanner.scan(&environment);
        tokio::pin!(scan);
        let report = tokio::select! {
            report = &mut scan => report,
            () = sleep(pace.max_staleness) => {
                withdraw(&environment.name, &history, &board, pace);
                scan.await
            }
        };
        log(&report);
        board.publish(remember(&mut history, report));
    }
}

/// The report with what the history adds to it: drift that stands, and since when.
fn remember(history: &mut History, mut report: EnvironmentReport) -> EnvironmentReport {
    let scan = Assessment { objects: mem::take(&mut report.objects), gaps: report.gaps.clone() };
    let objects = history.absorb(scan, report.finished_at);
    with_objects(report, objects)
}

fn with_objects(report: EnvironmentReport, objects: Vec<ObjectAssessment>) -> EnvironmentReport {
    EnvironmentReport { summary: Summary::of(&objects), objects, ..report }
}

/// A scan hangs: what can no longer be vouched for is taken from the board, and the report says why.
fn withdraw(name: &str, history: &History, board: &Board, pace: Pace) {
    let seconds = pace.max_staleness.as_secs_f64();
    tracing::warn!(environment = name, "the scan has not ended after {seconds}s; known drift is withdrawn");
    let notice = board.latest();
    let Some(report) = notice.environment(name) else { return };
    let mut report = with_objects(report.clone(), history.standing(Timestamp::now()));
    report.complete = false;
    report.gaps.push(Gap {
        stage: Stage::Compare,
        scope: format!("environment {name}"),
        reason: GapReason::Unreachable,
        message: format!("a scan has not ended after {seconds}s; its cluster or repository does not answer"),
        source: None,
    });
    board.withdraw(report);
}

fn log(report: &EnvironmentReport) {
    let counts = &report.summary.objects;
    tracing::info!(
        environment = report.name,
        revision = report.revision.as_deref().unwrap_or_default(),
        modified = counts.modified,
        missing = counts.missing,
        extra = counts.extra,
        unknown = counts.unknown,
        "scanned"
    );
    for gap in &report.gaps {
        tracing::warn!(environment = report.name, stage = %gap.stage, scope = gap.scope, "{}", gap.message);
    }
}
