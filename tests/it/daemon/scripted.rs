//! A daemon whose scans end when the test says so, with what the test says.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use driftd::board::Board;
use driftd::config::{
    Address, Cluster, ClusterSource, Config, Environment, Reference, Renderer, Rendering, Repository, Strategy,
};
use driftd::daemon::{Daemon, DaemonError, Scan};
use driftd::drift::extras::Extras;
use driftd::drift::model::{
    Assessment, Candidate, Category, Change, FieldPath, Finding, Gap, GapReason, ObjectAssessment, ObjectKey, Origin,
    PathStep, Redaction, Redactor, Severity, Shown, Stage, State, TypeKey,
};
use driftd::git::Repositories;
use driftd::report::{EnvironmentReport, Identity};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

/// Scans end with the reports that are sent for their environment.
#[derive(Clone)]
pub struct Script(Arc<HashMap<String, Mutex<mpsc::UnboundedReceiver<EnvironmentReport>>>>);

pub type Lines = HashMap<String, mpsc::UnboundedSender<EnvironmentReport>>;

impl Script {
    pub fn new(config: &Config) -> (Self, Lines) {
        let mut script = HashMap::new();
        let mut lines = HashMap::new();
        for environment in &config.environments {
            let (sender, receiver) = mpsc::unbounded_channel();
            script.insert(environment.name.clone(), Mutex::new(receiver));
            lines.insert(environment.name.clone(), sender);
        }
        (Self(Arc::new(script)), lines)
    }
}

impl Scan for Script {
    fn reconfigured(&self, _: &Config, _: Repositories) -> Self {
        self.clone()
    }

    async fn scan(&self, environment: &Environment) -> EnvironmentReport {
        self.0[&environment.name].lock().await.recv().await.expect("the script has no further line")
    }
}

/// A daemon at work.
pub struct Running {
    pub address: SocketAddr,
    pub board: Arc<Board>,
    lines: Lines,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<Result<(), DaemonError>>,
}

impl Running {
    pub async fn start(names: &[&str]) -> Self {
        Self::with(&config(names)).await
    }

    pub async fn with(config: &Config) -> Self {
        let daemon = Daemon::bind(config).await.unwrap();
        let (address, board) = (daemon.address(), daemon.board());
        let (script, lines) = Script::new(config);
        let (shutdown, asked) = oneshot::channel::<()>();
        let task = tokio::spawn(daemon.run(script, async {
            let _ = asked.await;
        }));
        Self { address, board, lines, shutdown, task }
    }

    /// Ends the running scan of the report's environment with it, and waits until it stands on the board.
    pub async fn end_scan(&mut self, report: EnvironmentReport) {
        let (name, time) = (report.name.clone(), report.finished_at);
        let mut notices = self.board.subscribe();
        self.lines[&name].send(report).unwrap();
        notices
            .wait_for(|notice| {
                notice.environments.iter().any(|own| own.identity.name == name && own.last_scan == Some(time))
            })
            .await
            .unwrap();
    }

    pub async fn stop(self) -> Result<(), DaemonError> {
        self.shutdown.send(()).unwrap();
        self.task.await.unwrap()
    }
}

pub fn config(names: &[&str]) -> Config {
    let repository = Arc::new(Repository::at("platform", Address::Local("platform.git".into())));
    let cluster = Arc::new(Cluster { name: "eu".into(), source: ClusterSource::Snapshot(PathBuf::from("cluster")) });
    let environments = names.iter().map(|name| {
        Arc::new(Environment {
            name: (*name).to_owned(),
            repository: Arc::clone(&repository),
            reference: Reference::Branch((*name).to_owned()),
            paths: vec![String::new()],
            renderer: Renderer::Plain,
            rendering: Rendering::default(),
            cluster: Arc::clone(&cluster),
            namespace: None,
            promoted_from: None,
            variants: Vec::new(),
            strategy: Strategy::Local,
            follow: None,
        })
    });
    Config {
        interval: Duration::from_millis(1),
        git_interval: None,
        max_staleness: Duration::from_mins(3),
        listen: "127.0.0.1:0".parse().unwrap(),
        settling: BTreeMap::new(),
        state: None,
        retention: Duration::from_hours(24),
        redaction_key_file: None,
        webhooks: BTreeMap::new(),
        git_cache: None,
        web_config: None,
        render_cache: None,
        environments: environments.collect(),
        repositories: vec![repository],
        deployers: Vec::new(),
        extras: Extras::Off,
        image_mirrors: BTreeMap::new(),
        severity: Vec::new(),
        ignore: Vec::new(),
        redact: Vec::new(),
    }
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + seconds).unwrap()
}

pub fn report(name: &str, objects: Vec<ObjectAssessment>, gaps: Vec<Gap>, ended: Timestamp) -> EnvironmentReport {
    let identity =
        Identity { name: name.into(), repository: "platform".into(), branch: name.into(), cluster: "eu".into() };
    EnvironmentReport::new(identity, Some("c0ffee".repeat(6)), Assessment { objects, gaps }, (ended, ended))
}

pub fn gap(stage: Stage, reason: GapReason) -> Gap {
    Gap { stage, scope: "branch qa".into(), reason, message: "there is no such branch".into(), source: None }
}

pub fn object(name: &str, state: State) -> ObjectAssessment {
    let drifts = state.is_drift();
    ObjectAssessment {
        category: drifts.then_some(Category::Image),
        severity: drifts.then_some(Severity::Critical),
        origin: drifts.then_some(Origin::Manual),
        findings: if state == State::Modified { vec![image_change()] } else { Vec::new() },
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

fn image_change() -> Finding {
    let key = |name: &str| PathStep::Key(name.into());
    let container = PathStep::Element(vec![("name".into(), json!("trino"))]);
    Finding {
        id: "9f2c000000000000".into(),
        path: FieldPath::from(vec![key("spec"), key("containers"), container, key("image")]),
        pointer: "/spec/containers/0/image".into(),
        change: Change::Changed,
        desired: Some(shown("trinodb/trino:476")),
        live: Some(shown("trinodb/trino:470")),
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

fn shown(text: &str) -> Shown {
    let key = ObjectKey { type_key: TypeKey::new("v1", "Pod"), namespace: None, name: "x".into() };
    let value = json!(text);
    let redaction = Redaction::new(Redactor::new(&[0; 32]), Vec::new());
    redaction.show(&Candidate::new("prod", &key, &value), &FieldPath::root(), &value)
}
