//! Objects written as people write manifests: block style, quotes where they are needed.

use std::fmt::Write as _;

use serde_json::Value;

/// One document, without a marker.
pub fn document(value: &Value) -> String {
    let mut text = String::new();
    below(value, 0, &mut text);
    text
}

/// The entries of a mapping or the items of a sequence, each on its own lines.
fn below(value: &Value, indent: usize, text: &mut String) {
    let margin = " ".repeat(indent);
    for (key, child) in value.as_object().into_iter().flatten() {
        write!(text, "{margin}{key}:").expect("a string takes all text");
        behind(child, indent, text);
    }
    for item in value.as_array().into_iter().flatten() {
        let mut block = String::new();
        match item {
            Value::Object(map) if !map.is_empty() => below(item, indent + 2, &mut block),
            _ => behind(item, indent, &mut block),
        }
        writeln!(text, "{margin}- {}", block.trim()).expect("a string takes all text");
    }
}

/// What follows a key's colon.
fn behind(value: &Value, indent: usize, text: &mut String) {
    let nested = value.as_object().map(|map| !map.is_empty()).or(value.as_array().map(|items| !items.is_empty()));
    match value {
        Value::Array(_) if nested == Some(true) => {
            text.push('\n');
            below(value, indent, text);
        }
        _ if nested == Some(true) => {
            text.push('\n');
            below(value, indent + 2, text);
        }
        Value::String(value) if value.ends_with('\n') => {
            text.push_str(" |\n");
            for line in value.lines() {
                writeln!(text, "{}{line}", " ".repeat(indent + 2)).expect("a string takes all text");
            }
        }
        Value::String(plain) if is_plain(plain) => writeln!(text, " {plain}").expect("a string takes all text"),
        // JSON's quotes mean the same in YAML.
        scalar => writeln!(text, " {scalar}").expect("a string takes all text"),
    }
}

/// Whether a text cannot be taken for anything else.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-./:_@".contains(c))
        && !text.ends_with(':')
        && !["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&text.to_lowercase().as_str())
}
