//! Most manifests in one pass: block mappings and sequences whose scalars end where their line does.

use serde_json::Value;

use super::lines::{Builder, Children, Entries, Placed, Position};
use super::scalar::{self, Scalar};
use super::{Budget, Document, number};

/// Deeper documents are left to the reader of all YAML.
const DEPTH: usize = 64;
/// YAML lets an implicit key be 1024 characters long.
const KEY: usize = 1000;

/// The document that `text` holds; `None` where anything in it is beyond this reader (anchors, tags, flow
/// collections, values of several lines, everything malformed), which says nothing about whether it is YAML.
///
/// Whatever is read here, [`super::events`] and [`super::build`] read alike, places included.
pub(super) fn document(text: &str, first_line: u32, budget: &Budget) -> Option<Document> {
    // No text has more nodes than bytes.
    if text.len() > budget.nodes || !text.is_ascii() && text.contains(['\u{85}', '\u{2028}', '\u{2029}', '\u{FEFF}']) {
        return None;
    }
    let depth = budget.depth.min(DEPTH);
    let mut reader = Reader { rest: text, number: first_line, line: None, depth, lines: Builder::default() };
    reader.begin()?;
    let root = reader.line?;
    let placed = reader.mapping(0, 0)?;
    reader.line.is_none().then(|| reader.lines.document(root.place(), placed))
}

/// What stands on a line, or on the part of it behind a dash.
#[derive(Clone, Copy)]
struct Line<'a> {
    /// How many columns stand before it.
    indent: usize,
    content: &'a str,
    number: u32,
}

impl Line<'_> {
    fn place(&self) -> Position {
        Position { line: self.number, column: u32::try_from(self.indent + 1).unwrap_or(u32::MAX) }
    }

    fn is_item(&self) -> bool {
        is_item(self.content)
    }
}

struct Reader<'a> {
    /// What follows the current line.
    rest: &'a str,
    /// The number of the first line of `rest`.
    number: u32,
    /// The current line; none behind the last.
    line: Option<Line<'a>>,
    depth: usize,
    lines: Builder,
}

impl<'a> Reader<'a> {
    /// Goes to the first line with content, past a separator.
    fn begin(&mut self) -> Option<()> {
        let (first, rest) = self.rest.split_once('\n')?;
        if let Some(behind) = first.strip_prefix("---") {
            is_blank(behind).then_some(())?;
            (self.rest, self.number) = (rest, self.number + 1);
        }
        self.advance()
    }

    /// Goes to the next line that is neither empty nor a comment.
    fn advance(&mut self) -> Option<()> {
        self.line = None;
        while let Some((raw, rest)) = self.rest.split_once('\n') {
            let number = self.number;
            (self.rest, self.number) = (rest, number + 1);
            let content = raw.trim_start_matches(' ');
            match content.as_bytes() {
                [] | [b'#', ..] => continue,
                [b'\t' | b'%', ..] | [b'-', b'-', b'-', ..] | [b'.', b'.', b'.', ..] => return None,
                _ => {}
            }
            self.line = Some(Line { indent: raw.len() - content.len(), content, number });
            break;
        }
        Some(())
    }

    fn mapping(&mut self, indent: usize, depth: usize) -> Option<Placed> {
        (depth < self.depth).then_some(())?;
        let mut entries = Entries::new();
        while let Some(line) = self.line.filter(|line| line.indent >= indent) {
            if line.indent > indent {
                return None;
            }
            let (key, behind) = key(line.content)?;
            let value = self.behind_key(behind, indent, depth + 1)?;
            entries.push((key, (line.place(), value)));
        }
        Some(self.lines.mapping(entries))
    }

    /// A sequence may stand as far left as the key that it belongs to.
    fn behind_key(&mut self, text: &'a str, indent: usize, depth: usize) -> Option<Placed> {
        if !is_blank(text) {
            return self.on_line(text.trim_start_matches(' '), indent, depth).map(|(value, _)| value);
        }
        self.advance()?;
        match self.line {
            Some(line) if line.indent > indent => self.below(line, depth),
            Some(line) if line.indent == indent && line.is_item() => self.sequence(indent, depth),
            _ => Some((Value::Null, Children::default())),
        }
    }

    fn below(&mut self, line: Line<'a>, depth: usize) -> Option<Placed> {
        if line.is_item() { self.sequence(line.indent, depth) } else { self.mapping(line.indent, depth) }
    }

    fn sequence(&mut self, indent: usize, depth: usize) -> Option<Placed> {
        (depth < self.depth).then_some(())?;
        let mut items = Vec::new();
        while let Some(line) = self.line.filter(|line| line.indent >= indent) {
            if line.indent > indent {
                return None;
            }
            if !line.is_item() {
                break;
            }
            items.push(self.item(line, depth + 1)?);
        }
        Some(self.lines.sequence(items))
    }

    fn item(&mut self, line: Line<'a>, depth: usize) -> Option<(Position, Placed)> {
        let behind = &line.content[1..];
        if is_blank(behind) {
            self.advance()?;
            let inner = self.line.filter(|inner| inner.indent > line.indent)?;
            return Some((inner.place(), self.below(inner, depth)?));
        }
        let content = behind.trim_start_matches(' ');
        let inner = Line { indent: line.indent + line.content.len() - content.len(), content, ..line };
        if is_item(content) {
            return None;
        }
        if key(content).is_some() {
            self.line = Some(inner);
            return Some((inner.place(), self.mapping(inner.indent, depth)?));
        }
        let (value, begins) = self.on_line(content, line.indent, depth)?;
        Some((begins.unwrap_or(inner.place()), value))
    }

    /// A value that begins on the current line and, a literal apart, ends there; where a literal's text begins, which
    /// is its place.
    fn on_line(&mut self, text: &'a str, indent: usize, depth: usize) -> Option<(Placed, Option<Position>)> {
        (depth < self.depth).then_some(())?;
        let mut begins = None;
        let placed = match text.as_bytes().first()? {
            b'"' | b'\'' => {
                let (text, behind) = quoted(text)?;
                is_blank(behind).then(|| (Value::String(text), Children::default()))?
            }
            b'{' => {
                text.strip_prefix("{}").filter(|behind| is_blank(behind)).map(|_| self.lines.mapping(Vec::new()))?
            }
            b'[' => {
                text.strip_prefix("[]").filter(|behind| is_blank(behind)).map(|_| self.lines.sequence(Vec::new()))?
            }
            b'|' => {
                let (text, place) = self.literal(&text[1..], indent)?;
                begins = Some(place);
                (Value::String(text), Children::default())
            }
            _ => (plain(text)?, Children::default()),
        };
        self.advance()?;
        Some((placed, begins))
    }

    /// The text below `|`, which stands deeper than `parent`.
    fn literal(&mut self, header: &str, parent: usize) -> Option<(String, Position)> {
        let (mut text, mut breaks) = (String::new(), 0);
        let mut first: Option<Line<'a>> = None;
        while let Some((raw, rest)) = self.rest.split_once('\n') {
            let content = raw.trim_start_matches(' ');
            let spaces = raw.len() - content.len();
            if content.is_empty() {
                // Blanks on an empty line may count.
                (spaces <= first.map_or(0, |first| first.indent)).then_some(())?;
                breaks += 1;
            } else if spaces <= parent {
                break;
            } else {
                let indent = first.get_or_insert(Line { indent: spaces, content, number: self.number }).indent;
                (spaces >= indent && !content.starts_with('\t')).then_some(())?;
                text.extend(std::iter::repeat_n('\n', std::mem::take(&mut breaks)));
                text.push_str(&raw[indent..]);
                breaks = 1;
            }
            (self.rest, self.number) = (rest, self.number + 1);
        }
        let place = first?.place();
        let kept = match header.trim_end_matches(' ') {
            "" => 1,
            "-" => 0,
            "+" => breaks,
            _ => return None,
        };
        text.extend(std::iter::repeat_n('\n', kept));
        Some((text, place))
    }
}

fn is_item(content: &str) -> bool {
    content == "-" || content.starts_with("- ")
}

/// Whether nothing but a comment follows.
fn is_blank(text: &str) -> bool {
    let content = text.trim_start_matches(' ');
    content.is_empty() || content.starts_with('#') && content.len() < text.len()
}

/// The key with which a line begins, and what stands behind its colon.
fn key(content: &str) -> Option<(String, &str)> {
    let (key, behind) = match content.as_bytes().first()? {
        b'"' | b'\'' => quoted(content)?,
        b'-' => return None,
        _ => {
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
            let (key, behind) = content.split_at(content.bytes().take_while(is_part).count());
            (scalar::plain(key).into_key()?, behind)
        }
    };
    let behind = behind.strip_prefix(':')?;
    let fits = content.len() - behind.len() <= KEY && (behind.is_empty() || behind.starts_with(' '));
    fits.then_some((key, behind))
}

/// A text in quotes that end on the same line, and what stands behind them.
fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next()?;
    let mut rest = &text[1..];
    let mut value = String::new();
    loop {
        let run = rest.bytes().position(|byte| matches!(byte, b'\t' | b'\\') || char::from(byte) == quote)?;
        value.push_str(&rest[..run]);
        let mut next = rest[run..].chars();
        let escaped = match (next.next()?, next.next()) {
            ('\'', Some('\'')) => '\'',
            ('\\', _) if quote == '\'' => {
                value.push('\\');
                rest = &rest[run + 1..];
                continue;
            }
            ('\\', Some('n')) => '\n',
            ('\\', Some(c @ ('"' | '\\'))) => c,
            (end, _) if end == quote => return Some((value, &rest[run + 1..])),
            _ => return None,
        };
        value.push(escaped);
        rest = &rest[run + 2..];
    }
}

/// An unquoted value; a comment may follow it.
fn plain(text: &str) -> Option<Value> {
    let is_indicator = matches!(
        text.as_bytes().first()?,
        b'&' | b'*' | b'!' | b'%' | b'@' | b'`' | b'?' | b',' | b']' | b'}' | b'>' | b':' | b'#' | b'|' | b'{' | b'['
    );
    let text = text.split_once(" #").map_or(text, |(text, _)| text).trim_end_matches(' ');
    let is_simple = !is_indicator && !is_item(text) && !text.contains(": ") && !text.ends_with(':');
    if !is_simple || text.contains('\t') {
        return None;
    }
    match scalar::plain(text) {
        Scalar::Null => Some(Value::Null),
        Scalar::Bool(value) => Some(Value::Bool(value)),
        Scalar::Text(text) => Some(Value::String(text)),
        Scalar::Number(number) => number::to_json(number).map(Value::Number),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use include_dir::{Dir, include_dir};
    use proptest::prelude::*;

    use super::*;
    use crate::yaml::{build, events};

    static CORPUS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/tests/yaml");

    /// Whether this reader took the text; what it made of it is what the reader of all YAML makes of it.
    fn agrees(text: &str) -> bool {
        let budget = Budget::default();
        let Some(document) = document(text, 1, &budget) else { return false };
        let nodes = events::nodes(text, 1, &budget).unwrap_or_else(|error| panic!("{error:?} in {text:?}"));
        let whole = build::document(&nodes, &budget).unwrap_or_else(|error| panic!("{error:?} in {text:?}"));
        let whole = whole.unwrap_or_else(|| panic!("nothing in {text:?}"));
        assert_eq!(document.value, whole.value, "{text:?}");
        assert!(document.lines == whole.lines && document.line == whole.line, "{text:?}");
        true
    }

    #[test]
    fn both_readers_agree_on_every_file_of_the_corpus() {
        let texts = CORPUS.files().filter(|file| file.path().extension().is_some_and(|ending| ending == "yaml"));
        let texts = texts.filter_map(|file| file.contents_utf8());
        // What reaches the readers has no control character and ends with a line break.
        let decoded = |text: &&str| text.ends_with('\n') && !text.contains(|c: char| c.is_control() && c != '\n');
        let read = texts.filter(decoded).filter(|text| agrees(text)).count();
        assert!(read > 20, "{read} files were read in one pass");
    }

    #[test]
    fn a_manifest_as_people_write_it_is_read_in_one_pass() {
        let text = "---\n# A comment.\napiVersion: apps/v1\nkind: Deployment  # another\nmetadata:\n  name: 'it''s'\n  \
                    labels: {}\n  annotations:\n    a.b/c: \"say \\\"x\\\"\\n\"\nspec:\n  replicas: 3\n  paused:\n  \
                    containers:\n  - name: main\n    image: r.example.org/a:1 # tag\n    args: []\n    env:\n      - \
                    name: A\n        value: \"1\"\n\n      -\n        name: B\n  - name: two\n    command:\n    - sh\n    \
                    - |\n      one\n\n        two # kept\n    - -c\n  script: |-\n    #!/bin/sh\n    exit 0\n\n  last: |+\n    \
                    x\n\n";
        assert!(agrees(text));
    }

    /// Pieces of lines that together make YAML of all kinds, and text that is none.
    const PIECES: [&str; 44] = [
        "a: ",
        "b:",
        "a/b.c: ",
        "\"q\": ",
        "'s': ",
        "- ",
        "-",
        "x",
        "1",
        "0x1f",
        "1e3",
        "~",
        "null",
        "true",
        "on",
        "\"t\"",
        "'u'",
        "'it''s'",
        "\"n\\nq\\\"\"",
        "{}",
        "[]",
        "|",
        "|-",
        "|+",
        ">",
        "{a: b}",
        "[a]",
        "&a x",
        "*a",
        "!!str 1",
        "# c",
        " # c",
        "#",
        ":",
        "<<: ",
        "? ",
        "é",
        "a b",
        "a: b: c",
        "---",
        "...",
        "\t",
        "http://x",
        "x:",
    ];

    fn text() -> impl Strategy<Value = String> {
        let piece = (0..PIECES.len()).prop_map(|index| PIECES[index]);
        let line = (0_usize..5, proptest::collection::vec(piece, 0..4));
        proptest::collection::vec(line, 1..9).prop_map(|lines| {
            let mut text = String::new();
            for (indent, pieces) in lines {
                writeln!(text, "{}{}", " ".repeat(indent), pieces.concat()).unwrap();
            }
            text
        })
    }

    /// Lines that fit each other more often than not.
    const LINES: [&str; 20] = [
        "a: x", "b: 1", "a:", "b:", "a:", "b: \"t\"", "a: |", "b: |-", "a: |+", "b: {}", "- x", "- a: 1", "- b:",
        "- - x", "- |", "-", "x", "# c", "", "- b: |",
    ];

    fn likely_text() -> impl Strategy<Value = String> {
        proptest::collection::vec((0_usize..4, 0..LINES.len()), 1..12).prop_map(|lines| {
            let mut text = String::new();
            for (indent, line) in lines {
                writeln!(text, "{}{}", " ".repeat(indent), LINES[line]).unwrap();
            }
            text
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn both_readers_agree_on_whatever_both_read(text in prop_oneof![text(), likely_text()]) {
            agrees(&text);
        }
    }
}
