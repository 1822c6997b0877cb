//! Scalars by the rules of go-yaml v2: what a plain text means, and what a tag makes of it.

use super::error::ErrorKind;
use super::number::{self, Number};

/// The tags that have a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Str,
    Int,
    Float,
    Bool,
    Null,
    Timestamp,
    Binary,
    Merge,
    /// Any other: the value is the text as it stands.
    Other,
}

impl Tag {
    /// By the name below `tag:yaml.org,2002:`.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "str" => Self::Str,
            "int" => Self::Int,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "null" => Self::Null,
            "timestamp" => Self::Timestamp,
            "binary" => Self::Binary,
            "merge" => Self::Merge,
            _ => Self::Other,
        }
    }
}

/// A resolved scalar.
#[derive(Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
}

impl Scalar {
    /// The scalar as the key of a mapping; `None` for what cannot be one.
    pub(super) fn into_key(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bool(value) => Some(value.to_string()),
            Self::Number(Number::Int(value)) => Some(value.to_string()),
            Self::Number(Number::Float(value)) => Some(number::to_key(value)),
            Self::Number(Number::Big(_)) | Self::Null => None,
        }
    }
}

/// What the text of a scalar with an explicit tag stands for.
pub(super) fn tagged(tag: Tag, text: &str) -> Result<Scalar, ErrorKind> {
    match (tag, plain(text)) {
        (Tag::Str | Tag::Merge | Tag::Other, _) => Ok(Scalar::Text(text.to_owned())),
        (Tag::Binary, _) => decode_base64(text).map(Scalar::Text).ok_or(ErrorKind::Tag("!!binary")),
        (Tag::Timestamp, Scalar::Text(text)) if begins_with_year(&text) => Ok(Scalar::Text(text)),
        (Tag::Null, Scalar::Null) => Ok(Scalar::Null),
        (Tag::Bool, Scalar::Bool(value)) => Ok(Scalar::Bool(value)),
        (Tag::Int, Scalar::Number(number @ (Number::Int(_) | Number::Big(_)))) => Ok(Scalar::Number(number)),
        (Tag::Float, Scalar::Number(number @ (Number::Int(_) | Number::Float(_)))) => {
            Ok(Scalar::Number(as_float(number)))
        }
        (Tag::Timestamp, _) => Err(ErrorKind::Tag("!!timestamp")),
        (Tag::Null, _) => Err(ErrorKind::Tag("!!null")),
        (Tag::Bool, _) => Err(ErrorKind::Tag("!!bool")),
        (Tag::Int, _) => Err(ErrorKind::Tag("!!int")),
        (Tag::Float, _) => Err(ErrorKind::Tag("!!float")),
    }
}

/// What an untagged, unquoted text stands for. Timestamps and base-60 numbers are strings.
pub(super) fn plain(text: &str) -> Scalar {
    let number = match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Scalar::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => Some(Number::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(Number::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => Some(Number::Float(f64::NEG_INFINITY)),
        _ => match text.as_bytes().first() {
            Some(b'0'..=b'9' | b'+' | b'-') => number::parse(text),
            Some(b'.') => number::parse_fraction(text).map(Number::Float),
            _ => None,
        },
    };
    number.map_or_else(|| Scalar::Text(text.to_owned()), Scalar::Number)
}

fn as_float(number: Number) -> Number {
    match number {
        #[expect(clippy::cast_precision_loss, reason = "the tag asks for a float")]
        Number::Int(value) => Number::Float(value as f64),
        other => other,
    }
}

fn begins_with_year(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > 4 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-'
}

/// Go's `base64.StdEncoding`: line breaks are skipped, padding is required. Bytes that are not
/// UTF-8 become U+FFFD one by one, as in `encoding/json`.
fn decode_base64(text: &str) -> Option<String> {
    let symbols: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    if !symbols.len().is_multiple_of(4) {
        return None;
    }
    let padding = symbols.iter().rev().take_while(|b| **b == b'=').count();
    if padding > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(symbols.len() / 4 * 3);
    for group in symbols.chunks(4) {
        let last = bytes.len() + 3 >= symbols.len() / 4 * 3;
        let used = if last { 4 - padding } else { 4 };
        let mut bits = 0_u32;
        for (i, symbol) in group.iter().enumerate() {
            bits = bits << 6 | if i < used { sextet(*symbol)? } else { 0 };
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..used]);
    }
    Some(replace_invalid(&bytes))
}

fn sextet(symbol: u8) -> Option<u32> {
    let value = match symbol {
        b'A'..=b'Z' => symbol - b'A',
        b'a'..=b'z' => symbol - b'a' + 26,
        b'0'..=b'9' => symbol - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

fn replace_invalid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_needs_its_padding() {
        assert_eq!(decode_base64("aGVs\nbG8=").as_deref(), Some("hello"));
        assert_eq!(decode_base64("").as_deref(), Some(""));
        for wrong in ["aGVsbG8", "aGVsbG8==", "====", "aG=sbG8=", "a Vs", "aGVs====", "=aaa"] {
            assert_eq!(decode_base64(wrong), None, "{wrong}");
        }
        assert_eq!(decode_base64("4oI=").as_deref(), Some("\u{fffd}\u{fffd}"));
    }
}
