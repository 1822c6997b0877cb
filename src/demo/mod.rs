//! The sample platform that the binary carries: its repository and its clusters, unpacked and watched.

mod repository;

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use include_dir::{Dir, include_dir};

use crate::board::Notice;
use crate::check;
use crate::config::{Config, ConfigError};
use crate::daemon::{self, Daemon, DaemonError};
use crate::render;
use crate::report::{Listing, Report, text};

pub use repository::DemoError as RepositoryError;

static REPOSITORY: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/demo/repository");
static CLUSTERS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/demo/cluster");
const HISTORY: &str = include_str!("../../demo/history.yaml");
const CONFIG: &str = include_str!("../../demo/driftd.yaml");

/// Why the sample platform cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The temporary folder cannot be written.
    #[error("cannot unpack the sample platform into a temporary folder: {0}; set TMPDIR to a folder with 5 MB left")]
    Unpack(#[from] io::Error),
    /// The repository cannot be made.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The sample's configuration was refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The daemon did not start or did not go on.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
}

/// Unpacks the sample platform into a temporary folder, runs the daemon on it until a signal, and tells what it found
/// and where to look, once. The folder is gone when this returns.
///
/// # Errors
/// The folder, the repository or the daemon failed.
pub async fn run(tell: impl FnOnce(&[u8])) -> Result<(), DemoError> {
    let signals = daemon::Signals::new().map_err(DaemonError::Signals)?;
    let folder = tempfile::Builder::new().prefix("driftd-demo-").tempdir()?;
    let (config, left_out) = renderable(unpack(folder.path())?);
    let daemon = bind(config.clone()).await?;
    let address = daemon.address();
    let mut notices = daemon.board().subscribe();
    let announce = async {
        // Fails only when the daemon has ended, which the other branch tells.
        if let Ok(notice) = notices.wait_for(|notice| notice.is_ready()).await.map(|notice| notice.clone()) {
            tell(&announcement(&notice, &left_out, address, folder.path())?);
        }
        std::future::pending::<Result<(), DemoError>>().await
    };
    tokio::select! {
        ended = daemon::run_until_signalled(daemon, &config, signals) => Ok(ended?),
        failed = announce => failed,
    }
}

/// Everything on disk, and the configuration that leads to it.
///
/// # Errors
/// The folder cannot be written.
pub fn unpack(folder: &Path) -> Result<Config, DemoError> {
    let clusters = folder.join("cluster");
    fs::create_dir(&clusters)?;
    CLUSTERS.extract(&clusters)?;
    repository::make(&folder.join("platform.git"), HISTORY, &REPOSITORY)?;
    let file = folder.join("driftd.yaml");
    fs::write(&file, CONFIG)?;
    Ok(Config::load(&file)?)
}

/// What this machine can render of the sample, and for each environment that it cannot what is missing.
fn renderable(mut config: Config) -> (Config, Vec<String>) {
    let mut left_out = Vec::new();
    config.environments.retain(|environment| {
        let missing = render::missing_program(environment.renderer);
        left_out.extend(missing.map(|program| format!("{}: no {program} on PATH", environment.name)));
        missing.is_none()
    });
    (config, left_out)
}

/// The configured port, or any free one where another program has it.
async fn bind(mut config: Config) -> Result<Daemon, DaemonError> {
    match Daemon::bind(&config).await {
        Err(DaemonError::Listen { .. }) => {
            config.listen.set_port(0);
            Daemon::bind(&config).await
        }
        bound => bound,
    }
}

fn announcement(notice: &Notice, left_out: &[String], address: SocketAddr, folder: &Path) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    if let Some(report) = &notice.report {
        let report: &Report = report;
        text::write(report, Listing::OutOfSync, check::verdict(report, &[]), &mut out)?;
    }
    if !left_out.is_empty() {
        writeln!(out, "\nLeft out: {}", left_out.join("; "))?;
    }
    writeln!(out, "\nThe daemon runs on the sample platform until Ctrl-C:")?;
    for (path, what) in
        [("/", "the page"), ("/metrics", "the series for Prometheus"), ("/api/v1/report", "the report as JSON")]
    {
        writeln!(out, "  http://{address}{path:<16} {what}")?;
    }
    writeln!(out, "  {}  its repository and clusters: change them and look again", folder.display())?;
    Ok(out)
}

#[cfg(test)]
mod tests;
