//! Where in an object a field stands, by the names a person would use and by JSON pointer.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// One step from a value to one of its children.
#[derive(Debug, Clone, PartialEq)]
pub enum PathStep {
    /// A field of a struct or a key of a map.
    Key(String),
    /// An element of a keyed list, by its merge keys in the schema's order, key defaults filled in.
    Element(Vec<(String, Value)>),
    /// A member of a set, by value.
    Member(Value),
    /// An element of an atomic list, counted from 0.
    Index(usize),
}

impl PathStep {
    /// The key of this step in a `FieldsV1` document, in canonical form.
    ///
    /// Rule: `sigs.k8s.io/structured-merge-diff`, `fieldpath/serialize-pe.go`.
    #[must_use]
    pub fn fields_v1(&self) -> String {
        match self {
            Self::Key(key) => ["f:", key].concat(),
            Self::Element(keys) => {
                let sorted: serde_json::Map<String, Value> = keys.iter().cloned().collect();
                format!("k:{}", Value::Object(sorted))
            }
            Self::Member(value) => format!("v:{value}"),
            Self::Index(index) => format!("i:{index}"),
        }
    }
}

impl PathStep {
    /// The child of `value` to which this step leads.
    #[must_use]
    pub fn find_in<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Key(key) => value.get(key),
            Self::Index(index) => value.get(index),
            Self::Member(member) => value.as_array()?.iter().find(|item| *item == member),
            Self::Element(keys) => value.as_array()?.iter().find(|item| {
                // A key that the element leaves to its default is no mismatch.
                keys.iter().all(|(key, wanted)| item.get(key).is_none_or(|own| own == wanted))
            }),
        }
    }
}

/// A path from an object's root: `spec.template.spec.containers[name=trino].image`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FieldPath(Vec<PathStep>);

impl FieldPath {
    /// The root of an object.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// The steps from the root.
    #[must_use]
    pub fn steps(&self) -> &[PathStep] {
        &self.0
    }

    /// The path one step further.
    #[must_use]
    pub fn join(&self, step: PathStep) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// Goes one step further in place.
    pub fn push(&mut self, step: PathStep) {
        self.0.push(step);
    }

    /// Goes one step back in place.
    pub fn pop(&mut self) {
        self.0.pop();
    }

    /// The value of `object` to which this path leads.
    #[must_use]
    pub fn find_in<'v>(&self, object: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(object, |value, step| step.find_in(value))
    }

    /// The first `length` steps.
    #[must_use]
    pub fn prefix(&self, length: usize) -> Self {
        Self(self.0[..length.min(self.0.len())].to_vec())
    }

    /// The map keys and field names on the way, list elements left out: `["spec", "containers", "image"]`.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.iter().filter_map(|step| match step {
            PathStep::Key(key) => Some(key.as_str()),
            _ => None,
        })
    }

    /// Whether the field names from the root begin with `names`, list elements passed over.
    #[must_use]
    pub fn starts_with(&self, names: &[&str]) -> bool {
        let mut own = self.names();
        names.iter().all(|name| own.next() == Some(name))
    }
}

impl From<Vec<PathStep>> for FieldPath {
    fn from(steps: Vec<PathStep>) -> Self {
        Self(steps)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Key(key) if needs_quotes(key) => write!(f, "[{}]", Value::from(key.as_str()))?,
                PathStep::Key(key) if position == 0 => f.write_str(key)?,
                PathStep::Key(key) => write!(f, ".{key}")?,
                PathStep::Element(keys) => write_element(f, keys)?,
                PathStep::Member(value) => write!(f, "[{}]", Bare(value))?,
                PathStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn needs_quotes(key: &str) -> bool {
    key.is_empty() || key.contains(['.', '[', ']', '"'])
}

fn write_element(f: &mut fmt::Formatter<'_>, keys: &[(String, Value)]) -> fmt::Result {
    f.write_str("[")?;
    for (position, (key, value)) in keys.iter().enumerate() {
        let comma = if position == 0 { "" } else { "," };
        write!(f, "{comma}{key}={}", Bare(value))?;
    }
    f.write_str("]")
}

/// A scalar as it reads best inside brackets: strings without quotes.
struct Bare<'a>(&'a Value);

impl fmt::Display for Bare<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::String(text) => f.write_str(text),
            other => write!(f, "{other}"),
        }
    }
}

impl Serialize for FieldPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An RFC 6901 JSON pointer.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pointer(String);

impl Pointer {
    /// The whole document.
    #[must_use]
    pub const fn root() -> Self {
        Self(String::new())
    }

    /// One key further, escaped as RFC 6901 §3 asks.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        let mut pointer = self.clone();
        pointer.push_key(key);
        pointer
    }

    /// One list element further.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}/{index}", self.0))
    }

    /// Goes one key further in place and says how long the pointer was, for [`Self::truncate`].
    pub fn push_key(&mut self, key: &str) -> usize {
        let before = self.0.len();
        self.0.push('/');
        for character in key.chars() {
            match character {
                '~' => self.0.push_str("~0"),
                '/' => self.0.push_str("~1"),
                other => self.0.push(other),
            }
        }
        before
    }

    /// Goes one element further in place and says how long the pointer was, for [`Self::truncate`].
    pub fn push_index(&mut self, index: usize) -> usize {
        use fmt::Write as _;
        let before = self.0.len();
        // Writing to a String cannot fail.
        let _ = write!(self.0, "/{index}");
        before
    }

    /// Goes back to an earlier length.
    pub fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(name: &str) -> PathStep {
        PathStep::Key(name.into())
    }

    #[test]
    fn a_path_reads_as_the_contract_says() {
        let path = FieldPath::from(vec![
            key("spec"),
            key("containers"),
            PathStep::Element(vec![("containerPort".into(), json!(80)), ("protocol".into(), json!("TCP"))]),
            key("image"),
        ]);
        assert_eq!(path.to_string(), "spec.containers[containerPort=80,protocol=TCP].image");
        let annotation = FieldPath::from(vec![key("metadata"), key("annotations"), key("a.b/c")]);
        assert_eq!(annotation.to_string(), "metadata.annotations[\"a.b/c\"]");
        let member = FieldPath::from(vec![key("finalizers"), PathStep::Member(json!("kubernetes"))]);
        assert_eq!(member.to_string(), "finalizers[kubernetes]");
        let index = FieldPath::from(vec![key("rules"), PathStep::Index(2), key("verbs")]);
        assert_eq!(index.to_string(), "rules[2].verbs");
    }

    #[test]
    fn a_pointer_escapes_slash_and_tilde() {
        assert_eq!(Pointer::root().key("a/b~c").index(3).as_str(), "/a~1b~0c/3");
    }

    #[test]
    fn an_element_is_keyed_in_fields_v1_with_sorted_keys() {
        let step = PathStep::Element(vec![("protocol".into(), json!("TCP")), ("port".into(), json!(80))]);
        assert_eq!(step.fields_v1(), r#"k:{"port":80,"protocol":"TCP"}"#);
    }
}
