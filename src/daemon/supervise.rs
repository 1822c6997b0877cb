//! Every task of the daemon, by name, under one owner: none ends unseen, none outlives it.

use std::collections::{BTreeSet, HashMap};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::timeout;

/// How a task ended that should not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{task} ended unexpectedly: {reason}")]
pub struct TaskEnded {
    /// Its name: a phrase such as `the HTTP server`.
    pub task: String,
    /// `it returned`, or what its panic said.
    pub reason: String,
}

/// Owns every task; dropping it ends them.
#[derive(Debug)]
pub(super) struct Supervisor {
    held: Arc<Mutex<Held>>,
    draining: watch::Sender<bool>,
}

/// Where tasks are started; clones start them under the same supervisor.
#[derive(Debug, Clone)]
pub(super) struct Tasks {
    held: Weak<Mutex<Held>>,
    draining: watch::Receiver<bool>,
}

/// A task that was started; dropping it ends the task.
#[derive(Debug)]
pub(super) struct Task {
    handle: Option<AbortHandle>,
    ended: oneshot::Receiver<()>,
}

/// Resolves when the daemon is to end: what is under way may be finished within the grace period.
#[derive(Debug, Clone)]
pub(super) struct Draining(watch::Receiver<bool>);

#[derive(Debug, Default)]
struct Held {
    set: JoinSet<()>,
    running: HashMap<Id, Running>,
}

#[derive(Debug)]
struct Running {
    name: String,
    at_end: AtEnd,
    handle: AbortHandle,
}

/// What becomes of a task when the daemon is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtEnd {
    /// It holds nothing that would be lost.
    Stopped,
    /// It may finish what is under way.
    Drained,
}

impl Supervisor {
    pub(super) fn new() -> Self {
        Self { held: Arc::default(), draining: watch::Sender::new(false) }
    }

    pub(super) fn tasks(&self) -> Tasks {
        Tasks { held: Arc::downgrade(&self.held), draining: self.draining.subscribe() }
    }

    /// Waits until a task ends that nobody has ended, well or not.
    pub(super) async fn unexpected_end(&self) -> TaskEnded {
        loop {
            match self.next_end().await {
                None => return TaskEnded { task: "every task".to_owned(), reason: "none is left".to_owned() },
                Some((_, Err(error))) if error.is_cancelled() => {}
                Some((task, ended)) => {
                    return TaskEnded { task, reason: ended.err().map_or_else(|| "it returned".to_owned(), panicked) };
                }
            }
        }
    }

    /// Ends all tasks: those that want to finish what is under way have `grace` for it.
    ///
    /// # Errors
    /// One of them panicked meanwhile.
    pub(super) async fn drain(self, grace: Duration) -> Result<(), TaskEnded> {
        self.draining.send_replace(true);
        for task in lock(&self.held).running.values().filter(|task| task.at_end == AtEnd::Stopped) {
            task.handle.abort();
        }
        let drained = async {
            while let Some((task, ended)) = self.next_end().await {
                match ended {
                    Err(error) if error.is_panic() => return Err(TaskEnded { task, reason: panicked(error) }),
                    _ => {}
                }
            }
            Ok(())
        };
        timeout(grace, drained).await.unwrap_or_else(|_| {
            let names: BTreeSet<String> = lock(&self.held).running.values().map(|task| task.name.clone()).collect();
            let names = names.into_iter().collect::<Vec<_>>().join(", ");
            tracing::warn!(seconds = grace.as_secs_f64(), tasks = names, "stopped before everything was finished");
            Ok(())
        })
    }

    /// The name of the next task that ends, and how it did; nothing where none is left.
    async fn next_end(&self) -> Option<(String, Result<(), JoinError>)> {
        poll_fn(|context| {
            let mut held = lock(&self.held);
            let Poll::Ready(ended) = held.set.poll_join_next_with_id(context) else { return Poll::Pending };
            Poll::Ready(ended.map(|ended| {
                let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
                let name = held.running.remove(&id).map(|task| task.name).unwrap_or_default();
                (name, ended.map(drop))
            }))
        })
        .await
    }
}

impl Tasks {
    /// Starts a task that never returns; it is stopped at once when the daemon is to end. `name` is a phrase for people.
    pub(super) fn spawn(&self, name: impl Into<String>, task: impl Future<Output = ()> + Send + 'static) -> Task {
        self.start(name.into(), AtEnd::Stopped, task)
    }

    /// Starts a task that returns only once it is told that the daemon is to end, within the grace period.
    pub(super) fn spawn_draining<F>(&self, name: impl Into<String>, task: impl FnOnce(Draining) -> F) -> Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.start(name.into(), AtEnd::Drained, task(Draining(self.draining.clone())))
    }

    fn start(&self, name: String, at_end: AtEnd, task: impl Future<Output = ()> + Send + 'static) -> Task {
        let (tell, ended) = oneshot::channel();
        let told = async move {
            // Dropped when the task ends, in whatever way, and after everything that it held.
            let _tell: oneshot::Sender<()> = tell;
            task.await;
        };
        // Without a supervisor everything is about to end.
        let handle = self.held.upgrade().map(|held| {
            let mut held = lock(&held);
            let handle = held.set.spawn(told);
            held.running.insert(handle.id(), Running { name, at_end, handle: handle.clone() });
            handle
        });
        Task { handle, ended }
    }
}

impl Task {
    /// Ends it, and returns once it does nothing any more.
    pub(super) async fn end(mut self) {
        self.abort();
        // Resolves when the sender is dropped; nothing is ever sent.
        let _ = (&mut self.ended).await;
    }

    fn abort(&self) {
        if let Some(handle) = &self.handle {
            handle.abort();
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.abort();
    }
}

impl Draining {
    /// Waits for it.
    pub(super) async fn begun(mut self) {
        // A supervisor that is gone has ended everything.
        let _ = self.0.wait_for(|begun| *begun).await;
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    // Nothing that holds it can leave it half done.
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

fn panicked(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(payload) => {
            let text = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
            format!("it panicked: {}", text.unwrap_or("no message"))
        }
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    /// Never passed where a test does well.
    const LONG: Duration = Duration::from_mins(1);

    fn ended(task: &str, reason: &str) -> TaskEnded {
        TaskEnded { task: task.to_owned(), reason: reason.to_owned() }
    }

    #[tokio::test]
    async fn an_unexpected_end_has_the_name_of_its_task() {
        let supervisor = Supervisor::new();
        let tasks = supervisor.tasks();
        let _server = tasks.spawn("the server", pending());
        let _scan = tasks.spawn("the scan", async {});
        assert_eq!(supervisor.unexpected_end().await, ended("the scan", "it returned"));
        let _watch = tasks.spawn("the watch", async { panic!("no {}", "more") });
        assert_eq!(supervisor.unexpected_end().await, ended("the watch", "it panicked: no more"));
        let early = tasks.spawn_draining("the store", async |_| ());
        assert_eq!(supervisor.unexpected_end().await, ended("the store", "it returned"));
        early.end().await;
    }

    #[tokio::test]
    async fn a_task_that_is_ended_is_no_surprise_and_has_let_go_of_everything() {
        let supervisor = Supervisor::new();
        let tasks = supervisor.tasks();
        let (held, mut seen) = oneshot::channel::<()>();
        let scan = tasks.spawn("the scan", async move {
            let _held = held;
            pending::<()>().await;
        });
        scan.end().await;
        assert_eq!(seen.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        let _next = tasks.spawn("the next", async {});
        assert_eq!(supervisor.unexpected_end().await, ended("the next", "it returned"));
    }

    #[tokio::test]
    async fn at_the_end_some_are_stopped_and_some_finish() {
        let supervisor = Supervisor::new();
        let tasks = supervisor.tasks();
        let (finish, finished) = oneshot::channel();
        let _scan = tasks.spawn("the scan", pending());
        let _store = tasks.spawn_draining("the store", |draining| async move {
            draining.begun().await;
            let _ = finish.send("flushed");
        });
        supervisor.drain(LONG).await.unwrap();
        assert_eq!(finished.await, Ok("flushed"));
        let late = tasks.spawn("the late one", pending());
        late.end().await;
    }

    #[tokio::test]
    async fn a_panic_while_finishing_is_told_and_whoever_hangs_is_left() {
        let supervisor = Supervisor::new();
        let _store = supervisor.tasks().spawn_draining("the store", |draining| async move {
            draining.begun().await;
            panic!("disk full");
        });
        assert_eq!(supervisor.drain(LONG).await, Err(ended("the store", "it panicked: disk full")));

        let supervisor = Supervisor::new();
        let hanging = supervisor.tasks().spawn_draining("the server", |_| pending());
        assert_eq!(supervisor.drain(Duration::ZERO).await, Ok(()));
        hanging.end().await;
    }
}
