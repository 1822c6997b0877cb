//! Two trees walked side by side by schema: every place where Git and the cluster do not mean the same.

mod ineffective;
mod lists;
mod scalar;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

pub use ineffective::{ineffective, knows_all};

use super::model::{Change, Difference, FieldPath, ListType, NodeId, PathStep, Pointer, Scalar, Schema, Shape, Struct};

/// What comparison has to know beside the two objects.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The shapes of the kind's group and version.
    pub schema: &'a Schema,
    /// Registry host → host of the mirror to which admission rewrites it.
    pub image_mirrors: &'a BTreeMap<String, String>,
}

/// One object of Git's, twice.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    /// As Git declares it, without what means absence.
    pub declared: &'a Value,
    /// As the server would complete it: the same lists, with every default filled in.
    pub full: &'a Value,
    /// As it lives.
    pub live: &'a Value,
}

/// Walks the object from the root.
///
/// A field that Git does not declare and that lives at a value other than its default is reported at the topmost node
/// that Git, defaults included, lacks; who wrote it, and whether that is drift, is for the room `attribute` to say.
/// A declared field that the cluster lacks is reported also where it is declared at its default.
#[must_use]
pub fn compare<'a>(context: Context<'a>, root: NodeId, sides: Sides<'a>) -> Vec<Difference<'a>> {
    let mut walk = Walk { context, place: Vec::new(), found: Vec::new() };
    walk.values(Some(sides.declared), sides.full, sides.live, root);
    walk.found
}

/// Whether two complete values mean the same; then nothing differs, whatever of them Git declares.
#[must_use]
pub fn equal(context: Context<'_>, node: NodeId, full: &Value, live: &Value) -> bool {
    let mut walk = Walk { context, place: Vec::new(), found: Vec::new() };
    walk.values(Some(full), full, live, node);
    walk.found.is_empty()
}

/// A struct that the server writes although nothing is in it: `resources: {}`.
static EMPTY: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));

/// One step of the walk; a side that lacks it stays where it is, so that its pointer names the nearest parent.
enum Step<'a> {
    Key {
        name: &'a str,
        in_desired: bool,
        in_live: bool,
    },
    /// An element of a list, by its place on each side.
    Item {
        step: ItemStep<'a>,
        desired: Option<usize>,
        live: Option<usize>,
    },
}

/// How an element of a list is called.
enum ItemStep<'a> {
    Known(PathStep),
    /// By its merge keys, which are read when something is reported.
    Keyed {
        item: NodeId,
        keys: &'a [String],
        element: &'a Value,
    },
}

struct Walk<'a> {
    context: Context<'a>,
    /// From the root; paths and pointers are made of it only where something is reported.
    place: Vec<Step<'a>>,
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
        let (path, desired_pointer, live_pointer) = self.here();
        self.found.push(Difference { path, change, desired, live, desired_pointer, live_pointer, node });
    }

    /// Where the walk stands, by path and on both sides.
    fn here(&self) -> (FieldPath, Pointer, Pointer) {
        let (mut path, mut desired_pointer, mut live_pointer) = (FieldPath::root(), Pointer::root(), Pointer::root());
        for step in &self.place {
            match step {
                Step::Key { name, in_desired, in_live } => {
                    path.push(PathStep::Key((*name).to_owned()));
                    if *in_desired {
                        desired_pointer.push_key(name);
                    }
                    if *in_live {
                        live_pointer.push_key(name);
                    }
                }
                Step::Item { step, desired, live } => {
                    path.push(self.path_step(step, desired.or(*live)));
                    if let Some(index) = desired {
                        desired_pointer.push_index(*index);
                    }
                    if let Some(index) = live {
                        live_pointer.push_index(*index);
                    }
                }
            }
        }
        (path, desired_pointer, live_pointer)
    }

    fn path_step(&self, step: &ItemStep<'a>, index: Option<usize>) -> PathStep {
        match step {
            ItemStep::Known(step) => step.clone(),
            ItemStep::Keyed { item, keys, element } => self
                .context
                .schema
                .element_key(*item, keys, element)
                .unwrap_or(PathStep::Index(index.unwrap_or_default())),
        }
    }

    /// A value that Git has, declared or by default, and that lives.
    fn values(&mut self, declared: Option<&'a Value>, full: &'a Value, live: &'a Value, node: NodeId) {
        // The same JSON means the same, and most of an object that is in sync is the same JSON.
        if full == live {
            return;
        }
        let schema = self.context.schema;
        match (schema.shape_of(node, full), full, live) {
            (Shape::Struct(shape), Value::Object(full), Value::Object(live)) => {
                self.fields(shape, declared, full, live);
            }
            (Shape::Map(value), Value::Object(full), Value::Object(live)) => self.entries(*value, declared, full, live),
            (Shape::Any, Value::Object(full), Value::Object(live)) => self.entries(Schema::ANY, declared, full, live),
            (Shape::List { item, list_type }, Value::Array(full), Value::Array(items)) => {
                self.list(&lists::Lists { declared, full, live: items, live_value: live }, node, *item, list_type);
            }
            (Shape::Any, Value::Array(full), Value::Array(items)) => {
                self.list(
                    &lists::Lists { declared, full, live: items, live_value: live },
                    node,
                    Schema::ANY,
                    &ListType::Atomic,
                );
            }
            (Shape::Scalar(scalar), _, _) if self.scalars_equal(*scalar, full, live) => {}
            (Shape::Any | Shape::Literal, _, _) if scalar::plain_equal(full, live) => {}
            _ => self.report(declared, Some(live), node),
        }
    }

    fn scalars_equal(&self, scalar: Scalar, desired: &Value, live: &Value) -> bool {
        scalar::equal(scalar, desired, live)
            || (self.stands_at_an_image() && scalar::same_image(self.context.image_mirrors, desired, live))
    }

    fn stands_at_an_image(&self) -> bool {
        !self.context.image_mirrors.is_empty() && matches!(self.place.last(), Some(Step::Key { name: "image", .. }))
    }

    fn fields(
        &mut self,
        shape: &'a Struct,
        declared: Option<&'a Value>,
        full: &'a Map<String, Value>,
        live: &'a Map<String, Value>,
    ) {
        let schema = self.context.schema;
        for (key, full) in full {
            let live = live.get(key);
            if live == Some(full) {
                continue;
            }
            let declared = declared.and_then(|declared| declared.get(key));
            let live = live.filter(|live| !schema.is_absent(shape, key, live));
            let live = live.or_else(|| shape.is_always_written(key).then_some(&*EMPTY));
            // A field that the schema does not know is dropped by the server: declaring it has no effect.
            if live.is_some() || shape.open || shape.fields.contains_key(key) {
                self.child(key, declared, Some(full), live, shape.node(key));
            }
        }
        for (key, live) in live.iter().filter(|(key, _)| !full.contains_key(*key)) {
            if !schema.is_absent(shape, key, live) {
                let written = shape.is_always_written(key).then_some(&*EMPTY);
                self.child(key, None, written, Some(live), shape.node(key));
            }
        }
    }

    /// Free keys, each compared by itself: a key is there even where its value is empty, but where nothing is known
    /// of the value an empty list or map means absence.
    fn entries(
        &mut self,
        node: NodeId,
        declared: Option<&'a Value>,
        full: &'a Map<String, Value>,
        live: &'a Map<String, Value>,
    ) {
        let there = |value: &&Value| !(value.is_null() || node == Schema::ANY && Schema::is_empty(value));
        for (key, full) in full.iter().filter(|(_, full)| there(full)) {
            let live = live.get(key);
            if live == Some(full) {
                continue;
            }
            let declared = declared.and_then(|declared| declared.get(key));
            self.child(key, declared, Some(full), live.filter(there), node);
        }
        for (key, live) in
            live.iter().filter(|(key, live)| there(live) && !full.get(*key).is_some_and(|full| there(&full)))
        {
            self.child(key, None, None, Some(live), node);
        }
    }

    fn child(
        &mut self,
        name: &'a str,
        declared: Option<&'a Value>,
        full: Option<&'a Value>,
        live: Option<&'a Value>,
        node: NodeId,
    ) {
        self.place.push(Step::Key { name, in_desired: declared.is_some(), in_live: live.is_some() });
        match (full, live) {
            (Some(full), Some(live)) => self.values(declared, full, live, node),
            (_, live) => self.report(declared, live, node),
        }
        self.place.pop();
    }
}
