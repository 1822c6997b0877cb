//! What was asked of a cluster, what came back, and for which scopes it is all there is.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _, Shared};

use crate::drift::model::{Gap, Identity, KindKey, Live, ObjectKey, TypeKey};

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

/// What is told apart by the object that it is about.
pub trait Keyed {
    /// Which object.
    fn key(&self) -> &ObjectKey;
}

impl Keyed for Live {
    fn key(&self) -> &ObjectKey {
        &self.key
    }
}

/// Makes of every live object, as it arrives, what is kept of it. Called from several threads at once, and again for
/// the same objects where a list has to be begun anew.
pub type Keep<T> = Arc<dyn Fn(Live) -> T + Send + Sync>;

/// A [`Keep`] that may still be in the making while the first answers come.
pub type Awaited<'a, T> = Shared<BoxFuture<'a, Keep<T>>>;

/// Keeps everything.
pub(super) fn whole() -> Awaited<'static, Live> {
    let keep: Keep<Live> = Arc::new(|live| live);
    std::future::ready(keep).boxed().shared()
}

/// What is kept of the live objects of the scopes that were asked for.
#[derive(Debug, Clone)]
pub struct Listing<T = Live> {
    objects: HashMap<Identity, T>,
    /// The same objects again, where Git declares their kind at several versions.
    at_further_versions: HashMap<ObjectKey, T>,
    complete: HashSet<(KindKey, Option<String>)>,
    /// Why the other scopes are not known.
    pub gaps: Vec<Gap>,
}

/// Whether an object lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<T> {
    /// It does.
    Here(T),
    /// All that could be the object has been looked at, and none is.
    Absent,
    /// Nobody knows.
    Unknown,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self {
            objects: HashMap::new(),
            at_further_versions: HashMap::new(),
            complete: HashSet::new(),
            gaps: Vec::new(),
        }
    }
}

/// Which objects are looked at by their metadata.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// Only these namespaces and nothing outside of namespaces; absent for everything.
    pub namespaces: Option<BTreeSet<String>>,
    /// A label selector; empty fits all.
    pub selector: String,
}

impl<T: Keyed> Listing<T> {
    /// A listing that says only why there is none.
    #[must_use]
    pub fn failed(gap: Gap) -> Self {
        Self { gaps: vec![gap], ..Self::default() }
    }

    /// Takes in one object.
    pub fn insert(&mut self, live: T) {
        match self.objects.entry(live.key().identity()) {
            Entry::Occupied(known) if known.get().key() != live.key() => {
                self.at_further_versions.insert(live.key().clone(), live);
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

    /// The same of what `keep` makes of each object.
    #[must_use]
    pub fn map<U: Keyed>(self, keep: &dyn Fn(T) -> U) -> Listing<U> {
        let mut listing = Listing { complete: self.complete, gaps: self.gaps, ..Listing::default() };
        for object in self.objects.into_values().chain(self.at_further_versions.into_values()) {
            listing.insert(keep(object));
        }
        listing
    }

    /// Every object, in no order.
    #[must_use]
    pub fn into_objects(self) -> Vec<T> {
        self.objects.into_values().collect()
    }

    /// What is kept of the live object with the identity of `key`: as read at the version of `key`, else at the one that there is.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<&T> {
        let known = self.objects.get(&key.identity())?;
        if known.key() == key { Some(known) } else { self.at_further_versions.get(key).or(Some(known)) }
    }

    /// Every object, in no order.
    pub fn objects(&self) -> impl Iterator<Item = &T> {
        self.objects.values()
    }

    /// Whether every object of the kind and namespace of `key` is here: only then is what is not here missing.
    #[must_use]
    pub fn is_complete_for(&self, key: &ObjectKey) -> bool {
        self.complete.contains(&(key.type_key.kind_key(), key.namespace.clone()))
    }

    /// The live object with the identity of `key`, or whether there is none.
    #[must_use]
    pub fn find(&self, key: &ObjectKey) -> Found<&T> {
        match self.get(key) {
            Some(known) => Found::Here(known),
            None if self.is_complete_for(key) => Found::Absent,
            None => Found::Unknown,
        }
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
