//! What can go wrong while a repository is read.

use std::path::{Path, PathBuf};

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
    #[error("no branch, tag or commit {branch}{}", known_branches(known))]
    NoBranch {
        /// What was asked for.
        branch: String,
        /// The branches that exist.
        known: Vec<String>,
    },
    /// The commit has no such folder or file.
    #[error("no folder or file {path} on branch {branch} at commit {}", &revision[..12.min(revision.len())])]
    NoPath {
        /// What was asked for.
        path: String,
        /// Where it was looked for.
        branch: String,
        /// The commit that was looked at.
        revision: String,
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

fn known_branches(known: &[String]) -> String {
    const SHOWN: usize = 20;
    if known.is_empty() {
        return ": the repository has no branches".to_owned();
    }
    let more = known.len().saturating_sub(SHOWN);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("; there are {}{rest}", known[..known.len().min(SHOWN)].join(", "))
}

impl GitError {
    pub(super) fn read(location: &Path, source: &git2::Error) -> Self {
        Self::Read { location: location.to_owned(), message: source.message().to_owned() }
    }

    /// The word for the gap that this error leaves.
    #[must_use]
    pub fn reason(&self) -> GapReason {
        match self {
            Self::NoRepository { .. } | Self::NoBranch { .. } | Self::NoPath { .. } => GapReason::NotFound,
            Self::Read { .. } => GapReason::Failed,
        }
    }
}
