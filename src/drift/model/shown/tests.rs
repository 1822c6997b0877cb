//! What of a value is shown, by where it stands.

use serde_json::json;

use super::*;
use crate::drift::model::{Declared, Glob, ObjectKey, TypeKey};

fn key(name: &str) -> PathStep {
    PathStep::Key(name.into())
}

fn named(name: &str) -> PathStep {
    PathStep::Element(vec![("name".into(), json!(name))])
}

fn shown_by(rules: Vec<RedactRule>, path: &[PathStep], value: &Value) -> Value {
    let object = ObjectKey { type_key: TypeKey::new("v1", "ConfigMap"), namespace: None, name: "x".into() };
    let redaction = Redaction::new(Redactor::new(&[7; 32]), rules);
    let candidate = Candidate::new("prod", &object, &Value::Null);
    (*redaction.show(&candidate, &path.to_vec().into(), value)).clone()
}

fn shown(path: &[PathStep], value: &Value) -> Value {
    shown_by(Vec::new(), path, value)
}

fn hidden(text: &str) -> String {
    Redactor::new(&[7; 32]).short(text)
}

#[test]
fn the_value_of_an_environment_variable_is_hidden_wherever_the_finding_stands() {
    let env = [key("spec"), key("containers"), named("a"), key("env")];
    let at = |more: &[PathStep]| [&env[..], more].concat();
    let digest = hidden("s3cret");
    assert_eq!(shown(&at(&[named("DB_PASSWORD"), key("value")]), &json!("s3cret")), json!(digest));
    let variable = json!({"name": "DB_PASSWORD", "value": "s3cret"});
    assert_eq!(shown(&at(&[named("DB_PASSWORD")]), &variable)["value"], json!(digest));
    let container = json!([{"name": "a", "env": [variable, {"name": "MODE", "value": "fast"}]}]);
    let whole = shown(&env[..2], &container);
    assert_eq!(whole[0]["env"], json!([{"name": "DB_PASSWORD", "value": digest}, {"name": "MODE", "value": "fast"}]));
    let reference = json!({"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}});
    assert_eq!(shown(&at(&[named("DB_PASSWORD")]), &reference), reference);
}

#[test]
fn entries_annotations_arguments_and_fields_are_hidden_by_their_names() {
    let digest = hidden("s3cret");
    assert_eq!(shown(&[key("data"), key("db-password")], &json!("s3cret")), json!(digest));
    assert_eq!(shown(&[key("data")], &json!({"token": "s3cret", "mode": "a"})), json!({"token": digest, "mode": "a"}));
    let annotations = [key("metadata"), key("annotations")];
    assert_eq!(shown(&annotations, &json!({"example.org/api-key": "s3cret"})), json!({"example.org/api-key": digest}));
    let args = json!(["--user", "a", "--password", "s3cret", "--token=s3cret", "-v"]);
    let expected = json!(["--user", "a", "--password", digest, format!("--token={digest}"), "-v"]);
    assert_eq!(shown(&[key("spec"), key("args")], &args), expected);
    assert_eq!(shown(&[key("spec"), key("clientSecret")], &json!("s3cret")), json!(digest));
    assert_eq!(shown(&[key("spec"), key("password")], &json!({"value": "s3cret"})), json!({"value": digest}));
    let image = json!({"image": "secrets-operator:1.2"});
    assert_eq!(shown(&[key("spec")], &image), image);
    let flag = json!({"automountServiceAccountToken": false, "secretName": "db"});
    assert_eq!(shown(&[key("spec")], &flag), flag);
}

#[test]
fn only_the_lines_of_a_text_that_hold_a_secret_are_hidden() {
    let text = "connector.name=hive\nhive.s3.aws-secret-key=s3cret\nhive.s3.ssl=true\n";
    let expected = text.replace("s3cret", &hidden("s3cret"));
    assert_eq!(shown(&[key("data"), key("hive.properties")], &json!(text)), json!(expected));
}

#[test]
fn a_secrets_digest_is_shortened_and_equals_that_of_the_same_text_elsewhere() {
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"password": "czNjcmV0"}});
    let declared = Declared::new(secret, &Redactor::new(&[7; 32])).unwrap();
    let shown = shown(&[key("data"), key("password")], &declared.content["data"]["password"]);
    assert_eq!(shown, json!(hidden("s3cret")));
    assert_eq!(shown.as_str().unwrap().len(), "<redacted sha256:12345678>".len());
}

#[test]
fn a_rule_hides_whatever_it_covers_above_and_below_the_finding() {
    let rule = |path: &str| {
        let objects = ObjectMatch { kind: Some(Glob::new("ConfigMap")), ..ObjectMatch::default() };
        vec![RedactRule { objects, paths: vec![path.parse().unwrap()] }]
    };
    let catalog = [key("data"), key("catalog.properties")];
    let digest = hidden("a=1");
    assert_eq!(shown_by(rule("data[\"catalog.properties\"]"), &catalog, &json!("a=1")), json!(digest));
    assert_eq!(
        shown_by(rule("data[\"*.properties\"]"), &catalog[..1], &json!({"catalog.properties": "a=1"})),
        json!({"catalog.properties": digest})
    );
    let users = json!([{"user": "x", "pin": 1234}]);
    let shown = shown_by(rule("spec.users[user=x].pin"), &[key("spec"), key("users")], &users);
    assert_eq!(shown, json!([{"user": "x", "pin": hidden("1234")}]));
    let mut other = rule("data");
    other[0].objects.kind = Some(Glob::new("Pod"));
    assert_eq!(shown_by(other, &catalog, &json!("a=1")), json!("a=1"));
}
