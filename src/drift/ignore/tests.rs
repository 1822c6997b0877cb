//! What rules and annotations hide, what they leave, and what is said of them.

use serde_json::json;

use super::*;
use crate::drift::model::{
    Category, Declared, Manager, ObjectKey, Operation, Origin, PathStep, Position, Redactor, Severity, TypeKey,
};
use crate::drift::model::{Change, FieldPath};

fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn rule(name: &str) -> IgnoreRule {
    IgnoreRule {
        name: name.into(),
        objects: ObjectMatch { kind: Some(Glob::new("Deployment")), ..ObjectMatch::default() },
        paths: vec!["spec.replicas".parse().unwrap()],
        reason: Some("scaled".into()),
        ..IgnoreRule::default()
    }
}

fn key() -> ObjectKey {
    ObjectKey { type_key: TypeKey::new("apps/v1", "Deployment"), namespace: Some("trino".into()), name: "w".into() }
}

fn finding(names: &[&str], severity: Severity, manager: Option<&str>) -> Finding {
    let path: FieldPath = names.iter().map(|name| PathStep::Key((*name).into())).collect::<Vec<_>>().into();
    Finding {
        id: String::new(),
        path,
        pointer: String::new(),
        change: Change::Changed,
        desired: Some(json!(1).into()),
        live: Some(json!(2).into()),
        category: Category::Scaling,
        severity,
        origin: Origin::Manual,
        image: None,
        pods: None,
        commits_behind: None,
        revision: None,
        manager: manager.map(|name| Manager {
            name: name.into(),
            operation: Operation::Update,
            time: Some("2026-11-21T09:00:00Z".parse().unwrap()),
        }),
        source: None,
    }
}

fn object(state: State, findings: Vec<Finding>) -> ObjectAssessment {
    let mut object = ObjectAssessment {
        category: Some(Category::Config),
        severity: Some(Severity::Critical),
        origin: Some(Origin::Unknown),
        findings,
        ..ObjectAssessment::new(key(), state)
    };
    object.settle();
    object
}

fn declared(annotation: Option<&str>) -> Declarations {
    let mut content = json!({"apiVersion": "apps/v1", "kind": "Deployment",
                             "metadata": {"name": "w", "namespace": "trino", "annotations": {}}});
    if let Some(text) = annotation {
        content["metadata"]["annotations"][ANNOTATION] = text.into();
    }
    let declared = Declared::new(content, &Redactor::new(&[0; 32])).unwrap();
    let text = declared.content.to_string();
    let document = crate::yaml::documents(text.as_bytes(), &crate::yaml::Budget::default()).remove(0).unwrap();
    let source = Position { file: "w.yaml".into(), line: 3 };
    [Desired::new(declared, source, &document.lines).pack()].into_iter().collect()
}

fn two() -> Vec<Finding> {
    vec![
        finding(&["spec", "paused"], Severity::High, Some("kubectl-edit")),
        finding(&["spec", "replicas"], Severity::Critical, Some("keda-operator")),
    ]
}

fn applied(rules: &[IgnoreRule], object: ObjectAssessment, annotation: Option<&str>) -> (Assessment, Ignored) {
    let mut assessment = Assessment { objects: vec![object], gaps: Vec::new() };
    let ignored = apply(rules, "prod", &declared(annotation), &mut assessment, now());
    (assessment, ignored)
}

#[test]
fn a_rule_hides_its_fields_and_the_verdict_is_that_of_the_rest() {
    let (assessment, ignored) = applied(&[rule("keda")], object(State::Modified, two()), None);
    let object = &assessment.objects[0];
    assert_eq!((object.state, object.severity), (State::Modified, Some(Severity::High)));
    assert_eq!(object.findings.len(), 1);
    assert_eq!(object.suppressed[0].suppressed_by, "keda");
    assert_eq!(object.suppressed[0].finding.path.to_string(), "spec.replicas");
    assert_eq!((ignored.suppressed[0].findings, ignored.suppressed[0].rule.as_str()), (1, "keda"));
    assert!(ignored.unused_rules.is_empty() && ignored.expired_rules.is_empty());
}

#[test]
fn an_object_all_of_whose_findings_are_hidden_is_in_sync() {
    let findings = vec![finding(&["spec", "replicas"], Severity::Critical, None)];
    let (assessment, _) = applied(&[rule("keda")], object(State::Modified, findings), None);
    let object = &assessment.objects[0];
    assert_eq!((object.state, object.severity, object.since), (State::InSync, None, None));
    assert_eq!(object.suppressed.len(), 1);
}

#[test]
fn managers_narrow_a_rule() {
    let by = |name: &str| IgnoreRule { managers: vec![Glob::new(name)], ..rule("r") };
    let hidden = |rule: IgnoreRule, manager| {
        let findings = vec![finding(&["spec", "replicas"], Severity::Low, manager)];
        applied(&[rule], object(State::Modified, findings), None).0.objects[0].state == State::InSync
    };
    assert!(hidden(by("keda-*"), Some("keda-operator")));
    assert!(!hidden(by("keda-*"), Some("kubectl-edit")));
    assert!(!hidden(by("keda-*"), None));
}

#[test]
fn only_a_rule_about_whole_objects_hides_a_missing_one() {
    let (assessment, ignored) = applied(&[rule("fields")], object(State::Missing, vec![]), None);
    assert_eq!(assessment.objects[0].state, State::Missing);
    assert_eq!(ignored.unused_rules[0].rule, "fields");
    let whole = IgnoreRule { paths: Vec::new(), ..rule("whole") };
    let (assessment, ignored) = applied(&[rule("fields"), whole], object(State::Missing, vec![]), None);
    let object = &assessment.objects[0];
    assert_eq!((object.state, object.severity, object.finding_count()), (State::InSync, None, 0));
    let hidden = &object.suppressed[0].finding;
    assert_eq!(
        (hidden.path.to_string().as_str(), hidden.change, hidden.severity),
        ("", Change::Removed, Severity::Critical)
    );
    assert_eq!(ignored.suppressed[0].rule, "whole");
}

#[test]
fn a_rule_ends_with_the_day_before_its_date() {
    let until = |day: i8| IgnoreRule { expires: Some(jiff::civil::date(2026, 11, day)), ..rule("r") };
    let (assessment, ignored) = applied(&[until(22)], object(State::Modified, two()), None);
    assert_eq!((assessment.objects[0].findings.len(), ignored.expired_rules.len()), (1, 0));
    let (assessment, ignored) = applied(&[until(21)], object(State::Modified, two()), None);
    assert_eq!(assessment.objects[0].findings.len(), 2);
    assert_eq!(ignored.expired_rules[0].expires, Some("2026-11-21T00:00:00Z".parse().unwrap()));
    assert!(ignored.suppressed.is_empty() && ignored.unused_rules.is_empty());
}

#[test]
fn a_rule_of_another_environment_is_not_spoken_of() {
    let mut other = rule("r");
    other.objects.environment = Some(Glob::new("qa"));
    let (assessment, ignored) = applied(&[other], object(State::Modified, two()), None);
    assert_eq!(assessment.objects[0].findings.len(), 2);
    assert_eq!(ignored, Ignored::default());
}

#[test]
fn an_object_may_say_itself_what_is_ignored() {
    let hidden = |text| applied(&[], object(State::Modified, two()), Some(text)).0.objects[0].suppressed.len();
    assert_eq!(hidden("all"), 2);
    assert_eq!(hidden("spec.replicas, spec.paused"), 2);
    assert_eq!(hidden("spec.paused"), 1);
    assert_eq!(hidden("spec.x[a=b,c=d],spec.replicas"), 1);
    let (assessment, ignored) = applied(&[], object(State::Missing, vec![]), Some("all"));
    assert_eq!(assessment.objects[0].state, State::InSync);
    assert_eq!((ignored.suppressed[0].rule.as_str(), ignored.suppressed[0].findings), (ANNOTATION, 1));
}

#[test]
fn an_annotation_that_cannot_be_read_hides_nothing_and_is_told_with_its_line() {
    for text in ["", "spec..x", "spec.replicas,"] {
        let (assessment, _) = applied(&[], object(State::Modified, two()), Some(text));
        assert_eq!(assessment.objects[0].findings.len(), 2, "{text}");
        let message = &assessment.gaps[0].message;
        assert!(message.contains("w.yaml:") && message.contains("driftd.io/ignore"), "{message}");
    }
}

#[test]
fn while_something_was_not_compared_no_rule_is_called_unused() {
    let mut assessment = Assessment { objects: vec![object(State::Unknown, vec![])], gaps: Vec::new() };
    assessment.gaps.push(Gap {
        stage: Stage::List,
        scope: String::new(),
        reason: GapReason::Forbidden,
        message: String::new(),
        source: None,
    });
    assert!(apply(&[rule("r")], "prod", &Declarations::default(), &mut assessment, now()).unused_rules.is_empty());
}
