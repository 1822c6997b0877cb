//! Objects of which an author speaks in the words of another version than Git's, read at that version as well.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::drift::attribute::Reading;
use crate::drift::model::{Declarations, Identity, ObjectKey, TypeKey};
use crate::live::{Listing, Source, Wanted};

use super::Seen;

/// What the server says of objects at versions other than those that Git declares.
#[derive(Debug, Default)]
pub struct Readings(HashMap<Identity, Vec<Reading>>);

impl Readings {
    /// Those of one object.
    pub(super) fn of(&self, key: &ObjectKey) -> &[Reading] {
        self.0.get(&key.identity()).map_or(&[], Vec::as_slice)
    }
}

/// Reads again what is owned in other words. A version that cannot be read any more leaves its entries in the words
/// that they use.
pub(super) async fn read(source: &Source, declared: &Declarations, listing: &Listing<Seen>) -> Readings {
    let Source::Cluster(_) = source else { return Readings::default() };
    let wanted = spoken(declared, listing);
    if wanted.is_empty() {
        return Readings::default();
    }
    let discovery = source.discover(&wanted.keys().cloned().collect()).await;
    let mut readings = Readings::default();
    for (type_key, namespaces) in wanted {
        let (Some(served), Some(schema)) = (discovery.served.get(&type_key), discovery.schemas.get(&type_key)) else {
            continue;
        };
        let scope = |namespace| Wanted { type_key: type_key.clone(), served: served.clone(), namespace };
        for live in source.list(namespaces.into_iter().map(scope).collect()).await.into_objects() {
            let of = readings.0.entry(live.key.identity()).or_default();
            of.push(Reading { live, schema: schema.clone() });
        }
    }
    readings
}

/// The versions that are spoken, and in which namespaces; what is equal has no author to be known.
fn spoken(declared: &Declarations, listing: &Listing<Seen>) -> BTreeMap<TypeKey, BTreeSet<Option<String>>> {
    let mut wanted: BTreeMap<TypeKey, BTreeSet<Option<String>>> = BTreeMap::new();
    // A `HorizontalPodAutoscaler` is told in the words of one version wherever it comes from.
    let told = |key: &&ObjectKey| key.type_key.group != "autoscaling";
    for live in declared.keys().filter(told).filter_map(|key| listing.get(key)?.whole()) {
        for api_version in live.other_versions() {
            let type_key = TypeKey::new(&api_version, &live.key.type_key.kind);
            wanted.entry(type_key).or_default().insert(live.key.namespace.clone());
        }
    }
    wanted
}
