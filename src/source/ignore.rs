//! Differences that a deployer was told to live with, as rules of driftd.

use super::field::Field;
use crate::drift::ignore::IgnoreRule;
use crate::drift::model::{Glob, ObjectMatch, PathPattern, Pointer};

/// `spec.ignoreDifferences` of an Application.
///
/// Rule: `util/argo/normalizers/diff_normalizer.go` and `util/argo/managedfields`: group and kind are patterns, an absent
/// group is the core group.
pub(super) fn argo_cd(spec: &Field<'_>) -> Vec<IgnoreRule> {
    let mut rules = Vec::new();
    for entry in spec.items("ignoreDifferences") {
        entry.allow(&[
            "group",
            "kind",
            "name",
            "namespace",
            "jsonPointers",
            "jqPathExpressions",
            "managedFieldsManagers",
        ]);
        let exact = |key: &str| entry.text(key).map(Glob::new);
        let objects = ObjectMatch {
            group: Some(Glob::new(entry.text("group").unwrap_or_default())),
            kind: Some(Glob::new(entry.text("kind").unwrap_or_default())),
            name: exact("name"),
            namespace: exact("namespace"),
            ..ObjectMatch::default()
        };
        if ["group", "kind"].iter().any(|key| entry.text(key).is_some_and(|text| text.contains(['?', '[', '{', '\\'])))
        {
            entry.tell("has a pattern with more than `*` in it, so it hides nothing; write it with `*` alone");
            continue;
        }
        let mut rule = IgnoreRule { name: entry.place(), objects, ..IgnoreRule::default() };
        pointers(entry.items("jsonPointers"), &mut rule);
        for expression in entry.items("jqPathExpressions") {
            let text = expression.as_text().unwrap_or_default();
            match path(text) {
                Some(pattern) => rule.paths.push(pattern),
                None => expression.tell(
                    "cannot be read as a path, so it hides nothing; write one such as \
                     `.spec.containers[] | select(.name == \"x\") | .image`, or a rule under `ignore` of the configuration",
                ),
            }
        }
        let managers = entry.texts("managedFieldsManagers");
        if !managers.is_empty() {
            rules.push(IgnoreRule {
                name: format!("{}.managedFieldsManagers", entry.place()),
                objects: rule.objects.clone(),
                managers: managers.into_iter().map(Glob::new).collect(),
                ..IgnoreRule::default()
            });
        }
        if !rule.paths.is_empty() || !rule.pointers.is_empty() {
            rules.push(rule);
        }
    }
    rules
}

/// Adds JSON pointers to a rule. One through a list speaks of the element's place, any other of names.
pub(super) fn pointers(fields: Vec<Field<'_>>, rule: &mut IgnoreRule) {
    for field in fields {
        let Some(text) = field.as_text() else { continue };
        let Some(keys) = keys(text) else {
            field.tell("is no JSON pointer, so it hides nothing; write one such as `/spec/replicas`");
            continue;
        };
        if keys.iter().any(|key| key.bytes().all(|byte| byte.is_ascii_digit())) {
            rule.pointers.push(keys.iter().fold(Pointer::root(), |pointer, key| pointer.key(key)));
            continue;
        }
        match keys.iter().map(|key| step(key)).collect::<Option<String>>().and_then(|text| text.parse().ok()) {
            Some(pattern) => rule.paths.push(pattern),
            None => field.tell("cannot be read as a path, so it hides nothing"),
        }
    }
}

/// The keys of a pointer that names a field.
fn keys(pointer: &str) -> Option<Vec<String>> {
    let rest = pointer.strip_prefix('/')?;
    let keys: Vec<String> = rest.split('/').map(|key| key.replace("~1", "/").replace("~0", "~")).collect();
    (!keys.iter().any(String::is_empty)).then_some(keys)
}

/// A key as patterns write it; `None` where it would stand for others too.
fn step(key: &str) -> Option<String> {
    let quoted = serde_json::Value::from(key).to_string();
    (!key.contains('*')).then(|| format!("[{quoted}]"))
}

/// A path expression of jq, as far as it is a path: names, `[]`, and elements told by one field.
fn path(expression: &str) -> Option<PathPattern> {
    let mut text = String::new();
    let mut rest = expression.trim();
    while !rest.is_empty() {
        rest = next(rest, &mut text)?.trim_start();
    }
    if text.is_empty() { None } else { text.parse().ok() }
}

/// Reads one step of an expression; tells what follows it.
fn next<'e>(rest: &'e str, text: &mut String) -> Option<&'e str> {
    if let Some(behind) = rest.strip_prefix('|').or_else(|| rest.strip_prefix('?')) {
        return Some(behind);
    }
    if let Some(behind) = rest.strip_prefix("select(") {
        // An element is told by its key where all were meant.
        let (condition, behind) = behind.split_once(')')?;
        *text = format!("{}[{}]", text.strip_suffix("[*]")?, condition_of(condition)?);
        return Some(behind);
    }
    if let Some(behind) = rest.strip_prefix("[]").or_else(|| rest.strip_prefix(".[]")) {
        text.push_str("[*]");
        return Some(behind);
    }
    let bracket = rest.strip_prefix(".[").or_else(|| rest.strip_prefix('['));
    let key = bracket.or_else(|| rest.strip_prefix('.').filter(|rest| rest.starts_with('"')));
    if let Some(key) = key {
        let (name, behind) = quoted(key)?;
        text.push_str(&step(&name)?);
        return if bracket.is_some() { behind.trim_start().strip_prefix(']') } else { Some(behind) };
    }
    let name = rest.strip_prefix('.')?;
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
    if end == 0 {
        // A lone dot, in front of a bracket or a pipe.
        return name.starts_with(['[', '|', ' ']).then_some(name);
    }
    text.push_str(&step(&name[..end])?);
    Some(&name[end..])
}

/// `.name == "x"` as `name="x"`.
fn condition_of(condition: &str) -> Option<String> {
    let (left, right) = condition.split_once("==")?;
    let key = left.trim().strip_prefix('.')?;
    let (value, behind) = quoted(right.trim())?;
    let simple = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !value.contains('*');
    (simple && behind.is_empty() && !key.is_empty()).then(|| format!("{key}={}", serde_json::Value::from(value)))
}

/// Text in quotes at the head of `text`, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let value = values.next()?.ok()?;
    let end = values.byte_offset();
    Some((value, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_expressions_of_jq_are_read_as_far_as_they_are_paths() {
        for (expression, expected) in [
            (".spec.replicas", "[\"spec\"][\"replicas\"]"),
            (".metadata.annotations[\"a.b/c\"]", "[\"metadata\"][\"annotations\"][\"a.b/c\"]"),
            (".metadata.annotations.\"a.b/c\"", "[\"metadata\"][\"annotations\"][\"a.b/c\"]"),
            (".webhooks[]?.clientConfig.caBundle", "[\"webhooks\"][*][\"clientConfig\"][\"caBundle\"]"),
            (
                ".spec.template.spec.initContainers[] | select(.name == \"x\") | .image",
                "[\"spec\"][\"template\"][\"spec\"][\"initContainers\"][name=\"x\"][\"image\"]",
            ),
            (".spec.containers[]|select(.name==\"x\").env", "[\"spec\"][\"containers\"][name=\"x\"][\"env\"]"),
        ] {
            assert_eq!(path(expression).map(|pattern| pattern.to_string()).as_deref(), Some(expected), "{expression}");
        }
        for expression in [
            "",
            "spec",
            ".spec.containers[0].image",
            ".spec[] | select(.a == 1)",
            ".spec[] | select(.a.b == \"x\")",
            ".spec[] | select(.a | test(\"x\"))",
            ".a, .b",
            "paths",
            ".spec[\"a*\"]",
            ".. | .image?",
        ] {
            assert_eq!(path(expression), None, "{expression}");
        }
    }

    #[test]
    fn pointers_speak_of_names_or_of_places() {
        assert_eq!(keys("/metadata/annotations/a~1b~0c").unwrap(), ["metadata", "annotations", "a/b~c"]);
        for wrong in ["", "/", "spec", "/spec//x", "spec/replicas"] {
            assert_eq!(keys(wrong), None, "{wrong}");
        }
    }
}
