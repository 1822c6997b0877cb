//! Lists: elements find their counterparts by merge key, by value, or stand as one value.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{ItemStep, Step, Walk, equal};
use crate::drift::model::{ListType, NodeId, PathStep};

/// A list on every side.
pub(super) struct Lists<'a> {
    /// As declared; absent where the list is a default. Its elements stand where they do in `full`.
    pub declared: Option<&'a Value>,
    pub full: &'a [Value],
    pub live: &'a [Value],
    /// The same as a value.
    pub live_value: &'a Value,
}

impl<'a> Lists<'a> {
    fn declared_at(&self, index: usize) -> Option<&'a Value> {
        self.declared?.get(index)
    }
}

/// An element's place in its list and its value.
type Placed<'a> = (usize, &'a Value);

/// The elements of one side by the text of their step.
type Keyed<'a> = BTreeMap<String, (PathStep, Vec<Placed<'a>>)>;

impl<'a> Walk<'a> {
    pub(super) fn list(&mut self, lists: &Lists<'a>, node: NodeId, item: NodeId, list_type: &'a ListType) {
        if let ListType::Map(keys) = list_type
            && in_step(lists, keys)
        {
            return self.in_step(lists, item, keys);
        }
        let schema = self.context.schema;
        let keyed = match list_type {
            ListType::Map(keys) => key_both(lists, |element| schema.element_key(item, keys, element)),
            ListType::Set => key_both(lists, |element| Some(PathStep::Member(element.clone()))),
            ListType::Atomic | ListType::Bag => None,
        };
        match keyed {
            Some((full, live)) if !repeats(&full) && !repeats(&live) => self.keyed(lists, item, &full, &live),
            Some((full, live)) if self.repeated_equal(item, &full, &live) => {}
            None if self.whole_equal(lists, item, list_type) => {}
            _ => self.report_list(lists, node),
        }
    }

    /// The list as one value; `added` or `removed` where one side is empty.
    fn report_list(&mut self, lists: &Lists<'a>, node: NodeId) {
        let declared = lists.declared.filter(|list| !list.as_array().is_some_and(Vec::is_empty));
        let live = Some(lists.live_value).filter(|_| !lists.live.is_empty());
        self.report(declared, live, node);
    }

    fn in_step(&mut self, lists: &Lists<'a>, item: NodeId, keys: &'a [String]) {
        for (index, (full, live)) in lists.full.iter().zip(lists.live).enumerate() {
            let declared = lists.declared_at(index).map(|declared| (index, declared));
            let step = ItemStep::Keyed { item, keys, element: full };
            self.element(step, declared, Some(full), Some((index, live)), item);
        }
    }

    fn keyed(&mut self, lists: &Lists<'a>, item: NodeId, full: &Keyed<'a>, live: &Keyed<'a>) {
        for (key, (step, placed)) in full {
            let Some((index, full)) = placed.first().copied() else { continue };
            let counterpart = live.get(key).and_then(|(_, placed)| placed.first().copied());
            let declared = lists.declared_at(index);
            let step = ItemStep::Known(step.clone());
            self.element(step, declared.map(|declared| (index, declared)), Some(full), counterpart, item);
        }
        for (_, (step, placed)) in live.iter().filter(|(key, _)| !full.contains_key(*key)) {
            self.element(ItemStep::Known(step.clone()), None, None, placed.first().copied(), item);
        }
    }

    fn element(
        &mut self,
        step: ItemStep<'a>,
        declared: Option<Placed<'a>>,
        full: Option<&'a Value>,
        live: Option<Placed<'a>>,
        item: NodeId,
    ) {
        let index = |placed: Placed<'a>| placed.0;
        self.place.push(Step::Item { step, desired: declared.map(index), live: live.map(index) });
        let declared = declared.map(|(_, value)| value);
        match (full, live) {
            (Some(full), Some((_, live))) => self.values(declared, full, live, item),
            (_, live) => self.report(declared, live.map(|(_, value)| value), item),
        }
        self.place.pop();
    }

    /// The same key twice in a list: elements pair by ordinal.
    fn repeated_equal(&self, item: NodeId, full: &Keyed<'a>, live: &Keyed<'a>) -> bool {
        let pairs_equal = |placed: &[Placed<'a>], counterpart: &[Placed<'a>]| {
            placed.len() == counterpart.len()
                && placed.iter().zip(counterpart).all(|((_, full), (_, live))| equal(self.context, item, full, live))
        };
        full.len() == live.len()
            && full.iter().all(|(key, (_, placed))| {
                live.get(key).is_some_and(|(_, counterpart)| pairs_equal(placed, counterpart))
            })
    }

    /// A list that is one value: equal in meaning element by element, in order or (a bag) in any.
    fn whole_equal(&self, lists: &Lists<'a>, item: NodeId, list_type: &ListType) -> bool {
        let equal = |full: &Value, live: &Value| equal(self.context, item, full, live);
        if lists.full.len() != lists.live.len() {
            return false;
        }
        if *list_type != ListType::Bag {
            return lists.full.iter().zip(lists.live).all(|(full, live)| equal(full, live));
        }
        let mut rest: Vec<&Value> = lists.live.iter().collect();
        lists.full.iter().all(|full| {
            let found = rest.iter().position(|live| equal(full, live));
            found.map(|index| rest.swap_remove(index)).is_some()
        })
    }
}

/// Longer lists are sorted by key.
const SHORT: usize = 16;

/// Whether both sides have the same elements in the same order by merge keys that each element writes out, and none
/// twice: as nearly every list does that is in sync.
fn in_step(lists: &Lists<'_>, keys: &[String]) -> bool {
    let (full, live) = (lists.full, lists.live);
    let same = |one: &Value, other: &Value| {
        keys.iter().all(|key| {
            let value = one.get(key);
            value.is_some_and(|value| !matches!(value, Value::Null | Value::Array(_) | Value::Object(_)))
                && value == other.get(key)
        })
    };
    full.len() == live.len()
        && full.len() <= SHORT
        && full.iter().zip(live).all(|(full, live)| same(full, live))
        && full.iter().enumerate().all(|(index, one)| !full[..index].iter().any(|other| same(one, other)))
}

/// Both sides by key, or `None` where an element has no key: then the list stands as one value.
fn key_both<'a>(lists: &Lists<'a>, step: impl Fn(&Value) -> Option<PathStep>) -> Option<(Keyed<'a>, Keyed<'a>)> {
    let side = |items: &'a [Value]| {
        let mut keyed = Keyed::new();
        for (index, element) in items.iter().enumerate() {
            let step = step(element)?;
            keyed.entry(step.fields_v1()).or_insert_with(|| (step, Vec::new())).1.push((index, element));
        }
        Some(keyed)
    };
    Some((side(lists.full)?, side(lists.live)?))
}

fn repeats(side: &Keyed<'_>) -> bool {
    side.values().any(|(_, placed)| placed.len() > 1)
}
