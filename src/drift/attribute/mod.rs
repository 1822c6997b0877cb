//! Who is behind a difference, and whether one that Git does not declare is drift at all.

mod autoscaling;
mod dropped;
mod managers;
mod set_aside;
mod versions;

use jiff::Timestamp;
use serde_json::Value;

pub use autoscaling::{Autoscalers, Scaled};
pub use managers::{Author, Authors};
pub use versions::Reading;

use versions::Translation;

use super::model::{
    AllocatedField, Change, Difference, FieldPath, ListType, Live, Manager, NodeId, Operation, Origin, PathStep,
    Pointer, Schema, Shape, Writer,
};

/// A difference that counts, with what is known of its author.
#[derive(Debug, Clone, PartialEq)]
pub struct Attributed<'a> {
    /// Where: for an addition possibly below the place that was asked about.
    pub difference: Difference<'a>,
    /// Why it differs.
    pub origin: Origin,
    /// Who wrote it; absent where nothing tells.
    pub manager: Option<Manager>,
}

/// Whether the server would fill the field at a pointer into the live object with the value that it has.
pub type IsDefault<'a> = dyn Fn(&Pointer) -> bool + 'a;

/// What is known of an object's kind and of those who write.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The object as Git writes it.
    pub written: &'a Value,
    /// The shapes of the kind's group and version.
    pub schema: &'a Schema,
    /// Who is behind a field manager's name.
    pub authors: &'a Authors,
    /// What the server and its controllers fill in.
    pub allocated: &'a [AllocatedField],
    /// What autoscalers may do to the object; absent where none scales it.
    pub scaled: Option<&'a Scaled>,
    /// The object at the other versions in which its authors speak.
    pub readings: &'a [Reading],
}

/// What the cluster knows of one object's authors.
pub struct Ownership<'a, 'f> {
    known: Known<'a>,
    live: &'a Live,
    is_default: &'f IsDefault<'f>,
    /// `None` where the object came without `managedFields`.
    writers: Option<Vec<(&'a Writer, Author)>>,
    translations: Vec<Translation<'a>>,
}

/// The verdict on one leaf that Git does not declare.
enum Leaf<'a> {
    /// Written by the server, by admission or by a controller.
    Explained,
    /// Drift.
    Foreign(Origin, Option<&'a Manager>),
}

impl<'a, 'f> Ownership<'a, 'f> {
    /// Reads who owns what in `live`.
    #[must_use]
    pub fn new(live: &'a Live, known: Known<'a>, is_default: &'f IsDefault<'f>) -> Self {
        let writers = live.writers().map(|writers| writers.iter().zip(known.authors.of(writers)).collect());
        let translations = known.readings.iter().map(|reading| Translation::new(reading, &live.content)).collect();
        Self { known, live, is_default, writers, translations }
    }

    /// Whether `holds` for the field at `steps` under one of the names that it has at a version.
    fn any_name(&self, api_version: &str, steps: &[PathStep], holds: impl Fn(&[PathStep]) -> bool) -> bool {
        match self.translations.iter().find(|translation| translation.api_version == api_version) {
            None => holds(steps),
            Some(translation) => translation.names(steps).iter().any(|steps| holds(steps)),
        }
    }

    /// What a deployer last declared by client-side apply: the annotation speaks for a deployer only while a deployer
    /// is the one who wrote it last.
    fn last_applied(&self) -> Option<&'a Value> {
        let applied = self.live.last_applied()?;
        let annotation = ["metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"]
            .map(|key| PathStep::Key(key.to_owned()));
        self.owners(&annotation).any(|(_, author)| *author == Author::Deployer).then_some(applied)
    }

    fn all(&self) -> impl Iterator<Item = &(&'a Writer, Author)> {
        self.writers.iter().flatten()
    }

    fn owners(&self, steps: &[PathStep]) -> impl Iterator<Item = &(&'a Writer, Author)> {
        // Of an empty struct empty parts may have been written, which no object keeps.
        let is_hollow = matches!(find(&self.live.content, steps), Some(Value::Object(map)) if map.is_empty());
        self.all().filter(move |(writer, _)| {
            let version = &writer.api_version;
            versions::owns_renamed(writer, steps)
                || versions::owns_as_text(&self.live.content, writer, steps)
                || is_hollow && writer.fields.touches(steps, |_| false)
                || self.any_name(version, steps, |steps| {
                    writer.fields.owns(steps, |above| self.is_one_value(version, above))
                })
        })
    }

    fn root(&self) -> NodeId {
        self.known.schema.root(&self.live.key.type_key)
    }

    /// Whether whoever owns the field at `steps` of a version owns all that is below it; where no schema tells, it is
    /// likely.
    fn is_one_value(&self, api_version: &str, steps: &[PathStep]) -> bool {
        let reading = self.known.readings.iter().find(|reading| reading.live.key.type_key.api_version() == api_version);
        let (schema, root) = match reading {
            Some(reading) => (&*reading.schema, reading.schema.root(&reading.live.key.type_key)),
            None => (self.known.schema, self.root()),
        };
        root == Schema::ANY || schema.is_one_value(schema.node_at(root, steps))
    }

    /// Judges one difference; an addition may turn out to be none, or to be several below it. What is found to be the
    /// server's or a controller's goes to `explained`.
    pub fn attribute(&self, difference: Difference<'a>, explained: &mut Vec<FieldPath>) -> Vec<Attributed<'a>> {
        if self.is_overruled(&difference) {
            explained.push(difference.path);
            return Vec::new();
        }
        match difference.change {
            Change::Changed => vec![self.changed(difference)],
            Change::Removed => match find(&self.live.content, difference.path.steps()) {
                // A field that is no pointer and is always written lives as its zero, which the normal form drops.
                Some(zero) if is_scalar(zero) => vec![self.changed(with_live(difference, zero))],
                _ => vec![self.removed(difference)],
            },
            Change::Added => match find(self.known.written, difference.path.steps()) {
                Some(zero)
                    if is_scalar(zero)
                        && set_aside::is_chosen_for_good(&self.live.content, difference.path.steps()) =>
                {
                    explained.push(difference.path);
                    Vec::new()
                }
                // The server drops a zero, and so does the normal form; Git declares it all the same.
                Some(zero)
                    if is_scalar(zero) && difference.live.is_some_and(is_scalar) && !self.is_nobodys(&difference) =>
                {
                    vec![self.changed(with_desired(difference, zero))]
                }
                _ => self.added(difference, explained),
            },
        }
    }

    /// Whether the server dropped a declared field when it was written.
    #[must_use]
    pub fn was_dropped(&self, difference: &Difference<'_>) -> bool {
        let (Change::Removed, Some(declared)) = (difference.change, difference.desired) else { return false };
        if dropped::is_cleared(&self.live.content, difference.path.steps()) {
            return true;
        }
        let Known { written, schema, .. } = self.known;
        let version = written["apiVersion"].as_str().unwrap_or_default();
        self.all().any(|(writer, _)| {
            writer.api_version == version
                && dropped::was_dropped(schema, self.root(), &writer.fields, difference.path.steps(), declared)
        })
    }

    /// Whether the field is another's to set even where Git declares it.
    fn is_overruled(&self, difference: &Difference<'_>) -> bool {
        let steps = difference.path.steps();
        if self.known.scaled.is_some_and(|scaled| scaled.in_range(steps, difference.live))
            || set_aside::is_condition(&self.live.content, difference)
            || set_aside::is_appended(&self.live.content, difference)
        {
            return true;
        }
        let of_a_controller = self.known.scaled.is_some_and(|scaled| scaled.owns_resources(steps))
            || set_aside::is_overruled(&self.live.content, difference);
        of_a_controller && !self.a_person_owns(steps)
    }

    /// A declared field that lives at another value: of its owners a person says most, then a controller.
    fn changed(&self, difference: Difference<'a>) -> Attributed<'a> {
        let touching = |author: Author| {
            let own = self.owners(difference.path.steps()).filter(move |(_, of)| *of == author);
            latest(own.map(|(writer, _)| &writer.manager))
        };
        let (origin, manager) = match (touching(Author::Person), touching(Author::Controller)) {
            (Some(person), _) => (Origin::Manual, Some(person)),
            (None, Some(controller)) => (Origin::Controller, Some(controller)),
            (None, None) => (Origin::Unknown, touching(Author::Deployer)),
        };
        Attributed { difference, origin, manager: manager.cloned() }
    }

    /// A removal leaves no owner behind: it is a person's where a person wrote the object last.
    fn removed(&self, difference: Difference<'a>) -> Attributed<'a> {
        let last_write =
            |person: bool| self.all().filter(|(_, a)| (*a == Author::Person) == person).filter_map(time).max();
        let origin = match (last_write(true), last_write(false)) {
            (Some(person), Some(other)) if person < other => Origin::Unknown,
            (Some(_), _) => Origin::Manual,
            (None, _) => Origin::Unknown,
        };
        Attributed { difference, origin, manager: None }
    }

    /// Whatever Git does not declare: reported at the topmost node that nobody but its author made.
    fn added(&self, difference: Difference<'a>, explained: &mut Vec<FieldPath>) -> Vec<Attributed<'a>> {
        let mut worst: Option<(Origin, Option<&Manager>)> = None;
        let mut others = Vec::new();
        for (pointer, leaf) in self.leaves(&difference) {
            match leaf {
                Leaf::Explained => others.push(pointer),
                Leaf::Foreign(origin, manager) => worst = Some(worse(worst, (origin, manager))),
            }
        }
        let Some((origin, manager)) = worst else {
            explained.push(difference.path);
            return Vec::new();
        };
        if (self.is_default)(&difference.live_pointer) {
            return Vec::new();
        }
        if set_aside::holds_restart(&difference) {
            return self.children(&difference).into_iter().flat_map(|child| self.added(child, explained)).collect();
        }
        // A default inside what somebody added came with it and says nothing about who made the parent.
        if self.is_a_persons_element(&difference) || others.iter().all(|pointer| (self.is_default)(pointer)) {
            return vec![Attributed { difference, origin, manager: manager.cloned() }];
        }
        self.children(&difference).into_iter().flat_map(|child| self.added(child, explained)).collect()
    }

    /// The verdict on every leaf below an undeclared node.
    fn leaves(&self, difference: &Difference<'a>) -> Vec<(Pointer, Leaf<'a>)> {
        let steps = difference.path.steps();
        if self.is_nobodys(difference) {
            return vec![(difference.live_pointer.clone(), Leaf::Explained)];
        }
        let children = self.children(difference);
        if children.is_empty() {
            return vec![(difference.live_pointer.clone(), self.leaf(steps))];
        }
        let mut leaves: Vec<_> = children.iter().flat_map(|child| self.leaves(child)).collect();
        // Who declares an empty struct owns it, and all that is in it may be default.
        if difference
            .live
            .is_some_and(|live| matches!(self.known.schema.shape_of(difference.node, live), Shape::Struct(_)))
            && let own @ Leaf::Foreign(..) = self.leaf(steps)
        {
            leaves.push((difference.live_pointer.clone(), own));
        }
        leaves
    }

    /// Whether a person added the element of a list: what the server allocates inside came with it.
    fn is_a_persons_element(&self, difference: &Difference<'_>) -> bool {
        let steps = difference.path.steps();
        matches!(steps.last(), Some(PathStep::Element(_)))
            && self.owners(steps).any(|(_, author)| *author == Author::Person)
    }

    /// Whether the server or a deployer adds the field by itself, and no person has written it.
    fn is_nobodys(&self, difference: &Difference<'_>) -> bool {
        let steps = difference.path.steps();
        let value = difference.live.unwrap_or(&Value::Null);
        (set_aside::is_set_aside(self.known.allocated, &self.live.content, steps, value) && !self.a_person_owns(steps))
            || set_aside::is_computed(&self.live.content, steps)
    }

    fn a_person_owns(&self, steps: &[PathStep]) -> bool {
        self.all().any(|(writer, author)| {
            let version = &writer.api_version;
            *author == Author::Person
                && self.any_name(version, steps, |steps| {
                    writer.fields.touches(steps, |above| self.is_one_value(version, above))
                })
        })
    }

    fn leaf(&self, steps: &[PathStep]) -> Leaf<'a> {
        if self.writers.is_none() {
            return Leaf::Foreign(Origin::Unknown, None);
        }
        let by = |wanted: Author| latest(self.owners(steps).filter(|(_, a)| *a == wanted).map(|(w, _)| &w.manager));
        if let Some(person) = by(Author::Person) {
            return Leaf::Foreign(Origin::Manual, Some(person));
        }
        if by(Author::Controller).is_some() {
            return Leaf::Explained;
        }
        // Who declares `null` owns the field, and admission may fill it: an Ingress's default class.
        if find(self.known.written, steps).is_some_and(Value::is_null) {
            return Leaf::Explained;
        }
        let applied = |manager: &&Manager| manager.operation == Operation::Apply;
        let deployers = self.owners(steps).filter(|(_, a)| *a == Author::Deployer).map(|(w, _)| &w.manager);
        if let Some(applier) = latest(deployers.filter(applied)) {
            return Leaf::Foreign(Origin::Stale, Some(applier));
        }
        // As good as an object without managedFields: only its default is in sync.
        if by(Author::Untold).is_some() {
            return Leaf::Foreign(Origin::Unknown, None);
        }
        // A write to the scale subresource may leave no trace.
        if autoscaling::is_replicas(steps) && self.owners(steps).next().is_none() {
            return Leaf::Foreign(Origin::Unknown, None);
        }
        // A deployer's Update entry includes the defaults of its time; only last-applied tells what it declared.
        match by(Author::Deployer) {
            Some(deployer) if self.was_applied(steps) => Leaf::Foreign(Origin::Stale, Some(deployer)),
            _ => Leaf::Explained,
        }
    }

    /// Whether the last client-side apply declared the field at `steps`.
    fn was_applied(&self, steps: &[PathStep]) -> bool {
        let Some(applied) = self.last_applied() else { return false };
        let api_version = applied.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        self.any_name(api_version, steps, |steps| find(applied, steps).is_some_and(|value| !value.is_null()))
    }

    /// The nodes right below an undeclared one; none below a leaf, an atomic list and an empty container.
    fn children(&self, difference: &Difference<'a>) -> Vec<Difference<'a>> {
        match (difference.live.map(|live| self.known.schema.shape_of(difference.node, live)), difference.live) {
            (Some(shape @ (Shape::Struct(_) | Shape::Map(_) | Shape::Any)), Some(Value::Object(map))) => {
                map.iter().map(|(key, live)| child_at_key(difference, key, live, node_at_key(shape, key))).collect()
            }
            (Some(Shape::List { item, list_type }), Some(Value::Array(items))) => items
                .iter()
                .enumerate()
                .map(|(index, live)| {
                    let step = match list_type {
                        ListType::Map(keys) => self.known.schema.element_key(*item, keys, live)?,
                        ListType::Set => PathStep::Member(live.clone()),
                        ListType::Atomic | ListType::Bag => return None,
                    };
                    Some(Difference {
                        path: difference.path.join(step),
                        change: Change::Added,
                        desired: None,
                        live: Some(live),
                        desired_pointer: difference.desired_pointer.clone(),
                        live_pointer: difference.live_pointer.index(index),
                        node: *item,
                    })
                })
                .collect::<Option<Vec<_>>>()
                .unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

fn node_at_key(shape: &Shape, key: &str) -> NodeId {
    match shape {
        Shape::Struct(shape) => shape.fields.get(key).map_or(Schema::ANY, |field| field.node),
        Shape::Map(value) => *value,
        _ => Schema::ANY,
    }
}

fn child_at_key<'a>(difference: &Difference<'a>, key: &str, live: &'a Value, node: NodeId) -> Difference<'a> {
    Difference {
        path: difference.path.join(PathStep::Key(key.to_owned())),
        change: Change::Added,
        desired: None,
        live: Some(live),
        desired_pointer: difference.desired_pointer.clone(),
        live_pointer: difference.live_pointer.key(key),
        node,
    }
}

fn find<'v>(value: &'v Value, steps: &[PathStep]) -> Option<&'v Value> {
    steps.iter().try_fold(value, |value, step| step.find_in(value))
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_))
}

fn with_desired<'a>(mut difference: Difference<'a>, desired: &'a Value) -> Difference<'a> {
    if let Some(PathStep::Key(key)) = difference.path.steps().last() {
        difference.desired_pointer.push_key(key);
    }
    Difference { change: Change::Changed, desired: Some(desired), ..difference }
}

fn with_live<'a>(mut difference: Difference<'a>, live: &'a Value) -> Difference<'a> {
    if let Some(PathStep::Key(key)) = difference.path.steps().last() {
        difference.live_pointer.push_key(key);
    }
    Difference { change: Change::Changed, live: Some(live), ..difference }
}

fn time((writer, _): &(&Writer, Author)) -> Option<Timestamp> {
    writer.manager.time
}

fn latest<'m>(managers: impl Iterator<Item = &'m Manager>) -> Option<&'m Manager> {
    managers.max_by_key(|manager| manager.time)
}

/// The verdict that says more: a person's before any other, of two the later.
fn worse<'m>(
    known: Option<(Origin, Option<&'m Manager>)>,
    new: (Origin, Option<&'m Manager>),
) -> (Origin, Option<&'m Manager>) {
    let Some(known) = known else { return new };
    let rank = |(origin, manager): &(Origin, Option<&Manager>)| {
        (*origin == Origin::Manual, *origin == Origin::Stale, manager.and_then(|manager| manager.time))
    };
    if rank(&new) > rank(&known) { new } else { known }
}
