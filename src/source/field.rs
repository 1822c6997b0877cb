//! A walk over the fields of a deployer's object: each that is not honoured becomes a gap that names it.

use std::cell::RefCell;

use serde_json::{Map, Value};

use crate::drift::model::{Desired, Gap, GapReason, Pointer, Stage};

/// What was met on the way.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Whatever of this has a say in the rendering.
    refused: RefCell<Vec<Gap>>,
    /// Whatever has none.
    told: RefCell<Vec<Gap>>,
}

impl Notes {
    /// Whether nothing stands against rendering.
    pub(super) fn may_render(&self) -> bool {
        self.refused.borrow().is_empty()
    }

    pub(super) fn into_gaps(self) -> Vec<Gap> {
        let mut gaps = self.refused.into_inner();
        gaps.extend(self.told.into_inner());
        gaps
    }
}

/// A value of an object and the way to it.
#[derive(Clone)]
pub(super) struct Field<'a> {
    of: &'a Desired,
    pub(super) value: &'a Value,
    pointer: Pointer,
    path: String,
    notes: &'a Notes,
}

impl<'a> Field<'a> {
    /// The whole object.
    pub(super) fn root(of: &'a Desired, notes: &'a Notes) -> Self {
        Self { of, value: &of.content, pointer: Pointer::root(), path: String::new(), notes }
    }

    fn child(&self, value: &'a Value, key: &str) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { of: self.of, value, pointer: self.pointer.key(key), path, notes: self.notes }
    }

    /// The value of a key; `None` where it is absent or null.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(self.child(value, key))
    }

    /// The value of a key, or the place where it would stand, empty.
    pub(super) fn at(&self, key: &str) -> Self {
        self.get(key).unwrap_or_else(|| self.child(&Value::Null, key))
    }

    /// Makes every other key a gap: what is not known may have a say in the rendering.
    pub(super) fn allow(&self, known: &[&str]) -> &Self {
        for (key, value) in self.value.as_object().into_iter().flatten() {
            if !known.contains(&key.as_str()) && !is_nothing(value) {
                self.child(value, key).refuse("is not honoured, so nothing is rendered; remove it");
            }
        }
        self
    }

    /// Notes that this field stands against rendering, in words that follow its name.
    pub(super) fn refuse(&self, why: &str) {
        let gap = self.gap(GapReason::Unsupported, why);
        self.notes.refused.borrow_mut().push(gap);
    }

    /// Notes that something which it names is not there.
    pub(super) fn missing(&self, why: &str) {
        let gap = self.gap(GapReason::NotFound, why);
        self.notes.refused.borrow_mut().push(gap);
    }

    /// Notes that it is not honoured where that does not change what is rendered.
    pub(super) fn tell(&self, why: &str) {
        let gap = self.gap(GapReason::Unsupported, why);
        self.notes.told.borrow_mut().push(gap);
    }

    fn gap(&self, reason: GapReason, why: &str) -> Gap {
        let source = self.of.position(&self.pointer);
        let (kind, name) = (&self.of.key.type_key.kind, &self.of.key.name);
        Gap {
            stage: Stage::Render,
            scope: format!("{kind} {name}"),
            reason,
            message: format!("{source}: {} of {kind} {name} {why}", self.path),
            source: Some(source),
        }
    }

    /// `spec.sources[1]` of its object, for the names of rules.
    pub(super) fn place(&self) -> String {
        format!("{} of {} {}", self.path, self.of.key.type_key.kind, self.of.key.name)
    }

    /// The text of a key; empty text is none.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        let field = self.get(key)?;
        let text = field.as_text()?;
        Some(text).filter(|text| !text.is_empty())
    }

    /// This very text.
    pub(super) fn as_text(&self) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.refuse("is no text");
        }
        text
    }

    /// Whether a key says yes.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.get(key).is_some_and(|field| {
            field.value.as_bool().unwrap_or_else(|| {
                field.refuse("is neither true nor false");
                false
            })
        })
    }

    /// The elements of the list under a key.
    pub(super) fn items(&self, key: &str) -> Vec<Self> {
        let Some(field) = self.get(key) else { return Vec::new() };
        let Some(items) = field.value.as_array() else {
            field.refuse("is no list");
            return Vec::new();
        };
        let item = |(index, value)| Self {
            of: self.of,
            value,
            pointer: field.pointer.index(index),
            path: format!("{}[{index}]", field.path),
            notes: self.notes,
        };
        items.iter().enumerate().map(item).collect()
    }

    /// The texts of the list under a key.
    pub(super) fn texts(&self, key: &str) -> Vec<&'a str> {
        self.items(key).iter().filter_map(Self::as_text).collect()
    }

    /// The mapping under a key; empty where it is absent.
    pub(super) fn map(&self, key: &str) -> Map<String, Value> {
        let Some(field) = self.get(key) else { return Map::new() };
        field.value.as_object().cloned().unwrap_or_else(|| {
            field.refuse("is no mapping");
            Map::new()
        })
    }

    /// The mapping of texts under a key.
    pub(super) fn strings(&self, key: &str) -> Vec<(String, String)> {
        let field = self.at(key);
        let text = |(name, value): (&String, &Value)| {
            let text = value.as_str();
            if text.is_none() {
                field.child(&Value::Null, name).refuse("is no text; put the value in quotes");
            }
            Some((name.clone(), text?.to_owned()))
        };
        self.map(key).iter().filter_map(text).collect()
    }
}

/// Whether a value says as much as its absence: unset fields are often written out.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_nothing),
    }
}
