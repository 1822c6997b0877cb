//! What can go wrong while a repository is fetched and read.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::fault::Fault;
use crate::drift::model::GapReason;

/// Why a branch could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// Nothing, or no repository, is there.
    #[error("no Git repository at {}: check the repository's url", location.display())]
    NoRepository {
        /// Where it was looked for.
        location: PathBuf,
    },
    /// The repository has no such branch, tag or commit.
    #[error("no {wanted}{}", known_branches(known, default.as_deref()))]
    NoReference {
        /// What was asked for: `branch prod`.
        wanted: String,
        /// The branches that exist.
        known: Vec<String>,
        /// The one that a clone would check out.
        default: Option<String>,
    },
    /// Branches match the pattern, but none of their names holds a version.
    #[error(
        "no branch that matches {pattern} holds a version such as 1.2.3 where the pattern has its `*`: {}; \
         name them so, or pick the newest",
        listed(matching)
    )]
    NoVersion {
        /// What was asked for.
        pattern: String,
        /// The branches that match.
        matching: Vec<String>,
    },
    /// The commit has no such folder or file.
    #[error("no folder or file {path} on {reference} at commit {}", &revision[..12.min(revision.len())])]
    NoPath {
        /// What was asked for.
        path: String,
        /// Where it was looked for: `branch prod`.
        reference: String,
        /// The commit that was looked at.
        revision: String,
    },
    /// The path exists but may not be followed.
    #[error("{0}")]
    Refused(String),
    /// The repository's server could not be asked.
    #[error("cannot fetch {address}: {fault}")]
    Fetch {
        /// Without user information.
        address: String,
        /// Why.
        fault: Fault,
    },
    /// The folder of the mirrors cannot be used.
    #[error("cannot keep a mirror in {}: {message}; set `gitCache` to a folder that driftd may write", folder.display())]
    Cache {
        /// Which folder.
        folder: PathBuf,
        /// What the system says.
        message: String,
    },
    /// The repository exists and cannot be read.
    #[error("cannot read the repository at {}: {message}", location.display())]
    Read {
        /// Where it lies.
        location: PathBuf,
        /// What Git says.
        message: String,
    },
}

const SHOWN: usize = 20;

fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(SHOWN);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", names[..names.len().min(SHOWN)].join(", "))
}

fn known_branches(known: &[String], default: Option<&str>) -> String {
    if known.is_empty() {
        return ": the repository has no branches".to_owned();
    }
    let default = default.map(|name| format!("; the default branch is {name}")).unwrap_or_default();
    format!("; there are {}{default}", listed(known))
}

impl GitError {
    pub(super) fn read(location: &Path, source: &git2::Error) -> Self {
        let message = match source.code() {
            git2::ErrorCode::Owner => {
                "it belongs to another user; run driftd as its owner, or name it as safe.directory in the gitconfig"
                    .into()
            }
            _ => source.message().to_owned(),
        };
        Self::Read { location: location.to_owned(), message }
    }

    pub(super) fn cache(folder: &Path, source: impl Display) -> Self {
        Self::Cache { folder: folder.to_owned(), message: source.to_string() }
    }

    /// The word for the gap that this error leaves.
    #[must_use]
    pub fn reason(&self) -> GapReason {
        match self {
            Self::NoRepository { .. } | Self::NoReference { .. } | Self::NoVersion { .. } | Self::NoPath { .. } => {
                GapReason::NotFound
            }
            Self::Refused(_) => GapReason::Malformed,
            Self::Fetch { fault, .. } => fault.reason(),
            Self::Read { .. } | Self::Cache { .. } => GapReason::Failed,
        }
    }
}
