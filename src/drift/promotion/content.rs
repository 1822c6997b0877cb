//! What is rendered, flattened to hashes, so that two revisions compare quickly and no value is kept.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::change::{Change, Held, Leaf};
use crate::drift::model::ObjectKey;

/// What one file, or one whole rendering, declares.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fragment {
    objects: Vec<Flat>,
}

/// One object.
#[derive(Debug, PartialEq, Eq)]
struct Flat {
    identity: u64,
    digest: u64,
    leaves: Leaves,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Leaves {
    values: HashMap<Leaf, u64>,
    /// Of each list and text: which members it has, and their order.
    orders: HashMap<Leaf, Order>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Order {
    members: u64,
    sequence: u64,
}

impl Fragment {
    /// Adds an object.
    pub fn add(&mut self, key: &ObjectKey, content: &Value) {
        let identity = hash(&(key.type_key.kind_key(), key.namespace.as_deref().unwrap_or_default(), &key.name));
        let mut leaves = Leaves::default();
        flatten(content, identity, &mut leaves);
        self.objects.push(Flat { identity, digest: hash(&(identity, content)), leaves });
    }

    /// Adds something that cannot be read as objects and so stands for its bytes at its place.
    pub fn add_opaque(&mut self, place: &str, content: impl Hash) {
        let identity = hash(&("opaque", place));
        let digest = hash(&content);
        let leaves = Leaves { values: HashMap::from([(identity, digest)]), orders: HashMap::new() };
        self.objects.push(Flat { identity, digest, leaves });
    }
}

/// A file, or a folder with everything below it. Parts that two revisions share are not looked into when these are
/// compared.
#[derive(Debug)]
pub struct Part {
    digest: u64,
    kind: PartKind,
}

#[derive(Debug)]
enum PartKind {
    File(Fragment),
    Folder(Content),
}

impl Part {
    /// A file.
    #[must_use]
    pub fn file(fragment: Fragment) -> Self {
        let digest = fragment.objects.iter().fold(0, |sum: u64, object| sum.wrapping_add(object.digest));
        Self { digest, kind: PartKind::File(fragment) }
    }

    /// A folder.
    #[must_use]
    pub fn folder(content: Content) -> Self {
        Self { digest: content.digest(), kind: PartKind::Folder(content) }
    }
}

/// Everything that one revision renders.
#[derive(Debug, Clone, Default)]
pub struct Content(Vec<Arc<Part>>);

impl Content {
    /// Adds a file or folder.
    pub fn push(&mut self, part: Arc<Part>) {
        self.0.push(part);
    }

    /// A number that is the same for the same objects, in whatever files and order they stand.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.0.iter().fold(0, |sum: u64, part| sum.wrapping_add(part.digest))
    }

    /// How this content becomes `other`.
    #[must_use]
    pub fn change_to(&self, other: &Self) -> Change {
        let (own, others) = unshared(self.0.iter().collect(), other.0.iter().collect());
        let (before, after) = (by_identity(&own), by_identity(&others));
        let mut change = Change::default();
        for (identity, old) in &before {
            let new = after.get(identity);
            if new.is_none_or(|new| new.digest != old.digest) {
                compare(Some(old), new.copied(), &mut change);
            }
        }
        for (_, new) in after.iter().filter(|(identity, _)| !before.contains_key(*identity)) {
            compare(None, Some(new), &mut change);
        }
        change
    }
}

type Parts<'a> = Vec<&'a Arc<Part>>;

/// The files of each of two sides that the other does not share; folders are opened only where they differ.
fn unshared<'a>(mut own: Parts<'a>, mut others: Parts<'a>) -> (Parts<'a>, Parts<'a>) {
    loop {
        let pointers = |parts: &Parts<'_>| parts.iter().map(|part| Arc::as_ptr(part)).collect::<HashSet<_>>();
        let (here, there) = (pointers(&own), pointers(&others));
        own.retain(|part| !there.contains(&Arc::as_ptr(part)));
        others.retain(|part| !here.contains(&Arc::as_ptr(part)));
        let is_folder = |part: &&Arc<Part>| matches!(part.kind, PartKind::Folder(_));
        if !own.iter().chain(&others).any(is_folder) {
            return (own, others);
        }
        (own, others) = (opened(own), opened(others));
    }
}

/// The parts with what is in folders in place of them.
fn opened(parts: Parts<'_>) -> Parts<'_> {
    let mut found = Vec::with_capacity(parts.len());
    for part in parts {
        match &part.kind {
            PartKind::File(_) => found.push(part),
            PartKind::Folder(content) => found.extend(&content.0),
        }
    }
    found
}

/// The objects of some files; of one that is declared twice the last counts.
fn by_identity<'a>(parts: &Parts<'a>) -> HashMap<u64, &'a Flat> {
    let objects = parts.iter().flat_map(|part| match &part.kind {
        PartKind::File(fragment) => fragment.objects.as_slice(),
        PartKind::Folder(_) => &[],
    });
    objects.map(|object| (object.identity, object)).collect()
}

fn compare(old: Option<&Flat>, new: Option<&Flat>, change: &mut Change) {
    let nothing = Leaves::default();
    let before = old.map_or(&nothing, |flat| &flat.leaves);
    let after = new.map_or(&nothing, |flat| &flat.leaves);
    for (leaf, value) in &before.values {
        let now: Held = after.values.get(leaf).copied();
        if now != Some(*value) {
            change.0.insert(*leaf, (Some(*value), now));
        }
    }
    for (leaf, value) in after.values.iter().filter(|(leaf, _)| !before.values.contains_key(leaf)) {
        change.0.insert(*leaf, (None, Some(*value)));
    }
    // The order of a list counts only where its members are the same: otherwise they tell the change themselves.
    for (leaf, old) in &before.orders {
        if let Some(new) = after.orders.get(leaf).filter(|new| new.members == old.members && *new != old) {
            change.0.insert(*leaf, (Some(old.sequence), Some(new.sequence)));
        }
    }
}

/// The leaves of a value below `place`. Elements of a list and lines of a text are members, known by their name or
/// else by what they are, so that two changes to one list or text stay two.
fn flatten(value: &Value, place: Leaf, leaves: &mut Leaves) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                flatten(value, hash(&(place, "key", key)), leaves);
            }
        }
        Value::Array(items) if !items.is_empty() => elements(items, place, leaves),
        Value::String(text) if text.contains('\n') => {
            leaves.order(place, text.lines(), text);
            for line in text.lines() {
                leaves.member(hash(&(place, "line", line)));
            }
        }
        scalar => {
            leaves.values.insert(place, hash(scalar));
        }
    }
}

fn elements(items: &[Value], place: Leaf, leaves: &mut Leaves) {
    if let Some(names) = names(items) {
        leaves.order(place, names.iter(), &names);
        for (name, item) in names.into_iter().zip(items) {
            flatten(item, hash(&(place, "name", name)), leaves);
        }
        return;
    }
    leaves.order(place, items.iter(), items);
    for item in items {
        leaves.member(hash(&(place, "item", item)));
    }
}

impl Leaves {
    fn member(&mut self, place: Leaf) {
        *self.values.entry(place).or_default() += 1;
    }

    fn order<M: Hash>(&mut self, place: Leaf, members: impl Iterator<Item = M>, whole: impl Hash) {
        let members = members.fold(0, |sum: u64, member| sum.wrapping_add(hash(&member)));
        self.orders.insert(hash(&(place, "order")), Order { members, sequence: hash(&whole) });
    }
}

/// The `name` of every element, where each is a mapping with one of its own.
fn names(items: &[Value]) -> Option<Vec<&str>> {
    let names: Vec<&str> = items.iter().map(|item| named(item.as_object()?)).collect::<Option<_>>()?;
    let distinct: HashSet<_> = names.iter().collect();
    (distinct.len() == names.len()).then_some(names)
}

fn named(map: &Map<String, Value>) -> Option<&str> {
    map.get("name")?.as_str()
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
