//! Objects written as people write manifests: block style.

use std::fmt::Write as _;

use serde_json::Value;

/// One document, without a marker.
pub fn document(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

/// Text is written in JSON's quotes, which YAML reads alike.
fn block(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => {
            map.iter().map(|(key, value)| (format!("{}:", Value::from(key.as_str())), value)).collect()
        }
        Value::Array(items) => items.iter().map(|item| ("-".to_owned(), item)).collect(),
        _ => Vec::new(),
    };
    for (head, child) in children {
        let nested =
            child.as_object().is_some_and(|map| !map.is_empty()) || child.as_array().is_some_and(|i| !i.is_empty());
        if nested {
            writeln!(text, "{indent}{head}").expect("a string takes all text");
            block(child, depth + 1, text);
        } else {
            writeln!(text, "{indent}{head} {child}").expect("a string takes all text");
        }
    }
}
