//! The wall around a child that may speak to nobody: namespaces of its own where the kernel gives them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use super::process::Reach;
use super::tools::find;

/// A network without any device, and processes that end with the first of them.
const NAMESPACES: [&str; 6] = ["--user", "--map-current-user", "--net", "--pid", "--fork", "--kill-child"];
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

/// How a child is kept from speaking to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wall {
    /// The program `unshare` puts it into namespaces of its own.
    Namespaces(PathBuf),
    /// Only by what is refused before it starts, and by proxies that lead nowhere.
    Words,
}

impl Wall {
    /// What this machine has to offer.
    pub(super) async fn probe() -> Self {
        let wall = match find("unshare".as_ref()) {
            Some(unshare) if works(&unshare).await => Self::Namespaces(unshare),
            _ => Self::Words,
        };
        if wall == Self::Words {
            tracing::warn!(
                "renderers cannot be given a network of their own (no `unshare`, or the kernel refuses it): remote \
                 inputs are refused before they start, and proxies lead nowhere"
            );
        }
        wall
    }

    /// What stands before the program's own words.
    pub(super) fn words(&self) -> Vec<OsString> {
        match self {
            Self::Namespaces(unshare) => {
                std::iter::once(unshare.into()).chain(NAMESPACES.map(OsString::from)).chain(["--".into()]).collect()
            }
            Self::Words => Vec::new(),
        }
    }
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
