//! What stands after scans that see everything, something, nothing.

use super::*;
use crate::drift::model::{
    Category, Change, FieldPath, Finding, GapReason, Origin, PathStep, Position, Severity, TypeKey,
};

const STALENESS: SignedDuration = SignedDuration::from_secs(180);

/// Minutes and seconds behind a full hour.
fn at(minutes: i64, seconds: i64) -> Timestamp {
    "2026-11-21T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(minutes * 60 + seconds)
}

fn object(name: &str, state: State, findings: &[&str]) -> ObjectAssessment {
    let drifts = state.is_drift();
    ObjectAssessment {
        category: drifts.then_some(Category::Config),
        severity: drifts.then_some(Severity::High),
        origin: drifts.then_some(Origin::Manual),
        source: (state != State::Extra).then(|| Position { file: format!("{name}.yaml").into(), line: 1 }),
        findings: findings.iter().map(|id| finding(id)).collect(),
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

fn finding(id: &str) -> Finding {
    Finding {
        id: id.into(),
        path: FieldPath::from(vec![PathStep::Key("spec".into())]),
        pointer: "/spec".into(),
        change: Change::Changed,
        desired: None,
        live: None,
        category: Category::Config,
        severity: Severity::High,
        origin: Origin::Manual,
        image: None,
        pods: None,
        commits_behind: None,
        revision: None,
        manager: None,
        source: None,
    }
}

fn modified(name: &str) -> ObjectAssessment {
    object(name, State::Modified, &["f1"])
}

fn written_at(time: Timestamp, object: ObjectAssessment) -> ObjectAssessment {
    ObjectAssessment { since: Some(time), ..object }
}

fn gap(stage: Stage, scope: &str) -> Gap {
    Gap { stage, scope: scope.into(), reason: GapReason::Failed, message: String::new(), source: None }
}

fn complete(objects: Vec<ObjectAssessment>) -> Assessment {
    Assessment { objects, gaps: Vec::new() }
}

fn with_gap(objects: Vec<ObjectAssessment>, gap: Gap) -> Assessment {
    Assessment { objects, gaps: vec![gap] }
}

fn states(objects: &[ObjectAssessment]) -> Vec<(&str, State)> {
    objects.iter().map(|object| (object.key.name.as_str(), object.state)).collect()
}

#[test]
fn a_complete_scan_replaces_what_was_known() {
    let mut history = History::new(STALENESS);
    history.absorb(complete(vec![modified("a"), modified("b"), object("x", State::Extra, &[])]), at(0, 0));
    let stands = history.absorb(complete(vec![object("b", State::InSync, &[])]), at(1, 0));
    assert_eq!(states(&stands), [("b", State::InSync)]);
}

#[test]
fn drift_that_cannot_be_listed_stands_until_it_is_too_old_and_the_rest_is_unknown() {
    let mut history = History::new(STALENESS);
    let first = vec![object("in", State::InSync, &[]), modified("out"), object("x", State::Extra, &[])];
    history.absorb(complete(first), at(0, 0));
    let blind = || {
        let objects = vec![object("in", State::Unknown, &[]), object("out", State::Unknown, &[])];
        with_gap(objects, gap(Stage::List, "apps/v1/Deployment in trino"))
    };
    let stands = history.absorb(blind(), at(3, 0));
    assert_eq!(states(&stands), [("in", State::Unknown), ("out", State::Modified), ("x", State::Extra)]);
    assert_eq!(stands[1].since, Some(at(0, 0)));
    let stands = history.absorb(blind(), at(3, 1));
    assert_eq!(states(&stands), [("in", State::Unknown), ("out", State::Unknown)]);
}

#[test]
fn a_gap_about_another_kind_or_namespace_keeps_no_extra_object() {
    for scope in ["v1/Secret in trino", "v1/Secret", "apps/v1/Deployment in other"] {
        let mut history = History::new(STALENESS);
        history.absorb(complete(vec![object("x", State::Extra, &[])]), at(0, 0));
        assert_eq!(history.absorb(with_gap(vec![], gap(Stage::List, scope)), at(1, 0)), [], "{scope}");
    }
}

#[test]
fn without_git_nothing_is_forgotten() {
    let mut history = History::new(STALENESS);
    history.absorb(complete(vec![object("in", State::InSync, &[]), modified("out")]), at(0, 0));
    let stands = history.absorb(with_gap(vec![], gap(Stage::Git, "branch prod")), at(1, 0));
    assert_eq!(states(&stands), [("in", State::Unknown), ("out", State::Modified)]);
    let stands = history.absorb(with_gap(vec![], gap(Stage::Git, "branch prod")), at(9, 0));
    assert_eq!(states(&stands), [("in", State::Unknown), ("out", State::Unknown)]);
}

#[test]
fn a_malformed_file_hides_its_own_objects_only() {
    let mut history = History::new(STALENESS);
    history.absorb(complete(vec![modified("a"), modified("b"), object("x", State::Extra, &[])]), at(0, 0));
    let source = Some(Position { file: "a.yaml".into(), line: 9 });
    let stands = history.absorb(with_gap(vec![], Gap { source, ..gap(Stage::Parse, "a.yaml:9") }), at(1, 0));
    assert_eq!(states(&stands), [("a", State::Modified), ("x", State::Extra)]);
}

#[test]
fn an_object_taken_out_of_git_is_forgotten_though_its_kind_cannot_be_listed() {
    let mut history = History::new(STALENESS);
    history.absorb(complete(vec![modified("a")]), at(0, 0));
    assert_eq!(history.absorb(with_gap(vec![], gap(Stage::Connect, "cluster prod")), at(1, 0)), []);
}

#[test]
fn the_first_scan_takes_the_writers_time_and_a_later_one_its_own() {
    let mut history = History::new(STALENESS);
    let stands = history.absorb(complete(vec![written_at(at(-60, 0), modified("a")), modified("b")]), at(0, 0));
    assert_eq!(stands[0].since, Some(at(-60, 0)));
    assert_eq!(stands[1].since, Some(at(0, 0)));
    let again = written_at(at(-30, 0), modified("a"));
    let new = written_at(at(-60, 0), modified("c"));
    let stands = history.absorb(complete(vec![again, new]), at(1, 0));
    assert_eq!(stands[0].since, Some(at(-60, 0)), "first sight, not the last write");
    assert_eq!(stands[1].since, Some(at(1, 0)), "a complete scan had looked and not seen it");
}

#[test]
fn what_the_first_scan_could_not_see_takes_the_writers_time_too() {
    let mut history = History::new(STALENESS);
    history.absorb(with_gap(vec![object("a", State::Unknown, &[])], gap(Stage::List, "apps/v1/Deployment")), at(0, 0));
    let stands = history.absorb(complete(vec![written_at(at(-60, 0), modified("a"))]), at(1, 0));
    assert_eq!(stands[0].since, Some(at(-60, 0)));
}

#[test]
fn an_object_drifts_since_its_earliest_standing_finding_and_a_new_episode_begins_anew() {
    let mut history = History::new(STALENESS);
    let mut since = |ids: &[&str], minute| {
        let state = if ids.is_empty() { State::InSync } else { State::Modified };
        history.absorb(complete(vec![object("a", state, ids)]), at(minute, 0))[0].since
    };
    assert_eq!(since(&["f1"], 0), Some(at(0, 0)));
    assert_eq!(since(&["f1", "f2"], 1), Some(at(0, 0)));
    assert_eq!(since(&["f2"], 2), Some(at(1, 0)));
    assert_eq!(since(&[], 3), None);
    assert_eq!(since(&["f2"], 4), Some(at(4, 0)));
}

#[test]
fn a_time_of_blindness_ends_no_episode() {
    let mut history = History::new(STALENESS);
    history.absorb(complete(vec![object("a", State::Missing, &[])]), at(0, 0));
    for minute in 1..10 {
        let objects = vec![object("a", State::Unknown, &[])];
        history.absorb(with_gap(objects, gap(Stage::Connect, "cluster prod")), at(minute, 0));
    }
    let stands = history.absorb(complete(vec![object("a", State::Missing, &[])]), at(10, 0));
    assert_eq!(stands[0].since, Some(at(0, 0)));
}

#[test]
fn without_any_scan_everything_grows_too_old() {
    let mut history = History::new(STALENESS);
    history.absorb(complete(vec![object("in", State::InSync, &[]), modified("out")]), at(0, 0));
    assert_eq!(states(&history.standing(at(3, 0))), [("in", State::InSync), ("out", State::Modified)]);
    assert_eq!(states(&history.standing(at(3, 1))), [("in", State::Unknown), ("out", State::Unknown)]);
}
