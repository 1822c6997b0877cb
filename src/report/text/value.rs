//! Values for a terminal: on one line, of bounded length, with nothing in them that a terminal would obey.

use std::fmt::Write as _;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// The longest value that is shown whole, in characters.
const WIDEST: usize = 100;
/// What is shown of a longer one at its beginning, before and after the place that matters, and at its end.
const HEAD: usize = 24;
const BEFORE: usize = 12;
const AFTER: usize = 36;
const TAIL: usize = 24;
/// The most lines of a text's difference; what remains is counted.
const MOST_LINES: usize = 40;
/// The lines around a difference.
const CONTEXT: usize = 2;

/// `text` with control characters, line breaks and characters that reorder or hide text as escapes.
pub(in crate::report) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || deceives(character) {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Direction marks and overrides, zero-width characters and separators that terminals take for line breaks.
const fn deceives(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A value on one line: text bare where it cannot be taken for anything else, all other as JSON.
fn line(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => escape(text),
        other => escape(&other.to_string()),
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && serde_json::from_str::<serde::de::IgnoredAny>(text).is_err()
}

/// How the two sides of a finding are shown.
#[derive(Debug, PartialEq)]
pub(super) enum Sides {
    /// Each on one line; absent where the side has no value.
    Values(Option<String>, Option<String>),
    /// The lines of a text that differ, with what stands around them.
    Lines(Vec<Line>),
}

/// A line of a text's difference.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    pub(super) kind: LineKind,
    /// Begins with ` `, `-`, `+` or `@@`, as in a unified diff.
    pub(super) text: String,
}

/// What a line of a text's difference is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKind {
    Both,
    Desired,
    Live,
    Note,
}

impl Sides {
    /// Takes the form that shows the difference best.
    pub(super) fn of(desired: Option<&Value>, live: Option<&Value>) -> Self {
        let is_text = |side: Option<&Value>| side.is_none_or(Value::is_string);
        let lines =
            |side: Option<&Value>| side.and_then(Value::as_str).is_some_and(|text| text.trim_end().contains('\n'));
        if is_text(desired) && is_text(live) && (lines(desired) || lines(live)) {
            let text = |side: Option<&'_ Value>| side.and_then(Value::as_str).unwrap_or_default().to_owned();
            return Self::Lines(differing_lines(&text(desired), &text(live)));
        }
        let (desired, live) = (desired.map(line), live.map(line));
        let focus = desired.as_deref().zip(live.as_deref()).map_or(0, |(one, other)| common_prefix(one, other));
        let short = |side: Option<String>| side.map(|text| abbreviate(&text, focus));
        Self::Values(short(desired), short(live))
    }
}

fn common_prefix(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count()
}

/// Leaves out the middle of a long text, but not what stands around the character at `focus`.
fn abbreviate(text: &str, focus: usize) -> String {
    let characters: Vec<char> = text.chars().collect();
    let length = characters.len();
    if length <= WIDEST {
        return text.to_owned();
    }
    let windows = [(0, HEAD), (focus.saturating_sub(BEFORE), focus + AFTER), (length - TAIL, length)];
    let mut shown = String::new();
    let mut end = 0;
    for (from, to) in windows {
        if from > end {
            shown.push('…');
        }
        let (from, to) = (from.max(end), to.min(length));
        shown.extend(characters.get(from..to).unwrap_or_default());
        end = end.max(to);
    }
    shown
}

fn differing_lines(desired: &str, live: &str) -> Vec<Line> {
    let difference = TextDiff::from_lines(desired, live);
    let mut lines = Vec::new();
    for hunk in difference.unified_diff().context_radius(CONTEXT).iter_hunks() {
        lines.push(Line { kind: LineKind::Note, text: hunk.header().to_string() });
        for change in hunk.iter_changes() {
            let (kind, sign) = match change.tag() {
                ChangeTag::Equal => (LineKind::Both, ' '),
                ChangeTag::Delete => (LineKind::Desired, '-'),
                ChangeTag::Insert => (LineKind::Live, '+'),
            };
            let text = change.value();
            let shown = abbreviate(&escape(text.strip_suffix('\n').unwrap_or(text)), 0);
            lines.push(Line { kind, text: format!("{sign}{shown}") });
            if change.missing_newline() {
                lines.push(Line { kind: LineKind::Note, text: "\\ no newline at the end".into() });
            }
        }
    }
    cut(lines)
}

fn cut(mut lines: Vec<Line>) -> Vec<Line> {
    let more = lines.len().saturating_sub(MOST_LINES);
    if more > 0 {
        lines.truncate(MOST_LINES);
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = write!(text, "… {more} more lines; `-o json` has them all");
        lines.push(Line { kind: LineKind::Note, text });
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(desired: &Value, live: &Value) -> (String, String) {
        match Sides::of(Some(desired), Some(live)) {
            Sides::Values(Some(desired), Some(live)) => (desired, live),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_reaches_the_terminal_that_it_would_obey() {
        assert_eq!(escape("a\u{1b}[31mb\u{9b}c\u{202e}d\r\n\u{7}"), "a\\u{1b}[31mb\\u{9b}c\\u{202e}d\\r\\n\\u{7}");
        assert_eq!(escape("grün 🚀"), "grün 🚀");
        let (desired, live) = values(&json!({"a": "\u{1b}]0;x\u{7}"}), &json!("\u{1b}c"));
        assert!(!desired.contains('\u{1b}') && !live.contains('\u{1b}'), "{desired} {live}");
    }

    #[test]
    fn text_that_could_be_taken_for_something_else_is_quoted() {
        assert_eq!(values(&json!("1"), &json!(1)), ("\"1\"".into(), "1".into()));
        assert_eq!(values(&json!("true"), &json!("")), ("\"true\"".into(), "\"\"".into()));
        assert_eq!(values(&json!("a "), &json!("a")), ("\"a \"".into(), "a".into()));
        assert_eq!(values(&json!(null), &json!(["x"])), ("null".into(), "[\"x\"]".into()));
    }

    #[test]
    fn a_long_value_still_shows_where_it_differs() {
        let long = |middle: &str| json!(format!("{}{middle}{}", "a".repeat(150), "z".repeat(150)));
        let (desired, live) = values(&long("-1-"), &long("-2-"));
        assert_ne!(desired, live);
        assert_eq!(
            desired,
            format!(
                "{}…{}1-{}…{}",
                "a".repeat(HEAD),
                "a".repeat(BEFORE - 1) + "-",
                "z".repeat(AFTER - 2),
                "z".repeat(TAIL)
            )
        );
        let one = "é".repeat(300);
        let Sides::Values(Some(shown), None) = Sides::of(Some(&json!(one)), None) else { panic!() };
        assert_eq!(shown, format!("{}…{}", "é".repeat(AFTER), "é".repeat(TAIL)));
        let (end, _) = values(&json!("b".repeat(200) + "1"), &json!("b".repeat(200) + "2"));
        assert!(end.ends_with("b1") && end.chars().count() < WIDEST, "{end}");
    }

    #[test]
    fn a_text_of_many_lines_shows_the_lines_that_differ() {
        let Sides::Lines(lines) = Sides::of(Some(&json!("a\nb\nc\nd\ne\n")), Some(&json!("a\nb\nc\nd\nE"))) else {
            panic!()
        };
        let shown: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(shown, ["@@ -3,3 +3,3 @@", " c", " d", "-e", "+E", "\\ no newline at the end"]);
    }

    #[test]
    fn a_text_that_one_side_lacks_shows_all_its_lines_up_to_a_bound() {
        let Sides::Lines(lines) = Sides::of(None, Some(&json!("x\n".repeat(100)))) else { panic!() };
        assert_eq!(lines.len(), MOST_LINES + 1);
        assert_eq!(lines.last().unwrap().text, "… 61 more lines; `-o json` has them all");
    }
}
