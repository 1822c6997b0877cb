//! The wall around a child: limits that it is born with, and namespaces of its own where the kernel gives them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rustix::process::Resource;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::process::Reach;
use super::tools::find;

/// A network without any device, and processes that end with the first of them.
const NAMESPACES: [&str; 6] = ["--user", "--map-current-user", "--net", "--pid", "--fork", "--kill-child"];
/// How many children compute side by side: enough that a few that hang leave turns to the others.
const CHILDREN_PER_PROCESSOR: usize = 4;
/// How long the kernel may think about it.
const PROBE: Duration = Duration::from_secs(5);
/// An address where nobody listens: the discard port.
const NOWHERE: &str = "http://127.0.0.1:9";
/// What a child that may speak to others takes over from driftd.
const PASSED_ON: [&str; 10] = [
    "PATH",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
];

/// What this machine has to put around a child.
#[derive(Debug)]
pub(super) struct Wall {
    /// The program `unshare`, where the kernel grants what it asks for. Without it a child is kept from the network only
    /// by what is refused before it starts, and by proxies that lead nowhere.
    unshare: Option<PathBuf>,
    /// The program `prlimit`. Without it limits are set from outside, and what a child starts at once may escape them.
    prlimit: Option<PathBuf>,
    /// Children that wait for a processor could not keep their time limits.
    turns: Semaphore,
}

impl Wall {
    /// What this machine has to offer.
    pub(super) async fn probe() -> Self {
        let unshare = match find("unshare".as_ref()) {
            Some(unshare) if works(&unshare).await => Some(unshare),
            _ => None,
        };
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let wall = Self {
            unshare,
            prlimit: find("prlimit".as_ref()),
            turns: Semaphore::new(processors * CHILDREN_PER_PROCESSOR),
        };
        if wall.unshare.is_none() {
            tracing::warn!(
                "renderers cannot be given a network of their own (no `unshare`, or the kernel refuses it): remote \
                 inputs are refused before they start, and proxies lead nowhere"
            );
        }
        wall
    }

    /// Waits until one more child may compute; it may for as long as the turn is held.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.turns.acquire().await.ok()
    }

    /// What stands before the program's own words.
    pub(super) fn words(&self, reach: Reach, limits: &[(Resource, u64)]) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(prlimit) = &self.prlimit {
            words.push(prlimit.into());
            words.extend(limits.iter().filter_map(|(resource, value)| Some(option(*resource, *value)?.into())));
            words.push("--".into());
        }
        if let (Some(unshare), Reach::Nobody) = (&self.unshare, reach) {
            words.push(unshare.into());
            words.extend(NAMESPACES.map(OsString::from));
            words.push("--".into());
        }
        words
    }
}

/// As `prlimit` takes a limit.
fn option(resource: Resource, value: u64) -> Option<String> {
    let name = match resource {
        Resource::Data => "data",
        Resource::Fsize => "fsize",
        Resource::Core => "core",
        Resource::Cpu => "cpu",
        _ => return None,
    };
    Some(format!("--{name}={value}"))
}

async fn works(unshare: &PathBuf) -> bool {
    let Some(program) = find("true".as_ref()) else { return false };
    let mut command = tokio::process::Command::new(unshare);
    command.args(NAMESPACES).arg("--").arg(program).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    matches!(tokio::time::timeout(PROBE, command.status()).await, Ok(Ok(status)) if status.success())
}

/// The variables that decide where requests go.
pub(super) fn variables(reach: Reach) -> Vec<(OsString, OsString)> {
    match reach {
        Reach::Nobody => ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]
            .map(|name| (name.into(), NOWHERE.into()))
            .into(),
        Reach::Everybody => {
            PASSED_ON.iter().filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?))).collect()
        }
    }
}
