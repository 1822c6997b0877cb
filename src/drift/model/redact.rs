//! Secret values become keyed digests at the door, so that nothing further in can print them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::object::ObjectError;
use super::sops;

const OPEN: &str = "<redacted sha256:";
/// What is kept of a digest where it is shown, in hex digits.
const SHOWN: usize = 8;
/// What a full digest takes, in hex digits.
const FULL: usize = 64;

/// Turns secret values into digests under the key of this installation.
///
/// Equal values give equal digests; without the key nothing can be guessed from them. Inside driftd the
/// whole digest stands for the value, so that two values never look equal by accident;
/// [`super::Redaction::show`] cuts it to what people see.
#[derive(Clone)]
pub struct Redactor {
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// A redactor under `key`.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        let key: &hmac::digest::Key<Hmac<Sha256>> = &{
            let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
            block[..key.len()].copy_from_slice(key);
            block
        };
        Self { mac: Hmac::new(key) }
    }

    /// The digest that stands for `bytes`.
    fn digest(&self, bytes: &[u8]) -> Value {
        let digest = hex(&self.mac.clone().chain_update(bytes).finalize().into_bytes());
        Value::String(format!("{OPEN}{digest}>"))
    }

    /// Replaces every value under `data` (base64) and `stringData` (text) of a Secret's content.
    ///
    /// # Errors
    /// A value that is no string, or under `data` no base64: the API server would refuse it too.
    pub fn seal_secret(&self, content: &mut Value) -> Result<(), ObjectError> {
        self.seal_map(content, "data", |text| {
            let compact: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
            STANDARD.decode(compact).ok()
        })?;
        self.seal_map(content, "stringData", |text| Some(text.as_bytes().to_vec()))
    }

    fn seal_map(
        &self,
        content: &mut Value,
        field: &'static str,
        decode: impl Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<(), ObjectError> {
        let map = match content.get_mut(field) {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::Object(map)) => map,
            Some(other) => {
                *other = Value::Null;
                return Err(ObjectError::SecretData { field, key: String::new() });
            }
        };
        for (key, value) in map.iter_mut().filter(|(_, value)| !sops::is_hidden(value)) {
            let bytes = match &*value {
                Value::Null => Some(Vec::new()),
                Value::String(text) => decode(text),
                _ => None,
            };
            let Some(bytes) = bytes else {
                return Err(ObjectError::SecretData { field, key: key.clone() });
            };
            *value = self.digest(&bytes);
        }
        Ok(())
    }

    /// What people see in place of `text`: `<redacted sha256:9f2c41aa>`.
    pub(super) fn short(&self, text: &str) -> String {
        let digest = hex(&self.mac.clone().chain_update(text.as_bytes()).finalize().into_bytes());
        format!("{OPEN}{}>", &digest[..SHOWN])
    }

    /// A digest as people see it; `None` for a text that is none.
    pub(super) fn shorten(text: &str) -> Option<String> {
        let digest = text.strip_prefix(OPEN)?.strip_suffix('>')?;
        let whole = digest.len() == FULL && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        whole.then(|| format!("{OPEN}{}>", &digest[..SHOWN]))
    }
}

/// Bytes as lower-case hex digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_values_look_equal_under_data_and_string_data_and_nothing_else_is_left() {
        let mut content = json!({"data": {"p": "aHVudGVyMg=="}, "stringData": {"q": "hunter2", "r": "other"}});
        Redactor::new(&[7; 32]).seal_secret(&mut content).unwrap();
        assert_eq!(content["data"]["p"], content["stringData"]["q"]);
        assert_ne!(content["stringData"]["q"], content["stringData"]["r"]);
        let shown = content.to_string();
        assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg"), "{shown}");
        let short = Redactor::shorten(content["data"]["p"].as_str().unwrap()).unwrap();
        assert_eq!(short.len(), "<redacted sha256:12345678>".len());
        assert_eq!(Redactor::shorten(&short), None);
    }

    #[test]
    fn another_key_gives_other_digests() {
        let seal = |key| {
            let mut content = json!({"stringData": {"q": "hunter2"}});
            Redactor::new(&[key; 32]).seal_secret(&mut content).unwrap();
            content
        };
        assert_ne!(seal(1), seal(2));
    }

    #[test]
    fn a_value_that_is_no_base64_is_named_by_its_key_only() {
        let mut content = json!({"data": {"password": "not base64!"}});
        let error = Redactor::new(&[7; 32]).seal_secret(&mut content).unwrap_err();
        assert!(error.to_string().contains("data.password"), "{error}");
        assert!(!error.to_string().contains("not base64!"), "{error}");
    }
}
