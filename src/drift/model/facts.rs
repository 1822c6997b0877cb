//! What the Go types of Kubernetes know and OpenAPI does not say.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

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

/// A path of a rule from its type's object: `a.b`, `a[]` each element, `a{}` each value of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulePath(pub Vec<RuleStep>);

/// A step of a [`RulePath`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleStep {
    /// A field or key.
    Key(String),
    /// Each element of a list; in a condition, the one at which the rule stands.
    Each,
    /// Each value of a map; in a condition, the one at which the rule stands.
    Values,
}

/// The facts of all types, by component.
pub type Facts = BTreeMap<String, std::sync::Arc<TypeFacts>>;
