//! An object as the text of a server's answer tells it, without what no comparison looks at.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::TypeKey;

/// An item of a list: its `status` is passed over, and its `managedFields`, often half of it, stay text.
#[derive(Debug)]
pub struct Received {
    pub(super) content: Value,
    pub(super) managed_fields: Option<Box<str>>,
}

impl Received {
    /// Says of which kind it is: an item of a list does not repeat it.
    pub fn name_kind(&mut self, type_key: &TypeKey) {
        if let Value::Object(map) = &mut self.content {
            map.insert("apiVersion".to_owned(), type_key.api_version().into());
            map.insert("kind".to_owned(), type_key.kind.clone().into());
        }
    }
}

impl<'de> Deserialize<'de> for Received {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut managed_fields = None;
        let content = Fields { of: Part::Object, managed_fields: &mut managed_fields }.deserialize(deserializer)?;
        Ok(Self { content, managed_fields })
    }
}

/// Which part of the object is being read.
#[derive(Clone, Copy)]
enum Part {
    Object,
    Metadata,
}

struct Fields<'m> {
    of: Part,
    managed_fields: &'m mut Option<Box<str>>,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            let value = match (self.of, key.as_str()) {
                (Part::Object, "metadata") => {
                    fields.next_value_seed(Fields { of: Part::Metadata, managed_fields: &mut *self.managed_fields })?
                }
                (Part::Object, "status") => {
                    fields.next_value::<IgnoredAny>()?;
                    continue;
                }
                (Part::Metadata, "managedFields") => {
                    *self.managed_fields = Some(fields.next_value::<Box<RawValue>>()?.into());
                    continue;
                }
                _ => fields.next_value()?,
            };
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::drift::model::{Declared, Live, Redactor};

    #[test]
    fn an_object_is_the_same_whether_it_comes_as_text_or_as_a_value() {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": "c", "uid": "1", "labels": {"status": "managedFields"},
                "managedFields": [{
                    "manager": "kubectl", "operation": "Apply", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
                    "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:metadata": {}}},
                }],
            },
            "data": {"status": "kept", "metadata": "kept", "managedFields": "kept"},
            "status": {"phase": "Active"},
        });
        let redactor = Redactor::new(&[1; 32]);
        let received: Received = serde_json::from_str(&object.to_string()).unwrap();
        let of_text = Live::from(Declared::received(received, &redactor).unwrap());
        let of_value = Live::from(Declared::new(object, &redactor).unwrap());
        assert_eq!(of_text.content, of_value.content);
        assert_eq!(of_text.content["data"]["status"], "kept");
        assert_eq!(of_text.writers().unwrap()[0].manager.name, "kubectl");
        assert_eq!(of_text.writers(), of_value.writers());
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        assert!(serde_json::from_str::<Received>("[1]").is_err());
        assert!(serde_json::from_str::<Received>(r#"{"metadata": {"managedFields": [}}"#).is_err());
    }
}
