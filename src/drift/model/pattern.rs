//! Patterns of field paths, as rules of the configuration write them: `spec.template.spec.containers[name=x].env[*]`.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::{FieldPath, Glob, PathStep};

/// A pattern of field paths. It covers what it names and everything below.
///
/// `*` and `[*]` stand for one step, `**` for any number of steps, a `*` inside a name for any text; `[name=x]` is the
/// element of a keyed list, `[0]` that of another, `[x]` a member of a set, `["a.b/c"]` a key with dots.
#[derive(Debug, Clone, PartialEq)]
pub struct PathPattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    /// `**`
    Any,
    /// `*`, `[*]`
    One,
    /// A key, bare or in quotes.
    Key(Glob),
    /// `[name=x]`
    Element(Vec<(String, Glob)>),
    /// `[x]`, an index or a member.
    Item(Glob),
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It begins with a slash.
    #[error("is a JSON pointer, not a path; write names with dots between them, such as `spec.replicas`")]
    Pointer,
    /// Two dots, or one at an end.
    #[error("has an empty name at character {0}; write `*` for any one name, `**` for any number of them")]
    EmptyName(usize),
    /// A bracket that is not closed.
    #[error("has a `[` at character {0} that no `]` closes")]
    Open(usize),
    /// Quotes that do not end, or hold what is no text.
    #[error("has quotes at character {0} that are not closed; write a key with dots as `[\"a.b/c\"]`")]
    Quotes(usize),
    /// Text behind a bracket.
    #[error("has `{0}` behind a `]`, where only a dot, a `[` or the end may stand")]
    Behind(char),
    /// `[=x]`.
    #[error("has a `[` at character {0} with nothing to look for; write `[name=x]`, `[0]` or `[*]`")]
    NoKey(usize),
    /// A label or annotation whose dots were read as steps.
    #[error("goes below {0}, which hold no fields; put a name with dots in quotes: `metadata.{0}[\"a.b/c\"]`")]
    Unquoted(&'static str),
}

/// How much of a difference some patterns cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// Nothing of it.
    None,
    /// Some fields of a larger value.
    Part,
    /// Every field that differs.
    Whole,
}

/// A step on the way to a value, and inside one that stands on its own.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    /// Of a path.
    Path(&'a PathStep),
    /// A key inside a value.
    Key(&'a str),
    /// An element inside a list, on both sides.
    Item(usize, [Option<&'a Value>; 2]),
}

impl PathPattern {
    /// The pattern that covers exactly `path` and what is below it.
    #[must_use]
    pub fn exact(path: &FieldPath) -> Self {
        let parts = path.steps().iter().map(|step| match step {
            PathStep::Key(key) => Part::Key(Glob::new(key)),
            PathStep::Element(keys) => {
                Part::Element(keys.iter().map(|(key, value)| (key.clone(), Glob::new(&bare(value)))).collect())
            }
            PathStep::Member(value) => Part::Item(Glob::new(&bare(value))),
            PathStep::Index(index) => Part::Item(Glob::new(&index.to_string())),
        });
        let parts: Vec<Part> = parts.collect();
        Self { text: written(&parts), parts }
    }

    pub(super) fn covers(&self, steps: &[Step<'_>]) -> bool {
        covers(&self.parts, steps)
    }

    /// How much `patterns` cover of a difference at `path` between two values.
    #[must_use]
    pub fn coverage(patterns: &[Self], path: &FieldPath, desired: Option<&Value>, live: Option<&Value>) -> Coverage {
        let mut walk = Walk { patterns, steps: path.steps().iter().map(Step::Path).collect(), covered: 0, open: 0 };
        walk.differing([desired, live]);
        match (walk.covered, walk.open) {
            (0, _) => Coverage::None,
            (_, 0) => Coverage::Whole,
            _ => Coverage::Part,
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The places inside a difference at which its sides differ, counted by whether a pattern covers them.
struct Walk<'a> {
    patterns: &'a [PathPattern],
    steps: Vec<Step<'a>>,
    covered: usize,
    open: usize,
}

impl<'a> Walk<'a> {
    fn differing(&mut self, sides: [Option<&'a Value>; 2]) {
        if self.patterns.iter().any(|pattern| pattern.covers(&self.steps)) {
            self.covered += 1;
            return;
        }
        match children(sides) {
            Some(children) => {
                for (step, sides) in children.into_iter().filter(|(_, [desired, live])| desired != live) {
                    self.steps.push(step);
                    self.differing(sides);
                    self.steps.pop();
                }
            }
            None => self.open += 1,
        }
    }
}

/// A child of two values, and what each has there.
type Child<'a> = (Step<'a>, [Option<&'a Value>; 2]);

/// The children of two values that are both maps or both lists, or of one that stands alone; `None` for leaves.
fn children(sides: [Option<&Value>; 2]) -> Option<Vec<Child<'_>>> {
    let present: Vec<&Value> = sides.into_iter().flatten().collect();
    if !present.is_empty() && present.iter().all(|side| side.as_object().is_some_and(|map| !map.is_empty())) {
        let mut keys: Vec<&String> =
            present.iter().filter_map(|side| side.as_object()).flat_map(|map| map.keys()).collect();
        keys.sort();
        keys.dedup();
        let child = |key: &'_ str| sides.map(|side| side.and_then(|value| value.get(key)));
        return Some(keys.into_iter().map(|key| (Step::Key(key), child(key))).collect());
    }
    if !present.is_empty() && present.iter().all(|side| side.as_array().is_some_and(|items| !items.is_empty())) {
        let length = present.iter().filter_map(|side| side.as_array()).map(Vec::len).max()?;
        let child = |index: usize| sides.map(|side| side.and_then(|value| value.get(index)));
        return Some((0..length).map(|index| (Step::Item(index, child(index)), child(index))).collect());
    }
    None
}

fn covers(parts: &[Part], steps: &[Step<'_>]) -> bool {
    match parts.split_first() {
        None => true,
        Some((Part::Any, rest)) => (0..=steps.len()).any(|skip| covers(rest, &steps[skip..])),
        Some((part, rest)) => {
            steps.split_first().is_some_and(|(step, further)| part.fits(step) && covers(rest, further))
        }
    }
}

impl Part {
    fn fits(&self, step: &Step<'_>) -> bool {
        match (self, step) {
            (Self::Any | Self::One, _) => true,
            (Self::Key(glob), Step::Path(PathStep::Key(key))) => glob.fits(key),
            (Self::Key(glob), Step::Key(key)) => glob.fits(key),
            (Self::Key(glob) | Self::Item(glob), Step::Path(PathStep::Member(value))) => glob.fits(&bare(value)),
            (Self::Item(glob), Step::Path(PathStep::Index(index))) => glob.fits(&index.to_string()),
            (Self::Item(glob), Step::Item(index, sides)) => {
                let is_member = |side: &Value| !side.is_object() && !side.is_array() && glob.fits(&bare(side));
                glob.fits(&index.to_string()) || sides.iter().flatten().all(|side| is_member(side))
            }
            (Self::Element(keys), Step::Path(PathStep::Element(own))) => {
                keys.iter().all(|(key, glob)| own.iter().any(|(name, value)| name == key && glob.fits(&bare(value))))
            }
            (Self::Element(keys), Step::Item(_, sides)) => sides
                .iter()
                .flatten()
                .all(|side| keys.iter().all(|(key, glob)| side.get(key).is_some_and(|value| glob.fits(&bare(value))))),
            _ => false,
        }
    }
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl FromStr for PathPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.starts_with('/') {
            return Err(PatternError::Pointer);
        }
        let mut reader = Reader { text, at: 0, parts: Vec::new() };
        reader.read()?;
        refuse_unquoted(&reader.parts)?;
        Ok(Self { text: text.to_owned(), parts: reader.parts })
    }
}

/// `metadata.annotations.a.b/c` reads as a step too many, and would never cover anything.
fn refuse_unquoted(parts: &[Part]) -> Result<(), PatternError> {
    let is = |part: &Part, name: &str| *part == Part::Key(Glob::new(name));
    for name in ["annotations", "labels"] {
        let mut windows = parts.windows(4);
        if windows.any(|four| is(&four[0], "metadata") && is(&four[1], name) && !four[2..].contains(&Part::Any)) {
            return Err(PatternError::Unquoted(name));
        }
    }
    Ok(())
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    parts: Vec<Part>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn read(&mut self) -> Result<(), PatternError> {
        if !self.rest().starts_with('[') {
            self.name()?;
        }
        while let Some(next) = self.rest().chars().next() {
            match next {
                '.' => {
                    self.at += 1;
                    self.name()?;
                }
                '[' => self.bracket()?,
                other => return Err(PatternError::Behind(other)),
            }
        }
        Ok(())
    }

    fn name(&mut self) -> Result<(), PatternError> {
        let end = self.rest().find(['.', '[']).unwrap_or(self.rest().len());
        let name = &self.rest()[..end];
        let part = match name {
            "" => return Err(PatternError::EmptyName(self.at + 1)),
            "*" => Part::One,
            "**" => Part::Any,
            name => Part::Key(Glob::new(name)),
        };
        self.parts.push(part);
        self.at += end;
        Ok(())
    }

    fn bracket(&mut self) -> Result<(), PatternError> {
        let open = self.at + 1;
        self.at += 1;
        if self.rest().starts_with('"') {
            let key = self.quoted()?;
            self.parts.push(Part::Key(Glob::new(&key)));
            return self.close(open);
        }
        let mut keys = Vec::new();
        loop {
            let end = self.rest().find(['=', ',', ']']).ok_or(PatternError::Open(open))?;
            let word = self.rest()[..end].trim().to_owned();
            if word.is_empty() {
                return Err(PatternError::NoKey(open));
            }
            self.at += end;
            if keys.is_empty() && self.rest().starts_with(']') {
                self.parts.push(if word == "*" { Part::One } else { Part::Item(Glob::new(&word)) });
                return self.close(open);
            }
            if !self.rest().starts_with('=') {
                return Err(PatternError::NoKey(open));
            }
            self.at += 1;
            keys.push((word, Glob::new(&self.value(open)?)));
            if !self.rest().starts_with(',') {
                break;
            }
            self.at += 1;
        }
        self.parts.push(Part::Element(keys));
        self.close(open)
    }

    fn value(&mut self, open: usize) -> Result<String, PatternError> {
        if self.rest().starts_with('"') {
            return self.quoted();
        }
        let end = self.rest().find([',', ']']).ok_or(PatternError::Open(open))?;
        let value = self.rest()[..end].trim().to_owned();
        self.at += end;
        Ok(value)
    }

    /// Text in quotes, as JSON writes it.
    fn quoted(&mut self) -> Result<String, PatternError> {
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<String>();
        let Some(Ok(text)) = values.next() else { return Err(PatternError::Quotes(self.at + 1)) };
        self.at += values.byte_offset();
        Ok(text)
    }

    fn close(&mut self, open: usize) -> Result<(), PatternError> {
        if !self.rest().starts_with(']') {
            return Err(PatternError::Open(open));
        }
        self.at += 1;
        Ok(())
    }
}

/// The text that reads as `parts`.
fn written(parts: &[Part]) -> String {
    let quoted = |glob: &Glob| Value::from(glob.to_string()).to_string();
    let plain = |glob: &Glob, special: &[char]| {
        let text = glob.to_string();
        if text.is_empty() || text.contains(special) || text.trim() != text { quoted(glob) } else { text }
    };
    let step = |part: &Part| match part {
        Part::Any => ".**".to_owned(),
        Part::One => "[*]".to_owned(),
        Part::Key(glob) => {
            let key = glob.to_string();
            let bracket = key.is_empty() || key.contains(['.', '[', ']', '"', '*', '/']) || key.trim() != key;
            if bracket { format!("[{}]", quoted(glob)) } else { format!(".{key}") }
        }
        Part::Element(keys) => {
            let keys = keys.iter().map(|(key, glob)| format!("{key}={}", plain(glob, &[',', ']', '"'])));
            format!("[{}]", keys.collect::<Vec<_>>().join(","))
        }
        Part::Item(glob) => format!("[{}]", plain(glob, &['=', ',', ']', '"', '*'])),
    };
    let text: String = parts.iter().map(step).collect();
    text.strip_prefix('.').map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests;
