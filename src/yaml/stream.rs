//! A stream of documents, split as Kubernetes' document reader splits it.

use std::borrow::Cow;

use super::error::{Error, ErrorKind};
use super::{Budget, Document, block, build, events, json};

/// The documents of a stream, in order, each read by itself: a malformed one is one error among
/// them. Documents that are empty, or hold only comments or null, are left out.
///
/// The rules are those of `NewYAMLOrJSONDecoder` in `k8s.io/apimachinery/pkg/util/yaml`: a line
/// that begins with `---` ends a document wherever it stands, also inside a block or quotes; a
/// stream whose first character is `{` is JSON objects one after the other, and YAML from the
/// first text that is not JSON, unless two or more objects have come before it.
#[must_use]
pub fn documents(text: &[u8], budget: &Budget) -> Vec<Result<Document, Error>> {
    if text.len() > budget.bytes {
        return vec![Err(ErrorKind::TooLarge(budget.bytes).at(1, 1))];
    }
    if text.starts_with(&[0xFE, 0xFF]) || text.starts_with(&[0xFF, 0xFE]) {
        return vec![Err(ErrorKind::Encoding.at(1, 1))];
    }
    let mut found = Vec::new();
    let mut rest = Rest { text, line: 1 };
    if let Some(text) = as_json(text) {
        match json::documents(text, budget, &mut found) {
            Some(yaml) => rest = yaml,
            None => return found,
        }
    }
    found.extend(chunks(&rest).iter().filter_map(|chunk| read(chunk, budget).transpose()));
    found
}

fn as_json(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text).ok()?;
    text.trim_start().starts_with('{').then_some(text)
}

/// What is left of a stream, and the line of the file where it begins.
pub(super) struct Rest<'a> {
    pub(super) text: &'a [u8],
    pub(super) line: u32,
}

/// The lines of one document; not valid if a separator with content opens it.
struct Chunk<'a> {
    text: &'a [u8],
    line: u32,
    valid: bool,
}

enum Separator {
    Plain,
    WithContent,
}

fn chunks<'a>(rest: &Rest<'a>) -> Vec<Chunk<'a>> {
    let mut chunks = Vec::new();
    let mut offset = 0;
    let (mut start, mut first, mut valid) = (0, rest.line, true);
    for (line, number) in rest.text.split_inclusive(|byte| *byte == b'\n').zip(rest.line..) {
        let end = offset + line.len();
        let chunk = Chunk { text: &rest.text[start..offset], line: first, valid };
        match separator(line) {
            // With nothing before it, a separator is part of its document.
            Some(Separator::Plain) if start < offset => {
                chunks.push(chunk);
                (start, first, valid) = (end, number + 1, true);
            }
            Some(Separator::WithContent) => {
                chunks.push(chunk);
                (start, first, valid) = (offset, number, false);
            }
            _ => {}
        }
        offset = end;
    }
    chunks.push(Chunk { text: &rest.text[start..], line: first, valid });
    chunks
}

fn separator(line: &[u8]) -> Option<Separator> {
    match line.strip_prefix(b"---")?.trim_ascii() {
        [] | [b'#', ..] => Some(Separator::Plain),
        _ => Some(Separator::WithContent),
    }
}

fn read(chunk: &Chunk<'_>, budget: &Budget) -> Result<Option<Document>, Error> {
    if !chunk.valid {
        return Err(ErrorKind::Separator.at(chunk.line, 1));
    }
    let mut text = decode(chunk)?;
    if let Some(document) = block::document(&text, chunk.line, budget) {
        return Ok(Some(document));
    }
    let (mut indented, mut work) = (0, 0);
    loop {
        let error = match events::nodes(&text, chunk.line, budget) {
            Ok(nodes) => return build::document(&nodes, budget),
            Err(error) => error,
        };
        if !events::is_shallow_continuation(&error) {
            return Err(error);
        }
        work += text.len();
        let line = (error.line - chunk.line) as usize;
        match indent_continuation(&text, line) {
            None => {
                return Err(Error { kind: ErrorKind::Yaml("a quoted value has no end".to_owned()), ..error });
            }
            Some((deeper, behind)) if line >= indented && work <= CONTINUATION_WORK => {
                (text, indented) = (Cow::Owned(deeper), behind);
            }
            Some(_) => return Err(error),
        }
    }
}

/// Bytes of one document that are parsed again because a continuation had to be indented, and that
/// it may grow to.
const CONTINUATION_WORK: usize = 64 << 20;

/// Indents the lines from `from` that continue a quoted scalar: all up to the first that holds a
/// quote. Blanks at the beginning of such a line mean nothing; go-yaml accepts any number of them,
/// the parser below only more than the enclosing block has. Returns the line behind the last one
/// as well; nothing if the text ends before `from`.
fn indent_continuation(text: &str, from: usize) -> Option<(String, usize)> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let margin = |line: &&str| line.len() - line.trim_start_matches([' ', '-', '?', ':']).len();
    let width = lines.iter().take(from).map(margin).max().unwrap_or(0) + 1;
    let rest = lines.get(from..).filter(|rest| !rest.is_empty())?;
    let quoted = rest.iter().position(|line| line.contains(['"', '\'']));
    let behind = quoted.map_or(lines.len(), |quoted| from + quoted + 1);
    // A line that stays as it is fails a second time, and that is the end.
    let grown = text.len() + (behind - from) * width;
    let width = if grown <= CONTINUATION_WORK { width } else { 0 };
    let mut deeper = String::with_capacity(text.len() + (behind - from) * width);
    for (number, line) in lines.iter().enumerate() {
        if (from..behind).contains(&number) {
            deeper.extend(std::iter::repeat_n(' ', width));
        }
        deeper.push_str(line);
    }
    Some((deeper, behind))
}

/// The text of a chunk as the YAML reader gets it: without byte order mark, line breaks as `\n`,
/// one of them at the end.
fn decode<'a>(chunk: &Chunk<'a>) -> Result<Cow<'a, str>, Error> {
    let fail = |kind: ErrorKind, offset: usize| {
        let (line, column) = end_of(&chunk.text[..offset]);
        Err(kind.at(chunk.line + line, column))
    };
    let text = match std::str::from_utf8(chunk.text) {
        Ok(text) => text,
        Err(error) => return fail(ErrorKind::Encoding, error.valid_up_to()),
    };
    let is_printable = |byte: u8| matches!(byte, b' '..=b'~' | b'\n');
    // Nearly all text is, and without a branch for each byte that is seen at once.
    if !text.bytes().fold(true, |all, byte| all & is_printable(byte))
        && let Some((offset, character)) = text.char_indices().find(|(_, c)| is_forbidden(*c))
    {
        return fail(ErrorKind::ControlCharacter(character.into()), offset);
    }
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut text = Cow::Borrowed(text);
    if text.contains('\r') {
        // The document reader takes one `\r` off a line, libyaml another.
        text = Cow::Owned(text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace('\r', "\n"));
    }
    if !text.ends_with('\n') {
        text.to_mut().push('\n');
    }
    Ok(text)
}

/// What libyaml's reader refuses.
fn is_forbidden(c: char) -> bool {
    let control = c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    control || matches!(c, '\u{FFFE}' | '\u{FFFF}')
}

/// How many lines `text` has before its last, and the column, from 1, behind it.
fn end_of(text: &[u8]) -> (u32, u32) {
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let last = String::from_utf8_lossy(lines.pop().unwrap_or_default());
    let bounded = |count| u32::try_from(count).unwrap_or(u32::MAX);
    (bounded(lines.len()), bounded(last.chars().count() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shallow_continuation_does_not_grow_without_bound() {
        let text = format!("{}a: \"\n{}\"\n", " ".repeat(100_000), "y\n".repeat(50_000));
        let read = documents(text.as_bytes(), &Budget::default());
        assert!(matches!(&read[..], [Err(Error { line: 2, .. })]));
    }

    #[test]
    fn a_shallow_continuation_keeps_its_text_and_the_lines_below() {
        let text = "a:\n  b: \"one\ntwo's\n\n three\"\n  c: 1\n";
        let read = documents(text.as_bytes(), &Budget::default());
        let [Ok(document)] = &read[..] else {
            panic!("{} documents", read.len());
        };
        assert_eq!(document.value["a"]["b"], "one two's\nthree");
        assert_eq!(document.lines.line("/a/c"), Some(6));
    }
}
