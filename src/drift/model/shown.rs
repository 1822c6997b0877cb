//! The door through which a value goes to whoever reads it: what is sensitive passes as a digest only.

use std::ops::Deref;

use serde::Serialize;
use serde_json::{Map, Value};

use super::pattern::Step;
use super::sensitive::{is_sensitive, is_sensitive_field, seal};
use super::{Candidate, FieldPath, ObjectMatch, PathPattern, PathStep, Redactor};

/// A value that may be shown to anybody; [`Redaction::show`] alone makes one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Shown(Value);

impl Deref for Shown {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

#[cfg(test)]
impl From<Value> for Shown {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

/// One rule of the configuration: which fields are sensitive beside those known by their names.
#[derive(Debug, Clone, PartialEq)]
pub struct RedactRule {
    /// On which objects.
    pub objects: ObjectMatch,
    /// Which fields, with everything below.
    pub paths: Vec<PathPattern>,
}

/// Which values are sensitive, and what stands for them.
#[derive(Debug, Clone)]
pub struct Redaction {
    redactor: Redactor,
    rules: Vec<RedactRule>,
}

/// What is known of a value by where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Only its own text tells.
    Plain,
    /// A map of entries with free names: `data`, annotations.
    Entries,
    /// An element whose `value` is sensitive: `env[name=PASSWORD]`.
    Named,
    /// A field with a sensitive name: its text is sensitive.
    Field,
    /// The name of an image, whose tag stands behind a colon as the values of properties do.
    Image,
    /// Sensitive with everything below.
    Sensitive,
}

impl Redaction {
    /// Sensitive is what `rules` name, and what is known by its name.
    #[must_use]
    pub fn new(redactor: Redactor, rules: Vec<RedactRule>) -> Self {
        Self { redactor, rules }
    }

    /// What is sensitive beside that which is known by its name.
    #[must_use]
    pub fn rules(&self) -> &[RedactRule] {
        &self.rules
    }

    /// The value at `path` of an object as it may be shown. Equal values look equal.
    #[must_use]
    pub fn show(&self, object: &Candidate<'_>, path: &FieldPath, value: &Value) -> Shown {
        let rules: Vec<&RedactRule> = self.rules.iter().filter(|rule| rule.objects.fits(object)).collect();
        let mut place = Place::Plain;
        for (depth, step) in path.steps().iter().enumerate() {
            place = match step {
                PathStep::Key(key) => place.key(key, depth),
                PathStep::Element(keys) => place.element(keys.iter().map(|(key, value)| (key.as_str(), value))),
                PathStep::Member(_) | PathStep::Index(_) => place.item(),
            };
        }
        let mut walk = Walk { redactor: &self.redactor, rules, steps: path.steps().iter().map(Step::Path).collect() };
        Shown(walk.value(place, value))
    }
}

impl Place {
    fn key(self, key: &str, depth: usize) -> Self {
        match self {
            Self::Sensitive => Self::Sensitive,
            Self::Named | Self::Field if key == "value" => Self::Sensitive,
            Self::Entries if is_sensitive(key) => Self::Sensitive,
            Self::Entries => Self::Plain,
            _ if key == "image" => Self::Image,
            _ if key == "annotations" => Self::Entries,
            _ if depth == 0 && ["data", "binaryData", "stringData"].contains(&key) => Self::Entries,
            _ if is_sensitive_field(key) => Self::Field,
            _ => Self::Plain,
        }
    }

    fn element<'a>(self, mut keys: impl Iterator<Item = (&'a str, &'a Value)>) -> Self {
        let named = keys.any(|(key, value)| key == "name" && value.as_str().is_some_and(is_sensitive));
        if named && self != Self::Sensitive { Self::Named } else { self.item() }
    }

    const fn item(self) -> Self {
        match self {
            Self::Sensitive | Self::Field => self,
            _ => Self::Plain,
        }
    }
}

struct Walk<'a> {
    redactor: &'a Redactor,
    rules: Vec<&'a RedactRule>,
    steps: Vec<Step<'a>>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, place: Place, value: &'a Value) -> Value {
        let named = self.rules.iter().any(|rule| rule.paths.iter().any(|path| path.covers(&self.steps)));
        let place = if named { Place::Sensitive } else { place };
        match value {
            Value::Object(map) => Value::Object(self.map(place, map)),
            Value::Array(items) => self.list(place, items),
            Value::Null => Value::Null,
            Value::String(text) => self.text(place, text),
            scalar if place == Place::Sensitive => self.redactor.short(&scalar.to_string()).into(),
            scalar => scalar.clone(),
        }
    }

    fn map(&mut self, place: Place, map: &'a Map<String, Value>) -> Map<String, Value> {
        let place = match map.get("name").and_then(Value::as_str) {
            Some(name) if is_sensitive(name) && place != Place::Sensitive => Place::Named,
            _ => place,
        };
        let entry = |(key, value): (&'a String, &'a Value)| {
            let depth = self.steps.len();
            self.steps.push(Step::Key(key));
            let shown = self.value(place.key(key, depth), value);
            self.steps.pop();
            (key.clone(), shown)
        };
        map.iter().map(entry).collect()
    }

    fn list(&mut self, place: Place, items: &'a [Value]) -> Value {
        let mut shown = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|before| items[before].as_str());
            let place = if before.is_some_and(is_flag) { Place::Sensitive } else { place.item() };
            self.steps.push(Step::Item(index, [Some(item), None]));
            shown.push(self.value(place, item));
            self.steps.pop();
        }
        Value::Array(shown)
    }

    fn text(&self, place: Place, text: &str) -> Value {
        if let Some(short) = Redactor::shorten(text) {
            return short.into();
        }
        match place {
            Place::Sensitive | Place::Field => self.redactor.short(text).into(),
            Place::Image => text.into(),
            _ => seal(text, &|value| self.redactor.short(value)).into(),
        }
    }
}

/// Whether the argument behind this one is a secret: `--password`.
fn is_flag(argument: &str) -> bool {
    argument.starts_with('-') && !argument.contains(['=', ' ']) && is_sensitive(argument)
}

#[cfg(test)]
mod tests;
