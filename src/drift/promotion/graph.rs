//! Which commit is whose ancestor: the history of some tips as a value.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use super::{Commit, CommitId, CommitNote};

/// Every commit that some tips reach. A parent that is not in it (beyond the end of a shallow clone) is no parent.
#[derive(Debug, Default)]
pub struct Graph {
    commits: HashMap<CommitId, Commit>,
}

/// Commits of one side of two.
pub type Commits = HashSet<CommitId>;

impl Graph {
    /// Takes in a commit.
    pub fn insert(&mut self, id: CommitId, commit: Commit) {
        self.commits.insert(id, commit);
    }

    /// Whether the commit is known.
    #[must_use]
    pub fn contains(&self, id: CommitId) -> bool {
        self.commits.contains_key(&id)
    }

    /// The known parents of a commit, in Git's order.
    #[must_use]
    pub fn parents(&self, id: CommitId) -> Vec<CommitId> {
        let parents = self.commits.get(&id).map(|commit| commit.parents.as_slice()).unwrap_or_default();
        parents.iter().copied().filter(|parent| self.contains(*parent)).collect()
    }

    /// Whether a commit has several parents.
    #[must_use]
    pub fn is_merge(&self, id: CommitId) -> bool {
        self.commits.get(&id).is_some_and(|commit| commit.parents.len() > 1)
    }

    /// A commit as reports name it.
    #[must_use]
    pub fn note(&self, id: CommitId) -> Option<CommitNote> {
        let commit = self.commits.get(&id)?;
        Some(CommitNote {
            revision: id,
            subject: commit.subject.clone(),
            author: commit.author.clone(),
            committed_at: commit.committed_at,
        })
    }

    /// Everything that `tips` reach, themselves included; tips that are not known reach nothing.
    #[must_use]
    pub fn reachable(&self, tips: &[CommitId]) -> Commits {
        let mut found = Commits::new();
        let mut open: Vec<CommitId> = tips.iter().copied().filter(|tip| self.contains(*tip)).collect();
        while let Some(id) = open.pop() {
            if found.insert(id) {
                open.extend(self.parents(id));
            }
        }
        found
    }

    /// The commits of `side` that are not in `other`, parents before children and else the older first.
    #[must_use]
    pub fn without(&self, side: &Commits, other: &Commits) -> Vec<CommitId> {
        let only: Commits = side.difference(other).copied().collect();
        self.oldest_first(&only)
    }

    fn oldest_first(&self, commits: &Commits) -> Vec<CommitId> {
        let inside = |id: CommitId| self.parents(id).into_iter().filter(|parent| commits.contains(parent));
        let mut waits: HashMap<CommitId, usize> = HashMap::new();
        let mut children: HashMap<CommitId, Vec<CommitId>> = HashMap::new();
        for &id in commits {
            let parents: Commits = inside(id).collect();
            waits.insert(id, parents.len());
            for parent in parents {
                children.entry(parent).or_default().push(id);
            }
        }
        let age = |id: CommitId| Reverse((self.commits[&id].committed_at, id));
        let mut ready: BinaryHeap<_> = waits.iter().filter(|(_, left)| **left == 0).map(|(id, _)| age(*id)).collect();
        let mut ordered = Vec::with_capacity(commits.len());
        while let Some(Reverse((_, id))) = ready.pop() {
            ordered.push(id);
            for child in children.remove(&id).unwrap_or_default() {
                if let Some(left) = waits.get_mut(&child) {
                    *left -= 1;
                    if *left == 0 {
                        ready.push(age(child));
                    }
                }
            }
        }
        ordered
    }

    /// The best common ancestors of two sides: those that no other common ancestor reaches.
    #[must_use]
    pub fn merge_bases(&self, one: &Commits, other: &Commits) -> Vec<CommitId> {
        let common: Commits = one.intersection(other).copied().collect();
        let reached: Commits = common.iter().flat_map(|id| self.parents(*id)).collect();
        let bases: Commits = common.difference(&reached).copied().collect();
        self.oldest_first(&bases)
    }
}
