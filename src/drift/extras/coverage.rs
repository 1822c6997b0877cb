//! How much of a namespace Git declares at all.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::Others;
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

/// A live object as far as it is counted.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'l> {
    /// Which object.
    pub key: &'l ObjectKey,
    /// What [`super::is_the_clusters`] says of it.
    pub is_the_clusters: bool,
}

impl<'l> From<&'l Live> for Sighting<'l> {
    fn from(live: &'l Live) -> Self {
        Self { key: &live.key, is_the_clusters: super::is_the_clusters(live) }
    }
}

/// Counts `lives`, among which an object may come twice, in each namespace in which something is declared; by name.
pub fn coverage<'l>(
    declared: &[&ObjectKey],
    lives: impl Iterator<Item = Sighting<'l>>,
    kinds: Counted,
) -> Vec<NamespaceCoverage> {
    let mut counts: BTreeMap<&str, (usize, usize)> =
        declared.iter().filter_map(|key| Some((key.namespace.as_deref()?, (0, 0)))).collect();
    let others = Others::of(declared);
    let mut seen = HashSet::new();
    for live in lives {
        let count = live.key.namespace.as_deref().and_then(|namespace| counts.get_mut(namespace));
        let Some(count) = count.filter(|_| seen.insert(live.key.identity())) else { continue };
        if others.known.contains(&live.key.identity()) {
            count.0 += 1;
        } else if !live.is_the_clusters && others.contain(live.key) {
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
