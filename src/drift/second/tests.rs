//! Two opinions on one object, and on which declared fields they differ.

use serde_json::{Value, json};

use super::*;
use crate::drift::model::{Category, Declared, NodeId, Origin, Pointer, Redactor, Schema, Severity};

fn path(text: &[&str]) -> FieldPath {
    FieldPath::from(text.iter().map(|key| PathStep::Key((*key).to_owned())).collect::<Vec<_>>())
}

fn live(kind: &str, content: &Value, owned: &Value) -> Live {
    let mut object = content.clone();
    object["apiVersion"] = "v1".into();
    object["kind"] = kind.into();
    object["metadata"] = json!({"name": "x", "managedFields": [{
        "manager": DRY_RUN_MANAGER, "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": owned,
    }]});
    Declared::new(object, &Redactor::new(&[1; 32])).unwrap().into()
}

fn finding(at: &[&str], change: Change) -> Finding {
    Finding {
        id: String::new(),
        path: path(at),
        pointer: String::new(),
        change,
        desired: None,
        live: None,
        category: Category::Config,
        severity: Severity::Low,
        origin: Origin::Manual,
        image: None,
        pods: None,
        commits_behind: None,
        revision: None,
        manager: None,
        source: None,
    }
}

fn difference<'a>(at: &[&str], applied: Option<&'a Value>, live: Option<&'a Value>) -> Difference<'a> {
    let change = if live.is_some() { Change::Changed } else { Change::Removed };
    let node: NodeId = Schema::ANY;
    let (desired_pointer, live_pointer) = (Pointer::root(), Pointer::root());
    Difference { path: path(at), change, desired: applied, live, desired_pointer, live_pointer, node }
}

/// Path, what the comparison finds, what the dry-run finds.
fn said<'a>(dissents: &'a [Dissent<'a>]) -> Vec<(String, Option<&'static str>, Option<&'static str>)> {
    let word = |change: Option<Change>| change.map(Change::as_str);
    dissents.iter().map(|one| (one.path.to_string(), word(one.local), word(one.server))).collect()
}

#[test]
fn a_declared_field_that_only_one_of_the_two_finds_is_disputed() {
    let answer = live("ConfigMap", &json!({"data": {"a": "1", "b": "2"}}), &json!({"f:data": {"f:a": {}, "f:b": {}}}));
    let lives = live("ConfigMap", &json!({"data": {"a": "1", "b": "0"}}), &json!({}));
    let (two, zero) = (json!("2"), json!("0"));
    let server = [difference(&["data", "b"], Some(&two), Some(&zero))];
    let dissents = dissents(&[finding(&["data", "a"], Change::Changed)], &server, &answer, &lives);
    let expected = [("data.a".to_owned(), Some("changed"), None), ("data.b".to_owned(), None, Some("changed"))];
    assert_eq!(said(&dissents), expected);
    assert_eq!((dissents[0].live, dissents[0].applied), (Some(&json!("1")), Some(&json!("1"))));
    assert_eq!((dissents[1].live, dissents[1].applied), (Some(&zero), Some(&two)));
}

#[test]
fn the_same_difference_at_another_depth_is_no_dispute() {
    let answer = live("ConfigMap", &json!({"data": {"a": "1"}}), &json!({"f:data": {"f:a": {}}}));
    let lives = live("ConfigMap", &json!({}), &json!({}));
    let data = json!({"a": "1"});
    let server = [difference(&["data"], Some(&data), None)];
    assert_eq!(said(&dissents(&[finding(&["data", "a"], Change::Removed)], &server, &answer, &lives)), []);
}

#[test]
fn what_git_does_not_declare_is_nothing_that_a_dry_run_can_judge() {
    let answer = live("ConfigMap", &json!({"data": {"a": "1"}}), &json!({"f:data": {"f:a": {}}}));
    let lives = live("ConfigMap", &json!({"data": {"a": "1", "c": "3"}}), &json!({}));
    let three = json!("3");
    let server = [difference(&["data", "other"], None, Some(&three))];
    assert_eq!(said(&dissents(&[finding(&["data", "c"], Change::Added)], &server, &answer, &lives)), []);
}

#[test]
fn what_a_secret_says_as_text_is_declared_where_it_is_compared() {
    let answer = live("Secret", &json!({"data": {"p": "bmV3"}}), &json!({"f:stringData": {"f:p": {}}}));
    let lives = live("Secret", &json!({"data": {"p": "b2xk"}}), &json!({}));
    let server = [difference(&["data", "p"], answer.content.pointer("/data/p"), lives.content.pointer("/data/p"))];
    let dissents = dissents(&[], &server, &answer, &lives);
    assert_eq!(said(&dissents), [("data.p".to_owned(), None, Some("changed"))]);
    let shown = format!("{dissents:?}");
    assert!(!shown.contains("bmV3") && !shown.contains("b2xk"), "{shown}");
}
