//! `driftd run` on a real API server: from a branch and a manual change to series, report and page.

use std::fs;
use std::net::TcpListener;
use std::sync::LazyLock;
use std::thread;

use serde_json::{Value, json};

use super::process::{Running, get};
use super::workspace::Workspace;
use crate::fixture::{ControlPlane, Namespace, Patch, canary, command, driftd, eventually, promtool};

static SETTINGS: LazyLock<String> = LazyLock::new(|| {
    "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
---
apiVersion: v1
kind: Secret
metadata: {name: database}
stringData: {password: CANARY}
"
    .replace("CANARY", canary("watched"))
});

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: coordinator}
spec:
  replicas: 1
  selector: {matchLabels: {app: coordinator}}
  template:
    metadata: {labels: {app: coordinator}}
    spec:
      containers:
        - name: trino
          image: trinodb/trino:476
";

fn files() -> [(&'static str, &'static str); 2] {
    [("settings.yaml", &SETTINGS), ("coordinator.yaml", DEPLOYMENT)]
}

/// A namespace with the objects of [`files`], deployed by the pipeline, and a daemon that watches it.
fn watched(prefix: &str) -> (Namespace, Workspace, Running) {
    let namespace = ControlPlane::shared().namespace(prefix);
    deploy(&namespace);
    let workspace = Workspace::new(namespace.admin.path(), &namespace.name, &files());
    let config = workspace.config();
    let running = Running::start(&mut command(&["run", "--config", config.to_str().unwrap()]));
    running.await_ready();
    (namespace, workspace, running)
}

fn deploy(namespace: &Namespace) {
    for (_, manifest) in files() {
        namespace.admin.server_side_apply_by_force(manifest, "pipeline");
    }
}

/// What `kubectl edit` does.
fn edit_image(namespace: &Namespace, image: &str) {
    let coordinator = namespace.path("apps/v1", "Deployment", "coordinator");
    let change = json!({"spec": {"template": {"spec": {"containers": [{"name": "trino", "image": image}]}}}});
    namespace.admin.api().patch(&coordinator, Patch::Strategic, &change, "kubectl-edit").unwrap();
}

/// The sample lines of a family.
fn samples<'a>(metrics: &'a str, family: &str) -> Vec<&'a str> {
    metrics.lines().filter(|line| line.strip_prefix(family).is_some_and(|rest| rest.starts_with(['{', ' ']))).collect()
}

fn await_metrics(running: &Running, what: &str, holds: impl Fn(&str) -> bool) -> String {
    eventually(what, || Some(running.get("/metrics")).filter(|metrics| holds(metrics)))
}

#[test]
fn a_manual_change_has_its_series_until_it_is_undone() {
    let (namespace, git, mut daemon) = watched("watched");
    let quiet = daemon.get("/metrics");
    assert_eq!(samples(&quiet, "driftd_resource_drifted"), Vec::<&str>::new());
    assert!(quiet.contains("driftd_resources{environment=\"prod\",state=\"in_sync\"} 3\n"), "{quiet}");

    edit_image(&namespace, "trinodb/trino:470");
    let metrics = await_metrics(&daemon, "the change has its series", |metrics| {
        !samples(metrics, "driftd_resource_drifted").is_empty()
    });
    let object = format!(
        "environment=\"prod\",resource_namespace=\"{}\",api_group=\"apps\",resource_kind=\"Deployment\",\
         resource_name=\"coordinator\"",
        namespace.name
    );
    assert_eq!(
        samples(&metrics, "driftd_resource_drifted"),
        [format!(
            "driftd_resource_drifted{{{object},state=\"modified\",category=\"image\",severity=\"critical\",\
             origin=\"manual\"}} 1"
        )]
    );
    assert_eq!(
        samples(&metrics, "driftd_image_drift_info"),
        [format!(
            "driftd_image_drift_info{{{object},container=\"trino\",desired=\"trinodb/trino:476\",\
             live=\"trinodb/trino:470\"}} 1"
        )]
    );
    assert!(metrics.contains("driftd_scan_success{environment=\"prod\"} 1\n"));
    assert_clean(&metrics);
    assert_same_report(&daemon, &git);
    assert!(daemon.get("/").contains("trinodb/trino:<mark>470</mark>"));

    deploy(&namespace);
    let metrics =
        await_metrics(&daemon, "the series is gone", |metrics| samples(metrics, "driftd_resource_drifted").is_empty());
    assert_eq!(samples(&metrics, "driftd_image_drift_info"), Vec::<&str>::new());
    assert_same_report(&daemon, &git);
    let ended = daemon.end("TERM");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn a_commit_and_a_deletion_are_seen() {
    let (namespace, git, mut daemon) = watched("promoted");
    let newer = DEPLOYMENT.replace("476", "477");
    let revision = git.commit(&[("settings.yaml", &SETTINGS), ("coordinator.yaml", &newer)]);
    let line = format!("driftd_git_revision_info{{environment=\"prod\",revision=\"{revision}\"}} 1");
    await_metrics(&daemon, "the commit is compared", |metrics| metrics.lines().any(|own| own == line));
    namespace.admin.api().delete(&namespace.path("v1", "Secret", "database")).unwrap();
    let metrics = await_metrics(&daemon, "the Secret is missing", |metrics| {
        metrics.contains("driftd_resources{environment=\"prod\",state=\"missing\"} 1\n")
    });
    assert_eq!(samples(&metrics, "driftd_resource_drifted").len(), 2, "{metrics}");
    assert_same_report(&daemon, &git);
    assert_eq!(daemon.end("INT").code, Some(0));
}

#[test]
fn a_branch_that_is_gone_is_told_and_claims_nothing() {
    let (_namespace, git, daemon) = watched("lost");
    let config = git.config();
    drop(daemon);
    let text = fs::read_to_string(&config).unwrap().replace("\"branch\":\"prod\"", "\"branch\":\"gone\"");
    fs::write(&config, text).unwrap();
    let mut daemon = Running::start(&mut command(&["run", "--config", config.to_str().unwrap()]));
    daemon.await_ready();
    let metrics = daemon.get("/metrics");
    assert!(metrics.contains("driftd_scan_success{environment=\"prod\"} 0\n"), "{metrics}");
    assert!(!metrics.contains("driftd_scan_errors_total{environment=\"prod\",stage=\"git\"} 0\n"), "{metrics}");
    assert_eq!(samples(&metrics, "driftd_last_successful_scan_timestamp_seconds"), Vec::<&str>::new());
    assert_eq!(samples(&metrics, "driftd_drift_findings"), Vec::<&str>::new());
    assert_clean(&metrics);
    let ended = daemon.end("TERM");
    assert!(ended.stderr.contains("gone"), "{}", ended.stderr);
}

#[test]
fn the_second_opinion_has_its_series_where_it_is_asked_for() {
    let (_namespace, git, daemon) = watched("asked");
    assert_eq!(samples(&daemon.get("/metrics"), "driftd_dry_run_resources"), Vec::<&str>::new());
    drop(daemon);
    let config = git.config();
    let arguments = ["run", "--config", config.to_str().unwrap(), "--strategy", "server"];
    let mut daemon = Running::start(&mut command(&arguments));
    daemon.await_ready();
    let metrics = daemon.get("/metrics");
    let sample =
        |outcome, count| format!("driftd_dry_run_resources{{environment=\"prod\",outcome=\"{outcome}\"}} {count}");
    let expected = [sample("agreed", 3), sample("disagreed", 0), sample("compared_locally", 0)];
    assert_eq!(samples(&metrics, "driftd_dry_run_resources"), expected, "{metrics}");
    assert_clean(&metrics);
    assert_eq!(daemon.end("TERM").code, Some(0));
}

#[test]
fn an_address_that_is_taken_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let config = json!({
        "http": {"listen": address},
        "clusters": [{"name": "local", "snapshot": "cluster"}],
        "repositories": [{"name": "platform", "url": "platform.git"}],
        "environments": [{"name": "prod", "repository": "platform", "branch": "prod", "cluster": "local"}],
    });
    let file = folder.path().join("driftd.yaml");
    fs::write(&file, config.to_string()).unwrap();
    let ended = driftd(&["run", "--config", file.to_str().unwrap()]);
    let told = ended.stderr;
    assert_eq!(ended.code, Some(2), "{told}");
    for part in ["error: cannot listen on", &address, "in use", "http.listen"] {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
}

#[test]
fn many_readers_at_once_see_whole_answers() {
    let (_namespace, _git, daemon) = watched("crowded");
    let address = daemon.address();
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(move || {
                for path in ["/metrics", "/", "/api/v1/report"] {
                    let (status, body) = get(address, path);
                    assert!(status == 200 && body.len() > 300, "{path}: {status}");
                }
            });
        }
    });
}

#[track_caller]
fn assert_clean(metrics: &str) {
    let output = promtool(&["check", "metrics"], metrics);
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && told.is_empty(), "{told}");
}

/// The daemon's report is that of `driftd check`, apart from times and from what only a memory can tell.
#[track_caller]
fn assert_same_report(daemon: &Running, git: &Workspace) {
    let served: Value = serde_json::from_str(&daemon.get("/api/v1/report")).unwrap();
    assert_eq!(timeless(served), timeless(git.check().json()));
}

pub(super) fn timeless(mut report: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for key in ["startedAt", "finishedAt", "since", "flapping"] {
                    fields.remove(key);
                }
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    for time in ["startedAt", "finishedAt"] {
        let time = report[time].as_str().unwrap();
        assert!(!time.contains('.'), "{time} is not in whole seconds");
    }
    strip(&mut report);
    report
}
