//! The place of every key and value of a document: a compact tree beside the value.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::compact::CompactLines;

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The 1-based line.
    pub line: u32,
    /// The 1-based column, in characters.
    pub column: u32,
}

/// Where every key and value of a document stands, by JSON pointer (RFC 6901).
///
/// An entry of a mapping stands where its key does, an item of a sequence where it begins. Below
/// an alias or a merge (`<<`) the places are those of the anchored value: the lines one edits.
/// Costs 20 bytes a value and each distinct key once; clones and subtrees share them.
#[derive(Clone)]
pub struct Lines {
    tree: Arc<Tree>,
    root: Entry,
}

/// Children stand together, those of a mapping sorted by name, those of a sequence in order.
#[derive(PartialEq)]
struct Tree {
    entries: Vec<Entry>,
    names: Vec<Arc<str>>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) struct Entry {
    name: u32,
    position: Position,
    children: Children,
}

impl Entry {
    pub(super) const fn line(self) -> u32 {
        self.position.line
    }
}

#[derive(Clone, Copy, PartialEq, Default)]
pub(super) struct Children {
    first: u32,
    count: u32,
}

/// The name of what is not an entry of a mapping.
const UNNAMED: u32 = u32::MAX;

impl Lines {
    /// The line of the key or item at `pointer`; `""` is the root.
    #[must_use]
    pub fn line(&self, pointer: &str) -> Option<u32> {
        self.position(pointer).map(|position| position.line)
    }

    /// Line and column of the key or item at `pointer`.
    #[must_use]
    pub fn position(&self, pointer: &str) -> Option<Position> {
        let (entry, complete) = self.find(pointer);
        complete.then_some(entry.position)
    }

    /// The line of what stands at `pointer` or, where nothing does, of the deepest ancestor that
    /// exists.
    #[must_use]
    pub fn nearest(&self, pointer: &str) -> u32 {
        self.find(pointer).0.position.line
    }

    /// The places below `pointer` (its deepest existing ancestor, if nothing is there), whose root
    /// is `""`: for the items of a List.
    #[must_use]
    pub fn subtree(&self, pointer: &str) -> Self {
        Self { tree: Arc::clone(&self.tree), root: self.find(pointer).0 }
    }

    /// The lines alone, in less room.
    #[must_use]
    pub fn compact(&self) -> CompactLines {
        CompactLines::new(self)
    }

    pub(super) const fn root(&self) -> Entry {
        self.root
    }

    /// What stands right below `entry`.
    pub(super) fn children(&self, entry: Entry) -> &[Entry] {
        let first = entry.children.first as usize;
        self.tree.entries.get(first..first + entry.children.count as usize).unwrap_or_default()
    }

    /// The key of an entry of a mapping.
    pub(super) fn name(&self, entry: Entry) -> Option<&str> {
        (entry.name != UNNAMED).then(|| self.tree.name(&entry))
    }

    /// Walks as far as the pointer leads; tells whether that is its end.
    fn find(&self, pointer: &str) -> (Entry, bool) {
        let mut entry = self.root;
        for token in pointer.split('/').skip(1) {
            match self.tree.child(entry.children, token) {
                Some(child) => entry = child,
                None => return (entry, false),
            }
        }
        (entry, pointer.is_empty() || pointer.starts_with('/'))
    }
}

impl PartialEq for Lines {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root && (Arc::ptr_eq(&self.tree, &other.tree) || self.tree == other.tree)
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines")
            .field("line", &self.root.position.line)
            .field("values", &self.tree.entries.len())
            .finish()
    }
}

impl Tree {
    fn child(&self, children: Children, token: &str) -> Option<Entry> {
        let first = children.first as usize;
        let entries = self.entries.get(first..first + children.count as usize)?;
        if entries.first()?.name == UNNAMED {
            let plain = token == "0" || !token.starts_with(['0', '+']);
            let index: usize = token.parse().ok().filter(|_| plain)?;
            return entries.get(index).copied();
        }
        let name = token.replace("~1", "/").replace("~0", "~");
        let found = entries.binary_search_by(|entry| (*self.name(entry)).cmp(name.as_str()));
        found.ok().map(|index| entries[index])
    }

    fn name(&self, entry: &Entry) -> &str {
        self.names.get(entry.name as usize).map_or("", |name| name)
    }
}

/// A value on its way into its parent, with the places of what it holds.
pub(super) type Placed = (Value, Children);

/// Entries of a mapping that is still open: later ones replace earlier ones of the same name.
pub(super) type Entries = Vec<(String, (Position, Placed))>;

/// Builds values and their [`Lines`] from the leaves up.
#[derive(Default)]
pub(super) struct Builder {
    entries: Vec<Entry>,
    names: Vec<Arc<str>>,
    known: HashMap<Arc<str>, u32>,
}

impl Builder {
    pub(super) fn mapping(&mut self, mut entries: Entries) -> Placed {
        let first = self.entries.len();
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut values: Vec<(String, Value)> = Vec::with_capacity(entries.len());
        for (name, (position, (value, children))) in entries {
            if values.last().is_some_and(|(last, _)| *last == name) {
                values.pop();
                self.entries.pop();
            }
            let name_id = self.intern(&name);
            self.entries.push(Entry { name: name_id, position, children });
            values.push((name, value));
        }
        (Value::Object(values.into_iter().collect()), self.children_from(first))
    }

    pub(super) fn sequence(&mut self, items: Vec<(Position, Placed)>) -> Placed {
        let first = self.entries.len();
        let mut values = Vec::with_capacity(items.len());
        for (position, (value, children)) in items {
            self.entries.push(Entry { name: UNNAMED, position, children });
            values.push(value);
        }
        (Value::Array(values), self.children_from(first))
    }

    /// The document whose root stands at `position`.
    pub(super) fn document(mut self, position: Position, (value, children): Placed) -> super::Document {
        self.entries.shrink_to_fit();
        self.names.shrink_to_fit();
        let tree = Tree { entries: self.entries, names: self.names };
        let root = Entry { name: UNNAMED, position, children };
        let lines = Lines { tree: Arc::new(tree), root };
        super::Document { value, lines, line: position.line }
    }

    fn children_from(&self, first: usize) -> Children {
        Children { first: index(first), count: index(self.entries.len() - first) }
    }

    fn intern(&mut self, name: &str) -> u32 {
        if let Some(id) = self.known.get(name) {
            return *id;
        }
        let id = index(self.names.len());
        let shared: Arc<str> = Arc::from(name);
        self.names.push(Arc::clone(&shared));
        self.known.insert(shared, id);
        id
    }
}

/// Counts are bounded by the budget; beyond `u32` a place is not found rather than wrong.
fn index(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use crate::yaml::{Budget, Document, Position, documents};

    fn read(text: &str) -> Document {
        let mut all = documents(text.as_bytes(), &Budget::default());
        assert_eq!(all.len(), 1, "one document");
        all.remove(0).expect("valid")
    }

    #[test]
    fn every_field_knows_its_line() {
        let lines =
            read("# head\n\nkind: Pod\nspec:\n  containers:\n  - name: a\n    args: [x,\n      y]\n  - name: b\n")
                .lines;
        let expected = [
            ("", 3),
            ("/kind", 3),
            ("/spec", 4),
            ("/spec/containers", 5),
            ("/spec/containers/0", 6),
            ("/spec/containers/0/name", 6),
            ("/spec/containers/0/args", 7),
            ("/spec/containers/0/args/0", 7),
            ("/spec/containers/0/args/1", 8),
            ("/spec/containers/1", 9),
        ];
        for (pointer, line) in expected {
            assert_eq!(lines.line(pointer), Some(line), "{pointer}");
        }
        for absent in ["/spec/containers/2", "/spec/containers/00", "/spec/containers/-", "/Kind", "kind", "/kind/x"] {
            assert_eq!(lines.line(absent), None, "{absent}");
        }
    }

    #[test]
    fn columns_count_characters_from_one() {
        let lines = read("é: {ü: 1, b: [2]}\n").lines;
        assert_eq!(lines.position("/é/ü"), Some(Position { line: 1, column: 5 }));
        assert_eq!(lines.position("/é/b"), Some(Position { line: 1, column: 11 }));
        assert_eq!(lines.position("/é/b/0"), Some(Position { line: 1, column: 15 }));
    }

    #[test]
    fn pointers_escape_slash_and_tilde() {
        let lines = read("metadata:\n  annotations:\n    a/b: x\n    c~d: y\n    '': z\n").lines;
        assert_eq!(lines.line("/metadata/annotations/a~1b"), Some(3));
        assert_eq!(lines.line("/metadata/annotations/c~0d"), Some(4));
        assert_eq!(lines.line("/metadata/annotations/"), Some(5));
    }

    #[test]
    fn nearest_is_the_deepest_ancestor() {
        let lines = read("a:\n  b:\n    c: 1\n").lines;
        assert_eq!(lines.nearest("/a/b/x/y"), 2);
        assert_eq!(lines.nearest("/z"), 1);
        assert_eq!(lines.nearest("/a/b/c"), 3);
    }

    #[test]
    fn a_subtree_has_its_own_root() {
        let lines = read("items:\n- kind: A\n- kind: B\n  spec: {x: 1}\n").lines;
        let second = lines.subtree("/items/1");
        assert_eq!(second.line(""), Some(3));
        assert_eq!(second.line("/spec/x"), Some(4));
        assert_eq!(second.line("/items"), None);
    }

    #[test]
    fn below_an_alias_or_merge_lines_are_the_anchors() {
        let lines = read("base: &b\n  x: 1\n  z: 2\ncopy: *b\nmixed:\n  <<: *b\n  z: 3\nlist:\n- *b\n").lines;
        let expected =
            [("/copy", 4), ("/copy/x", 2), ("/mixed/x", 2), ("/mixed/z", 7), ("/list/0", 9), ("/list/0/z", 3)];
        for (pointer, line) in expected {
            assert_eq!(lines.line(pointer), Some(line), "{pointer}");
        }
    }

    #[test]
    fn a_repeated_key_stands_where_it_is_last() {
        let document = read("a: 1\nb: 2\na: 3\n");
        assert_eq!(document.value["a"], 3);
        assert_eq!(document.lines.line("/a"), Some(3));
    }

    #[test]
    fn lines_are_those_of_the_file_in_every_document() {
        let text = "a: 1\n---\n# two\nb:\n  c: 2\n---\n{\"d\":\n 3}\n";
        let all = documents(text.as_bytes(), &Budget::default());
        let all: Vec<_> = all.into_iter().map(|document| document.expect("valid")).collect();
        assert_eq!(all.iter().map(|d| d.line).collect::<Vec<_>>(), [1, 4, 7]);
        assert_eq!(all[1].lines.line("/b/c"), Some(5));
        assert_eq!(all[2].lines.line("/d"), Some(7));
    }

    #[test]
    fn json_has_places_too() {
        let lines = read("{\n  \"a\": {\"é\": 1, \"b\": [\n    2,\n    {\"c\": null}]}\n}\n").lines;
        assert_eq!(lines.position("/a"), Some(Position { line: 2, column: 3 }));
        assert_eq!(lines.position("/a/b"), Some(Position { line: 2, column: 17 }));
        assert_eq!(lines.position("/a/b/1/c"), Some(Position { line: 4, column: 6 }));
    }

    #[test]
    fn an_entry_costs_twenty_bytes() {
        assert_eq!(size_of::<super::Entry>(), 20);
    }
}
