//! What the Go types of Kubernetes know and OpenAPI does not say.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{PathStep, Pointer};

/// The facts of one Go type.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TypeFacts {
    /// Fields that are no pointers and whose zero is therefore the same as absence.
    pub zero_is_absent: BTreeSet<String>,
    /// Those of them that are structs: `{}` is absence there, and the server sees one where none is declared.
    pub structs: BTreeSet<String>,
    /// What the defaulting functions do, in the order in which they do it.
    pub defaults: Vec<DefaultRule>,
}

/// One step of the defaulting functions of a type.
#[derive(Debug, Clone, PartialEq)]
pub struct DefaultRule {
    /// Which field it sets, from the type's object.
    pub path: RulePath,
    /// What it does there.
    pub action: DefaultAction,
    /// Conditions that must all hold.
    pub when: Vec<Condition>,
    /// Conditions of which none may hold.
    pub unless: Vec<Condition>,
}

/// What a step does to its field.
#[derive(Debug, Clone, PartialEq)]
pub enum DefaultAction {
    /// Sets this value where the field is absent.
    Set(Value),
    /// Copies another field where this one is absent.
    Copy(RulePath, Spelling),
    /// `Always` for an image without tag or tagged `latest`, else `IfNotPresent`, where the field is absent.
    PullPolicy(RulePath),
    /// Adds the keys of another map that this map lacks.
    Fill(RulePath),
    /// Drops the field.
    Remove,
    /// Rounds a quantity up to a multiple of a thousandth.
    Round,
}

/// How a copied text is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// As it is.
    Same,
    /// In lower case.
    Lowercase,
    /// With `List` behind it.
    List,
}

/// A condition on a field near the one that a step sets.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Which field.
    pub path: RulePath,
    /// Its values that fulfil the condition; `null` is absence.
    pub values: Vec<Value>,
}

impl Condition {
    /// Whether it is fulfilled in `object`; `bound` as in [`RulePath::look`].
    #[must_use]
    pub fn holds(&self, object: &Value, bound: &[Bound]) -> bool {
        let value = self.path.look(object, bound);
        self.values.iter().any(|wanted| value.map_or(wanted.is_null(), |value| value == wanted))
    }
}

/// A field that the server, its admission plugins or its controllers fill in where the manifest omits it.
#[derive(Debug, Clone, PartialEq)]
pub struct AllocatedField {
    /// Which field, from the object's root; all that is below it belongs to it.
    pub path: RulePath,
    /// Conditions on the live object that must all hold.
    pub when: Vec<Condition>,
    /// Conditions on the live object of which none may hold.
    pub unless: Vec<Condition>,
}

impl AllocatedField {
    /// Whether the field at `steps` of the object `live` is this one or stands below it.
    #[must_use]
    pub fn covers(&self, steps: &[PathStep], live: &Value) -> bool {
        self.path.leads_to(steps) && self.applies_to(live)
    }

    /// Whether its conditions hold for the object `live`.
    #[must_use]
    pub fn applies_to(&self, live: &Value) -> bool {
        self.when.iter().all(|condition| condition.holds(live, &[]))
            && !self.unless.iter().any(|condition| condition.holds(live, &[]))
    }
}

/// A path of a rule from its type's object: `a.b`, `a[]` each element, `a{}` each value of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulePath(pub Vec<RuleStep>);

impl RulePath {
    /// The value at this path, where each `[]` and `{}` stands for the index or key that `bound` has for it.
    #[must_use]
    pub fn look<'v>(&self, object: &'v Value, bound: &[Bound]) -> Option<&'v Value> {
        let mut bound = bound.iter();
        let mut value = object;
        for step in &self.0 {
            value = match step {
                RuleStep::Key(key) => value.get(key)?,
                RuleStep::Each | RuleStep::Values => match bound.next()? {
                    Bound::Index(index) => value.get(*index)?,
                    Bound::Key(key) => value.get(key)?,
                },
            };
        }
        Some(value).filter(|value| !value.is_null())
    }

    /// Where it leads, by `bound` as in [`Self::look`].
    #[must_use]
    pub fn pointer(&self, bound: &[Bound]) -> Pointer {
        let (mut pointer, mut bound) = (Pointer::root(), bound.iter());
        for step in &self.0 {
            match step {
                RuleStep::Key(key) => pointer.push_key(key),
                RuleStep::Each | RuleStep::Values => match bound.next() {
                    Some(Bound::Index(index)) => pointer.push_index(*index),
                    Some(Bound::Key(key)) => pointer.push_key(key),
                    None => break,
                },
            };
        }
        pointer
    }

    /// Whether `steps` lead to a place of this path or below one.
    fn leads_to(&self, steps: &[PathStep]) -> bool {
        steps.len() >= self.0.len()
            && self.0.iter().zip(steps).all(|(rule, step)| match (rule, step) {
                (RuleStep::Key(name), PathStep::Key(key)) => name == key,
                (RuleStep::Key(name), PathStep::Member(Value::String(member))) => name == member,
                (RuleStep::Each, step) => !matches!(step, PathStep::Key(_)),
                (RuleStep::Values, PathStep::Key(_)) => true,
                _ => false,
            })
    }
}

/// What an `[]` or `{}` of a [`RulePath`] stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// An element of a list.
    Index(usize),
    /// A key of a map.
    Key(String),
}

/// A step of a [`RulePath`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleStep {
    /// A field, a key, or a member of a set.
    Key(String),
    /// Each element of a list; in a condition, the one at which the rule stands.
    Each,
    /// Each value of a map; in a condition, the one at which the rule stands.
    Values,
}

/// The facts of all types, by component.
pub type Facts = BTreeMap<String, std::sync::Arc<TypeFacts>>;
