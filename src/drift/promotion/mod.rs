//! The health of environment branches: what one promotes from another, and what stands on it that should not.

mod ahead;
mod change;
mod content;
mod graph;
mod judge;
mod release;
mod seen;

use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::model::Gap;
pub use ahead::unshared;
pub use change::Change;
pub use content::{Content, Fragment, Part};
pub use graph::Graph;
pub use judge::{Edge, Release, judge};
pub use release::master_of;
pub use seen::{Seen, SeenBranch};

/// The name of a commit: 40 hex digits when shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommitId(pub [u8; 20]);

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for CommitId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a commit changes, as `git patch-id` tells changes apart: file names and lines without their whitespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PatchId(pub [u8; 32]);

/// A commit as the graph knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// In Git's order; none for a root.
    pub parents: Vec<CommitId>,
    /// By the committer's clock.
    pub committed_at: Timestamp,
    /// The author's name.
    pub author: String,
    /// The first paragraph of the message as one line.
    pub subject: String,
}

/// A commit as reports name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitNote {
    /// Which one.
    pub revision: CommitId,
    /// The first paragraph of its message as one line.
    pub subject: String,
    /// The author's name.
    pub author: String,
    /// By the committer's clock.
    pub committed_at: Timestamp,
}

/// How an environment stands to the one that it is promoted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromotionState {
    /// The same commit, or nothing that the environment renders differs.
    InStep,
    /// Commits wait to be promoted, and there are no others.
    Behind,
    /// There are commits that the other branch lacks, and what is rendered differs.
    Diverged,
    /// It could not be judged; why stands in the gaps.
    Unknown,
}

impl PromotionState {
    /// Every state, in the order of the report.
    pub const ALL: [Self; 4] = [Self::InStep, Self::Behind, Self::Diverged, Self::Unknown];

    /// The word of reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InStep => "in-step",
            Self::Behind => "behind",
            Self::Diverged => "diverged",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for PromotionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What there is to say about one environment and the one that it is promoted from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Promotion {
    /// The environment.
    pub environment: String,
    /// The environment that comes before it.
    pub promoted_from: String,
    /// In one word.
    pub state: PromotionState,
    /// Whether the next promotion is a fast-forward; absent where a branch is not known.
    pub fast_forward: Option<bool>,
    /// Commits of this environment's branch that the other lacks, as `git rev-list --count` tells them.
    pub ahead: Option<usize>,
    /// Commits of the other branch that this environment's lacks.
    pub behind: Option<usize>,
    /// The oldest commit that waits to be promoted; none in step.
    pub oldest_pending: Option<CommitNote>,
    /// Commits whose change the other branch never had, oldest first.
    pub hotfixes: Vec<CommitNote>,
    /// Commits that the branch had and lost, oldest first.
    pub rolled_back: Vec<CommitNote>,
    /// Revisions whose content never stood on the environment before.
    pub untested: Vec<CommitNote>,
    /// Since when the tips of both branches are recorded; absent where they are seen for the first time, so that
    /// what is told of the past is what Git's own history still tells.
    pub recorded_since: Option<Timestamp>,
    /// What could not be known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

impl Promotion {
    /// An edge about which nothing is known but why.
    #[must_use]
    pub fn unknown(environment: &str, promoted_from: &str, gaps: Vec<Gap>) -> Self {
        Self {
            environment: environment.to_owned(),
            promoted_from: promoted_from.to_owned(),
            state: PromotionState::Unknown,
            fast_forward: None,
            ahead: None,
            behind: None,
            oldest_pending: None,
            hotfixes: Vec::new(),
            rolled_back: Vec::new(),
            untested: Vec::new(),
            recorded_since: None,
            gaps,
        }
    }

    /// Whether somebody has to look: the branch is diverged, has hotfixes or content that nobody tested.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        self.state == PromotionState::Diverged || !self.hotfixes.is_empty() || !self.untested.is_empty()
    }
}

/// What judging asks of the repository and of the renderer; each answer is had only when it matters.
pub trait Evidence {
    /// What a commit changes; none for a merge.
    ///
    /// # Errors
    /// The repository cannot be read.
    fn patch(&mut self, commit: CommitId) -> Result<Option<PatchId>, Gap>;

    /// How what both environments render differs between two commits, the variants of both left out; no commit
    /// renders nothing.
    ///
    /// # Errors
    /// One of the commits cannot be read or rendered.
    fn change(&mut self, from: Option<CommitId>, to: Option<CommitId>) -> Result<Change, Gap>;

    /// Whether Git's automatic merge of the parents of `merge` is possible and renders what `merge` does.
    ///
    /// # Errors
    /// The repository cannot be read, or a side not be rendered.
    fn is_automatic(&mut self, merge: CommitId) -> Result<bool, Gap>;

    /// Whether the environment renders the same from both commits, its own variants included.
    ///
    /// # Errors
    /// One of the commits cannot be read or rendered.
    fn in_step(&mut self, target: CommitId, source: CommitId) -> Result<bool, Gap>;

    /// A digest of what the environment renders from a commit, the variants of both environments left out.
    ///
    /// # Errors
    /// The commit cannot be read or rendered.
    fn digest(&mut self, commit: CommitId) -> Result<u64, Gap>;
}
