//! A report with one of everything, for the tests of the formats.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{EnvironmentReport, Identity, Report};
use crate::drift::model::{
    Assessment, Category, Change, FieldPath, Finding, Gap, GapReason, ImageChange, Manager, ObjectAssessment,
    ObjectKey, Operation, Origin, PathStep, Position, Severity, Stage, State, TypeKey,
};

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn object(state: State, kind: (&str, &str), name: &str, line: u32) -> ObjectAssessment {
    ObjectAssessment {
        source: Some(Position { file: "trino/coordinator.yaml".into(), line }),
        ..ObjectAssessment::new(
            ObjectKey { type_key: TypeKey::new(kind.0, kind.1), namespace: Some("trino".into()), name: name.into() },
            state,
        )
    }
}

pub(super) fn finding(path: Vec<PathStep>, desired: Option<Value>, live: Option<Value>) -> Finding {
    Finding {
        id: "9f2c000000000000".into(),
        path: FieldPath::from(path),
        pointer: String::new(),
        change: match (&desired, &live) {
            (Some(_), Some(_)) => Change::Changed,
            (Some(_), None) => Change::Removed,
            _ => Change::Added,
        },
        desired: desired.map(Into::into),
        live: live.map(Into::into),
        category: Category::Config,
        severity: Severity::Medium,
        origin: Origin::Unknown,
        image: None,
        pods: None,
        commits_behind: None,
        revision: None,
        manager: None,
        source: Some(Position { file: "trino/coordinator.yaml".into(), line: 30 }),
    }
}

pub(super) fn key(name: &str) -> PathStep {
    PathStep::Key(name.into())
}

fn deployment() -> ObjectAssessment {
    let container = [
        key("spec"),
        key("template"),
        key("spec"),
        key("containers"),
        PathStep::Element(vec![("name".into(), json!("trino"))]),
    ];
    let by = Some(Manager {
        name: "kubectl-edit".into(),
        operation: Operation::Update,
        time: Some(at("2026-11-21T09:12:44Z")),
    });
    let below = |name: &str| container.iter().cloned().chain([key(name)]).collect::<Vec<_>>();
    let (desired, live) = (json!("trinodb/trino:476"), json!("trinodb/trino:470"));
    let path = below("image");
    let image = Finding {
        image: ImageChange::between(&path.clone().into(), &desired.clone().into(), &live.clone().into()),
        pointer: "/spec/template/spec/containers/0/image".into(),
        category: Category::Image,
        severity: Severity::Critical,
        origin: Origin::Manual,
        manager: by.clone(),
        source: Some(Position { file: "trino/coordinator.yaml".into(), line: 27 }),
        ..finding(path, Some(desired), Some(live))
    };
    let mut env = below("env");
    env.push(PathStep::Element(vec![("name".into(), json!("DEBUG"))]));
    let env = Finding {
        origin: Origin::Manual,
        manager: by,
        ..finding(env, None, Some(json!({"name": "DEBUG", "value": "\u{1b}[2J1"})))
    };
    ObjectAssessment {
        since: Some(at("2026-11-21T09:12:44Z")),
        category: Some(Category::Image),
        severity: Some(Severity::Critical),
        origin: Some(Origin::Manual),
        findings: vec![image, env],
        ..object(State::Modified, ("apps/v1", "Deployment"), "trino-coordinator", 1)
    }
}

fn config_map() -> ObjectAssessment {
    let desired = "connector.name=hive\nhive.metastore.uri=thrift://metastore:9083\nhive.s3.ssl=true\n";
    let live = "connector.name=hive\nhive.metastore.uri=thrift://10.0.0.7:9083\nhive.s3.ssl=true\n";
    ObjectAssessment {
        findings: vec![
            finding(vec![key("data"), key("hive.properties")], Some(json!(desired)), Some(json!(live))),
            finding(vec![key("data"), key("threads")], Some(json!("8")), None),
        ],
        ..object(State::Modified, ("v1", "ConfigMap"), "catalog", 40)
    }
}

/// Two environments: one with everything there is, one in sync.
pub(super) fn report() -> Report {
    let gone = ObjectAssessment {
        terminating: true,
        category: Some(Category::Dependency),
        severity: Some(Severity::High),
        origin: Some(Origin::Unknown),
        ..object(State::Missing, ("networking.k8s.io/v1", "NetworkPolicy"), "deny-all", 60)
    };
    let assessment = Assessment {
        objects: vec![
            config_map(),
            deployment(),
            gone,
            object(State::Unknown, ("v1", "Secret"), "db", 70),
            object(State::InSync, ("v1", "Service"), "trino", 80),
        ],
        gaps: vec![Gap {
            stage: Stage::List,
            scope: "v1/Secret in trino".into(),
            reason: GapReason::Forbidden,
            message: "secrets is forbidden; grant `list` on it".into(),
            source: None,
        }],
    };
    let times = (at("2026-11-21T10:00:00Z"), at("2026-11-21T10:00:01Z"));
    let calm = Assessment { objects: vec![object(State::InSync, ("v1", "Service"), "trino", 1)], gaps: Vec::new() };
    Report::new(vec![
        EnvironmentReport::new(
            identity("prod"),
            Some("0123456789abcdef0123456789abcdef01234567".into()),
            assessment,
            times,
        ),
        EnvironmentReport::new(identity("qa"), Some("fedcba9876543210fedcba9876543210fedcba98".into()), calm, times),
    ])
    .unwrap()
}

pub(super) fn identity(name: &str) -> Identity {
    Identity { name: name.into(), repository: "platform".into(), branch: name.into(), cluster: format!("{name}-eu") }
}
