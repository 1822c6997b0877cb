//! The page as HTML: what it says, and that nothing breaks out of it.

use serde_json::json;

use super::*;
use crate::board::Board;
use crate::drift::model::{
    Assessment, Category, Change, Disagreement, FieldPath, Finding, GapReason, Holdup, ImageChange, Manager,
    ObjectAssessment, ObjectKey, Operation, Opinion, Origin, PathStep, PodShare, Position, Severity, Stage, State,
    TypeKey, Warning,
};
use crate::report::Identity;

const HOSTILE: &str = "<script>alert(1)</script>\"'&";

fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn identity(name: &str) -> Identity {
    Identity { name: name.into(), repository: "platform".into(), branch: "prod".into(), cluster: "eu".into() }
}

fn hostile_object() -> ObjectAssessment {
    let position = Position { file: HOSTILE.into(), line: 27 };
    ObjectAssessment {
        since: Some("2026-11-21T09:00:00Z".parse().unwrap()),
        category: Some(Category::Image),
        severity: Some(Severity::Critical),
        origin: Some(Origin::Manual),
        source: Some(position.clone()),
        findings: vec![Finding {
            id: HOSTILE.into(),
            path: FieldPath::from(vec![PathStep::Key(HOSTILE.into())]),
            pointer: HOSTILE.into(),
            change: Change::Changed,
            desired: Some(json!(HOSTILE).into()),
            live: Some(json!({HOSTILE: HOSTILE}).into()),
            category: Category::Image,
            severity: Severity::Critical,
            origin: Origin::Manual,
            image: None,
            pods: None,
            commits_behind: None,
            revision: None,
            manager: Some(Manager { name: HOSTILE.into(), operation: Operation::Update, time: Some(now()) }),
            source: Some(position),
        }],
        ..ObjectAssessment::new(
            ObjectKey {
                type_key: TypeKey::new(HOSTILE, HOSTILE),
                namespace: Some(HOSTILE.into()),
                name: HOSTILE.into(),
            },
            State::Modified,
        )
    }
}

fn page(objects: Vec<ObjectAssessment>, gaps: Vec<Gap>) -> String {
    let board = Board::new(vec![identity("prod")]);
    let assessment = Assessment { objects, gaps };
    board.publish(EnvironmentReport::new(identity("prod"), Some(HOSTILE.into()), assessment, (now(), now())));
    render(&board.latest(), now())
}

#[test]
fn everything_is_escaped() {
    let gap = Gap {
        stage: Stage::Git,
        scope: HOSTILE.into(),
        reason: GapReason::Failed,
        message: HOSTILE.into(),
        source: Some(Position { file: HOSTILE.into(), line: 1 }),
    };
    let board = Board::new(vec![identity(HOSTILE), identity("prod")]);
    let assessment = Assessment { objects: vec![hostile_object()], gaps: vec![gap] };
    let revision = Some(HOSTILE.into());
    board.publish(EnvironmentReport::new(identity(HOSTILE), revision, assessment, (now(), now())));
    let html = render(&board.latest(), now());
    assert!(html.contains("&lt;script&gt;"));
    assert!(!html.contains("<script"), "{html}");
    assert!(!html.contains(HOSTILE));
}

#[test]
fn a_difference_is_told_with_both_sides_its_writer_and_its_line() {
    let mut object = hostile_object();
    object.key.name = "coordinator".into();
    let finding = &mut object.findings[0];
    finding.desired = Some(json!("trinodb/trino:476").into());
    finding.live = None;
    finding.change = Change::Removed;
    let html = page(vec![object], vec![]);
    for part in
        ["trinodb/trino:476", "not there", "removed from the cluster", "by hand", "60 min ago", ":27", "critical"]
    {
        assert!(html.contains(part), "no {part} in {html}");
    }
    assert!(html.contains("What runs is not what Git says."));
}

#[test]
fn in_sync_is_claimed_only_where_everything_was_compared() {
    let headline = "What runs is what Git says.";
    assert!(page(vec![], vec![]).contains(headline));
    let gap = Gap {
        stage: Stage::List,
        scope: "v1/Secret".into(),
        reason: GapReason::Forbidden,
        message: "grant list".into(),
        source: None,
    };
    let html = page(vec![], vec![gap]);
    assert!(
        !html.contains(headline) && html.contains("not everything could be compared") && html.contains("grant list")
    );
    let unscanned = render(&Board::new(vec![identity("prod")]).latest(), now());
    assert!(!unscanned.contains(headline) && unscanned.contains("The first scan is running."));
}

#[test]
fn one_unscanned_environment_keeps_all_from_being_in_sync() {
    let board = Board::new(vec![identity("prod"), identity("qa")]);
    board.publish(EnvironmentReport::new(identity("prod"), None, Assessment::default(), (now(), now())));
    assert!(render(&board.latest(), now()).contains("The first scan is running."));
}

#[test]
fn the_policy_allows_the_pages_own_style_and_nothing_else() {
    let policy = content_security_policy();
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    assert!(policy.to_str().unwrap().contains(&format!("style-src 'sha256-{digest}'")));
    let html = page(vec![hostile_object()], vec![]);
    assert_eq!(html.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()), Some(STYLE));
    assert!(!html.contains("style=\""));
}

#[test]
fn anchors_of_different_names_differ() {
    assert_ne!(anchor("a b"), anchor("a_20b"));
    assert_eq!(anchor("prod-eu"), "environment-prod-eu");
}

#[test]
fn images_pods_coverage_and_warnings_are_told() {
    let mut object = hostile_object();
    let path = FieldPath::from(vec![PathStep::Key("image".into())]);
    object.findings[0].image = ImageChange::between(&path, &json!("a/b:2").into(), &json!("a/b:1").into());
    object.findings[0].pods = Some(PodShare { count: 2, of: 3, because: Holdup::Overdue });
    object.warnings.push(Warning {
        path: FieldPath::root(),
        message: format!("is shared {HOSTILE}"),
        source: Position { file: "b.yaml".into(), line: 7 },
    });
    let board = Board::new(vec![identity("prod")]);
    let assessment = Assessment { objects: vec![object], gaps: Vec::new() };
    let coverage =
        vec![NamespaceCoverage { namespace: HOSTILE.into(), kinds: Counted::Declared, declared: 41, undeclared: 3 }];
    let report = EnvironmentReport::new(identity("prod"), None, assessment, (now(), now()));
    board.publish(EnvironmentReport { coverage, ..report });
    let html = render(&board.latest(), now());
    for told in [
        "tag 2 → 1, older",
        "2 of 3 Pods: the rollout is stuck, its last step is overdue",
        "1 warning",
        "is shared &lt;script&gt;",
        "b.yaml:7",
        ": 41 of 44 objects",
        "of declared kinds",
    ] {
        assert!(html.contains(told), "no {told} in {html}");
    }
    assert!(!html.contains("<script"), "{html}");
}

#[test]
fn what_the_dry_run_disputes_is_told_with_both_sides() {
    let dispute = Disagreement {
        path: FieldPath::from(vec![PathStep::Key(HOSTILE.into())]),
        local: None,
        server: Some(Change::Changed),
        live: Some(json!(HOSTILE).into()),
        applied: Some(json!("info").into()),
    };
    let key = hostile_object().key;
    let disputed = ObjectAssessment {
        dry_run: Some(Opinion::Disagreements(vec![dispute])),
        ..ObjectAssessment::new(key.clone(), State::InSync)
    };
    let page = page(vec![disputed], Vec::new());
    for part in ["1 field disputed", "driftd: in sync · the dry-run: changed", "After an apply", "info"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<script"), "{page}");
    let agreed = ObjectAssessment {
        dry_run: Some(Opinion::Disagreements(Vec::new())),
        ..ObjectAssessment::new(key, State::InSync)
    };
    assert!(!super::tests::page(vec![agreed], Vec::new()).contains("disputed"));
}
