//! Why a Git server could not be asked, in words that say what to do.

use std::time::Duration;

use crate::drift::model::GapReason;

/// Why a Git server could not be asked. Holds no credential: what the server says is cleaned of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nobody answers there.
    #[error("cannot reach {host}: {message}; check the repository's url and the network")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What the system says.
        message: String,
    },
    /// The server stays silent.
    #[error("the server was silent for {}s while {action}; check it, or raise `idleTimeout`", limit.as_secs_f64())]
    Silent {
        /// What was waited for.
        action: &'static str,
        /// How long.
        limit: Duration,
    },
    /// The fetch takes too long although something arrives.
    #[error("the fetch was not done after {}s; raise `fetchTimeout`", limit.as_secs_f64())]
    TooLong {
        /// How long.
        limit: Duration,
    },
    /// Whoever asked has gone.
    #[error("the fetch was stopped")]
    Cancelled,
    /// The credentials are refused.
    #[error("the server refuses the credentials: {hint}")]
    Unauthorized {
        /// What to check.
        hint: String,
    },
    /// The credentials lack the right.
    #[error("the server forbids reading this repository; give the account the right to read it")]
    Forbidden,
    /// No such repository, or none that these credentials may see.
    #[error(
        "the server has no such repository, or none that these credentials may see; check the url and the account's rights"
    )]
    NotFound,
    /// Something else answers there.
    #[error("{answer}, which is no Git repository; check the url")]
    NotGit {
        /// What came.
        answer: String,
    },
    /// The server's certificate is not to be trusted.
    #[error("the certificate of {host} is not to be trusted: {message}")]
    Certificate {
        /// Host and port.
        host: String,
        /// Why, and what to do.
        message: String,
    },
    /// The ssh server is not known.
    #[error(
        "the ssh host {host} is not known{}; compare its key with what its owner publishes, then add the line that \
         `ssh-keyscan {host}` prints to {file}",
        key.as_ref().map(|key| format!(" by its {key} key")).unwrap_or_default()
    )]
    UnknownHost {
        /// As `ssh-keyscan` takes it: `-p 2222 git.example.org`.
        host: String,
        /// The kind of key that was looked for.
        key: Option<String>,
        /// Where it was looked for.
        file: String,
    },
    /// The ssh server shows another key than the known one.
    #[error(
        "the ssh host {host} shows another key than {file} says: either its owner has changed it or somebody stands \
         between; ask the owner, and only then replace its line there by the one that `ssh-keyscan {host}` prints"
    )]
    ChangedHost {
        /// As `ssh-keyscan` takes it.
        host: String,
        /// Where the known key stands.
        file: String,
    },
    /// A file of credentials or certificates cannot be used.
    #[error("{key} {file} {message}")]
    File {
        /// The key of the configuration.
        key: &'static str,
        /// The file.
        file: String,
        /// What is wrong with it and what to do.
        message: String,
    },
    /// The program `ssh` is not there.
    #[error("ssh repositories need OpenSSH's program `ssh` on the PATH: {0}")]
    NoSsh(String),
    /// The proxy does not let this through.
    #[error("the proxy {proxy} does not connect: {message}")]
    Proxy {
        /// Host and port.
        proxy: String,
        /// What it says, and what to do.
        message: String,
    },
    /// Anything else that the server or Git says.
    #[error("{0}")]
    Said(String),
}

impl Fault {
    /// The word for the gap that it leaves.
    #[must_use]
    pub const fn reason(&self) -> GapReason {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } | Self::TooLong { .. } | Self::Proxy { .. } => {
                GapReason::Unreachable
            }
            Self::Unauthorized { .. } => GapReason::Unauthorized,
            Self::Forbidden => GapReason::Forbidden,
            Self::NotFound => GapReason::NotFound,
            Self::Cancelled
            | Self::NotGit { .. }
            | Self::Certificate { .. }
            | Self::UnknownHost { .. }
            | Self::ChangedHost { .. }
            | Self::File { .. }
            | Self::NoSsh(_)
            | Self::Said(_) => GapReason::Failed,
        }
    }
}
