//! The YAML corpus: every input reads as Kubernetes' own libraries read it.

use std::path::{Path, PathBuf};
use std::process::Command;

use driftd::yaml::{Budget, documents};
use serde_json::Value;

/// Inputs that are read otherwise on purpose: name, outcomes here, reason.
const DIFFERENCES: [(&str, &str, &str); 21] = [
    ("differs-alias-key-glued", r#"[{"error":true}]"#, "in YAML 1.2 the colon is part of the alias"),
    ("differs-anchor-name", r#"[{"value":{"a":1,"b":1}}]"#, "YAML 1.2 allows more characters"),
    ("differs-comment-tab", r#"[{"value":{"a":1,"b":2}}]"#, "a tab before a comment indents nothing"),
    ("differs-flow-colon-at-brace", r#"[{"error":true}]"#, "a key in YAML 1.2, a text in 1.1: say which"),
    ("differs-flow-colon-at-comma", r#"[{"error":true}]"#, "a key in YAML 1.2, a text in 1.1: say which"),
    ("differs-flow-key-on-two-lines", r#"[{"value":{"a":{"b":1}}}]"#, "YAML 1.2 allows it between brackets"),
    ("differs-flow-leading-colon", r#"[{"value":{"a":["::1"]}}]"#, "YAML 1.2 allows it between brackets"),
    ("differs-flow-lone-dash", r#"[{"error":true}]"#, "YAML 1.2 forbids it between brackets"),
    ("differs-flow-question-mark", r#"[{"value":{"a":{"b":"x?y"}}}]"#, "YAML 1.2 allows it between brackets"),
    ("differs-json-then-garbage", r#"[{"value":{"a":1}},{"error":true}]"#, "one malformed text is one error"),
    ("differs-literal-at-margin", r#"[{"value":"x\n"}]"#, "a document that is one block needs no indentation"),
    ("differs-literal-tab-content", r#"[{"value":{"a":"\tone\n"}}]"#, "the tab is behind the indentation"),
    ("differs-next-line", r#"[{"value":{"a":"x\u0085y"}}]"#, "NEL, LS and PS are no line breaks in YAML 1.2"),
    ("differs-quoted-comment-behind", r#"[{"error":true}]"#, "YAML 1.2 wants a blank before a comment"),
    ("differs-quoted-escaped-apostrophe", r#"[{"error":true}]"#, "no version of YAML has this escape"),
    ("differs-quoted-escaped-slash", r#"[{"value":{"a":"/"}}]"#, "YAML 1.2 has this escape, for JSON"),
    (
        "differs-stream-separator-content",
        r#"[{"value":{"a":1}},{"value":{"b":2}},{"error":true}]"#,
        "the document that the separator opens is malformed, not the one before it",
    ),
    (
        "differs-stream-separator-glued",
        r#"[{"value":{"a":1}},{"error":true}]"#,
        "the document that the separator opens is malformed, not the one before it",
    ),
    ("differs-tab-after-dash", r#"[{"value":["a","b"]}]"#, "the tab indents nothing"),
    ("differs-tag-timestamp-day", r#"[{"value":{"a":"2001-99-99"}}]"#, "it stays a string: its day does not matter"),
    (
        "differs-utf-16-big-endian",
        r#"[{"error":true}]"#,
        "UTF-16 is refused in either byte order; the libraries read this one only",
    ),
];

pub(crate) fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/yaml")
}

/// Paths of the inputs, sorted.
pub(crate) fn inputs() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(corpus()).expect("the corpus is there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    paths
}

fn outcomes(text: &[u8]) -> Value {
    let all = documents(text, &Budget::default());
    all.into_iter()
        .map(|document| match document {
            Ok(document) => serde_json::json!({ "value": document.value }),
            Err(_) => serde_json::json!({ "error": true }),
        })
        .collect()
}

/// Equality by value: 1 and 1.0 are one number. `serde_json` reads the expected floats to the last
/// bit but one.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || close(a.as_f64(), b.as_f64()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && same(a, b))
        }
        _ => a == b,
    }
}

fn close(a: Option<f64>, b: Option<f64>) -> bool {
    a.zip(b).is_some_and(|(a, b)| (a - b).abs() <= f64::EPSILON * a.abs())
}

fn expected(input: &Path) -> Value {
    let name = input.file_stem().expect("has a name").to_string_lossy();
    let ours = DIFFERENCES.iter().find(|(differing, ..)| *differing == name);
    let text = match ours {
        Some((_, ours, _)) => (*ours).to_owned(),
        None => std::fs::read_to_string(input.with_extension("json")).expect("expected values beside the input"),
    };
    serde_json::from_str(&text).expect("expected values are JSON")
}

#[test]
fn every_input_reads_as_in_kubernetes() {
    let inputs = inputs();
    assert!(inputs.len() >= 100, "{} inputs", inputs.len());
    let wrong: Vec<String> = inputs
        .iter()
        .filter_map(|input| {
            let (read, expected) = (outcomes(&std::fs::read(input).expect("readable")), expected(input));
            (!same(&read, &expected)).then(|| format!("{}\n  expected {expected}\n  read     {read}", input.display()))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), inputs.len(), wrong.join("\n"));
}

#[test]
fn the_differences_are_real() {
    let named: Vec<_> = inputs().iter().filter_map(|path| path.file_stem()?.to_str().map(str::to_owned)).collect();
    let named: Vec<_> = named.iter().filter(|name| name.starts_with("differs-")).collect();
    assert_eq!(named, DIFFERENCES.map(|(name, ..)| name));
    for (name, ours, reason) in DIFFERENCES {
        let theirs = std::fs::read_to_string(corpus().join(name).with_extension("json")).expect("readable");
        let theirs: Value = serde_json::from_str(&theirs).expect("JSON");
        let ours: Value = serde_json::from_str(ours).expect("JSON");
        assert!(!same(&ours, &theirs), "{name} is no difference any more ({reason})");
    }
}

#[test]
fn the_expected_values_are_the_libraries() {
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/controlplane/yaml");
    let output = Command::new("go")
        .args(["run", ".", "-check"])
        .arg(corpus())
        .current_dir(oracle)
        .env("CGO_ENABLED", "0")
        .output()
        .expect("go is needed to compare with Kubernetes' libraries: install Go 1.26");
    assert!(
        output.status.success(),
        "go run . -check: {}; regenerate with `go run . ../../yaml` in tests/controlplane/yaml",
        String::from_utf8_lossy(&output.stderr)
    );
}
