//! Counts, times, values and verdicts as a person reads them.

use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

use crate::drift::model::State;

/// Longer values are cut: the report has them whole.
const MAX_VALUE: usize = 240;
/// What is shown of a longer value on either side of what differs.
const CONTEXT: usize = 80;

/// `1 object`, `2 objects`.
pub(super) fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// How long ago, with the exact time at hand.
pub(super) fn ago(time: Timestamp, now: Timestamp) -> Markup {
    let exact = time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    html! { time datetime=(time.strftime("%Y-%m-%dT%H:%M:%SZ")) title=(exact) { (age(time, now)) } }
}

fn age(time: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(time).as_secs();
    match seconds {
        ..10 => "just now".to_owned(),
        10..90 => format!("{seconds} s ago"),
        90..5_400 => format!("{} min ago", (seconds + 30) / 60),
        5_400..129_600 => format!("{} h ago", (seconds + 1_800) / 3_600),
        _ => format!("{} days ago", (seconds + 43_200) / 86_400),
    }
}

/// The first characters of a revision, as Git shortens it.
pub(super) fn short(revision: &str) -> &str {
    revision.get(..10).unwrap_or(revision)
}

/// The state as a word of prose.
pub(super) const fn state(state: State) -> &'static str {
    match state {
        State::InSync => "in sync",
        other => other.as_str(),
    }
}

/// What is shown of one side of a finding.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// Stands on the other side as well.
    pub before: String,
    /// Does not.
    pub differing: String,
    /// Stands on the other side as well.
    pub after: String,
}

/// Both sides of a finding; long ones are cut where they are alike, so that what differs is always to be seen.
pub(super) fn contrast(desired: Option<&Value>, live: Option<&Value>) -> [Option<Excerpt>; 2] {
    let (desired, live) = (desired.map(text), live.map(text));
    match (&desired, &live) {
        (Some(desired), Some(live)) => {
            let before = common_words(desired.char_indices(), live.chars());
            let after = common_words_at_end(&desired[before..], &live[before..]);
            [desired, live].map(|side| Some(excerpt(side, before, after)))
        }
        _ => [desired, live].map(|side| side.map(|side| excerpt(&side, 0, 0))),
    }
}

/// Text as it is, everything else as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The bytes up to the end of the last word that both begin with.
fn common_words(one: impl Iterator<Item = (usize, char)>, other: impl Iterator<Item = char>) -> usize {
    let mut end = 0;
    for ((position, character), own) in one.zip(other) {
        if character != own {
            return end;
        }
        if !character.is_alphanumeric() {
            end = position + character.len_utf8();
        }
    }
    end
}

/// The bytes from the beginning of the first word that both end with.
fn common_words_at_end(one: &str, other: &str) -> usize {
    let from_end =
        one.char_indices().rev().map(|(position, character)| (one.len() - position - character.len_utf8(), character));
    common_words(from_end, other.chars().rev())
}

/// `side` without the bytes at its beginning and end that are alike on both sides, these shortened where it is long.
fn excerpt(side: &str, before: usize, after: usize) -> Excerpt {
    let (before, rest) = side.split_at(before);
    let (differing, after) = rest.split_at(rest.len() - after);
    if side.chars().count() <= MAX_VALUE {
        return Excerpt { before: before.to_owned(), differing: differing.to_owned(), after: after.to_owned() };
    }
    let before = match before.char_indices().rev().nth(CONTEXT) {
        Some((position, _)) => format!("…{}", before[position..].chars().skip(1).collect::<String>()),
        None => before.to_owned(),
    };
    Excerpt { before, differing: cut(differing, MAX_VALUE), after: cut(after, CONTEXT) }
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_age_is_told_in_its_own_unit() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let told = |seconds| age(now - SignedDuration::from_secs(seconds), now);
        assert_eq!(told(-5), "just now");
        assert_eq!(told(89), "89 s ago");
        assert_eq!(told(90), "2 min ago");
        assert_eq!(told(3 * 3_600), "3 h ago");
        assert_eq!(told(40 * 3_600), "2 days ago");
    }

    fn shown(desired: &str, live: &str) -> [Excerpt; 2] {
        contrast(Some(&json!(desired)), Some(&json!(live))).map(Option::unwrap)
    }

    fn parts(before: &str, differing: &str, after: &str) -> Excerpt {
        Excerpt { before: before.into(), differing: differing.into(), after: after.into() }
    }

    #[test]
    fn what_differs_is_told_in_whole_words() {
        assert_eq!(
            shown("trinodb/trino:476", "trinodb/trino:470"),
            [parts("trinodb/trino:", "476", ""), parts("trinodb/trino:", "470", "")]
        );
        assert_eq!(
            shown("max 512mb\nsave", "max 2gb\nsave"),
            [parts("max ", "512mb", "\nsave"), parts("max ", "2gb", "\nsave")]
        );
        assert_eq!(shown("a a", "a a a"), [parts("a ", "a", ""), parts("a ", "a a", "")]);
        assert_eq!(shown("- -", "- - -"), [parts("- -", "", ""), parts("- -", " -", "")]);
        assert_eq!(shown("", "x"), [parts("", "\"\"", ""), parts("", "x", "")]);
    }

    #[test]
    fn one_side_alone_differs_as_a_whole() {
        let [desired, live] = contrast(None, Some(&json!({"a": 1})));
        assert_eq!((desired, live), (None, Some(parts("", "{\"a\":1}", ""))));
    }

    #[test]
    fn what_differs_far_behind_in_a_long_value_is_shown() {
        let same = "ü=1\n".repeat(200);
        let [desired, live] = shown(&format!("{same}colour=blue\n{same}"), &format!("{same}colour=red\n{same}"));
        assert_eq!((desired.differing.as_str(), live.differing.as_str()), ("blue", "red"));
        assert!(live.before.starts_with('…') && live.before.ends_with("ü=1\ncolour="), "{live:?}");
        assert!(live.after.starts_with("\nü=1\n") && live.after.ends_with('…'), "{live:?}");
        assert_eq!(live.before.chars().count(), CONTEXT + 1);
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let [_, live] = contrast(None, Some(&json!("ü".repeat(500))));
        assert_eq!(live.unwrap().differing.chars().count(), MAX_VALUE + 1);
    }
}
