//! Counts, times, values and verdicts as a person reads them.

use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

use crate::drift::model::State;

/// Longer values are cut: the report has them whole.
const MAX_VALUE: usize = 240;

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

/// A value: text as it is, everything else as JSON; cut where it is long.
pub(super) fn value(value: &Value) -> String {
    let text = match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
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

    #[test]
    fn a_long_value_is_cut_between_characters() {
        assert_eq!(value(&json!("ü".repeat(500))).chars().count(), MAX_VALUE + 1);
        assert_eq!(value(&json!({"a": 1})), "{\"a\":1}");
        assert_eq!(value(&json!("")), "\"\"");
    }
}
