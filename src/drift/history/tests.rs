//! What stands after scans that see everything, something, nothing.

use serde_json::json;

use super::*;
use crate::drift::model::{
    Category, Change, FieldPath, GapReason, Manager, Operation, Origin, PathStep, Position, Severity, TypeKey,
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

fn events(history: &mut History) -> Vec<(Event, String, Sight)> {
    let told = |transition: Transition| (transition.event, transition.episode.finding, transition.episode.sight);
    history.take_transitions().into_iter().map(told).collect()
}

#[test]
fn what_stood_before_anybody_looked_is_noted_and_what_comes_later_appears_and_is_resolved() {
    let mut history = History::new(STALENESS);
    history.absorb(complete(vec![modified("a")]), at(0, 0));
    assert_eq!(events(&mut history), [(Event::Noted, "f1".to_owned(), Sight::Standing)]);
    history.absorb(complete(vec![object("a", State::Modified, &["f1", "f2"])]), at(1, 0));
    assert_eq!(events(&mut history), [(Event::Appeared, "f2".to_owned(), Sight::Standing)]);
    history.absorb(complete(vec![object("a", State::Modified, &["f1", "f2"])]), at(2, 0));
    assert_eq!(events(&mut history), [], "nothing happened");
    history.absorb(complete(vec![object("a", State::Missing, &[])]), at(3, 0));
    let gone = Sight::Resolved { last_seen: at(2, 0), at: at(3, 0) };
    assert_eq!(
        events(&mut history),
        [
            (Event::Appeared, "missing".to_owned(), Sight::Standing),
            (Event::Resolved, "f1".to_owned(), gone),
            (Event::Resolved, "f2".to_owned(), gone),
        ]
    );
}

#[test]
fn an_object_taken_out_of_git_resolves_what_stood_on_it() {
    let mut history = History::new(STALENESS);
    history.absorb(complete(vec![modified("a")]), at(0, 0));
    history.take_transitions();
    history.absorb(complete(vec![]), at(1, 0));
    let gone = Sight::Resolved { last_seen: at(0, 0), at: at(1, 0) };
    assert_eq!(events(&mut history), [(Event::Resolved, "f1".to_owned(), gone)]);
}

#[test]
fn another_value_or_judgement_is_a_change_and_a_new_write_is_none() {
    let mut history = History::new(STALENESS);
    let with = |change: &dyn Fn(&mut Finding)| {
        let mut drifted = modified("a");
        change(&mut drifted.findings[0]);
        complete(vec![drifted])
    };
    let manager = |seconds| Manager { name: "edit".into(), operation: Operation::Update, time: Some(at(0, seconds)) };
    history.absorb(with(&|finding| finding.manager = Some(manager(0))), at(0, 0));
    history.take_transitions();
    history.absorb(with(&|finding| finding.manager = Some(manager(9))), at(1, 0));
    assert_eq!(events(&mut history), [(Event::Noted, "f1".to_owned(), Sight::Standing)]);
    history.absorb(with(&|finding| finding.manager = None), at(2, 0));
    assert_eq!(events(&mut history), [(Event::Changed, "f1".to_owned(), Sight::Standing)]);
    history.absorb(with(&|finding| finding.severity = Severity::Low), at(3, 0));
    assert_eq!(events(&mut history), [(Event::Changed, "f1".to_owned(), Sight::Standing)]);
    history
        .absorb(with(&|finding| (finding.severity, finding.live) = (Severity::Low, Some(json!(5).into()))), at(4, 0));
    assert_eq!(events(&mut history), [(Event::Changed, "f1".to_owned(), Sight::Standing)]);
}

#[test]
fn what_cannot_be_seen_stays_one_episode_that_was_last_seen_before() {
    let mut history = History::new(STALENESS);
    history.absorb(complete(vec![modified("a")]), at(0, 0));
    history.take_transitions();
    let blind = || with_gap(vec![object("a", State::Unknown, &[])], gap(Stage::Connect, "cluster prod"));
    history.absorb(blind(), at(1, 0));
    let hidden = Sight::Hidden { last_seen: at(0, 0) };
    assert_eq!(events(&mut history), [(Event::Noted, "f1".to_owned(), hidden)]);
    history.absorb(blind(), at(2, 0));
    assert_eq!(events(&mut history), []);
    history.absorb(complete(vec![modified("a")]), at(3, 0));
    assert_eq!(events(&mut history), [(Event::Noted, "f1".to_owned(), Sight::Standing)]);
    history.absorb(blind(), at(4, 0));
    history.absorb(complete(vec![object("a", State::InSync, &[])]), at(5, 0));
    let gone = Sight::Resolved { last_seen: at(3, 0), at: at(5, 0) };
    assert_eq!(events(&mut history).last(), Some(&(Event::Resolved, "f1".to_owned(), gone)));
}

/// What a history would have recorded, as the record gives it back: nobody has looked since.
fn record(history: &History, last_seen: Timestamp) -> Vec<Episode> {
    let hidden = |episode: &Episode| Episode { sight: Sight::Hidden { last_seen }, ..episode.clone() };
    history.open().map(hidden).collect()
}

#[test]
fn what_is_on_record_is_as_old_as_it_was_and_what_is_not_began_now() {
    let mut before = History::new(STALENESS);
    before.absorb(complete(vec![modified("a"), object("gone", State::Missing, &[]), modified("b")]), at(0, 0));
    let mut history = History::new(STALENESS);
    history.recall(record(&before, at(5, 0)), Look::Everywhere, at(60, 0));
    assert_eq!(history.take_transitions(), []);
    let new = written_at(at(-60, 0), modified("new"));
    let stands = history.absorb(complete(vec![modified("a"), object("b", State::InSync, &[]), new]), at(60, 0));
    assert_eq!(states(&stands), [("a", State::Modified), ("b", State::InSync), ("new", State::Modified)]);
    assert_eq!(stands.iter().map(|object| object.since).collect::<Vec<_>>(), [Some(at(0, 0)), None, Some(at(60, 0))]);
    let gone = Sight::Resolved { last_seen: at(5, 0), at: at(60, 0) };
    let mut told = events(&mut history);
    told.sort_by_key(|(event, finding, _)| (*event, finding.clone()));
    assert_eq!(
        told,
        [
            (Event::Appeared, "f1".to_owned(), Sight::Standing),
            (Event::Resolved, "f1".to_owned(), gone),
            (Event::Resolved, "missing".to_owned(), gone),
            (Event::Noted, "f1".to_owned(), Sight::Standing),
        ]
    );
}

#[test]
fn what_is_on_record_and_cannot_be_seen_is_unknown_and_keeps_its_age() {
    let mut before = History::new(STALENESS);
    before.absorb(complete(vec![modified("a"), object("x", State::Extra, &[])]), at(0, 0));
    let mut history = History::new(STALENESS);
    history.recall(record(&before, at(5, 0)), Look::Everywhere, at(6, 0));
    let stands = history.absorb(with_gap(vec![], gap(Stage::Git, "branch prod")), at(6, 0));
    assert_eq!(states(&stands), [("a", State::Unknown)]);
    assert_eq!(events(&mut history), []);
    let stands = history.absorb(complete(vec![modified("a"), object("x", State::Extra, &[])]), at(7, 0));
    assert_eq!(stands.iter().map(|object| object.since).collect::<Vec<_>>(), [Some(at(0, 0)); 2]);
}

#[test]
fn a_record_that_is_found_late_tells_the_age_and_ends_what_has_gone_meanwhile() {
    let mut before = History::new(STALENESS);
    before.absorb(complete(vec![modified("a"), modified("b")]), at(0, 0));
    let mut history = History::new(STALENESS);
    history.absorb(complete(vec![modified("a"), object("b", State::InSync, &[])]), at(60, 0));
    history.take_transitions();
    history.recall(record(&before, at(5, 0)), Look::Everywhere, at(61, 0));
    assert_eq!(history.standing(at(61, 0))[0].since, Some(at(0, 0)));
    let gone = Sight::Resolved { last_seen: at(5, 0), at: at(61, 0) };
    assert_eq!(events(&mut history), [(Event::Resolved, "f1".to_owned(), gone)]);
}

#[test]
fn a_field_that_comes_and_goes_three_times_in_an_hour_flaps_until_the_hour_is_over() {
    let mut history = History::new(STALENESS);
    let scan = |history: &mut History, minute: i64| {
        let object = if minute % 2 == 1 { modified("a") } else { object("a", State::InSync, &[]) };
        history.absorb(complete(vec![object]), at(minute, 0))[0].flapping.clone()
    };
    for minute in 0..5 {
        assert_eq!(scan(&mut history, minute), [""; 0], "minute {minute}");
    }
    assert_eq!(scan(&mut history, 5), ["spec"]);
    assert_eq!(scan(&mut history, 6), ["spec"], "also while it agrees");
    assert_eq!(scan(&mut history, 60), ["spec"]);
    assert_eq!(scan(&mut history, 62), [""; 0]);
}

#[test]
fn a_field_that_goes_between_two_wrong_values_flaps_and_one_that_only_grows_does_not() {
    for (cycle, expected) in [(2, vec!["spec".to_owned()]), (100, vec![])] {
        let mut history = History::new(STALENESS);
        let mut stands = Vec::new();
        for minute in 0..6 {
            let mut drifted = modified("a");
            drifted.findings[0].live = Some(json!(minute % cycle).into());
            stands = history.absorb(complete(vec![drifted]), at(minute, 0));
        }
        assert_eq!(stands[0].flapping, expected, "a cycle of {cycle}");
    }
}

#[test]
fn deployments_in_a_row_are_no_flapping() {
    let mut history = History::new(STALENESS);
    let mut stands = Vec::new();
    for minute in 0..10 {
        let mut lags = modified("a");
        lags.findings[0].origin = Origin::Outdated;
        let object = if minute % 2 == 1 { lags } else { object("a", State::InSync, &[]) };
        stands = history.absorb(complete(vec![object]), at(minute, 0));
    }
    assert_eq!(stands[0].flapping, [""; 0]);
}

#[test]
fn flapping_is_remembered_by_the_record() {
    let mut history = History::new(STALENESS);
    let episode = |minute| {
        let sight = Sight::Resolved { last_seen: at(minute, 0), at: at(minute + 1, 0) };
        Episode { sight, ..Episode::all_of(&modified("a"), |_| at(minute, 0)).remove(0) }
    };
    history.recall(vec![episode(0), episode(3), episode(6)], Look::Everywhere, at(10, 0));
    let stands = history.absorb(complete(vec![object("a", State::InSync, &[])]), at(10, 0));
    assert_eq!((stands[0].flapping.clone(), stands[0].since), (vec!["spec".to_owned()], None));
}

fn settling(times: &[(Origin, i64)]) -> History {
    let mut history = History::new(STALENESS);
    let times = times.iter().map(|(origin, minutes)| (*origin, SignedDuration::from_mins(*minutes)));
    history.settle_for(Grace::new("prod", times.collect()));
    history.absorb(complete(vec![]), at(-1, 0));
    history
}

/// A drifted object whose findings have this origin.
fn by(origin: Origin, drifted: ObjectAssessment) -> ObjectAssessment {
    let findings = drifted.findings.into_iter().map(|finding| Finding { origin, ..finding }).collect();
    ObjectAssessment { findings, origin: Some(origin), ..drifted }
}

#[test]
fn drift_settles_until_it_has_stood_for_its_time_and_then_counts_from_its_first_sight() {
    let mut history = settling(&[(Origin::Outdated, 5)]);
    for minute in 0..5 {
        let stands = history.absorb(complete(vec![by(Origin::Outdated, modified("a"))]), at(minute, 0));
        assert_eq!((stands[0].state, stands[0].since, stands[0].findings.len()), (State::InSync, None, 0));
        assert_eq!((stands[0].settling[0].since, stands[0].settling[0].until), (at(0, 0), at(5, 0)));
        assert_eq!((stands[0].severity, history.take_transitions()), (None, vec![]), "minute {minute}");
    }
    let stands = history.absorb(complete(vec![by(Origin::Outdated, modified("a"))]), at(5, 0));
    assert_eq!((stands[0].state, stands[0].since, stands[0].settling.len()), (State::Modified, Some(at(0, 0)), 0));
    assert_eq!(events(&mut history), [(Event::Appeared, "f1".to_owned(), Sight::Standing)]);
}

#[test]
fn drift_that_goes_while_it_settles_was_none() {
    let mut history = settling(&[(Origin::Outdated, 5)]);
    for minute in 0..20 {
        let stands =
            if minute % 4 == 3 { object("a", State::InSync, &[]) } else { by(Origin::Outdated, modified("a")) };
        let stands = history.absorb(complete(vec![stands]), at(minute, 0));
        assert_eq!((stands[0].state, stands[0].flapping.len()), (State::InSync, 0), "minute {minute}");
    }
    assert_eq!(history.take_transitions(), []);
}

#[test]
fn a_manual_change_counts_at_once_beside_drift_that_settles() {
    let mut history = settling(&[(Origin::Manual, 0), (Origin::Outdated, 5)]);
    let mut both = object("a", State::Modified, &["f1", "f2"]);
    both.findings[1].origin = Origin::Outdated;
    let stands = history.absorb(complete(vec![both]), at(0, 0));
    assert_eq!((stands[0].state, stands[0].findings.len(), stands[0].settling.len()), (State::Modified, 1, 1));
    assert_eq!((stands[0].since, stands[0].origin), (Some(at(0, 0)), Some(Origin::Manual)));
    assert_eq!(events(&mut history), [(Event::Appeared, "f1".to_owned(), Sight::Standing)]);
}

#[test]
fn a_missing_object_settles_as_one_finding() {
    let mut history = settling(&[(Origin::Outdated, 5)]);
    let gone = || complete(vec![by(Origin::Outdated, object("a", State::Missing, &[]))]);
    let stands = history.absorb(gone(), at(0, 0));
    assert_eq!((stands[0].state, stands[0].settling.len()), (State::InSync, 1));
    assert_eq!(stands[0].settling[0].finding.change, Change::Removed);
    assert_eq!(stands[0].settling[0].finding.path, FieldPath::root());
    let stands = history.absorb(gone(), at(5, 0));
    assert_eq!((stands[0].state, stands[0].since), (State::Missing, Some(at(0, 0))));
}

#[test]
fn while_a_deployer_writes_only_what_people_wrote_counts_and_not_for_ever() {
    let mut history = settling(&[(Origin::Outdated, 5)]);
    let scan = |history: &mut History, done: i64, minute: i64| {
        let deployed = |number| if number < done { State::InSync } else { State::Modified };
        let object = |number: i64| {
            let ids: &[&str] = if number < done { &[] } else { &["f1"] };
            by(Origin::Outdated, object(&format!("{number:02}"), deployed(number), ids))
        };
        let mut objects: Vec<_> = (0..40).map(object).collect();
        objects.push(by(Origin::Unknown, modified("u")));
        objects.push(by(Origin::Manual, modified("v")));
        let stands = history.absorb(complete(objects), at(minute, 30 * (minute % 2)));
        let drifts = stands.iter().filter(|object| object.state.is_drift());
        drifts.map(|object| object.key.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(scan(&mut history, 0, 0), ["u", "v"], "nobody writes yet");
    for minute in 1..15 {
        assert_eq!(scan(&mut history, minute, minute), ["u", "v"], "one object a minute: it goes on");
    }
    assert_eq!(scan(&mut history, 15, 16).len(), 25 + 2, "a quarter of an hour is enough");
}

#[test]
fn what_appears_beside_a_deployment_counts_when_the_deployer_rests() {
    let mut history = settling(&[(Origin::Outdated, 5)]);
    history.absorb(complete(vec![by(Origin::Outdated, modified("a")), object("b", State::InSync, &[])]), at(0, 0));
    let scan = |history: &mut History, minute, second| {
        let objects = vec![object("a", State::InSync, &[]), by(Origin::Stale, modified("b"))];
        history.absorb(complete(objects), at(minute, second))[1].state
    };
    assert_eq!(scan(&mut history, 1, 0), State::InSync, "it has just written a");
    assert_eq!(scan(&mut history, 1, 59), State::InSync);
    assert_eq!(scan(&mut history, 2, 0), State::Modified);
}

#[test]
fn what_counts_goes_on_to_count_and_what_was_there_before_the_first_look_has_stood_long_enough() {
    let mut history = History::new(STALENESS);
    history.settle_for(Grace::new("prod", BTreeMap::from([(Origin::Outdated, SignedDuration::from_mins(5))])));
    let old = written_at(at(-60, 0), by(Origin::Outdated, modified("a")));
    let stands = history.absorb(complete(vec![by(Origin::Manual, modified("b")), old]), at(0, 0));
    assert_eq!(states(&stands), [("a", State::Modified), ("b", State::Modified)]);
    let stands = history.absorb(complete(vec![by(Origin::Outdated, modified("b"))]), at(1, 0));
    assert_eq!(states(&stands), [("b", State::Modified)], "another origin begins no new time");
}
