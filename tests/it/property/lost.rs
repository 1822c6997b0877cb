//! What the server dropped of a manifest, as it does while a feature gate is off.

use serde_json::Value;

use super::expect::{join, keyed};
use super::openapi::Schema;

/// A declared field that does not live.
#[derive(Debug, Clone)]
pub struct Lost {
    pub path: String,
    pub pointer: String,
    /// It stands in a list that is one value: of that nobody can tell who dropped what.
    pub inside_a_value: bool,
}

/// The topmost declared fields that mean something and do not live.
pub fn lost(schema: Schema<'_>, declared: &Value, live: &Value) -> Vec<Lost> {
    let mut found = Vec::new();
    let at = Lost { path: String::new(), pointer: String::new(), inside_a_value: false };
    search(Some(schema), declared, live, &at, &mut found);
    found
}

fn search(schema: Option<Schema<'_>>, declared: &Value, live: &Value, at: &Lost, found: &mut Vec<Lost>) {
    if schema.is_some_and(Schema::is_raw) {
        return;
    }
    match (declared, live) {
        (Value::Object(map), Value::Object(lives)) => {
            for (key, value) in map.iter().filter(|(_, value)| counts(value)) {
                let escaped = key.replace('~', "~0").replace('/', "~1");
                let at = Lost {
                    path: join(&at.path, key),
                    pointer: format!("{}/{escaped}", at.pointer),
                    inside_a_value: at.inside_a_value,
                };
                match lives.get(key) {
                    Some(live) => search(schema.and_then(|schema| schema.field(key)), value, live, &at, found),
                    // The defaulting functions take it away by themselves: nothing is missing.
                    None if at.path == "spec.sessionAffinityConfig" => {}
                    None => found.push(at),
                }
            }
        }
        (Value::Array(items), Value::Array(lives)) => {
            let Some(list) = schema else { return };
            let by_key = keyed(list, items).zip(keyed(list, lives));
            for (index, item) in items.iter().enumerate() {
                let pointer = format!("{}/{index}", at.pointer);
                let (path, live, inside_a_value) = match &by_key {
                    Some((own, theirs)) => {
                        let key = &own[index].0;
                        let live = theirs.iter().find(|(other, _)| other == key).map(|(_, live)| live);
                        (format!("{}{key}", at.path), live, at.inside_a_value)
                    }
                    None => (format!("{}[{index}]", at.path), lives.get(index), true),
                };
                if let Some(live) = live {
                    search(list.items(), item, live, &Lost { path, pointer, inside_a_value }, found);
                }
            }
        }
        _ => {}
    }
}

/// Whether a value is more than a zero.
fn counts(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => map.values().any(counts),
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Bool(flag) => *flag,
        Value::Null => false,
    }
}
