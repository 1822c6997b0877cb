//! What could not be known, and why: a value, never a silent absence.

use std::fmt;

use serde::Serialize;

use super::Position;

/// One hole in what an environment's assessment rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Where on the way it happened.
    pub stage: Stage,
    /// What is not known because of it: `v1/Secret in trino`, `branch prod`, `trino/coordinator.yaml:12`.
    pub scope: String,
    /// One word for scripts.
    pub reason: GapReason,
    /// A sentence for people: what failed and what to do about it; holds no value of a manifest.
    pub message: String,
    /// The place in Git, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Position>,
}

/// The stages of a scan, in order; also the `stage` label of `driftd_scan_errors_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Reading the revision from the repository.
    Git,
    /// Turning files into manifests.
    Render,
    /// Reading a document of a manifest.
    Parse,
    /// Reaching the API server.
    Connect,
    /// Learning which kinds are served, and their schema.
    Discover,
    /// Reading the live objects.
    List,
    /// Following the live objects.
    Watch,
    /// Comparing one object.
    Compare,
    /// Writing the history.
    State,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 9] = [
        Self::Git,
        Self::Render,
        Self::Parse,
        Self::Connect,
        Self::Discover,
        Self::List,
        Self::Watch,
        Self::Compare,
        Self::State,
    ];

    /// The word of reports and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Render => "render",
            Self::Parse => "parse",
            Self::Connect => "connect",
            Self::Discover => "discover",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Compare => "compare",
            Self::State => "state",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why something is not known, one word for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapReason {
    /// The credentials lack a right (403).
    Forbidden,
    /// The credentials were refused (401).
    Unauthorized,
    /// Nobody answered.
    Unreachable,
    /// The repository, branch, path or file does not exist.
    NotFound,
    /// The API server does not serve this kind or version.
    NotServed,
    /// The input breaks the rules of its format.
    Malformed,
    /// It is asked for what driftd does not do.
    Unsupported,
    /// The same object is declared more than once.
    Duplicate,
    /// The other side answered with an error, or with something that cannot be read.
    Failed,
}

impl GapReason {
    /// The word of reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::Unauthorized => "unauthorized",
            Self::Unreachable => "unreachable",
            Self::NotFound => "not-found",
            Self::NotServed => "not-served",
            Self::Malformed => "malformed",
            Self::Unsupported => "unsupported",
            Self::Duplicate => "duplicate",
            Self::Failed => "failed",
        }
    }
}
