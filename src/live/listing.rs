//! What was asked of a cluster, what came back, and for which scopes it is all there is.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;

use crate::drift::model::{Gap, KindKey, Live, ObjectKey, TypeKey};

use super::Served;

/// One kind in one namespace, or in the cluster as a whole.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Which kind, at which version.
    pub type_key: TypeKey,
    /// How it is served.
    pub served: Served,
    /// Absent for cluster-scoped kinds.
    pub namespace: Option<String>,
}

/// The live objects of the scopes that were asked for.
#[derive(Debug, Default)]
pub struct Listing {
    objects: HashMap<(KindKey, Option<String>, String), Live>,
    complete: HashSet<(KindKey, Option<String>)>,
    /// Why the other scopes are not known.
    pub gaps: Vec<Gap>,
}

/// Which objects are looked at by their metadata.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// Only these namespaces and nothing outside of namespaces; absent for everything.
    pub namespaces: Option<BTreeSet<String>>,
    /// A label selector; empty fits all.
    pub selector: String,
}

impl Listing {
    /// A listing that says only why there is none.
    #[must_use]
    pub fn failed(gap: Gap) -> Self {
        Self { gaps: vec![gap], ..Self::default() }
    }

    /// Takes in one live object.
    pub fn insert(&mut self, live: Live) {
        self.objects.insert(live.key.identity(), live);
    }

    /// Says that every object of a kind in a scope has been taken in.
    pub fn completed(&mut self, kind: KindKey, namespace: Option<String>) {
        self.complete.insert((kind, namespace));
    }

    /// Takes in what another listing found.
    pub fn extend(&mut self, other: Self) {
        self.objects.extend(other.objects);
        self.complete.extend(other.complete);
        for gap in other.gaps {
            if !self.gaps.contains(&gap) {
                self.gaps.push(gap);
            }
        }
    }

    /// Every object, in no order.
    #[must_use]
    pub fn into_objects(self) -> Vec<Live> {
        self.objects.into_values().collect()
    }

    /// The live object with the identity of `key`.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<&Live> {
        self.objects.get(&key.identity())
    }

    /// Every live object, in no order.
    pub fn objects(&self) -> impl Iterator<Item = &Live> {
        self.objects.values()
    }

    /// Whether every object of the kind and namespace of `key` is here: only then is what is not here missing.
    #[must_use]
    pub fn is_complete_for(&self, key: &ObjectKey) -> bool {
        self.complete.contains(&(key.type_key.kind_key(), key.namespace.clone()))
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

/// `v1/Secret in trino`, or `v1/Node` for the cluster as a whole.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.type_key)?;
        self.namespace.as_ref().map_or(Ok(()), |namespace| write!(f, " in {namespace}"))
    }
}
