//! When two leaves mean the same: numbers by value, quantities, instants, durations, base64, images.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Number, Value};

use crate::drift::model::{ImageReference, Scalar};

/// Whether two leaves mean the same.
pub(super) fn equal(scalar: Scalar, desired: &Value, live: &Value) -> bool {
    if plain_equal(desired, live) {
        return true;
    }
    match scalar {
        Scalar::Plain => false,
        Scalar::Quantity => same_by(desired, live, |value| quantity(&text_of(value)?)),
        Scalar::Time => same_by(desired, live, |value| value.as_str()?.parse::<Timestamp>().ok()),
        Scalar::Duration => same_by(desired, live, |value| duration(value.as_str()?)),
        Scalar::Bytes => same_by(desired, live, |value| {
            let compact: String = value.as_str()?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            STANDARD.decode(compact).ok()
        }),
    }
}

fn same_by<T: PartialEq>(desired: &Value, live: &Value, read: impl Fn(&Value) -> Option<T>) -> bool {
    matches!((read(desired), read(live)), (Some(desired), Some(live)) if desired == live)
}

/// Equal as JSON, numbers by value at every depth: 1 = 1.0 = 1e0.
pub(super) fn plain_equal(desired: &Value, live: &Value) -> bool {
    match (desired, live) {
        (Value::Number(desired), Value::Number(live)) => numbers_equal(desired, live),
        (Value::Array(desired), Value::Array(live)) => {
            desired.len() == live.len() && desired.iter().zip(live).all(|(desired, live)| plain_equal(desired, live))
        }
        (Value::Object(desired), Value::Object(live)) => {
            desired.len() == live.len()
                && desired.iter().all(|(key, desired)| live.get(key).is_some_and(|live| plain_equal(desired, live)))
        }
        _ => desired == live,
    }
}

fn numbers_equal(desired: &Number, live: &Number) -> bool {
    desired == live
        || match (desired.as_i64(), live.as_i64()) {
            (Some(desired), Some(live)) => desired == live,
            _ => desired.as_f64() == live.as_f64(),
        }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A decimal amount `digits × 10^exponent` without trailing zeros, so that equal amounts are equal values.
#[derive(Debug, PartialEq, Eq)]
struct Amount {
    negative: bool,
    digits: u128,
    exponent: i32,
}

/// Reads a quantity: `1500m`, `1.5`, `1Gi`, `12e3`.
///
/// Rule: `k8s.io/apimachinery`, `pkg/api/resource/quantity.go`; amounts finer than a nano unit are rounded up there
/// and differ here, where both sides are written that finely.
fn quantity(text: &str) -> Option<Amount> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let number = unsigned.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (number, suffix) = unsigned.split_at(number);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let mut digits: u128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        digits = digits.checked_mul(10)?.checked_add(u128::from(digit - b'0'))?;
    }
    let (binary, decimal) = suffix_power(suffix)?;
    digits = digits.checked_mul(1u128.checked_shl(binary)?)?;
    let mut exponent = decimal.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    if digits == 0 {
        return Some(Amount { negative: false, digits, exponent: 0 });
    }
    while digits.is_multiple_of(10) {
        digits /= 10;
        exponent = exponent.checked_add(1)?;
    }
    Some(Amount { negative, digits, exponent })
}

/// The powers of two and of ten that a quantity's suffix stands for.
fn suffix_power(suffix: &str) -> Option<(u32, i32)> {
    Some(match suffix {
        "" => (0, 0),
        "Ki" => (10, 0),
        "Mi" => (20, 0),
        "Gi" => (30, 0),
        "Ti" => (40, 0),
        "Pi" => (50, 0),
        "Ei" => (60, 0),
        "n" => (0, -9),
        "u" => (0, -6),
        "m" => (0, -3),
        "k" => (0, 3),
        "M" => (0, 6),
        "G" => (0, 9),
        "T" => (0, 12),
        "P" => (0, 15),
        "E" => (0, 18),
        _ => (0, suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
    })
}

/// Reads a Go duration (`1h30m`, `1.5s`) as nanoseconds.
///
/// Rule: Go's `time.ParseDuration`.
fn duration(text: &str) -> Option<i128> {
    let (sign, mut rest) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let (value, after) = rest.split_at(number);
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        total = total.checked_add(scaled(value, unit_nanoseconds(unit)?)?)?;
        rest = after;
    }
    (text.len() > 1).then_some(sign * total)
}

fn unit_nanoseconds(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

fn scaled(value: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(unit)?;
    let mut scale = unit;
    for digit in fraction.bytes() {
        scale /= 10;
        total += i128::from(digit - b'0') * scale;
    }
    Some(total)
}

/// Whether `live` is `desired` as an admission policy rewrites it to a configured mirror.
pub(super) fn same_image(mirrors: &BTreeMap<String, String>, desired: &Value, live: &Value) -> bool {
    let read = |value: &Value| ImageReference::parse(value.as_str()?);
    matches!((read(desired), read(live)), (Some(desired), Some(live)) if desired.is_mirrored_as(&live, mirrors))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_amounts_are_equal_quantities() {
        for (desired, live) in [
            (json!("1000m"), json!("1")),
            (json!("1.5Gi"), json!("1536Mi")),
            (json!(2), json!("2")),
            (json!(0.5), json!("500m")),
            (json!("1e3"), json!("1k")),
            (json!("0.0"), json!("0")),
            (json!("-0"), json!("0")),
            (json!("+1"), json!("1")),
            (json!(".5"), json!("0.5")),
            (json!("1024Ki"), json!("1048576")),
        ] {
            assert!(equal(Scalar::Quantity, &desired, &live), "{desired} = {live}");
        }
        for (desired, live) in [
            (json!("1"), json!("2")),
            (json!("1G"), json!("1Gi")),
            (json!("-1"), json!("1")),
            (json!("1.2.3"), json!("1.23")),
            (json!("99999999999999999999999999999999999999999999"), json!("1")),
        ] {
            assert!(!equal(Scalar::Quantity, &desired, &live), "{desired} ≠ {live}");
        }
    }

    #[test]
    fn numbers_instants_durations_and_bytes_are_equal_by_value() {
        assert!(equal(Scalar::Plain, &json!(1), &json!(1.0)));
        assert!(!equal(Scalar::Plain, &json!(1), &json!("1")));
        assert!(equal(Scalar::Time, &json!("2026-01-01T00:00:00Z"), &json!("2026-01-01T01:00:00+01:00")));
        assert!(equal(Scalar::Duration, &json!("1h"), &json!("60m0s")));
        assert!(equal(Scalar::Duration, &json!("1.5s"), &json!("1500ms")));
        assert!(!equal(Scalar::Duration, &json!("1x"), &json!("2x")));
        assert!(equal(Scalar::Bytes, &json!("aGk=\n"), &json!("aGk=")));
    }

    #[test]
    fn an_image_behind_a_configured_mirror_is_the_same() {
        let mirrors = BTreeMap::from([("docker.io".to_owned(), "mirror.example.org".to_owned())]);
        let same = |desired: &str, live: &str| same_image(&mirrors, &json!(desired), &json!(live));
        assert!(same("trinodb/trino:476", "mirror.example.org/trinodb/trino:476"));
        assert!(same("docker.io/trinodb/trino:476", "mirror.example.org/trinodb/trino:476"));
        assert!(same("nginx:1", "mirror.example.org/library/nginx:1"));
        assert!(!same("trinodb/trino:476", "mirror.example.org/trinodb/trino:470"));
        assert!(!same("quay.io/a/b:1", "mirror.example.org/a/b:1"));
    }
}
