//! The tips that branches had, as far as they were seen.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::CommitId;

/// So many tips of a branch are kept, the latest ones.
const KEPT: usize = 1000;

/// Which tips the branch of each environment had, in the order in which they were seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    branches: BTreeMap<String, Branch>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Branch {
    since: Timestamp,
    tips: Vec<CommitId>,
}

impl Seen {
    /// Takes in where the branch of an environment stands at `now`.
    pub fn record(&mut self, environment: &str, tip: CommitId, now: Timestamp) {
        let branch = self.branches.entry(environment.to_owned()).or_insert(Branch { since: now, tips: Vec::new() });
        if branch.tips.last() == Some(&tip) {
            return;
        }
        branch.tips.retain(|seen| *seen != tip);
        branch.tips.push(tip);
        let surplus = branch.tips.len().saturating_sub(KEPT);
        branch.tips.drain(..surplus);
    }

    /// Every tip of an environment's branch that was seen, the latest last.
    #[must_use]
    pub fn tips(&self, environment: &str) -> &[CommitId] {
        self.branches.get(environment).map(|branch| branch.tips.as_slice()).unwrap_or_default()
    }

    /// When the branch of an environment was first seen.
    #[must_use]
    pub fn since(&self, environment: &str) -> Option<Timestamp> {
        self.branches.get(environment).map(|branch| branch.since)
    }
}
