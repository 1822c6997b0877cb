//! What the server fills in: the defaulting functions of built-in kinds, and the defaults of OpenAPI schemas.

use serde_json::{Map, Value};

use super::form::{drop_absent, holds_values, is_built_in};
use crate::drift::model::{
    Bound, Condition, DefaultAction, DefaultRule, NodeId, Pointer, RuleStep, Schema, Shape, Spelling, Struct,
};

/// Completes a value in normal form, parents before children; what is filled in is in normal form too.
pub(super) fn fill(schema: &Schema, node: NodeId, value: &mut Value) {
    match (schema.shape_of(node, value), &mut *value) {
        (Shape::Struct(shape), Value::Object(_)) => fill_struct(schema, node, shape, value),
        (Shape::Map(of), Value::Object(map)) => map.values_mut().for_each(|value| fill(schema, *of, value)),
        (Shape::List { item, .. }, Value::Array(items)) => {
            for element in items {
                fill(schema, *item, element);
            }
        }
        _ => {}
    }
}

fn fill_struct(schema: &Schema, node: NodeId, shape: &Struct, value: &mut Value) {
    match &shape.facts {
        Some(facts) => facts.defaults.iter().for_each(|rule| apply(schema, node, rule, value)),
        None => openapi_defaults(shape, value),
    }
    let Value::Object(map) = value else { return };
    for (key, value) in map.iter_mut().filter(|(_, value)| holds_values(value)) {
        fill(schema, shape.node(key), value);
    }
    let Some(facts) = &shape.facts else { return };
    for key in facts.structs.iter().filter(|key| shape.fields.contains_key(*key)) {
        if !map.contains_key(key) {
            let mut empty = Value::Object(Map::new());
            fill(schema, shape.node(key), &mut empty);
            if empty.as_object().is_some_and(|map| !map.is_empty()) {
                map.insert(key.clone(), empty);
            }
        }
    }
}

/// Defaults of a custom resource, or of a built-in type that driftd does not know.
fn openapi_defaults(shape: &Struct, value: &mut Value) {
    let Value::Object(map) = value else { return };
    for (key, field) in &shape.fields {
        let Some(default) = &field.default else { continue };
        // OpenAPI gives every built-in struct and scalar that is no pointer its zero as a default: it says nothing.
        let zero = matches!(default, Value::Object(map) if map.is_empty())
            || matches!(default, Value::String(text) if text.is_empty())
            || matches!(default, Value::Bool(false))
            || default.as_f64() == Some(0.0);
        if !(map.contains_key(key) || is_built_in(shape.dialect) && zero) {
            map.insert(key.clone(), default.clone());
        }
    }
}

/// One rule at every place to which its path leads.
fn apply(schema: &Schema, node: NodeId, rule: &DefaultRule, object: &mut Value) {
    let mut search = Search { action: &rule.action, bound: Vec::new(), places: Vec::new() };
    search.expand(object, &rule.path.0);
    for bound in search.places {
        let holds = |condition: &Condition| condition.holds(object, &bound);
        if !rule.when.iter().all(holds) || rule.unless.iter().any(holds) {
            continue;
        }
        let target = rule.path.pointer(&bound);
        if let Some(new) = result(&rule.action, object, &target, &bound) {
            set(schema, node, object, &target, new);
        }
    }
}

/// Where an action has something to do; most objects leave most rules nothing, so nothing is copied on the way.
struct Search<'a> {
    action: &'a DefaultAction,
    /// What each `[]` and `{}` on the way stands for.
    bound: Vec<Bound>,
    places: Vec<Vec<Bound>>,
}

impl Search<'_> {
    fn expand(&mut self, value: &Value, steps: &[RuleStep]) {
        let Some((step, rest)) = steps.split_first() else {
            if acts(self.action, value) {
                self.places.push(self.bound.clone());
            }
            return;
        };
        match (step, value) {
            (RuleStep::Key(key), value) => self.expand(value.get(key).unwrap_or(&Value::Null), rest),
            (RuleStep::Each, Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.below(Bound::Index(index), item, rest);
                }
            }
            (RuleStep::Values, Value::Object(map)) => {
                for (key, item) in map {
                    self.below(Bound::Key(key.clone()), item, rest);
                }
            }
            _ => {}
        }
    }

    fn below(&mut self, bound: Bound, item: &Value, rest: &[RuleStep]) {
        self.bound.push(bound);
        self.expand(item, rest);
        self.bound.pop();
    }
}

/// Whether an action may change a field of this value, `null` where it is absent.
fn acts(action: &DefaultAction, value: &Value) -> bool {
    match action {
        DefaultAction::Set(_) | DefaultAction::Copy(..) | DefaultAction::PullPolicy(_) => value.is_null(),
        DefaultAction::Fill(_) => true,
        DefaultAction::Remove => !value.is_null(),
        // Rounding changes amounts below a thousandth only, which no manifest that is meant to be read holds.
        DefaultAction::Round => false,
    }
}

/// What an action sets at `target`; `None` where it sets nothing.
fn result(action: &DefaultAction, object: &mut Value, target: &Pointer, bound: &[Bound]) -> Option<Value> {
    match action {
        DefaultAction::Set(value) => Some(value.clone()),
        DefaultAction::Copy(from, spelling) => from.look(object, bound).map(|value| spell(value, *spelling)),
        DefaultAction::PullPolicy(from) => Some(pull_policy(from.look(object, bound).and_then(Value::as_str)).into()),
        DefaultAction::Fill(from) => filled(object.pointer(target.as_str()), from.look(object, bound)),
        DefaultAction::Remove => {
            super::remove(object, target.as_str());
            None
        }
        DefaultAction::Round => None,
    }
}

fn spell(value: &Value, spelling: Spelling) -> Value {
    match (value, spelling) {
        (Value::String(text), Spelling::Lowercase) => text.to_lowercase().into(),
        (Value::String(text), Spelling::List) => format!("{text}List").into(),
        (value, _) => value.clone(),
    }
}

/// Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_Container`.
fn pull_policy(image: Option<&str>) -> &'static str {
    let Some(image) = image else { return "IfNotPresent" };
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let tag = name.rsplit('/').next().unwrap_or(name).split_once(':').map(|(_, tag)| tag);
    match (tag, digest) {
        (Some("latest"), _) | (None, None) => "Always",
        _ => "IfNotPresent",
    }
}

/// A map with the keys of another that it lacks; `None` where nothing changes.
fn filled(target: Option<&Value>, from: Option<&Value>) -> Option<Value> {
    let from = from?.as_object().filter(|from| !from.is_empty())?;
    let mut map = target.and_then(Value::as_object).cloned().unwrap_or_default();
    let before = map.len();
    for (key, value) in from {
        map.entry(key).or_insert_with(|| value.clone());
    }
    (map.len() > before).then_some(Value::Object(map))
}

/// Sets the value at `target`; an absent parent is made where it is a map or a struct that is no pointer, and the
/// rule does not apply where any other parent is absent.
fn set(schema: &Schema, root: NodeId, object: &mut Value, target: &Pointer, mut new: Value) {
    let tokens: Vec<String> =
        target.as_str().split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
    let Some((last, parents)) = tokens.split_last() else { return };
    let (mut node, mut value) = (root, object);
    for token in parents {
        let child = child_node(schema, node, value, token);
        let made = matches!(schema.shape_of(node, value), Shape::Struct(of) if is_made(schema, of, token));
        value = match value {
            Value::Object(map) => {
                if made && !map.contains_key(token) {
                    map.insert(token.clone(), Value::Object(Map::new()));
                }
                match map.get_mut(token) {
                    Some(value) => value,
                    None => return,
                }
            }
            Value::Array(items) => match token.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                Some(value) => value,
                None => return,
            },
            _ => return,
        };
        node = child;
    }
    drop_absent(schema, child_node(schema, node, value, last), &mut new);
    let vanishes = matches!(schema.shape_of(node, value), Shape::Struct(of) if schema.is_absent(of, last, &new));
    if let Value::Object(map) = value
        && !vanishes
    {
        map.insert(last.clone(), new);
    }
}

/// Whether the server sees the field where none is declared: a struct that is no pointer, or a map.
fn is_made(schema: &Schema, of: &Struct, key: &str) -> bool {
    of.facts.as_ref().is_some_and(|facts| facts.structs.contains(key))
        || matches!(schema.shape(of.node(key)), Shape::Map(_))
}

fn child_node(schema: &Schema, node: NodeId, value: &Value, token: &str) -> NodeId {
    match schema.shape_of(node, value) {
        Shape::Struct(of) => of.node(token),
        Shape::Map(of) => *of,
        Shape::List { item, .. } => *item,
        _ => Schema::ANY,
    }
}
