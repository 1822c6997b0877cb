//! How two renderings differ, leaf by leaf.

use std::collections::HashMap;

/// The place of a value: which object, which path in it.
pub(super) type Leaf = u64;

/// A value at a leaf as its hash; none where the leaf is absent.
pub(super) type Held = Option<u64>;

/// Every leaf that differs between two renderings, with what it was and what it became.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change(pub(super) HashMap<Leaf, (Held, Held)>);

impl Change {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the leaves of another rendering of the same commits, which stay apart from the own ones by `salt`.
    pub fn join(&mut self, other: Self, salt: u64) {
        self.0.extend(other.0.into_iter().map(|(leaf, held)| (leaf ^ salt, held)));
    }

    /// What a leaf was before the change; none where it did not change.
    pub(super) fn before(&self, leaf: Leaf) -> Option<Held> {
        self.0.get(&leaf).map(|(before, _)| *before)
    }

    /// What a leaf became.
    pub(super) fn after(&self, leaf: Leaf) -> Option<Held> {
        self.0.get(&leaf).map(|(_, after)| *after)
    }

    /// Whether the change is gone at a commit to which its own commit differs by `since`: something of it is as it
    /// was before, and nothing is as the change left it.
    pub(super) fn is_undone(&self, since: &Self) -> bool {
        let mut undone = false;
        for (leaf, (before, _)) in &self.0 {
            match since.after(*leaf) {
                None => return false,
                Some(now) => undone |= now == *before,
            }
        }
        undone
    }
}
