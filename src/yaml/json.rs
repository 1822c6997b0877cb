//! JSON objects one after the other, with the place of each key and value.

use super::error::{Allowance, Error, ErrorKind};
use super::lines::{Builder, Children, Entries, Placed, Position};
use super::stream::Rest;
use super::{Budget, Document};
use serde_json::Value;

/// Adds the documents of a JSON stream to `found`. Returns what is to be read as YAML instead:
/// what follows the last document, if that is not JSON and fewer than two came before it.
pub(super) fn documents<'a>(
    text: &'a str,
    budget: &Budget,
    found: &mut Vec<Result<Document, Error>>,
) -> Option<Rest<'a>> {
    let mut reader = Reader {
        text,
        at: 0,
        counted: 0,
        place: Position { line: 1, column: 1 },
        allowance: Allowance::new(budget),
        lines: Builder::default(),
        out_of_range: None,
    };
    let mut read = 0;
    loop {
        let behind = (reader.at, reader.place.line);
        reader.skip_space();
        reader.peek()?;
        match reader.document(budget) {
            Ok(document) if document.value.is_null() => {}
            Err(error) if matches!(error.kind, ErrorKind::NumberRange) => found.push(Err(error)),
            Err(error) if matches!(error.kind, ErrorKind::Json(_)) && read < 2 => {
                return Some(to_line_end(text, behind));
            }
            Err(error) => {
                found.push(Err(error));
                return None;
            }
            document => found.push(document),
        }
        read += 1;
    }
}

/// Leaves out the blanks behind a document, up to and with the first line break.
fn to_line_end(text: &str, (offset, line): (usize, u32)) -> Rest<'_> {
    let rest = text[offset..].trim_start_matches(|c: char| c != '\n' && c.is_whitespace());
    match rest.strip_prefix('\n') {
        Some(rest) => Rest { text: rest.as_bytes(), line: line + 1 },
        None => Rest { text: rest.as_bytes(), line },
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// The byte that `place` stands for.
    counted: usize,
    place: Position,
    allowance: Allowance,
    lines: Builder,
    /// Told once the document is complete: its syntax decides how the stream is read.
    out_of_range: Option<Error>,
}

impl Reader<'_> {
    fn document(&mut self, budget: &Budget) -> Result<Document, Error> {
        self.allowance = Allowance::new(budget);
        self.lines = Builder::default();
        let position = self.position();
        let placed = self.value(0)?;
        match self.out_of_range.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut self.lines).document(position, placed)),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Placed, Error> {
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => return self.object(depth),
            Some(b'[') => return self.array(depth),
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.error("expected a value")),
        };
        self.take(depth, self.at - start)?;
        Ok((value, Children::default()))
    }

    fn object(&mut self, depth: usize) -> Result<Placed, Error> {
        self.take(depth, 0)?;
        self.at += 1;
        let mut entries = Entries::new();
        self.skip_space();
        if self.accept(b'}') {
            return Ok(self.lines.mapping(entries));
        }
        loop {
            self.skip_space();
            let position = self.position();
            if self.peek() != Some(b'"') {
                return Err(self.error("expected a key in double quotes"));
            }
            let name = self.string()?;
            self.take(depth, name.len())?;
            self.skip_space();
            if !self.accept(b':') {
                return Err(self.error("expected `:` after a key"));
            }
            self.skip_space();
            let placed = self.value(depth + 1)?;
            entries.push((name, (position, placed)));
            self.skip_space();
            if self.accept(b'}') {
                return Ok(self.lines.mapping(entries));
            }
            if !self.accept(b',') {
                return Err(self.error("expected `,` or `}` in an object"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Placed, Error> {
        self.take(depth, 0)?;
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.accept(b']') {
            return Ok(self.lines.sequence(items));
        }
        loop {
            self.skip_space();
            let position = self.position();
            items.push((position, self.value(depth + 1)?));
            self.skip_space();
            if self.accept(b']') {
                return Ok(self.lines.sequence(items));
            }
            if !self.accept(b',') {
                return Err(self.error("expected `,` or `]` in an array"));
            }
        }
    }

    fn string(&mut self) -> Result<String, Error> {
        let mut string = String::new();
        self.at += 1;
        loop {
            let rest = &self.text[self.at..];
            let run = rest.find(|c| c == '"' || c == '\\' || c < ' ').unwrap_or(rest.len());
            string.push_str(&rest[..run]);
            self.at += run;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => string.push(self.escape()?),
                Some(_) => return Err(self.error("a control character in a string is not escaped")),
                None => return Err(self.error("a string has no end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let escaped = match self.text.as_bytes().get(self.at + 1) {
            Some(b'u') => return self.unicode(),
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(*c),
            Some(b'b') => '\x08',
            Some(b'f') => '\x0C',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => return Err(self.error("unknown escape in a string")),
        };
        self.at += 2;
        Ok(escaped)
    }

    /// Half of a surrogate pair becomes U+FFFD, as in `encoding/json`.
    fn unicode(&mut self) -> Result<char, Error> {
        let Some(unit) = self.unit(self.at) else {
            return Err(self.error("`\\u` needs four hexadecimal digits"));
        };
        self.at += 6;
        if let Some(c) = char::from_u32(unit.into()) {
            return Ok(c);
        }
        let second = self.unit(self.at).unwrap_or_default();
        match char::decode_utf16([unit, second]).next() {
            Some(Ok(pair)) => {
                self.at += 6;
                Ok(pair)
            }
            _ => Ok(char::REPLACEMENT_CHARACTER),
        }
    }

    /// The UTF-16 unit that is escaped at `start`.
    fn unit(&self, start: usize) -> Option<u16> {
        let digits = self.text.get(start..start + 6)?.strip_prefix("\\u")?;
        let all = digits.bytes().all(|b| b.is_ascii_hexdigit());
        u16::from_str_radix(digits, 16).ok().filter(|_| all)
    }

    fn number(&mut self) -> Result<Value, Error> {
        let start = self.at;
        let position = self.position();
        self.accept(b'-');
        if !self.accept(b'0') {
            self.digits()?;
        }
        if self.accept(b'.') {
            self.digits()?;
        }
        if self.accept(b'e') || self.accept(b'E') {
            let _sign = self.accept(b'+') || self.accept(b'-');
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        if let Ok(whole) = text.parse::<i64>() {
            return Ok(Value::from(whole));
        }
        let number = text.parse().ok().and_then(serde_json::Number::from_f64);
        if number.is_none() && self.out_of_range.is_none() {
            self.out_of_range = Some(ErrorKind::NumberRange.at(position.line, position.column));
        }
        Ok(number.map_or(Value::Null, Value::Number))
    }

    fn digits(&mut self) -> Result<(), Error> {
        let rest = &self.text[self.at..];
        let count = rest.bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return Err(self.error("expected a digit"));
        }
        self.at += count;
        Ok(())
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Error> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.error("expected a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn skip_space(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek() {
            self.at += 1;
            if byte == b'\n' {
                self.counted = self.at;
                self.place = Position { line: self.place.line.saturating_add(1), column: 1 };
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn position(&mut self) -> Position {
        let characters = self.text[self.counted..self.at].chars().count();
        self.counted = self.at;
        let characters = u32::try_from(characters).unwrap_or(u32::MAX);
        self.place.column = self.place.column.saturating_add(characters);
        self.place
    }

    fn take(&mut self, depth: usize, bytes: usize) -> Result<(), Error> {
        self.allowance.take(depth, bytes).map_err(|kind| {
            let position = self.position();
            kind.at(position.line, position.column)
        })
    }

    fn error(&mut self, rule: &'static str) -> Error {
        let position = self.position();
        ErrorKind::Json(rule).at(position.line, position.column)
    }
}
