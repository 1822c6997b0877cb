//! The long-running driver: scans every environment again and again, and serves what it finds.

mod memory;
mod promote;
mod signals;
mod worker;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{Id, JoinError, JoinSet};

pub use signals::Signals;
pub use worker::Scan;

use crate::board::Board;
use crate::config::{Config, Environment};
use crate::http;
use crate::pipeline::{Pipeline, PipelineError, Promotions};
use crate::report::Identity;
use crate::store::Store;

/// Why the daemon could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The address is taken, not of this machine, or not permitted.
    #[error("cannot listen on {address}: {source}; set `http.listen` to a free address")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// What the system answered.
        source: io::Error,
    },
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(io::Error),
    /// The scans cannot begin.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// A bug: no task ends on its own.
    #[error("{task} ended unexpectedly: {reason}")]
    TaskEnded {
        /// Which one.
        task: String,
        /// How.
        reason: String,
    },
    /// A second signal came before everything was drained.
    #[error("aborted by a second signal")]
    Aborted,
}

/// Scans and serves as `config` says until SIGTERM or SIGINT; a second signal aborts.
///
/// # Errors
/// It could not start, a task ended unexpectedly, or a second signal came.
pub async fn run(config: &Config) -> Result<(), DaemonError> {
    let signals = Signals::new().map_err(DaemonError::Signals)?;
    run_until_signalled(Daemon::bind(config).await?, config, signals).await
}

/// Runs a daemon that listens already until the first signal; a second one aborts.
///
/// # Errors
/// A task ended unexpectedly, or a second signal came.
pub async fn run_until_signalled(daemon: Daemon, config: &Config, mut signals: Signals) -> Result<(), DaemonError> {
    let pipeline = Pipeline::reading(config, daemon.promotions.repositories())?;
    let (tell, told) = oneshot::channel::<()>();
    let aborted = async move {
        signals.next().await;
        drop(tell);
        signals.next().await;
    };
    let first = async {
        // Resolves when the sender is dropped; nothing is ever sent.
        let _ = told.await;
    };
    tokio::select! {
        ended = daemon.run(pipeline, first) => ended,
        () = aborted => Err(DaemonError::Aborted),
    }
}

/// A daemon that listens already but does not scan yet.
#[derive(Debug)]
pub struct Daemon {
    listener: TcpListener,
    address: SocketAddr,
    board: Arc<Board>,
    store: Arc<Store>,
    environments: Vec<Arc<Environment>>,
    promotions: Promotions,
    pace: worker::Pace,
}

impl Daemon {
    /// Binds the address of `config`, whose port may be 0.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn bind(config: &Config) -> Result<Self, DaemonError> {
        let failed = |source| DaemonError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        // First of all: the key of the digests lies beside it.
        let store = Arc::new(Store::new(config.state.as_deref(), config.retention));
        let board = Board::new(config.environments.iter().map(|environment| identity(environment)).collect());
        let promotions = Promotions::new(config)?;
        board.promote(promotions.waiting());
        Ok(Self {
            listener,
            address,
            board: Arc::new(board),
            store,
            promotions,
            environments: config.environments.clone(),
            pace: worker::Pace { interval: config.interval, max_staleness: config.max_staleness },
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it finds: [`Board::subscribe`] tells when, [`crate::board::Notice::is_ready`] when the first scans have
    /// ended.
    #[must_use]
    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// Scans with `scanner` and serves until `shutdown`, then lets open requests finish.
    ///
    /// Every environment has a task of its own, so that none delays another.
    ///
    /// # Errors
    /// A task ended unexpectedly: everything else is stopped.
    pub async fn run(self, scanner: impl Scan, shutdown: impl Future<Output = ()>) -> Result<(), DaemonError> {
        let scanner = Arc::new(scanner);
        let (stop, stopped) = oneshot::channel::<()>();
        let mut tasks = Tasks::default();
        let router = http::router(Arc::clone(&self.board), Arc::clone(&self.store));
        let server = tasks.spawn(
            "the HTTP server".to_owned(),
            http::serve(self.listener, router, async {
                let _ = stopped.await;
            }),
        );
        for environment in self.environments {
            let name = format!("the scan of environment {}", environment.name);
            let (scanner, board) = (Arc::clone(&scanner), (Arc::clone(&self.board), Arc::clone(&self.store)));
            if environment.reference.is_each() {
                tasks.spawn(name, worker::run_each(environment, scanner, board, self.pace));
            } else {
                tasks.spawn(name, worker::run(environment, scanner, board, self.pace));
            }
        }
        if !self.promotions.is_empty() {
            let (promotions, board) = (self.promotions, Arc::clone(&self.board));
            tasks.spawn("the look at promotions".to_owned(), promote::run(promotions, board, self.pace.interval));
        }
        tracing::info!(address = %self.address, "listening");
        tokio::select! {
            () = shutdown => {}
            ended = tasks.next_end() => return Err(ended.into()),
        }
        tracing::info!("stopping: open requests may finish");
        drop(stop);
        tasks.keep_only(server);
        let ended = tasks.next_end().await;
        if ended.failed { Err(ended.into()) } else { Ok(()) }
    }
}

/// What an environment is, as its report names it.
fn identity(environment: &Environment) -> Identity {
    Identity {
        name: environment.name.clone(),
        repository: environment.repository.name.clone(),
        branch: environment.reference.to_string(),
        cluster: environment.cluster.name.clone(),
    }
}

/// Every task of the daemon, by name; dropping it ends them.
#[derive(Debug, Default)]
struct Tasks {
    set: JoinSet<()>,
    names: HashMap<Id, String>,
    handles: HashMap<Id, tokio::task::AbortHandle>,
}

/// How a task ended.
#[derive(Debug)]
struct Ended {
    task: String,
    reason: String,
    failed: bool,
}

impl Tasks {
    fn spawn(&mut self, name: String, task: impl Future<Output = ()> + Send + 'static) -> Id {
        let handle = self.set.spawn(task);
        self.names.insert(handle.id(), name);
        let id = handle.id();
        self.handles.insert(id, handle);
        id
    }

    /// Ends all tasks but one.
    fn keep_only(&mut self, kept: Id) {
        for (id, handle) in &self.handles {
            if *id != kept {
                handle.abort();
            }
        }
    }

    /// Waits until a task ends on its own, well or not.
    async fn next_end(&mut self) -> Ended {
        loop {
            let (id, error) = match self.set.join_next_with_id().await {
                None => {
                    return Ended { task: "every task".to_owned(), reason: "none is left".to_owned(), failed: true };
                }
                Some(Ok((id, ()))) => (id, None),
                Some(Err(error)) if error.is_cancelled() => continue,
                Some(Err(error)) => (error.id(), Some(error)),
            };
            let task = self.names.get(&id).cloned().unwrap_or_default();
            let failed = error.is_some();
            return Ended { task, reason: error.map_or_else(|| "it returned".to_owned(), panic_message), failed };
        }
    }
}

fn panic_message(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(payload) => {
            let text = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
            format!("it panicked: {}", text.unwrap_or("no message"))
        }
        Err(error) => error.to_string(),
    }
}

impl From<Ended> for DaemonError {
    fn from(ended: Ended) -> Self {
        Self::TaskEnded { task: ended.task, reason: ended.reason }
    }
}
