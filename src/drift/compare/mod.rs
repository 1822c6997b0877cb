//! Two trees walked side by side by schema: every place where Git and the cluster do not mean the same.

mod absence;
mod lists;
mod scalar;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::model::{
    Change, Dialect, Difference, FieldPath, ListType, NodeId, PathStep, Pointer, Schema, Shape, Struct,
};

/// What comparison has to know beside the two objects.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The shapes of the kind's group and version.
    pub schema: &'a Schema,
    /// Registry host → host of the mirror to which admission rewrites it.
    pub image_mirrors: &'a BTreeMap<String, String>,
}

/// Walks both objects from the root.
///
/// A field that Git does not declare and that lives at a value other than its default is reported whole, at the
/// topmost node that Git lacks; who wrote it, and whether that is drift, is for [`super::attribute`] to say.
#[must_use]
pub fn compare<'a>(context: Context<'a>, root: NodeId, desired: &'a Value, live: &'a Value) -> Vec<Difference<'a>> {
    let mut walk = Walk { context, place: Place::default(), found: Vec::new() };
    walk.values(desired, live, root, Dialect::BuiltIn);
    walk.found
}

/// Whether two values mean the same, defaults on either side included.
fn equal(context: Context<'_>, node: NodeId, dialect: Dialect, desired: &Value, live: &Value) -> bool {
    let mut walk = Walk { context, place: Place::default(), found: Vec::new() };
    walk.values(desired, live, node, dialect);
    walk.found.is_empty()
}

/// Where the walk stands, on both sides.
#[derive(Debug, Clone, Default)]
struct Place {
    path: FieldPath,
    desired: Pointer,
    live: Pointer,
}

struct Walk<'a> {
    context: Context<'a>,
    place: Place,
    found: Vec<Difference<'a>>,
}

impl<'a> Walk<'a> {
    fn report(&mut self, desired: Option<&'a Value>, live: Option<&'a Value>, node: NodeId) {
        let change = match (desired, live) {
            (Some(_), Some(_)) => Change::Changed,
            (Some(_), None) => Change::Removed,
            (None, Some(_)) => Change::Added,
            (None, None) => return,
        };
        let Place { path, desired: desired_pointer, live: live_pointer } = self.place.clone();
        self.found.push(Difference { path, change, desired, live, desired_pointer, live_pointer, node });
    }

    /// Both sides have a value.
    fn values(&mut self, desired: &'a Value, live: &'a Value, node: NodeId, dialect: Dialect) {
        match (self.context.schema.shape(node), desired, live) {
            (Shape::Struct(shape), Value::Object(desired), Value::Object(live)) => {
                self.fields(shape, desired, live);
            }
            (Shape::Map(value), Value::Object(desired), Value::Object(live)) => {
                self.entries(*value, desired, live, dialect);
            }
            (Shape::Any, Value::Object(desired), Value::Object(live)) => {
                self.entries(Schema::ANY, desired, live, Dialect::Custom);
            }
            (Shape::List { item, list_type }, Value::Array(desired_items), Value::Array(live_items)) => {
                let sides = lists::Sides { desired, live, desired_items, live_items };
                self.list(&sides, node, *item, list_type, dialect);
            }
            (Shape::Any, Value::Array(desired_items), Value::Array(live_items)) => {
                let sides = lists::Sides { desired, live, desired_items, live_items };
                self.list(&sides, node, Schema::ANY, &ListType::Atomic, dialect);
            }
            (Shape::Scalar(scalar), _, _) if self.scalars_equal(*scalar, desired, live) => {}
            (Shape::Any, _, _) if scalar::plain_equal(desired, live) => {}
            _ => self.report(Some(desired), Some(live), node),
        }
    }

    fn scalars_equal(&self, scalar: super::model::Scalar, desired: &Value, live: &Value) -> bool {
        scalar::equal(scalar, desired, live)
            || (self.stands_at_an_image() && scalar::same_image(self.context.image_mirrors, desired, live))
    }

    fn stands_at_an_image(&self) -> bool {
        let last = self.place.path.steps().last();
        !self.context.image_mirrors.is_empty() && matches!(last, Some(PathStep::Key(key)) if key == "image")
    }

    fn fields(&mut self, shape: &'a Struct, desired: &'a Map<String, Value>, live: &'a Map<String, Value>) {
        for (key, desired_value) in desired {
            let node = shape.fields.get(key).map_or(Schema::ANY, |field| field.node);
            let zero_is_absent = shape.facts.zero_is_absent.contains(key);
            let desired_value = self.present(Some(desired_value), node, shape.dialect, zero_is_absent);
            let live_value = self.present(live.get(key), node, shape.dialect, zero_is_absent);
            // A field that the schema does not know is dropped by the server: declaring it has no effect.
            if live_value.is_none() && !shape.open && !shape.fields.contains_key(key) {
                continue;
            }
            self.field(shape, key, (desired_value, live_value), (desired, live));
        }
        for (key, live_value) in live.iter().filter(|(key, _)| !desired.contains_key(*key)) {
            let node = shape.fields.get(key).map_or(Schema::ANY, |field| field.node);
            let zero_is_absent = shape.facts.zero_is_absent.contains(key);
            let live_value = self.present(Some(live_value), node, shape.dialect, zero_is_absent);
            self.field(shape, key, (None, live_value), (desired, live));
        }
    }

    /// One field of a struct; each side's value is `None` where it means absence.
    fn field(
        &mut self,
        shape: &'a Struct,
        key: &str,
        (desired, live): (Option<&'a Value>, Option<&'a Value>),
        parents: (&'a Map<String, Value>, &'a Map<String, Value>),
    ) {
        let node = shape.fields.get(key).map_or(Schema::ANY, |field| field.node);
        let before = self.enter(key, desired.is_some(), live.is_some());
        match (desired, live) {
            (Some(desired), Some(live)) => self.values(desired, live, node, shape.dialect),
            (Some(declared), None) if self.is_default(shape, key, declared, parents) => {}
            (Some(_), None) => self.report(desired, None, node),
            (None, Some(live)) => self.undeclared(shape, key, live, parents),
            (None, None) => {}
        }
        self.leave(before);
    }

    /// A field that Git does not declare: in sync at its default, else added where it departs from it.
    fn undeclared(
        &mut self,
        shape: &'a Struct,
        key: &str,
        live: &'a Value,
        parents: (&'a Map<String, Value>, &'a Map<String, Value>),
    ) {
        let node = shape.fields.get(key).map_or(Schema::ANY, |field| field.node);
        let Some(default) = shape.default_of(key, parents.0, parents.1) else {
            return self.report(None, Some(live), node);
        };
        for departure in self.departures(&default, live, node, shape.dialect) {
            self.found.push(departure);
        }
    }

    /// Where `live` departs from what the server would have filled in, as additions.
    fn departures(&self, default: &Value, live: &'a Value, node: NodeId, dialect: Dialect) -> Vec<Difference<'a>> {
        let mut walk = Walk { context: self.context, place: self.place.clone(), found: Vec::new() };
        walk.values(default, live, node, dialect);
        let departures = walk.found.into_iter().filter(|difference| difference.live.is_some());
        departures
            .map(|difference| {
                let live = pointed(live, &self.place.live, &difference.live_pointer);
                Difference {
                    path: difference.path,
                    change: Change::Added,
                    desired: None,
                    live,
                    desired_pointer: self.place.desired.clone(),
                    live_pointer: difference.live_pointer,
                    node: difference.node,
                }
            })
            .collect()
    }

    /// Whether a declared value that the cluster lacks is what the server would fill in anyway.
    fn is_default(
        &self,
        shape: &Struct,
        key: &str,
        declared: &Value,
        parents: (&Map<String, Value>, &Map<String, Value>),
    ) -> bool {
        let node = shape.fields.get(key).map_or(Schema::ANY, |field| field.node);
        shape
            .default_of(key, parents.0, parents.1)
            .is_some_and(|default| equal(self.context, node, shape.dialect, declared, &default))
    }

    /// Free keys, each compared by itself.
    fn entries(
        &mut self,
        node: NodeId,
        desired: &'a Map<String, Value>,
        live: &'a Map<String, Value>,
        dialect: Dialect,
    ) {
        let keys = desired.keys().chain(live.keys().filter(|key| !desired.contains_key(*key)));
        for key in keys {
            let desired = self.present_entry(desired.get(key), node, dialect);
            let live = self.present_entry(live.get(key), node, dialect);
            let before = self.enter(key, desired.is_some(), live.is_some());
            match (desired, live) {
                (Some(desired), Some(live)) => self.values(desired, live, node, dialect),
                _ => self.report(desired, live, node),
            }
            self.leave(before);
        }
    }

    /// Steps to a key; a side that lacks it stays where it is, so that its pointer names the nearest parent.
    fn enter(&mut self, key: &str, in_desired: bool, in_live: bool) -> (usize, usize) {
        self.place.path.push(PathStep::Key(key.to_owned()));
        let before = (self.place.desired.as_str().len(), self.place.live.as_str().len());
        if in_desired {
            self.place.desired.push_key(key);
        }
        if in_live {
            self.place.live.push_key(key);
        }
        before
    }

    fn leave(&mut self, (desired, live): (usize, usize)) {
        self.place.path.pop();
        self.place.desired.truncate(desired);
        self.place.live.truncate(live);
    }
}

impl Struct {
    /// What the server fills in where `key` is absent, given the fields beside it.
    fn default_of(
        &self,
        key: &str,
        _desired: &Map<String, Value>,
        _live: &Map<String, Value>,
    ) -> Option<Cow<'_, Value>> {
        self.fields.get(key)?.default.as_ref().map(Cow::Borrowed)
    }
}

/// The value below `root`, which itself stands at `at`, to which `pointer` leads.
fn pointed<'a>(root: &'a Value, at: &Pointer, pointer: &Pointer) -> Option<&'a Value> {
    root.pointer(pointer.as_str().strip_prefix(at.as_str())?)
}
