//! A value in few bytes: ten thousand manifests are held at once, but only one is looked at.

use serde_json::{Number, Value};

/// A JSON value without the room that its maps take; takes about as much as its text.
#[derive(Clone)]
pub(super) struct PackedValue(Box<[u8]>);

impl std::fmt::Debug for PackedValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.unpack().fmt(f)
    }
}

/// What follows: each but the words is followed by a number's eight bytes, or by a count and what is counted.
mod tag {
    pub const NULL: u8 = 0;
    pub const FALSE: u8 = 1;
    pub const TRUE: u8 = 2;
    pub const SIGNED: u8 = 3;
    pub const UNSIGNED: u8 = 4;
    pub const FLOAT: u8 = 5;
    pub const TEXT: u8 = 6;
    pub const LIST: u8 = 7;
    pub const MAP: u8 = 8;
}

impl PackedValue {
    pub fn new(value: &Value) -> Self {
        let mut bytes = Vec::new();
        pack(value, &mut bytes);
        Self(bytes.into_boxed_slice())
    }

    /// The value, exactly as it was packed.
    pub fn unpack(&self) -> Value {
        // What was packed here can be read.
        Reader { rest: &self.0 }.value().unwrap_or(Value::Null)
    }

    /// Whether `text` may stand somewhere in a key or a value; it does not where this is false.
    pub fn mentions(&self, text: &str) -> bool {
        self.0.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

fn pack(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Null => bytes.push(tag::NULL),
        Value::Bool(false) => bytes.push(tag::FALSE),
        Value::Bool(true) => bytes.push(tag::TRUE),
        Value::Number(number) => {
            let (tag, eight) = match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(signed), _, _) => (tag::SIGNED, signed.to_le_bytes()),
                (None, Some(unsigned), _) => (tag::UNSIGNED, unsigned.to_le_bytes()),
                (None, None, float) => (tag::FLOAT, float.unwrap_or_default().to_le_bytes()),
            };
            bytes.push(tag);
            bytes.extend(eight);
        }
        Value::String(text) => {
            bytes.push(tag::TEXT);
            pack_text(text, bytes);
        }
        Value::Array(items) => {
            bytes.push(tag::LIST);
            pack_count(items.len(), bytes);
            for item in items {
                pack(item, bytes);
            }
        }
        Value::Object(map) => {
            bytes.push(tag::MAP);
            pack_count(map.len(), bytes);
            for (key, value) in map {
                pack_text(key, bytes);
                pack(value, bytes);
            }
        }
    }
}

fn pack_text(text: &str, bytes: &mut Vec<u8>) {
    pack_count(text.len(), bytes);
    bytes.extend(text.as_bytes());
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn pack_count(count: usize, bytes: &mut Vec<u8>) {
    let [low, ..] = count.to_le_bytes();
    if count < 0x80 {
        bytes.push(low);
    } else {
        bytes.push(low | 0x80);
        pack_count(count >> 7, bytes);
    }
}

struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    fn value(&mut self) -> Option<Value> {
        Some(match self.byte()? {
            tag::NULL => Value::Null,
            tag::FALSE => Value::Bool(false),
            tag::TRUE => Value::Bool(true),
            tag::SIGNED => Value::from(i64::from_le_bytes(self.eight()?)),
            tag::UNSIGNED => Value::from(u64::from_le_bytes(self.eight()?)),
            tag::FLOAT => Number::from_f64(f64::from_le_bytes(self.eight()?)).map(Value::Number)?,
            tag::TEXT => Value::String(self.text()?),
            tag::LIST => {
                let count = self.count()?;
                (0..count).map(|_| self.value()).collect::<Option<_>>().map(Value::Array)?
            }
            tag::MAP => {
                let count = self.count()?;
                let entry = |_| Some((self.text()?, self.value()?));
                (0..count).map(entry).collect::<Option<_>>().map(Value::Object)?
            }
            _ => return None,
        })
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn eight(&mut self) -> Option<[u8; 8]> {
        self.take(8)?.try_into().ok()
    }

    fn text(&mut self) -> Option<String> {
        let count = self.count()?;
        std::str::from_utf8(self.take(count)?).ok().map(str::to_owned)
    }

    fn count(&mut self) -> Option<usize> {
        let (mut count, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            count |= usize::from(byte & 0x7F).checked_shl(shift)?;
            shift += 7;
            if byte < 0x80 {
                return Some(count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_what_it_was() {
        let long = "x".repeat(70_000);
        let value = json!({
            "a": [null, true, false, 0, -1, i64::MIN, u64::MAX, 0.1, -1e300, 5e-324, 1.0],
            "": {"é~/": long, "empty": {}, "none": []},
            "text": "\u{0}\"\n",
        });
        let packed = PackedValue::new(&value);
        assert_eq!(packed.unpack(), value);
        assert_eq!(packed.unpack().to_string(), value.to_string());
        assert!(packed.mentions("empty") && !packed.mentions("absent"));
        assert!(PackedValue::new(&Value::Null).unpack().is_null());
    }
}
