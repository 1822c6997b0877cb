//! Durations as people write them: `90s`, `1h30m`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Reads whole numbers, each with a unit, the greater unit first: `d`, `h`, `m`, `s`, `ms`.
///
/// `None` where the text is anything else.
pub(super) fn parse(mut text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut below = u64::MAX;
    if text.is_empty() {
        return None;
    }
    while !text.is_empty() {
        let digits = text.find(|character: char| !character.is_ascii_digit())?;
        let (number, rest) = text.split_at(digits);
        let letters = rest.find(|character: char| character.is_ascii_digit()).unwrap_or(rest.len());
        let (unit, rest) = rest.split_at(letters);
        let milliseconds = milliseconds(unit)?;
        if milliseconds >= below {
            return None;
        }
        let part = number.parse::<u64>().ok()?.checked_mul(milliseconds)?;
        total = total.checked_add(Duration::from_millis(part))?;
        (below, text) = (milliseconds, rest);
    }
    Some(total)
}

/// The moment that lies such a span before `now`: `7d`.
///
/// `None` where the text is no span of time, or one from before all clocks.
#[must_use]
pub fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    now.checked_sub(SignedDuration::try_from(parse(text)?).ok()?).ok()
}

fn milliseconds(unit: &str) -> Option<u64> {
    match unit {
        "d" => Some(86_400_000),
        "h" => Some(3_600_000),
        "m" => Some(60_000),
        "s" => Some(1000),
        "ms" => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        assert_eq!(parse("1m"), Some(Duration::from_mins(1)));
        assert_eq!(parse("90s"), Some(Duration::from_secs(90)));
        assert_eq!(parse("1h30m"), Some(Duration::from_mins(90)));
        assert_eq!(parse("1d2h3m4s5ms"), Some(Duration::from_millis(93_784_005)));
        assert_eq!(parse("0s"), Some(Duration::ZERO));
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "1",
            "m",
            "1.5h",
            "-1s",
            "1m1h",
            "1m1m",
            "1 m",
            "1w",
            "1µs",
            "99999999999999999999s",
            "9999999999999999d",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
