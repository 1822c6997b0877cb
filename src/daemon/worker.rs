//! One environment's endless round: scan, remember, publish, wait.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::identity;
use super::supervise::{Task, Tasks};
use crate::board::Board;
use crate::config::Environment;
use crate::drift::history::History;
use crate::drift::model::{Assessment, Gap, GapReason, ObjectAssessment, Stage, Summary};
use crate::pipeline::{self, Pipeline};
use crate::report::EnvironmentReport;

/// Whatever can scan an environment.
pub trait Scan: Send + Sync + 'static {
    /// Scans it. Never fails: what could not be known is a gap of the report. May be dropped at any await.
    fn scan(&self, environment: &Environment) -> impl Future<Output = EnvironmentReport> + Send;

    /// The environments that `environment` stands for now; itself, unless its branch is a pattern of which each is one.
    fn expand(&self, environment: &Arc<Environment>) -> impl Future<Output = Vec<Arc<Environment>>> + Send {
        std::future::ready(vec![Arc::clone(environment)])
    }
}

impl Scan for Pipeline {
    fn scan(&self, environment: &Environment) -> impl Future<Output = EnvironmentReport> + Send {
        Self::scan(self, environment)
    }

    fn expand(&self, environment: &Arc<Environment>) -> impl Future<Output = Vec<Arc<Environment>>> + Send {
        Self::expand(self, environment)
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

/// Scans `environment`, or each of those that it stands for, until the task is dropped.
pub(super) fn start(
    environment: Arc<Environment>,
    scanner: Arc<impl Scan>,
    board: Arc<Board>,
    pace: Pace,
    tasks: &Tasks,
) -> Task {
    let name = format!("the scan of environment {}", environment.name);
    if environment.reference.is_each() {
        let round = run_each(environment, scanner, board, pace, tasks.clone());
        return tasks.spawn(name, round);
    }
    tasks.spawn(name, run(environment, scanner, board, pace))
}

/// Scans `environment` at once and then at every interval; a scan that takes longer leaves beats out.
async fn run(environment: Arc<Environment>, scanner: Arc<impl Scan>, board: Arc<Board>, pace: Pace) {
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

/// Looks at every interval for the environments that `family` stands for, and scans each as [`run`] does; one that has
/// gone is taken from the board with everything that was known of it.
async fn run_each(family: Arc<Environment>, scanner: Arc<impl Scan>, board: Arc<Board>, pace: Pace, tasks: Tasks) {
    let mut beat = interval(pace.interval.max(Duration::from_millis(1)));
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut running: HashMap<String, Task> = HashMap::new();
    loop {
        beat.tick().await;
        let now = scanner.expand(&family).await;
        let stays = |name: &String| now.iter().any(|environment| environment.name == *name);
        let gone: Vec<String> = running.keys().filter(|name| !stays(name)).cloned().collect();
        let come: Vec<_> = now.iter().filter(|environment| !running.contains_key(&environment.name)).cloned().collect();
        if gone.is_empty() && come.is_empty() {
            continue;
        }
        for worker in gone.iter().filter_map(|name| running.remove(name)) {
            worker.end().await;
        }
        tracing::info!(environment = family.name, "now follows {}", names(&now));
        board.regroup(&family.name, now.iter().map(|environment| identity(environment)).collect());
        for environment in come {
            let name = environment.name.clone();
            let worker = run(environment, Arc::clone(&scanner), Arc::clone(&board), pace);
            running.insert(name.clone(), tasks.spawn(format!("the scan of environment {name}"), worker));
        }
    }
}

fn names(environments: &[Arc<Environment>]) -> String {
    environments.iter().map(|environment| environment.name.as_str()).collect::<Vec<_>>().join(", ")
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
    let mut report = with_objects(report.clone(), history.standing(pipeline::now()));
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
