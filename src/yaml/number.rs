//! Numbers by the rules of Go's `strconv` and `encoding/json`.

/// A number as go-yaml resolves it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Int(i64),
    /// An integer above `i64`.
    Big(u64),
    Float(f64),
}

/// What go-yaml takes for a number: underscores anywhere, `0x`, `0o`, `0b`, a leading zero for
/// octal, else a decimal float. The text begins with a digit or a sign.
pub(super) fn parse(text: &str) -> Option<Number> {
    let plain = text.replace('_', "");
    parse_integer(&plain).or_else(|| parse_decimal(&plain).map(Number::Float))
}

/// `strconv.ParseInt`, then `ParseUint`, with base 0.
fn parse_integer(text: &str) -> Option<Number> {
    let (digits, signed) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let (radix, digits) = radix(digits);
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if text.starts_with('-') {
        return 0_i64.checked_sub_unsigned(magnitude).map(Number::Int);
    }
    match i64::try_from(magnitude) {
        Ok(value) => Some(Number::Int(value)),
        Err(_) => (!signed).then_some(Number::Big(magnitude)),
    }
}

fn radix(digits: &str) -> (u32, &str) {
    let (prefix, rest) = digits.split_at_checked(2).unwrap_or((digits, ""));
    match prefix {
        "0x" | "0X" => (16, rest),
        "0o" | "0O" => (8, rest),
        "0b" | "0B" => (2, rest),
        _ => match digits.strip_prefix('0') {
            Some(rest) if !rest.is_empty() => (8, rest),
            _ => (10, digits),
        },
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?` within the range of `f64`.
pub(super) fn parse_decimal(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let exponent_valid = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    if !exponent_valid || !digits(whole) || !digits(fraction) || whole.is_empty() && fraction.is_empty() {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// `strconv.ParseFloat` of a text that begins with a dot: underscores only between digits.
pub(super) fn parse_fraction(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let digit = |at: Option<&u8>| at.is_some_and(u8::is_ascii_digit);
    let separated = bytes.iter().enumerate().all(|(i, byte)| {
        *byte != b'_' || digit(i.checked_sub(1).and_then(|i| bytes.get(i))) && digit(bytes.get(i + 1))
    });
    if separated { parse_decimal(&text.replace('_', "")) } else { None }
}

/// The number that a reader of Kubernetes' JSON gets: `i64` where the digits fit, else `f64`.
/// Go writes a whole float without a point, so `1.0` and `1e3` come back as integers.
pub(super) fn to_json(number: Number) -> Option<serde_json::Number> {
    match number {
        Number::Int(value) => Some(value.into()),
        #[expect(clippy::cast_precision_loss, reason = "Kubernetes reads it as a float, too")]
        Number::Big(value) => serde_json::Number::from_f64(value as f64),
        Number::Float(value) => match value.to_string().parse::<i64>() {
            Ok(whole) => Some(whole.into()),
            Err(_) => serde_json::Number::from_f64(value),
        },
    }
}

/// `strconv.FormatFloat(value, 'g', -1, 32)`: how a float becomes a key.
pub(super) fn to_key(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "keys have the precision of float32")]
    let value = value as f32;
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_go_does() {
        let expected = [
            (1.5, "1.5"),
            (100_000.0, "100000"),
            (1e6, "1e+06"),
            (1.25e-7, "1.25e-07"),
            (0.0001, "0.0001"),
            (-0.0, "-0"),
            (1e100, ".inf"),
            (0.1, "0.1"),
        ];
        for (value, key) in expected {
            assert_eq!(to_key(value), key);
        }
    }

    #[test]
    fn integers_keep_to_their_range() {
        assert_eq!(parse("-9223372036854775808"), Some(Number::Int(i64::MIN)));
        assert_eq!(parse("18446744073709551615"), Some(Number::Big(u64::MAX)));
        assert_eq!(parse("+18446744073709551615"), Some(Number::Float(18_446_744_073_709_551_615.0)));
        assert_eq!(parse("0xFFFFFFFFFFFFFFFFF"), None);
        assert_eq!(parse("--1"), None);
        assert_eq!(parse("0x-1"), None);
    }
}
