//! One environment's endless round: scan, remember, publish, wait.

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use tokio::sync::{Mutex, watch};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::chronicle::Chronicle;
use super::hints::Waiting;
use super::identity;
use super::journal::Journal;
use super::supervise::{Task, Tasks};
use crate::board::Board;
use crate::config::{Config, Environment};
use crate::drift::model::{Gap, GapReason, Stage, Summary};
use crate::git::Repositories;
use crate::pipeline::{self, Pipeline};
use crate::report::EnvironmentReport;
use crate::store::Store;

/// Whatever can scan an environment.
pub trait Scan: Send + Sync + 'static {
    /// Scans it. Never fails: what could not be known is a gap of the report. May be dropped at any await.
    fn scan(&self, environment: &Environment) -> impl Future<Output = EnvironmentReport> + Send;

    /// The same for `config`, reading `repositories`: what both have in common is kept.
    #[must_use]
    fn reconfigured(&self, config: &Config, repositories: Repositories) -> Self
    where
        Self: Sized;

    /// The environments that `environment` stands for now; itself, unless its branch is a pattern of which each is one.
    fn expand(&self, environment: &Arc<Environment>) -> impl Future<Output = Vec<Arc<Environment>>> + Send {
        std::future::ready(vec![Arc::clone(environment)])
    }

    /// Says that the repository of `environment` is said to have changed at `when`: what was learnt of it before is old.
    fn changed(&self, _environment: &Environment, _when: Instant) {}
}

impl Scan for Pipeline {
    fn reconfigured(&self, config: &Config, repositories: Repositories) -> Self {
        Self::reconfigured(self, config, repositories)
    }

    fn scan(&self, environment: &Environment) -> impl Future<Output = EnvironmentReport> + Send {
        Self::scan(self, environment)
    }

    fn expand(&self, environment: &Arc<Environment>) -> impl Future<Output = Vec<Arc<Environment>>> + Send {
        Self::expand(self, environment)
    }

    fn changed(&self, environment: &Environment, when: Instant) {
        self.repositories().changed(&environment.repository.name, when);
    }
}

/// What all environments have in common; a reload puts another in its place.
#[derive(Debug)]
pub(super) struct Course<S> {
    scanner: Arc<S>,
    interval: Duration,
    max_staleness: Duration,
    /// The configuration without its environments and what they name.
    common: Arc<Config>,
}

impl<S> Course<S> {
    pub(super) fn new(config: &Config, scanner: Arc<S>) -> Self {
        let common = Config {
            listen: SocketAddr::from(([0, 0, 0, 0], 0)),
            web_config: None,
            webhooks: BTreeMap::new(),
            repositories: Vec::new(),
            environments: Vec::new(),
            ..config.clone()
        };
        let Config { interval, max_staleness, .. } = common;
        Self { scanner, interval: interval.max(Duration::from_millis(1)), max_staleness, common: Arc::new(common) }
    }

    /// Times beats from now on.
    fn beat(&self) -> Interval {
        let mut beat = interval(self.interval);
        beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
        beat
    }
}

impl<S> Clone for Course<S> {
    fn clone(&self) -> Self {
        Self { scanner: Arc::clone(&self.scanner), common: Arc::clone(&self.common), ..*self }
    }
}

/// Where a worker takes what it does from, and where it puts what it finds.
#[derive(Debug)]
pub(super) struct Post<S> {
    pub course: watch::Receiver<Course<S>>,
    pub board: Arc<Board>,
    pub store: Arc<Store>,
    pub tasks: Tasks,
}

impl<S> Clone for Post<S> {
    fn clone(&self) -> Self {
        let Self { course, board, store, tasks } = self;
        Self { course: course.clone(), board: Arc::clone(board), store: Arc::clone(store), tasks: tasks.clone() }
    }
}

impl<S> Post<S> {
    /// Waits for the next beat, or for a course on which everything is to be compared anew at once; `course` is the one
    /// to follow afterwards.
    async fn next(&mut self, course: &mut Course<S>, beat: &mut Interval) {
        loop {
            tokio::select! {
                _ = beat.tick() => return,
                Ok(()) = self.course.changed() => {
                    let before = mem::replace(course, self.course.borrow_and_update().clone());
                    if before.common != course.common {
                        *beat = course.beat();
                    }
                }
            }
        }
    }
}

/// What is known of one environment, for as long as it is the same.
pub(super) type Memory = Arc<Mutex<Remembered>>;

/// See [`Memory`].
#[derive(Debug)]
pub(super) struct Remembered {
    chronicle: Chronicle,
    journal: Journal,
}

/// Of the environment `name` nothing is known yet but what is on record.
pub(super) fn memory(name: &str, max_staleness: Duration, store: &Arc<Store>) -> Memory {
    let chronicle = Chronicle::new(name, span(max_staleness), Arc::clone(store));
    Arc::new(Mutex::new(Remembered { chronicle, journal: Journal::default() }))
}

fn span(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// Scans `environment`, or each of those that it stands for, until the task is dropped.
pub(super) fn start<S: Scan>(environment: Arc<Environment>, memory: Memory, post: Post<S>) -> Task {
    let (name, tasks) = (format!("the scan of environment {}", environment.name), post.tasks.clone());
    if environment.is_family() {
        return tasks.spawn(name, run_each(environment, post));
    }
    tasks.spawn(name, run(environment, memory, post))
}

/// Scans `environment` at once, then at every interval and where its repository is said to have changed; a scan that
/// takes longer leaves beats out.
async fn run<S: Scan>(environment: Arc<Environment>, memory: Memory, mut post: Post<S>) {
    // Held for as long as the worker lives: there is one at a time.
    let mut memory = memory.lock().await;
    let Remembered { chronicle, journal } = &mut *memory;
    let mut course = post.course.borrow_and_update().clone();
    let mut beat = course.beat();
    let mut hints = Waiting::on(&post.board, Some(&environment.repository.name));
    loop {
        tokio::select! {
            () = post.next(&mut course, &mut beat) => {}
            when = hints.next() => course.scanner.changed(&environment, when),
        }
        chronicle.hold_for(span(course.max_staleness));
        chronicle.settle_for(&course.common.settling);
        let scan = course.scanner.scan(&environment);
        tokio::pin!(scan);
        let report = tokio::select! {
            report = &mut scan => report,
            () = sleep(course.max_staleness) => {
                withdraw(&environment.name, chronicle, &post.board, course.max_staleness);
                scan.await
            }
        };
        let report = chronicle.absorb(report).await;
        journal.tell(&report);
        post.board.publish(report);
    }
}

/// Looks at every interval for the environments that `family` stands for, and scans each as [`run`] does; one that has
/// gone is taken from the board with everything that was known of it.
async fn run_each<S: Scan>(family: Arc<Environment>, mut post: Post<S>) {
    let mut course = post.course.borrow_and_update().clone();
    let mut beat = course.beat();
    let mut running: HashMap<String, Task> = HashMap::new();
    let mut hints = Waiting::on(&post.board, Some(&family.repository.name));
    loop {
        tokio::select! {
            () = post.next(&mut course, &mut beat) => {}
            when = hints.next() => course.scanner.changed(&family, when),
        }
        let now = course.scanner.expand(&family).await;
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
        post.board.regroup(&family.name, now.iter().map(|environment| identity(environment)).collect());
        for environment in come {
            let name = environment.name.clone();
            let worker = run(environment, memory(&name, course.max_staleness, &post.store), post.clone());
            running.insert(name.clone(), post.tasks.spawn(format!("the scan of environment {name}"), worker));
        }
    }
}

fn names(environments: &[Arc<Environment>]) -> String {
    environments.iter().map(|environment| environment.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// A scan hangs: what can no longer be vouched for is taken from the board, and the report says why.
fn withdraw(name: &str, chronicle: &Chronicle, board: &Board, max_staleness: Duration) {
    let seconds = max_staleness.as_secs_f64();
    tracing::warn!(environment = name, "the scan has not ended after {seconds}s; known drift is withdrawn");
    let notice = board.latest();
    let Some(report) = notice.environment(name) else { return };
    let objects = chronicle.standing(pipeline::now());
    let mut report = EnvironmentReport { summary: Summary::of(&objects), objects, ..report.clone() };
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
