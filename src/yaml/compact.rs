//! The lines of a document in a few bytes each: thousands of documents are held at once, and few are asked for a line.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::lines::{Entry, Lines};

/// The line of every key and value, without the columns; costs about three bytes a value and each distinct key once.
#[derive(Clone, PartialEq)]
pub struct CompactLines(Arc<[u8]>);

impl fmt::Debug for CompactLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompactLines").field("line", &self.nearest("")).field("bytes", &self.0.len()).finish()
    }
}

impl CompactLines {
    /// The line of what stands at `pointer` or, where nothing does, of the deepest ancestor that exists.
    #[must_use]
    pub fn nearest(&self, pointer: &str) -> u32 {
        let mut reader = Reader { rest: &self.0 };
        // What was written here can be read.
        reader.nearest(pointer).unwrap_or(1)
    }

    pub(super) fn new(lines: &Lines) -> Self {
        let mut writer = Writer { lines, names: Vec::new(), known: HashMap::new(), values: Vec::new() };
        writer.value(lines.root(), 0);
        let mut bytes = Vec::new();
        push(writer.names.len(), &mut bytes);
        for name in &writer.names {
            push(name.len(), &mut bytes);
            bytes.extend(name.as_bytes());
        }
        bytes.extend(writer.values);
        Self(bytes.into())
    }
}

/// What follows the names: of each value its line, how many values it holds, and these; before each of them its name,
/// counted from 1, or 0 in a sequence.
struct Writer<'l> {
    lines: &'l Lines,
    names: Vec<&'l str>,
    known: HashMap<&'l str, usize>,
    values: Vec<u8>,
}

impl Writer<'_> {
    fn value(&mut self, value: Entry, above: u32) {
        let line = value.line();
        push(zigzag(i64::from(line) - i64::from(above)), &mut self.values);
        let children = self.lines.children(value);
        push(children.len(), &mut self.values);
        for child in children {
            let name = self.lines.name(*child).map_or(0, |name| {
                let next = self.names.len() + 1;
                let id = *self.known.entry(name).or_insert(next);
                if id == next {
                    self.names.push(name);
                }
                id
            });
            push(name, &mut self.values);
            self.value(*child, line);
        }
    }
}

enum Child {
    At(u32),
    None,
}

struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    fn nearest(&mut self, pointer: &str) -> Option<u32> {
        let names = self.count()?;
        let names = (0..names).map(|_| self.text()).collect::<Option<Vec<&[u8]>>>()?;
        let mut line = self.line(0)?;
        for token in pointer.split('/').skip(1) {
            match self.child(token, line, &names)? {
                Child::At(found) => line = found,
                Child::None => return Some(line),
            }
        }
        Some(line)
    }

    /// Goes to the child that `token` names, and tells its line.
    fn child(&mut self, token: &str, above: u32, names: &[&[u8]]) -> Option<Child> {
        let name = token.replace("~1", "/").replace("~0", "~");
        let is_index = token == "0" || !token.starts_with(['0', '+']);
        let index: Option<usize> = token.parse().ok().filter(|_| is_index);
        for at in 0..self.count()? {
            let found = match self.count()? {
                0 => index == Some(at),
                id => names.get(id - 1) == Some(&name.as_bytes()),
            };
            let line = self.line(above)?;
            if found {
                return Some(Child::At(line));
            }
            self.skip()?;
        }
        Some(Child::None)
    }

    /// Passes over what the value at which the reader stands holds.
    fn skip(&mut self) -> Option<()> {
        for _ in 0..self.count()? {
            self.count()?;
            self.count()?;
            self.skip()?;
        }
        Some(())
    }

    fn line(&mut self, above: u32) -> Option<u32> {
        let change = self.count()?;
        let distance = i64::try_from(change >> 1).ok()?;
        let change = if change & 1 == 0 { distance } else { -distance - 1 };
        u32::try_from(i64::from(above) + change).ok()
    }

    fn text(&mut self) -> Option<&'b [u8]> {
        let count = self.count()?;
        let (text, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(text)
    }

    fn count(&mut self) -> Option<usize> {
        let (mut count, mut shift) = (0, 0);
        loop {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            count |= usize::from(byte & 0x7F).checked_shl(shift)?;
            shift += 7;
            if *byte < 0x80 {
                return Some(count);
            }
        }
    }
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn push(mut count: usize, bytes: &mut Vec<u8>) {
    while count >= 0x80 {
        bytes.push(count.to_le_bytes()[0] | 0x80);
        count >>= 7;
    }
    bytes.push(count.to_le_bytes()[0]);
}

/// Small numbers of either sign become small ones: 0, -1, 1, -2, ….
fn zigzag(number: i64) -> usize {
    let distance = if number < 0 { -number - 1 } else { number };
    (usize::try_from(distance).unwrap_or_default() << 1) | usize::from(number < 0)
}

#[cfg(test)]
mod tests {
    use crate::yaml::{Budget, documents};

    #[test]
    fn a_line_is_the_same_as_before() {
        let long: Vec<String> = (0..300).map(|index| format!("  key{index}: [1, {{a: {index}}}]\n")).collect();
        let text = format!(
            "# head\nbase: &b\n  x: 1\n  é/~: 2\n{}copy: *b\nlist:\n- *b\n- - 1\n  - 2\nmany:\n{}",
            "\n".repeat(200),
            long.concat()
        );
        let document = documents(text.as_bytes(), &Budget::default()).remove(0).unwrap();
        let compact = document.lines.compact();
        let pointers = [
            "",
            "/base",
            "/base/x",
            "/base/é~1~0",
            "/copy/x",
            "/copy/é~1~0/deep",
            "/list/0/x",
            "/list/1/1",
            "/list/01",
            "/list/2",
            "/list/-",
            "/many/key0",
            "/many/key299/1/a",
            "/many/key299/1/b",
            "/nothing/below",
            "no pointer",
        ];
        for pointer in pointers {
            assert_eq!(compact.nearest(pointer), document.lines.nearest(pointer), "{pointer}");
        }
        let second = document.lines.subtree("/list/0");
        for pointer in ["", "/x", "/y"] {
            assert_eq!(second.compact().nearest(pointer), second.nearest(pointer), "{pointer}");
        }
    }
}
