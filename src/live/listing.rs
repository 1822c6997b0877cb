//! What was asked of a cluster, what came back, and for which scopes it is all there is.

use std::collections::hash_map::Entry;
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
    /// The same objects again, where Git declares their kind at several versions.
    at_further_versions: HashMap<ObjectKey, Live>,
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
        match self.objects.entry(live.key.identity()) {
            Entry::Occupied(known) if known.get().key != live.key => {
                self.at_further_versions.insert(live.key.clone(), live);
            }
            Entry::Occupied(mut known) => {
                known.insert(live);
            }
            Entry::Vacant(place) => {
                place.insert(live);
            }
        }
    }

    /// Says that every object of a kind in a scope has been taken in.
    pub fn completed(&mut self, kind: KindKey, namespace: Option<String>) {
        self.complete.insert((kind, namespace));
    }

    /// Takes in what another listing found.
    pub fn extend(&mut self, other: Self) {
        for live in other.objects.into_values().chain(other.at_further_versions.into_values()) {
            self.insert(live);
        }
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

    /// The live object with the identity of `key`: as read at the version of `key`, else at the one that there is.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<&Live> {
        let known = self.objects.get(&key.identity())?;
        if known.key == *key { Some(known) } else { self.at_further_versions.get(key).or(Some(known)) }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::drift::model::{Declared, Redactor};

    fn live(version: &str) -> Live {
        let object = json!({"apiVersion": version, "kind": "Thing", "metadata": {"name": "a"}});
        Declared::new(object, &Redactor::new(&[1; 32])).unwrap().into()
    }

    #[test]
    fn an_object_that_is_listed_at_two_versions_is_found_at_each() {
        let mut listing = Listing::default();
        for version in ["x.example/v1", "x.example/v2"] {
            let mut part = Listing::default();
            part.insert(live(version));
            listing.extend(part);
        }
        assert_eq!(listing.len(), 1);
        for version in ["x.example/v1", "x.example/v2"] {
            let key = live(version).key;
            assert_eq!(listing.get(&key).unwrap().content["apiVersion"], version);
        }
        assert!(listing.get(&live("x.example/v3").key).is_some(), "a dump may hold another version");
    }
}
