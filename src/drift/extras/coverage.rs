//! How much of a namespace Git declares at all.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::extras;
use crate::drift::model::{Live, ObjectKey};

/// Which kinds were looked at to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Counted {
    /// Those that Git declares in the namespace, and whatever carries the deployer's mark.
    Declared,
    /// All that may be listed.
    All,
}

/// The live objects of a namespace, without the cluster's own and those that controllers made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamespaceCoverage {
    /// Its name.
    pub namespace: String,
    /// Among which kinds.
    pub kinds: Counted,
    /// Those that Git declares.
    pub declared: usize,
    /// Those that Git does not declare; the exceptions are those of extra objects.
    pub undeclared: usize,
}

/// Counts `lives`, among which an object may come twice, in each namespace in which something is declared; by name.
pub fn coverage<'l>(
    declared: &[&ObjectKey],
    lives: impl Iterator<Item = &'l Live>,
    kinds: Counted,
) -> Vec<NamespaceCoverage> {
    let mut counts: BTreeMap<&str, (usize, usize)> =
        declared.iter().filter_map(|key| Some((key.namespace.as_deref()?, (0, 0)))).collect();
    let mut seen = HashSet::new();
    let lives: Vec<&Live> = lives
        .filter(|live| live.key.namespace.as_deref().is_some_and(|namespace| counts.contains_key(namespace)))
        .filter(|live| seen.insert(live.key.identity()))
        .collect();
    let known: HashSet<_> = declared.iter().map(|key| key.identity()).collect();
    let in_git = lives.iter().filter(|live| known.contains(&live.key.identity()));
    for live in in_git {
        if let Some(count) = live.key.namespace.as_deref().and_then(|namespace| counts.get_mut(namespace)) {
            count.0 += 1;
        }
    }
    for live in extras(declared, lives.iter().copied()) {
        if let Some(count) = live.key.namespace.as_deref().and_then(|namespace| counts.get_mut(namespace)) {
            count.1 += 1;
        }
    }
    let told = |(namespace, (declared, undeclared)): (&str, (usize, usize))| NamespaceCoverage {
        namespace: namespace.to_owned(),
        kinds,
        declared,
        undeclared,
    };
    counts.into_iter().map(told).collect()
}
