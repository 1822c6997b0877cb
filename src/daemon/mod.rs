//! The long-running driver: scans every environment again and again, and serves what it finds.

mod notify;
mod promote;
mod signals;
mod supervise;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use signals::Signals;
pub use supervise::TaskEnded;
pub use worker::Scan;

use crate::board::Board;
use crate::config::{Config, Environment};
use crate::http;
use crate::pipeline::{Pipeline, PipelineError, Promotions};
use crate::report::Identity;
use notify::Systemd;
use supervise::Supervisor;

/// How long what is under way at the first signal has: less than the 30 s after which Kubernetes kills.
const GRACE: Duration = Duration::from_secs(20);

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
    #[error(transparent)]
    TaskEnded(#[from] TaskEnded),
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
        let board = Board::new(config.environments.iter().map(|environment| identity(environment)).collect());
        let promotions = Promotions::new(config)?;
        board.promote(promotions.waiting());
        Ok(Self {
            listener,
            address,
            board: Arc::new(board),
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
        let supervisor = Supervisor::new();
        let tasks = supervisor.tasks();
        let (listener, router) = (self.listener, http::router(Arc::clone(&self.board)));
        let _server =
            tasks.spawn_draining("the HTTP server", |draining| http::serve(listener, router, draining.begun()));
        let systemd = Arc::new(Systemd::from_environment());
        let _word = systemd
            .is_listening()
            .then(|| tasks.spawn("the word to systemd", Arc::clone(&systemd).attend(Arc::clone(&self.board))));
        let start =
            |environment| worker::start(environment, Arc::clone(&scanner), Arc::clone(&self.board), self.pace, &tasks);
        let _workers: Vec<_> = self.environments.into_iter().map(start).collect();
        let _promotions = (!self.promotions.is_empty()).then(|| {
            let round = promote::run(self.promotions, Arc::clone(&self.board), self.pace.interval);
            tasks.spawn("the look at promotions", round)
        });
        tracing::info!(address = %self.address, "listening");
        tokio::select! {
            () = shutdown => {}
            ended = supervisor.unexpected_end() => return Err(ended.into()),
        }
        tracing::info!("stopping: open requests may finish");
        systemd.stopping();
        Ok(supervisor.drain(GRACE).await?)
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
