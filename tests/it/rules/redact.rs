//! Values that are secret outside Secrets: none reaches an output, whatever the format.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use super::stage::Stage;
use crate::fixture::{assert_no_canary, canary, command, driftd, eventually};

/// Desired and live values of everything that is secret.
fn canaries() -> [&'static str; 2] {
    ["redacted in Git", "redacted in the cluster"].map(canary)
}

const OBJECTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: worker
  namespace: trino
  annotations: {example.org/api-key: CANARY, example.org/url: \"https://user:CANARY@host/x\"}
spec:
  selector: {matchLabels: {app: trino}}
  template:
    metadata: {labels: {app: trino}}
    spec:
      containers:
      - name: trino
        image: trinodb/trino:476
        args: [--user=x, --password=CANARY, --token, CANARY]
        env: [{name: DB_PASSWORD, value: CANARY}, {name: MODE, value: plain-SIDE}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: trino}
data:
  db-password: CANARY
  catalog.properties: |
    connector.name=hive
    s3.secret-key=CANARY
    mode=plain-SIDE
  app.yaml: |
    server:
      token: \"CANARY\"
      privateKey: |
        CANARY
  core-site.xml: |
    <property>
      <name>fs.s3a.access.key</name>
      <value>CANARY</value>
    </property>
  pins: CANARY
---
apiVersion: example.org/v1
kind: Widget
metadata: {name: w, namespace: trino}
spec: {clientSecret: CANARY, users: [{user: x, pin: CANARY}]}
---
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: trino}
stringData: {p: CANARY}
";

const RULES: &str = "\
redact:
  - {match: {kind: ConfigMap, name: settings}, paths: [data.pins]}
  - {match: {kind: Widget}, paths: [\"spec.users[*].pin\"]}
";

/// A cluster that lacks the whole containers of Git would show them at once: `added` and `removed` count too.
const SIDECAR: &str = "
      - name: shell
        image: busybox
        env: [{name: API_TOKEN, value: CANARY}]
";

fn side(index: usize) -> String {
    let sidecar = if index == 1 { SIDECAR } else { "\n" };
    let objects = OBJECTS.replacen("value: plain-SIDE}]\n", &format!("value: plain-SIDE}}]{sidecar}"), 1);
    objects.replace("CANARY", canaries()[index]).replace("SIDE", &index.to_string())
}

fn stage() -> Stage {
    Stage::new(&side(0), &side(1), RULES)
}

#[track_caller]
fn assert_clean(what: &str, text: &str) {
    assert_no_canary(what, text.as_bytes());
    for canary in canaries() {
        // A part long enough to know the secret by is one too.
        assert!(!text.contains(&canary[12..]), "a part of {canary} is in {what}:\n{text}");
    }
}

#[test]
fn no_format_and_no_log_holds_a_secret_and_every_difference_is_found() {
    let stage = stage();
    for arguments in [&["-o", "json", "--all"][..], &["--all"], &["--suggest-ignores"]] {
        let ended = stage.check(&[arguments, &["--log-level", "trace"]].concat());
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert_clean("stdout", &ended.stdout);
        assert_clean("stderr", &ended.stderr);
    }
    let report = stage.check(&["-o", "json"]).json();
    let paths: Vec<&str> = report["environments"][0]["objects"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|object| object["findings"].as_array().unwrap())
        .filter_map(|finding| finding["path"].as_str())
        .collect();
    let expected = [
        "data[\"app.yaml\"]",
        "data[\"catalog.properties\"]",
        "data[\"core-site.xml\"]",
        "data.db-password",
        "data.pins",
        "metadata.annotations[\"example.org/api-key\"]",
        "metadata.annotations[\"example.org/url\"]",
        "spec.template.spec.containers[name=shell]",
        "spec.template.spec.containers[name=trino].args",
        "spec.template.spec.containers[name=trino].env[name=DB_PASSWORD].value",
        "spec.template.spec.containers[name=trino].env[name=MODE].value",
        "data.p",
        "spec.clientSecret",
        "spec.users",
    ];
    let missed: Vec<_> = expected.iter().filter(|path| !paths.contains(path)).collect();
    assert!(missed.is_empty() && paths.len() == expected.len(), "{missed:?} {paths:#?}");
}

#[test]
fn what_stands_beside_a_secret_stays_readable_and_both_sides_differ() {
    let text = stage().check(&[]).stdout;
    for part in [
        "connector.name=hive",
        "-mode=plain-0",
        "+mode=plain-1",
        "plain-0 → plain-1",
        "-s3.secret-key=<redacted sha256:",
    ] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    let report = stage().check(&["-o", "json"]).json();
    let findings = report["environments"][0]["objects"].as_array().unwrap().iter();
    for finding in findings.flat_map(|object| object["findings"].as_array().unwrap()) {
        assert_ne!(finding.get("desired"), finding.get("live"), "{finding}");
    }
}

#[test]
fn a_diff_of_two_files_holds_no_secret_known_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let known = |index: usize| side(index).replace("  pins: ", "  a-password: ").replace("pin: ", "pinToken: ");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (desired, live) = (file("desired.yaml", &known(0)), file("live.yaml", &known(1)));
    for format in ["json", "text"] {
        let ended = driftd(&["diff", &desired, &live, "--all", "-o", format]);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert_clean(format, &ended.stdout);
    }
}

/// A page as the daemon serves it.
fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.starts_with("HTTP/1.1 200").then_some(text)
}

#[test]
fn the_daemon_serves_and_logs_no_secret() {
    let stage = stage();
    let config = stage.config();
    let arguments = ["run", "--config", config.to_str().unwrap(), "--log-level", "trace", "--log-format", "json"];
    let mut daemon = command(&arguments).start();
    let address = eventually("the daemon listens", || {
        let told = |line: &str| {
            let event: Value = serde_json::from_str(line).ok()?;
            Some(event.pointer("/fields/address")?.as_str()?.to_owned())
        };
        daemon.stderr().lines().find_map(told)
    });
    eventually("the daemon is ready", || get(&address, "/readyz"));
    let pages = ["/metrics", "/", "/api/v1/report"].map(|path| (path, get(&address, path)));
    let log = daemon.end("TERM").stderr;
    for (path, page) in pages {
        let page = page.unwrap_or_else(|| panic!("{path} was not served"));
        assert_clean(path, &page);
        assert!(page.contains("worker"), "{path}: {page}");
    }
    assert_clean("the log", &log);
}
