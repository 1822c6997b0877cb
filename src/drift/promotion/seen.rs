//! The tips that branches had, as far as they were seen.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::CommitId;

/// So many tips of a branch are kept, the latest ones.
const KEPT: usize = 1000;

/// Which tips the branch of each environment had, in the order in which they were seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    branches: BTreeMap<String, SeenBranch>,
}

/// Which tips the branch of one environment had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenBranch {
    /// When it was first seen.
    pub since: Timestamp,
    /// The latest last.
    pub tips: Vec<CommitId>,
}

impl Seen {
    /// Takes in where the branch of an environment stands at `now`.
    pub fn record(&mut self, environment: &str, tip: CommitId, now: Timestamp) {
        let branch = self.branches.entry(environment.to_owned()).or_insert(SeenBranch { since: now, tips: Vec::new() });
        if branch.tips.last() == Some(&tip) {
            return;
        }
        branch.tips.retain(|seen| *seen != tip);
        branch.tips.push(tip);
        let surplus = branch.tips.len().saturating_sub(KEPT);
        branch.tips.drain(..surplus);
    }

    /// Takes in what was recorded earlier: it comes before everything that was seen since.
    pub fn recall(&mut self, environment: &str, mut branch: SeenBranch) {
        let later = self.branches.remove(environment);
        for tip in later.into_iter().flat_map(|later| later.tips) {
            branch.tips.retain(|seen| *seen != tip);
            branch.tips.push(tip);
        }
        let surplus = branch.tips.len().saturating_sub(KEPT);
        branch.tips.drain(..surplus);
        self.branches.insert(environment.to_owned(), branch);
    }

    /// What was seen of the branch of an environment.
    #[must_use]
    pub fn branch(&self, environment: &str) -> Option<&SeenBranch> {
        self.branches.get(environment)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_comes_before_what_was_seen_since() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let tip = |number| CommitId([number; 20]);
        let mut seen = Seen::default();
        seen.record("prod", tip(2), at(90));
        seen.record("prod", tip(4), at(91));
        seen.recall("prod", SeenBranch { since: at(5), tips: vec![tip(1), tip(2), tip(3)] });
        assert_eq!(seen.tips("prod"), [tip(1), tip(3), tip(2), tip(4)]);
        assert_eq!(seen.since("prod"), Some(at(5)));
        seen.recall("qa", SeenBranch { since: at(7), tips: vec![tip(9)] });
        assert_eq!(seen.branch("qa").map(|branch| branch.tips.len()), Some(1));
    }
}
