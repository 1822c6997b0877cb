//! Lists: elements find their counterparts by merge key, by value, or stand as one value.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Walk, equal};
use crate::drift::model::{Dialect, ListType, NodeId, PathStep};

/// A list on both sides.
pub(super) struct Sides<'a> {
    pub desired: &'a Value,
    pub live: &'a Value,
    pub desired_items: &'a [Value],
    pub live_items: &'a [Value],
}

/// An element's place in its list and its value.
type Placed<'a> = (usize, &'a Value);

/// The elements of one side by the text of their step.
type Keyed<'a> = BTreeMap<String, (PathStep, Vec<Placed<'a>>)>;

impl<'a> Walk<'a> {
    pub(super) fn list(
        &mut self,
        sides: &Sides<'a>,
        node: NodeId,
        item: NodeId,
        list_type: &ListType,
        dialect: Dialect,
    ) {
        let keyed = match list_type {
            ListType::Map(keys) => {
                Self::key_both(sides, |element| self.context.schema.element_key(item, keys, element))
            }
            ListType::Set => Self::key_both(sides, |element| Some(PathStep::Member(element.clone()))),
            ListType::Atomic | ListType::Bag => None,
        };
        match keyed {
            Some((desired, live)) => self.keyed(sides, node, item, dialect, &desired, &live),
            None => self.whole(sides, node, item, *list_type == ListType::Bag, dialect),
        }
    }

    /// Both sides by key, or `None` where an element has no key: then the list stands as one value.
    fn key_both(sides: &Sides<'a>, step: impl Fn(&Value) -> Option<PathStep>) -> Option<(Keyed<'a>, Keyed<'a>)> {
        let side = |items: &'a [Value]| {
            let mut keyed = Keyed::new();
            for (index, element) in items.iter().enumerate() {
                let step = step(element)?;
                keyed.entry(step.fields_v1()).or_insert_with(|| (step, Vec::new())).1.push((index, element));
            }
            Some(keyed)
        };
        Some((side(sides.desired_items)?, side(sides.live_items)?))
    }

    fn keyed(
        &mut self,
        sides: &Sides<'a>,
        node: NodeId,
        item: NodeId,
        dialect: Dialect,
        desired: &Keyed<'a>,
        live: &Keyed<'a>,
    ) {
        let repeated = |side: &Keyed<'a>| side.values().any(|(_, placed)| placed.len() > 1);
        if repeated(desired) || repeated(live) {
            return self.repeated_keys(sides, node, item, dialect, desired, live);
        }
        for (key, (step, placed)) in desired {
            let counterpart = live.get(key).and_then(|(_, placed)| placed.first().copied());
            self.element(step, placed.first().copied(), counterpart, item, dialect);
        }
        for (_, (step, placed)) in live.iter().filter(|(key, _)| !desired.contains_key(*key)) {
            self.element(step, None, placed.first().copied(), item, dialect);
        }
    }

    fn element(
        &mut self,
        step: &PathStep,
        desired: Option<Placed<'a>>,
        live: Option<Placed<'a>>,
        item: NodeId,
        dialect: Dialect,
    ) {
        let before = (self.place.desired.as_str().len(), self.place.live.as_str().len());
        self.place.path.push(step.clone());
        if let Some((index, _)) = desired {
            self.place.desired.push_index(index);
        }
        if let Some((index, _)) = live {
            self.place.live.push_index(index);
        }
        match (desired, live) {
            (Some((_, desired)), Some((_, live))) => self.values(desired, live, item, dialect),
            (desired, live) => {
                self.report(desired.map(|(_, value)| value), live.map(|(_, value)| value), item);
            }
        }
        self.leave(before);
    }

    /// The same key twice in a list: elements pair by ordinal, and any difference is one of the whole list.
    fn repeated_keys(
        &mut self,
        sides: &Sides<'a>,
        node: NodeId,
        item: NodeId,
        dialect: Dialect,
        desired: &Keyed<'a>,
        live: &Keyed<'a>,
    ) {
        let same = desired.len() == live.len()
            && desired.iter().all(|(key, (_, placed))| {
                live.get(key).is_some_and(|(_, counterpart)| {
                    placed.len() == counterpart.len()
                        && placed
                            .iter()
                            .zip(counterpart)
                            .all(|((_, desired), (_, live))| equal(self.context, item, dialect, desired, live))
                })
            });
        if !same {
            self.report(Some(sides.desired), Some(sides.live), node);
        }
    }

    /// A list that is one value: equal in meaning element by element, in order or (a bag) in any.
    fn whole(&mut self, sides: &Sides<'a>, node: NodeId, item: NodeId, any_order: bool, dialect: Dialect) {
        let equal = |desired: &Value, live: &Value| equal(self.context, item, dialect, desired, live);
        let same = sides.desired_items.len() == sides.live_items.len()
            && if any_order {
                let mut rest: Vec<&Value> = sides.live_items.iter().collect();
                sides.desired_items.iter().all(|desired| {
                    let found = rest.iter().position(|live| equal(desired, live));
                    found.map(|index| rest.swap_remove(index)).is_some()
                })
            } else {
                sides.desired_items.iter().zip(sides.live_items).all(|(desired, live)| equal(desired, live))
            };
        if !same {
            self.report(Some(sides.desired), Some(sides.live), node);
        }
    }
}
