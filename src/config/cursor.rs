//! A walk over the values of a file that notes every problem on its way and goes on.

use std::cell::RefCell;

use serde_json::{Map, Value};

use super::error::Problem;
use crate::drift::model::Pointer;
use crate::yaml::Lines;

/// The witness that a problem was noted: nobody can give up without saying why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Noted(());

/// The lines of a document and the problems noted in it so far.
#[derive(Debug)]
pub(super) struct Notes<'a> {
    lines: &'a Lines,
    problems: RefCell<Vec<Problem>>,
}

impl<'a> Notes<'a> {
    pub(super) const fn new(lines: &'a Lines) -> Self {
        Self { lines, problems: RefCell::new(Vec::new()) }
    }

    /// The problems in the order of their lines.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort();
        problems
    }
}

/// A value and the way to it.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    value: &'a Value,
    path: String,
    pointer: Pointer,
    notes: &'a Notes<'a>,
}

impl<'a> Cursor<'a> {
    /// At the root of a document.
    pub(super) const fn root(value: &'a Value, notes: &'a Notes<'a>) -> Self {
        Self { value, path: String::new(), pointer: Pointer::root(), notes }
    }

    /// Notes a problem at this value.
    pub(super) fn note(&self, message: impl Into<String>, hint: impl Into<String>) -> Noted {
        self.notes.problems.borrow_mut().push(Problem {
            line: self.notes.lines.nearest(self.pointer.as_str()),
            path: self.path.clone(),
            message: message.into(),
            hint: hint.into(),
        });
        Noted(())
    }

    fn expected(&self, what: &str, hint: &str) -> Noted {
        let kind = match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
            Value::Array(_) => "a list",
            Value::Object(_) => "a mapping",
        };
        self.note(format!("expected {what}, found {kind}"), hint)
    }

    /// A mapping with no other keys than `known`; a key that is not known is noted and does no further harm.
    pub(super) fn section(&self, known: &'static [&'static str]) -> Result<Section<'a>, Noted> {
        let section = self.mapping(&format!("write it as a mapping with the keys {}", listed(known)))?;
        for key in section.map.keys().filter(|key| !known.contains(&key.as_str())) {
            section.child(key).note("unknown key", did_you_mean(key, known));
        }
        Ok(section)
    }

    /// A mapping with free keys.
    pub(super) fn mapping(&self, hint: &str) -> Result<Section<'a>, Noted> {
        match self.value {
            Value::Object(map) => Ok(Section { map, cursor: self.clone() }),
            _ => Err(self.expected("a mapping", hint)),
        }
    }

    /// The elements of a list.
    pub(super) fn items(&self) -> Result<Vec<Self>, Noted> {
        let Value::Array(items) = self.value else {
            return Err(self.expected("a list", "write each element on a line of its own behind `- `"));
        };
        let element = |(index, value)| Self {
            value,
            path: format!("{}[{index}]", self.path),
            pointer: self.pointer.index(index),
            notes: self.notes,
        };
        Ok(items.iter().enumerate().map(element).collect())
    }

    /// Whether it is a list, for keys that take one value or several.
    pub(super) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    /// Whether it is a mapping, for keys that take text or a mapping.
    pub(super) fn is_mapping(&self) -> bool {
        self.value.is_object()
    }

    pub(super) fn is_false(&self) -> bool {
        self.value == &Value::Bool(false)
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self) -> Result<bool, Noted> {
        self.value.as_bool().ok_or_else(|| self.expected("a boolean", "write `true` or `false`"))
    }

    /// The value as it stands.
    pub(super) const fn value(&self) -> &'a Value {
        self.value
    }

    /// Text that is not empty.
    pub(super) fn text(&self) -> Result<&'a str, Noted> {
        match self.value {
            Value::String(text) if text.trim().is_empty() => {
                Err(self.note("is empty", "give it a value or leave the key out"))
            }
            Value::String(text) => Ok(text),
            Value::Number(_) | Value::Bool(_) => Err(self.expected("text", "put the value in quotes")),
            _ => Err(self.expected("text", "write one value behind the key")),
        }
    }

    /// The value where it is a name, without a note where it is not.
    pub(super) fn as_name(&self) -> Option<String> {
        self.value.as_str().filter(|text| is_name(text)).map(str::to_owned)
    }

    /// The mappings among the elements of a list, without a note where something is none.
    pub(super) fn as_sections(&self) -> Vec<Section<'a>> {
        if !self.is_list() {
            return Vec::new();
        }
        let items = self.items().unwrap_or_default();
        let section = |cursor: Self| match cursor.value {
            Value::Object(map) => Some(Section { map, cursor }),
            _ => None,
        };
        items.into_iter().filter_map(section).collect()
    }

    /// Text that can stand in labels, addresses and messages: a letter or digit, then also `-`, `_` and `.`.
    pub(super) fn name(&self) -> Result<&'a str, Noted> {
        let name = self.text()?;
        if is_name(name) {
            return Ok(name);
        }
        Err(self.note("is no name", "use letters, digits, `-`, `_` and `.`, beginning with a letter or digit"))
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    text.chars().all(allowed) && text.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// A mapping.
pub(super) struct Section<'a> {
    map: &'a Map<String, Value>,
    pub(super) cursor: Cursor<'a>,
}

impl<'a> Section<'a> {
    fn child(&self, key: &str) -> Cursor<'a> {
        let shown = key.escape_debug();
        let path = &self.cursor.path;
        Cursor {
            value: self.map.get(key).unwrap_or(&Value::Null),
            path: if path.is_empty() { shown.to_string() } else { format!("{path}.{shown}") },
            pointer: self.cursor.pointer.key(key),
            notes: self.cursor.notes,
        }
    }

    /// The value of a key; `None` where it is absent or null.
    pub(super) fn get(&self, key: &str) -> Option<Cursor<'a>> {
        self.map.get(key).filter(|value| !value.is_null()).map(|_| self.child(key))
    }

    /// Whether the key has a value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The value of a key that has to be there.
    pub(super) fn require(&self, key: &str, hint: &str) -> Result<Cursor<'a>, Noted> {
        self.get(key).ok_or_else(|| self.missing(key, hint))
    }

    /// Notes that a key which has to be there is not.
    pub(super) fn missing(&self, key: &str, hint: &str) -> Noted {
        self.child(key).note("is missing", hint)
    }

    /// What `read` makes of the key's value, where there is one.
    pub(super) fn optional<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Cursor<'a>) -> Result<T, Noted>,
    ) -> Result<Option<T>, Noted> {
        self.get(key).map(|cursor| read(&cursor)).transpose()
    }

    /// Every key and value.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a String, Cursor<'a>)> + '_ {
        self.map.keys().map(|key| (key, self.child(key)))
    }
}

/// `a`, `b` and `c`, in the order given.
pub(super) fn listed<N: AsRef<str>>(names: &[N]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match names.split_last() {
        None => "none".into(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

/// A hint that names the nearest of the names that exist, or all of them.
pub(super) fn did_you_mean<N: AsRef<str>>(wrong: &str, known: &[N]) -> String {
    let nearness = |name: &&str| strsim::jaro_winkler(&wrong.to_lowercase(), &name.to_lowercase());
    let nearest = known.iter().map(AsRef::as_ref).max_by(|one, other| nearness(one).total_cmp(&nearness(other)));
    match nearest {
        Some(name) if nearness(&name) > 0.8 => format!("did you mean `{name}`?"),
        Some(_) => format!("known here: {}", listed(known)),
        None => "there is none yet; add it".into(),
    }
}
