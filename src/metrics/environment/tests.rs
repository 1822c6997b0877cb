//! The samples of an environment in each of its conditions.

use serde_json::json;

use super::super::{Configuration, FAMILIES, Format, join, render};
use super::*;
use crate::drift::extras::Counted;
use crate::drift::ignore::RuleUse;
use crate::drift::model::{Change, Disagreement, FieldPath, ObjectKey, Opinion, TypeKey, Withheld, WithheldReason};

static NO_EVENTS: Events = Events::new();

fn observed<'a>(standing: Option<Standing<'a>>, errors: &'a ScanErrors) -> Observed<'a> {
    let ended = standing.map(|_| "2026-11-21T10:00:00Z".parse().unwrap());
    Observed {
        name: "prod",
        repository: "platform",
        branch: "prod",
        cluster: "eu",
        revision: standing.map(|_| "c0ffee"),
        standing,
        last_scan: ended,
        last_success: None,
        errors,
        events: &NO_EVENTS,
        promotion: None,
    }
}

fn object(name: &str, state: State) -> ObjectAssessment {
    let drifts = state.is_drift();
    ObjectAssessment {
        since: drifts.then(|| "2026-11-21T09:00:00Z".parse().unwrap()),
        category: drifts.then_some(Category::Image),
        severity: drifts.then_some(Severity::Critical),
        origin: drifts.then_some(Origin::Manual),
        ..ObjectAssessment::new(
            ObjectKey {
                type_key: TypeKey::new("apps/v1", "Deployment"),
                namespace: Some("trino".into()),
                name: name.into(),
            },
            state,
        )
    }
}

fn image_change(container: &str) -> Finding {
    let key = |name: &str| PathStep::Key(name.into());
    let element = PathStep::Element(vec![("name".into(), json!(container))]);
    Finding {
        id: "1".into(),
        path: FieldPath::from(vec![key("spec"), key("containers"), element, key("image")]),
        pointer: String::new(),
        change: Change::Changed,
        desired: Some(json!("trinodb/trino:476").into()),
        live: Some(json!("trinodb/trino:470").into()),
        category: Category::Image,
        severity: Severity::Critical,
        origin: Origin::Manual,
        image: None,
        pods: None,
        commits_behind: None,
        revision: None,
        manager: None,
        source: None,
    }
}

/// A rule that hides something until a day, and one that hides nothing.
fn ignored() -> Ignored {
    let rule = |name: &str, findings, expires: Option<&str>| RuleUse {
        rule: name.into(),
        reason: None,
        owner: None,
        expires: expires.map(|time| time.parse().unwrap()),
        findings,
    };
    Ignored {
        suppressed: vec![rule("keda", 3, Some("2027-01-31T00:00:00Z"))],
        unused_rules: vec![rule("ignore[1]", 0, None)],
        expired_rules: vec![rule("old", 0, Some("2026-01-01T00:00:00Z"))],
    }
}

#[test]
fn what_ignore_rules_hide_and_when_they_end_has_its_series() {
    let text = rendered(&[object("a", State::InSync)], Scan::Complete);
    for line in [
        "driftd_suppressed_findings{environment=\"prod\",rule=\"keda\"} 3",
        "driftd_suppressed_findings{environment=\"prod\",rule=\"ignore[1]\"} 0",
        "driftd_suppressed_findings{environment=\"prod\",rule=\"old\"} 0",
        "driftd_ignore_rule_expiry_timestamp_seconds{environment=\"prod\",rule=\"keda\"} 1801353600",
        "driftd_ignore_rule_expiry_timestamp_seconds{environment=\"prod\",rule=\"old\"} 1767225600",
    ] {
        assert!(has(&text, line), "no {line} in\n{text}");
    }
    assert_eq!(count(&text, "driftd_ignore_rule_expiry_timestamp_seconds"), 2);
}

/// Whether the scan left a gap.
#[derive(PartialEq)]
enum Scan {
    Complete,
    WithGap,
}

fn rendered(objects: &[ObjectAssessment], scan: Scan) -> String {
    let summary = Summary::of(objects);
    let ignored = ignored();
    let coverage = [NamespaceCoverage { namespace: "trino".into(), kinds: Counted::All, declared: 41, undeclared: 3 }];
    let standing = Standing {
        complete: scan == Scan::Complete,
        summary: &summary,
        objects,
        ignored: &ignored,
        coverage: &coverage,
    };
    let errors = ScanErrors::from([(Stage::List, 2)]);
    join(&[&render(&observed(Some(standing), &errors))], Format::Text)
}

fn has(text: &str, line: &str) -> bool {
    text.lines().any(|own| own == line)
}

fn count(text: &str, family: &str) -> usize {
    text.lines().filter(|line| line.starts_with(&format!("{family}{{"))).count()
}

#[test]
fn a_namespace_tells_how_much_of_it_git_declares() {
    let text = rendered(&[object("a", State::InSync)], Scan::Complete);
    for (declared, number) in [("true", 41), ("false", 3)] {
        let labels = format!("environment=\"prod\",resource_namespace=\"trino\",declared=\"{declared}\"");
        assert!(has(&text, &format!("driftd_namespace_objects{{{labels}}} {number}")), "{text}");
    }
}

#[test]
fn a_drifted_object_has_its_series() {
    let drifted = ObjectAssessment { findings: vec![image_change("trino")], ..object("coordinator", State::Modified) };
    let text = rendered(&[drifted, object("worker", State::InSync), object("ui", State::Unknown)], Scan::WithGap);
    let labels = "environment=\"prod\",resource_namespace=\"trino\",api_group=\"apps\",resource_kind=\"Deployment\"";
    for line in [
        "driftd_resources{environment=\"prod\",state=\"in_sync\"} 1".to_owned(),
        "driftd_resources{environment=\"prod\",state=\"missing\"} 0".to_owned(),
        "driftd_resources{environment=\"prod\",state=\"unknown\"} 1".to_owned(),
        format!("driftd_drifted_resources{{{labels},state=\"modified\"}} 1"),
        format!("driftd_drifted_resources{{{labels},state=\"unknown\"}} 1"),
        "driftd_drift_findings{environment=\"prod\",severity=\"critical\",origin=\"manual\"} 1".to_owned(),
        "driftd_drift_findings_by_category{environment=\"prod\",category=\"image\"} 1".to_owned(),
        format!(
            "driftd_resource_drifted{{{labels},resource_name=\"coordinator\",state=\"modified\",category=\"image\",\
             severity=\"critical\",origin=\"manual\"}} 1"
        ),
        format!("driftd_resource_drift_start_timestamp_seconds{{{labels},resource_name=\"coordinator\"}} 1795251600"),
        format!(
            "driftd_image_drift_info{{{labels},resource_name=\"coordinator\",container=\"trino\",\
             desired=\"trinodb/trino:476\",live=\"trinodb/trino:470\"}} 1"
        ),
        "driftd_series_dropped{environment=\"prod\"} 0".to_owned(),
        "driftd_scan_success{environment=\"prod\"} 0".to_owned(),
        "driftd_last_scan_timestamp_seconds{environment=\"prod\"} 1795255200".to_owned(),
        "driftd_scan_errors_total{environment=\"prod\",stage=\"list\"} 2".to_owned(),
        "driftd_scan_errors_total{environment=\"prod\",stage=\"git\"} 0".to_owned(),
        "driftd_git_revision_info{environment=\"prod\",revision=\"c0ffee\"} 1".to_owned(),
    ] {
        assert!(has(&text, &line), "no {line} in\n{text}");
    }
    assert_eq!(count(&text, "driftd_drift_findings"), 20);
    assert_eq!(count(&text, "driftd_drift_findings_by_category"), 8);
    assert_eq!(count(&text, "driftd_scan_errors_total"), 9);
    assert_eq!(count(&text, "driftd_resource_drifted"), 1);
    assert_eq!(count(&text, "driftd_last_successful_scan_timestamp_seconds"), 0);
}

#[test]
fn where_nothing_was_compared_no_zero_claims_that_nothing_drifts() {
    let text = rendered(&[object("ui", State::Unknown)], Scan::WithGap);
    assert_eq!(count(&text, "driftd_drift_findings"), 0);
    assert_eq!(count(&text, "driftd_series_dropped"), 0);
    assert_eq!(count(&text, "driftd_resources"), 1);
    assert!(has(&text, "driftd_resources{environment=\"prod\",state=\"unknown\"} 1"));
    assert_eq!(count(&text, "driftd_drifted_resources"), 1, "names the kind");
}

#[test]
fn before_the_first_scan_only_what_is_configured_is_told() {
    let errors = ScanErrors::new();
    let observed = observed(None, &errors);
    let text = join(&[&render(&observed)], Format::Text);
    let families: BTreeSet<_> =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split('{').next()).collect();
    assert_eq!(families, BTreeSet::from(["driftd_environment_info", "driftd_scan_errors_total"]));
}

#[test]
fn a_missing_object_counts_as_one_finding_of_its_kind() {
    let text = rendered(&[object("worker", State::Missing)], Scan::Complete);
    assert!(has(&text, "driftd_drift_findings{environment=\"prod\",severity=\"critical\",origin=\"manual\"} 1"));
    assert!(has(&text, "driftd_drift_findings_by_category{environment=\"prod\",category=\"image\"} 1"));
}

#[test]
fn the_same_image_change_outside_containers_makes_one_series() {
    let mut finding = image_change("trino");
    finding.path = FieldPath::from(vec![PathStep::Key("spec".into())]);
    let drifted = ObjectAssessment { findings: vec![finding.clone(), finding], ..object("a", State::Modified) };
    let text = rendered(&[drifted], Scan::Complete);
    assert_eq!(count(&text, "driftd_image_drift_info"), 1);
    assert!(text.contains("container=\"\""));
}

#[test]
fn second_opinions_have_their_series_only_where_somebody_was_asked() {
    let asked = |opinion| ObjectAssessment { dry_run: Some(opinion), ..object("a", State::InSync) };
    let disputed = Disagreement {
        path: FieldPath::from(vec![PathStep::Key("data".into())]),
        local: None,
        server: Some(Change::Changed),
        live: None,
        applied: None,
    };
    let late = Withheld { reason: WithheldReason::TimedOut, message: String::new() };
    let objects = [
        asked(Opinion::Disagreements(Vec::new())),
        asked(Opinion::Disagreements(Vec::new())),
        asked(Opinion::Disagreements(vec![disputed])),
        asked(Opinion::ComparedLocally(late)),
    ];
    let text = rendered(&objects, Scan::Complete);
    for (outcome, count) in [("agreed", 2), ("disagreed", 1), ("compared_locally", 1)] {
        let line = format!("driftd_dry_run_resources{{environment=\"prod\",outcome=\"{outcome}\"}} {count}");
        assert!(has(&text, &line), "no {line} in\n{text}");
    }
    assert_eq!(count(&rendered(&[object("a", State::InSync)], Scan::Complete), "driftd_dry_run_resources"), 0);
}

#[test]
fn beyond_the_cap_the_most_severe_keep_their_series() {
    let mut objects: Vec<_> =
        (0..=MAX_DRIFTED_OBJECTS).map(|number| object(&format!("a{number:05}"), State::Modified)).collect();
    for object in &mut objects[..MAX_DRIFTED_OBJECTS] {
        object.severity = Some(Severity::Low);
    }
    let text = rendered(&objects, Scan::Complete);
    assert_eq!(count(&text, "driftd_resource_drifted"), MAX_DRIFTED_OBJECTS);
    assert!(has(&text, "driftd_series_dropped{environment=\"prod\"} 1"));
    assert!(text.contains(&format!("resource_name=\"a{MAX_DRIFTED_OBJECTS:05}\",state=\"modified\"")));
}

#[test]
fn every_family_of_the_table_is_written_once_and_in_its_order() {
    let (findings, dry_run) = (vec![image_change("trino")], Some(Opinion::Disagreements(Vec::new())));
    let flapping = vec!["spec.image".to_owned()];
    let drifted = ObjectAssessment { flapping, findings, dry_run, ..object("a", State::Modified) };
    let mut text = rendered(&[drifted], Scan::Complete);
    text.push_str(&super::super::closing(&Configuration { digest: Some(1), failure: None }, Format::Text));
    let written: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let expected: Vec<_> = FAMILIES
        .iter()
        .map(|family| family.name)
        .filter(|name| *name != "driftd_last_successful_scan_timestamp_seconds")
        // This environment is promoted from no other.
        .filter(|name| !name.starts_with("driftd_promotion_"))
        .collect();
    assert_eq!(written, expected);
}
