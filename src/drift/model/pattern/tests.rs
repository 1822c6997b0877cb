//! What patterns cover, and what is said of a text that is none.

use serde_json::json;

use super::*;

fn key(name: &str) -> PathStep {
    PathStep::Key(name.into())
}

fn named(name: &str) -> PathStep {
    PathStep::Element(vec![("name".into(), json!(name))])
}

fn port(number: u16) -> PathStep {
    PathStep::Element(vec![("port".into(), json!(number)), ("protocol".into(), json!("TCP"))])
}

fn covered(pattern: &str, steps: &[PathStep]) -> bool {
    let steps: Vec<Step<'_>> = steps.iter().map(Step::Path).collect();
    pattern.parse::<PathPattern>().unwrap().covers(&steps)
}

#[test]
fn a_pattern_covers_what_it_names_and_everything_below() {
    let image = [key("spec"), key("containers"), named("trino"), key("image")];
    for pattern in [
        "spec",
        "spec.containers",
        "spec.containers[name=trino]",
        "spec.containers[name=tr*].image",
        "spec.containers[*].image",
        "spec.*.*.image",
        "spec.**.image",
        "**.image",
        "**",
        "[\"spec\"].containers[name=\"trino\"].im*",
    ] {
        assert!(covered(pattern, &image), "{pattern}");
    }
    for pattern in
        ["status", "spec.containers[name=x]", "spec.containers.image", "spec.*.image", "spec.containers[0]", "**.tag"]
    {
        assert!(!covered(pattern, &image), "{pattern}");
    }
}

#[test]
fn quoted_keys_members_indices_and_some_of_several_keys_are_found() {
    let annotation = [key("metadata"), key("annotations"), key("a.b/c")];
    assert!(covered("metadata.annotations[\"a.b/c\"]", &annotation));
    assert!(covered("metadata.annotations[\"a.b/*\"]", &annotation));
    assert!(!covered("metadata.annotations[\"a.b\"]", &annotation));
    let member = [key("metadata"), key("finalizers"), PathStep::Member(json!("kubernetes.io/pvc"))];
    assert!(covered("metadata.finalizers[kubernetes.io/pvc]", &member));
    let index = [key("rules"), PathStep::Index(2), key("verbs")];
    assert!(covered("rules[2].verbs", &index) && !covered("rules[1]", &index));
    let ports = [key("spec"), key("ports"), port(80)];
    assert!(covered("spec.ports[port=80]", &ports) && covered("spec.ports[port=80,protocol=TCP]", &ports));
    assert!(!covered("spec.ports[port=80,protocol=UDP]", &ports));
}

#[test]
fn a_larger_value_is_covered_where_every_field_that_differs_is() {
    let coverage = |patterns: &[&str], path: &[PathStep], desired: Value, live: Value| {
        let patterns: Vec<PathPattern> = patterns.iter().map(|text| text.parse().unwrap()).collect();
        let present = |value: Value| (!value.is_null()).then_some(value);
        let (desired, live) = (present(desired), present(live));
        PathPattern::coverage(&patterns, &path.to_vec().into(), desired.as_ref(), live.as_ref())
    };
    let labels = [key("metadata"), key("labels")];
    let one = json!({"incident": "1"});
    let two = json!({"incident": "1", "team": "x"});
    assert_eq!(coverage(&["metadata.labels.incident"], &labels, json!(null), one), Coverage::Whole);
    assert_eq!(coverage(&["metadata.labels.incident"], &labels, json!(null), two.clone()), Coverage::Part);
    assert_eq!(coverage(&["metadata.labels[*]"], &labels, json!(null), two), Coverage::Whole);
    assert_eq!(coverage(&["spec"], &labels, json!(null), json!({"a": "b"})), Coverage::None);
    let endpoints = [key("spec"), key("endpoints")];
    let git = json!([{"port": "a", "interval": "1m"}, {"port": "b", "interval": "1m"}]);
    let lives = json!([{"port": "a", "interval": "5m"}, {"port": "b", "interval": "1m"}]);
    assert_eq!(coverage(&["spec.endpoints[port=a].interval"], &endpoints, git.clone(), lives.clone()), Coverage::Whole);
    assert_eq!(coverage(&["spec.endpoints[*].interval"], &endpoints, git.clone(), lives.clone()), Coverage::Whole);
    assert_eq!(coverage(&["spec.endpoints[port=b]"], &endpoints, git, lives), Coverage::None);
}

#[test]
fn the_pattern_of_a_path_covers_it_and_reads_back() {
    for path in [
        vec![key("spec"), key("containers"), named("trino"), key("image")],
        vec![key("metadata"), key("annotations"), key("a.b/c")],
        vec![key("data"), key("weird]\"[ key")],
        vec![key("x"), PathStep::Element(vec![("topic".into(), json!("a,b]\"=")), ("id".into(), json!(7))])],
        vec![key("x"), PathStep::Member(json!("a=b")), PathStep::Index(3)],
    ] {
        let pattern = PathPattern::exact(&path.clone().into());
        let steps: Vec<Step<'_>> = path.iter().map(Step::Path).collect();
        let read: PathPattern = pattern.to_string().parse().unwrap_or_else(|error| panic!("{pattern} {error}"));
        assert!(read.covers(&steps), "{pattern}");
    }
}

#[test]
fn what_is_no_pattern_is_told() {
    let error = |text: &str| text.parse::<PathPattern>().unwrap_err().to_string();
    for (text, part) in [
        ("/spec/replicas", "is a JSON pointer"),
        ("", "has an empty name at character 1"),
        (".spec", "has an empty name at character 1"),
        ("spec..x", "has an empty name at character 6"),
        ("spec.", "has an empty name at character 6"),
        ("spec.containers[name=x", "has a `[` at character 16 that no `]` closes"),
        ("spec.x[\"a.b]", "has quotes at character 8"),
        ("spec.x[\"a.b\"", "that no `]` closes"),
        ("spec[*]x", "has `x` behind a `]`"),
        ("spec[]", "nothing to look for"),
        ("spec[a,b]", "nothing to look for"),
        ("metadata.annotations.a.b/c", "metadata.annotations[\"a.b/c\"]"),
    ] {
        assert!(error(text).contains(part), "{text}: {}", error(text));
    }
}
