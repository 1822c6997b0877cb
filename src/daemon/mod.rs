//! The long-running driver: scans every environment again and again, and serves what it finds.

mod chronicle;
mod fleet;
mod hints;
mod journal;
mod notify;
mod promote;
mod reload;
mod running;
mod signals;
mod supervise;
mod worker;

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use signals::Signals;
pub use supervise::TaskEnded;
pub use worker::Scan;

use crate::board::{Board, Configuration};
use crate::config::{Config, ConfigError, ConfigFile, Environment};
use crate::http::{Access, AccessError, Door};
use crate::pipeline::{Pipeline, PipelineError, Promotions};
use crate::report::Identity;
use crate::store::Store;
use reload::Reloads;
use running::Running;
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
    /// There is no configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nobody can be let in.
    #[error(transparent)]
    Access(#[from] AccessError),
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

/// Scans and serves as `file` says, and as it says later on, until SIGTERM or SIGINT; a second signal aborts.
///
/// # Errors
/// It could not start, a task ended unexpectedly, or a second signal came.
pub async fn run(file: ConfigFile) -> Result<(), DaemonError> {
    let signals = Signals::new().map_err(DaemonError::Signals)?;
    let text = file.read()?;
    let config = file.parse(&text)?;
    let mut daemon = Daemon::bind(&config).await?;
    daemon.board.configure(Configuration { digest: Some(text.digest()), failure: None });
    daemon.reloads = Some(Reloads::new(file, text).map_err(DaemonError::Signals)?);
    run_until_signalled(daemon, &config, signals).await
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
    door: Door,
    config: Config,
    store: Arc<Store>,
    promotions: Promotions,
    /// Absent where its configuration is as it is.
    reloads: Option<Reloads>,
}

impl Daemon {
    /// Binds the address of `config`, whose port may be 0.
    ///
    /// # Errors
    /// The address cannot be bound, or the files of `http.webConfigFile` cannot be used.
    pub async fn bind(config: &Config) -> Result<Self, DaemonError> {
        let door = Door::new(Access::load(config.web_config.as_deref())?);
        let (listener, address) = bind(config.listen).await?;
        // First of all: the key of the digests lies beside it.
        let store = Arc::new(Store::new(config.state.as_deref(), config.retention));
        let board = Board::new(config.environments.iter().map(|environment| identity(environment)).collect());
        let promotions = Promotions::new(config)?.recorded_in(Arc::clone(&store));
        let (board, config) = (Arc::new(board), config.clone());
        Ok(Self { listener, address, board, door, config, store, promotions, reloads: None })
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
    pub async fn run(mut self, scanner: impl Scan, shutdown: impl Future<Output = ()>) -> Result<(), DaemonError> {
        let supervisor = Supervisor::new();
        let mut reloads = self.reloads.take();
        let mut running = Running::start(self, scanner, supervisor.tasks());
        tokio::pin!(shutdown);
        loop {
            let changed = async {
                match &mut reloads {
                    Some(reloads) => (reloads.next().await, reloads.file()),
                    None => pending().await,
                }
            };
            tokio::select! {
                () = &mut shutdown => break,
                ended = supervisor.unexpected_end() => return Err(ended.into()),
                (read, file) = changed => running.reload(file, read).await,
            }
        }
        tracing::info!("stopping: open requests may finish");
        running.stopping();
        Ok(supervisor.drain(GRACE).await?)
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), DaemonError> {
    let failed = |source| DaemonError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
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
