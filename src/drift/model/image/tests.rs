//! References in all their notations, and tags that are versions or are not.

use serde_json::json;

use super::*;
use crate::drift::model::PathStep;

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn parts(text: &str) -> [String; 4] {
    let image = ImageReference::parse(text).unwrap();
    [image.registry, image.name, image.tag.unwrap_or_default(), image.digest.unwrap_or_default()]
}

fn change(desired: &str, live: &str) -> String {
    let path = FieldPath::from(vec![PathStep::Key("spec".into()), PathStep::Key("image".into())]);
    ImageChange::between(&path, &json!(desired).into(), &json!(live).into()).unwrap().to_string()
}

#[test]
fn a_reference_is_read_as_docker_reads_it() {
    for (text, expected) in [
        ("nginx", ["docker.io", "library/nginx", "latest", ""]),
        ("trinodb/trino:476", ["docker.io", "trinodb/trino", "476", ""]),
        ("index.docker.io/nginx:1", ["docker.io", "library/nginx", "1", ""]),
        ("docker.io/nginx", ["docker.io", "library/nginx", "latest", ""]),
        ("quay.io/a/b/c:v1", ["quay.io", "a/b/c", "v1", ""]),
        ("localhost/a", ["localhost", "a", "latest", ""]),
        ("localhost:5000/a:1", ["localhost:5000", "a", "1", ""]),
        ("localhost:5000", ["docker.io", "library/localhost", "5000", ""]),
        ("[::1]:5000/a", ["[::1]:5000", "a", "latest", ""]),
        ("MyHost/a", ["MyHost", "a", "latest", ""]),
    ] {
        assert_eq!(parts(text), expected, "{text}");
    }
    assert_eq!(parts(&format!("nginx@{A}")), ["docker.io", "library/nginx", "", A]);
    assert_eq!(parts(&format!("nginx:1@{A}")), ["docker.io", "library/nginx", "1", A]);
}

#[test]
fn what_is_no_reference_is_told_from_one() {
    for text in
        ["", "/", "a/", "a:", ":1", "a@", "a@sha256:12", "Nginx", "a b", "<redacted sha256:0123abcd>", "a:-1", "ä"]
    {
        assert_eq!(ImageReference::parse(text), None, "{text}");
    }
}

#[test]
fn the_same_image_has_several_notations() {
    let none = BTreeMap::new();
    assert!(ImageReference::same("nginx", "docker.io/library/nginx:latest", &none));
    assert!(!ImageReference::same("nginx:1", "nginx:2", &none));
    assert!(ImageReference::same("${IMAGE}", "${IMAGE}", &none));
    let mirrors = BTreeMap::from([("docker.io".to_owned(), "mirror.example.org".to_owned())]);
    assert!(ImageReference::same("nginx:1", "mirror.example.org/nginx:1", &mirrors));
    assert!(ImageReference::same("nginx:1", "mirror.example.org/library/nginx:1", &mirrors));
    assert!(!ImageReference::same("nginx:1", "mirror.example.org/nginx:2", &mirrors));
    assert!(!ImageReference::same("mirror.example.org/nginx:1", "nginx:1", &mirrors));
}

#[test]
fn the_parts_that_differ_are_named() {
    assert_eq!(change("trinodb/trino:476", "trinodb/trino:470"), "tag 476 → 470, older");
    assert_eq!(
        change("trinodb/trino:476", "quay.io/trinodb/trino:480"),
        "registry docker.io → quay.io, tag 476 → 480, newer"
    );
    assert_eq!(change("a/b:1", "a/c:2"), "name a/b → a/c, tag 1 → 2");
    assert_eq!(change("a/b:1", "a/b"), "tag 1 → latest");
    assert_eq!(change("nginx", "docker.io/library/nginx:latest"), "the same image in another notation");
    assert_eq!(
        change(&format!("a/b:1@{A}"), &format!("a/b:1@{B}")),
        "digest sha256:aaaaaaaaaaaa → sha256:bbbbbbbbbbbb"
    );
    assert_eq!(change(&format!("a/b@{A}"), "a/b:1"), "tag (none) → 1, digest sha256:aaaaaaaaaaaa → (none)");
}

#[test]
fn a_part_in_a_field_of_its_own_is_compared_as_that_part() {
    let told = |field: &str, desired: Value, live: Value| {
        let steps = ["spec", "image", field].map(|name| PathStep::Key(name.into()));
        let path = FieldPath::from(steps.to_vec());
        ImageChange::between(&path, &desired.into(), &live.into()).map(|change| change.to_string())
    };
    assert_eq!(told("tag", json!(476), json!("475")).unwrap(), "tag 476 → 475, older");
    assert_eq!(told("repository", json!("a/b"), json!("quay.io/a/b")).unwrap(), "registry docker.io → quay.io");
    assert_eq!(told("registry", json!("docker.io"), json!("quay.io")).unwrap(), "registry docker.io → quay.io");
    assert_eq!(told("digest", json!(A), json!(B)).unwrap(), "digest sha256:aaaaaaaaaaaa → sha256:bbbbbbbbbbbb");
    assert_eq!(told("tag", json!({"a": 1}), json!("1")), None);
}

#[test]
fn versions_have_an_order_and_variants_have_none() {
    for (older, newer) in [
        ("1.2.3", "1.2.4"),
        ("1.9", "1.10"),
        ("v1.2", "v1.2.1"),
        ("v1.2.3", "1.3.0"),
        ("1.2.3-rc.1", "1.2.3"),
        ("1.2.3-rc.2", "1.2.3-rc.10"),
        ("1.2.3-rc9", "1.2.3-rc10"),
        ("1.2.3-alpha", "1.2.3-beta"),
        ("1.2.3-RC1", "1.2.3"),
        ("1.25-alpine", "1.26-alpine"),
        ("2024.01.15", "2024.02.01"),
        ("476", "477"),
    ] {
        assert_eq!(version::age(newer, older), Some(Age::Older), "{older} {newer}");
        assert_eq!(version::age(older, newer), Some(Age::Newer), "{older} {newer}");
    }
    for (one, other) in [
        ("1.2.3", "1.2.3"),
        ("1.2", "1.2.0"),
        ("1.2.3", "1.2.3-alpine"),
        ("1.2.3-alpine", "1.2.3-slim"),
        ("latest", "1.2.3"),
        ("deadbeef", "cafebabe"),
        ("1.2.x", "1.2.3"),
        ("1..2", "1.2"),
        ("99999999999999999999999", "1"),
        ("v", "1"),
    ] {
        assert_eq!(version::age(one, other), None, "{one} {other}");
        assert_eq!(version::age(other, one), None, "{one} {other}");
    }
}
