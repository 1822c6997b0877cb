//! Objects as Git declares them: whole while one is looked at, packed while thousands are held.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};

use serde_json::Value;

use super::autoscaler::Moved;
use super::packed::PackedValue;
use super::{Declared, Identity, Live, ObjectKey, Pointer, Position, Scope, sops};
use crate::yaml::{CompactLines, Lines};

/// What there is to say of a declared object beside its content.
#[derive(Debug, Clone)]
pub struct Heading {
    /// Which object; its namespace is already that in which it is looked for.
    pub key: ObjectKey,
    /// The file that declares it, and where it begins.
    pub source: Position,
    /// Some of its values are encrypted by SOPS: of those only the keys are known.
    pub is_encrypted: bool,
    /// Absent where the file is not the object's own text.
    lines: Option<CompactLines>,
    moved: Vec<Moved>,
}

/// An object as Git declares it.
#[derive(Debug, Clone)]
pub struct Desired {
    heading: Heading,
    /// What Git says of it.
    pub content: Value,
}

/// An object as Git declares it, in about as many bytes as its text has.
#[derive(Debug, Clone)]
pub struct Packed {
    heading: Heading,
    content: PackedValue,
}

impl Deref for Desired {
    type Target = Heading;

    fn deref(&self) -> &Heading {
        &self.heading
    }
}

impl Deref for Packed {
    type Target = Heading;

    fn deref(&self) -> &Heading {
        &self.heading
    }
}

impl DerefMut for Packed {
    fn deref_mut(&mut self) -> &mut Heading {
        &mut self.heading
    }
}

impl Heading {
    /// Whether its file holds the object itself, rather than what it was made from.
    #[must_use]
    pub const fn is_verbatim(&self) -> bool {
        self.lines.is_some()
    }

    /// Whether [`Desired::rendered`] of its content alone would make the same.
    #[must_use]
    pub const fn is_its_content(&self) -> bool {
        self.lines.is_none() && self.moved.is_empty() && !self.is_encrypted
    }

    /// Gives a namespaced object that names none the environment's `namespace`, and takes a stray one from an object
    /// of the cluster as a whole.
    pub fn place(&mut self, scope: Scope, namespace: &str) {
        match scope {
            Scope::Cluster => self.key.namespace = None,
            Scope::Namespaced if self.key.namespace.is_none() => self.key.namespace = Some(namespace.to_owned()),
            Scope::Namespaced => {}
        }
    }

    /// The pointer as Git writes it: a Secret's key that stands under `stringData` is compared under `data`, and an
    /// older `HorizontalPodAutoscaler` in the words of `autoscaling/v2`.
    #[must_use]
    pub fn as_written(&self, pointer: &Pointer) -> Pointer {
        let is_within = |(compared, _): &&Moved| {
            let below = pointer.as_str().strip_prefix(compared.as_str());
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.moved.iter().find(is_within).map_or_else(|| pointer.clone(), |(_, written)| written.clone())
    }

    /// The line of the field at `pointer`, or of the nearest declared field above it; of a rendered object its file.
    #[must_use]
    pub fn position(&self, pointer: &Pointer) -> Position {
        match &self.lines {
            Some(lines) => {
                let line = lines.nearest(self.as_written(pointer).as_str());
                Position { file: self.source.file.clone(), line }
            }
            None => self.source.clone(),
        }
    }
}

impl Desired {
    /// Joins an object with the place it was read from; `lines` are those of its document.
    #[must_use]
    pub fn new(declared: Declared, source: Position, lines: &Lines) -> Self {
        let mut desired = Self::rendered(declared, source);
        desired.heading.lines = Some(lines.compact());
        desired
    }

    /// Joins an object with the file that it was made from: no line of it is that of a field.
    #[must_use]
    pub fn rendered(declared: Declared, source: Position) -> Self {
        let Declared { key, content, moved, is_encrypted, .. } = declared;
        Self { heading: Heading { key, source, is_encrypted, lines: None, moved }, content }
    }

    /// The object with each encrypted value taken to be what lives: nobody but SOPS can say that it is not.
    #[must_use]
    pub fn assuming(&self, live: &Live) -> Self {
        let mut assumed = self.clone();
        sops::assume(&mut assumed.content, &live.content);
        assumed
    }

    /// The same object in few bytes.
    #[must_use]
    pub fn pack(self) -> Packed {
        Packed { content: PackedValue::new(&self.content), heading: self.heading }
    }
}

impl Packed {
    /// The object, in the namespace of its key.
    #[must_use]
    pub fn unpack(&self) -> Desired {
        let mut content = self.content.unpack();
        if let Some(metadata) = content.get_mut("metadata").and_then(Value::as_object_mut) {
            match &self.key.namespace {
                Some(namespace) => metadata.insert("namespace".to_owned(), Value::from(namespace.as_str())),
                None => metadata.remove("namespace"),
            };
        }
        Desired { heading: self.heading.clone(), content }
    }

    /// Whether `text` may stand somewhere in the object; it does not where this is false.
    #[must_use]
    pub fn mentions(&self, text: &str) -> bool {
        self.content.mentions(text)
    }
}

/// What an environment declares: every object packed, and none twice.
#[derive(Debug, Default)]
pub struct Declarations {
    objects: Vec<Packed>,
    places: HashMap<Identity, usize>,
}

impl Declarations {
    /// Takes in an object; of one that is declared twice the last counts, and the one that it replaces is given back.
    pub fn insert(&mut self, object: Packed) -> Option<Packed> {
        let place = *self.places.entry(object.key.identity()).or_insert(self.objects.len());
        if let Some(known) = self.objects.get_mut(place) {
            return Some(std::mem::replace(known, object));
        }
        self.objects.push(object);
        None
    }

    /// The declaration of the object `key`, at whatever version.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<&Packed> {
        self.objects.get(*self.places.get(&key.identity())?)
    }

    /// Every object, in the order of the files.
    #[must_use]
    pub fn objects(&self) -> &[Packed] {
        &self.objects
    }

    /// The key of every object.
    pub fn keys(&self) -> impl Iterator<Item = &ObjectKey> {
        self.objects.iter().map(|object| &object.key)
    }
}

impl FromIterator<Packed> for Declarations {
    fn from_iter<I: IntoIterator<Item = Packed>>(objects: I) -> Self {
        let mut declarations = Self::default();
        for object in objects {
            declarations.insert(object);
        }
        declarations
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::model::Redactor;
    use crate::yaml::{Budget, documents};

    fn read(text: &str) -> Packed {
        let document = documents(text.as_bytes(), &Budget::default()).remove(0).unwrap();
        let source = Position { file: "a.yaml".into(), line: document.line };
        let declared = Declared::new(document.value, &Redactor::new(&[0; 32])).unwrap();
        Desired::new(declared, source, &document.lines).pack()
    }

    #[test]
    fn a_packed_object_is_what_it_was_in_the_namespace_of_its_key() {
        let text =
            "kind: Thing\napiVersion: x.example/v1\nmetadata: {name: a}\nspec:\n  size: 1.5\n  list: [1, null, é]\n";
        let mut packed = read(text);
        packed.place(Scope::Namespaced, "shop");
        let desired = packed.unpack();
        let expected = serde_json::json!({
            "kind": "Thing", "apiVersion": "x.example/v1", "metadata": {"name": "a", "namespace": "shop"},
            "spec": {"size": 1.5, "list": [1, null, "é"]},
        });
        assert_eq!((desired.content, desired.heading.key.namespace.as_deref()), (expected, Some("shop")));
        assert_eq!(packed.position(&Pointer::root().key("spec").key("list").index(2)).line, 6);
        packed.place(Scope::Cluster, "");
        assert!(packed.unpack().content["metadata"].get("namespace").is_none());
        assert!(packed.mentions("size") && !packed.mentions("shop"));
    }

    #[test]
    fn of_an_object_that_is_declared_twice_the_last_counts() {
        let text = |size: u8| {
            format!("kind: Thing\napiVersion: x.example/v{size}\nmetadata: {{name: a}}\nspec: {{size: {size}}}\n")
        };
        let mut declared = Declarations::default();
        assert!(declared.insert(read(&text(1))).is_none());
        let first = declared.insert(read(&text(2))).unwrap();
        assert_eq!((first.key.type_key.version.as_str(), declared.objects().len()), ("v1", 1));
        assert_eq!(declared.get(&first.key).unwrap().unpack().content["spec"]["size"], 2);
    }
}
