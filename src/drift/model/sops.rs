//! Files that SOPS encrypted: their keys are compared, their values are nobody's to know.

use serde_json::Value;

/// The section in which SOPS keeps what it needs to decrypt the rest.
///
/// Rule: `github.com/getsops/sops`, `stores/stores.go`, `SopsMetadataKey`, and `aes/cipher.go` for encrypted values.
const SECTION: &str = "sops";
const OPEN: &str = "ENC[";
/// What stands for an encrypted value.
const HIDDEN: &str = "<encrypted by SOPS>";

/// Replaces every encrypted value of an object with a section of SOPS, and takes the section away. Tells whether the
/// object is of such a file.
pub(super) fn hide(content: &mut Value) -> bool {
    let Some(map) = content.as_object_mut() else { return false };
    if map.get(SECTION).and_then(|section| section.get("mac")).is_none() {
        return false;
    }
    map.remove(SECTION);
    hide_below(content);
    true
}

fn hide_below(value: &mut Value) {
    match value {
        Value::String(text) if text.starts_with(OPEN) && text.ends_with(']') => HIDDEN.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(hide_below),
        Value::Object(map) => map.values_mut().for_each(hide_below),
        _ => {}
    }
}

/// Whether a value stands for one that is encrypted.
pub(super) fn is_hidden(value: &Value) -> bool {
    value.as_str() == Some(HIDDEN)
}

/// Takes each hidden value to be the one that lives at its place, where there is one.
pub(super) fn assume(declared: &mut Value, live: &Value) {
    match (declared, live) {
        (declared, live) if is_hidden(declared) => *declared = live.clone(),
        (Value::Object(declared), Value::Object(live)) => {
            for (key, value) in declared {
                if let Some(live) = live.get(key) {
                    assume(value, live);
                }
            }
        }
        (Value::Array(declared), Value::Array(live)) if declared.len() == live.len() => {
            declared.iter_mut().zip(live).for_each(|(declared, live)| assume(declared, live));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_an_object_with_a_section_of_sops_has_encrypted_values() {
        let mut plain = json!({"data": {"p": "ENC[AES256_GCM,data:x]"}, "sops": {"size": 1}});
        assert!(!hide(&mut plain));
        assert_eq!(plain["data"]["p"], "ENC[AES256_GCM,data:x]");
        let mut encrypted = json!({"data": {"p": "ENC[AES256_GCM,data:x]", "q": "clear"}, "sops": {"mac": "ENC[m]"}});
        assert!(hide(&mut encrypted));
        assert_eq!(encrypted, json!({"data": {"p": HIDDEN, "q": "clear"}}));
    }

    #[test]
    fn an_encrypted_value_is_whatever_lives_and_its_absence_stays_visible() {
        let mut declared = json!({"data": {"p": HIDDEN, "gone": HIDDEN, "q": "1"}, "list": [HIDDEN]});
        assume(&mut declared, &json!({"data": {"p": "live", "q": "2", "new": "3"}, "list": ["a"]}));
        assert_eq!(declared, json!({"data": {"p": "live", "gone": HIDDEN, "q": "1"}, "list": ["a"]}));
    }
}
