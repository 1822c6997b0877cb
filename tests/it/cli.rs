//! The real binary: usage and configuration errors, exit codes and pipes.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::fixture::{Ended, canary, command, driftd};

const VALID: &str = "\
clusters: [{name: local, snapshot: cluster}]
repositories: [{name: platform, url: platform.git}]
environments:
  - {name: prod, repository: platform, branch: prod, cluster: local}
  - {name: qa, repository: platform, branch: qa, cluster: local}
";

/// A folder with a configuration in it.
fn config(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("driftd.yaml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[track_caller]
fn assert_usage_error(ended: &Ended, parts: &[&str]) {
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    for part in parts {
        assert!(ended.stderr.contains(part), "{part:?} is not in:\n{}", ended.stderr);
    }
}

#[test]
fn the_version_is_told() {
    let ended = driftd(&["--version"]);
    assert_eq!((ended.code, ended.stdout), (Some(0), format!("driftd {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn no_command_and_a_wrong_command_are_usage_errors() {
    assert_usage_error(&driftd(&[]), &["Usage: driftd", "check"]);
    assert_usage_error(&driftd(&["chekc"]), &["check"]);
    assert_usage_error(&driftd(&["check"]), &["--config"]);
    assert_usage_error(&driftd(&["diff", "one"]), &["LIVE"]);
}

#[test]
fn check_may_be_written_as_a_flag() {
    let (_folder, path) = config("intervall: 1m\n");
    let expected = driftd(&["check", "--config", text(&path)]);
    assert_usage_error(&expected, &["did you mean `interval`?"]);
    assert_eq!(driftd(&["--check", "--config", text(&path)]).stderr, expected.stderr);
    assert_eq!(driftd(&["--config", text(&path), "--check"]).stderr, expected.stderr);
}

#[test]
fn all_problems_of_a_configuration_are_told_at_once_with_file_and_line() {
    let (_folder, path) = config(
        "interval: soon\nclusters:\n  - name: local\n    snapshott: x\nrepositories:\n  - name: platform\n    \
         url: https://user:hunter2@git.example.org/x.git\nenvironments:\n  - {name: prod, repository: platform, \
         branch: prod, cluster: lokal}\n",
    );
    for command in [&["check"][..], &["run"], &["config", "validate"]] {
        let arguments: Vec<&str> = command.iter().copied().chain(["--config", text(&path)]).collect();
        let ended = driftd(&arguments);
        let at = |line: u32, rest: &str| format!("{}:{line}: {rest}", path.display());
        assert_usage_error(
            &ended,
            &[
                "4 problems",
                &at(1, "interval: is no duration"),
                &at(4, "clusters[0].snapshott: unknown key"),
                "did you mean `snapshot`?",
                &at(7, "repositories[0].url: holds a user, a password or a token"),
                &at(9, "environments[0].cluster: no cluster is named `lokal`"),
                "did you mean `local`?",
            ],
        );
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_named() {
    assert_usage_error(&driftd(&["check", "--config", "/nonexistent/driftd.yaml"]), &["/nonexistent/driftd.yaml"]);
}

#[test]
fn a_valid_configuration_is_told() {
    let (_folder, path) = config(VALID);
    let ended = driftd(&["config", "validate", "--config", text(&path)]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(ended.stdout, format!("{} is valid; environments: 2\n", path.display()));
}

#[test]
fn unknown_environments_are_told_at_once_with_those_that_exist() {
    let (_folder, path) = config(VALID);
    let ended = driftd(&["check", "--config", text(&path), "--environment", "prd", "--environment", "dev"]);
    assert_usage_error(&ended, &["`prd`, `dev`", "the configuration has `prod`, `qa`"]);
}

#[test]
fn a_wrong_format_or_rule_is_told_with_what_exists() {
    let (_folder, path) = config(VALID);
    let check = |arguments: &[&str]| {
        let base = ["check", "--config", text(&path)];
        driftd(&base.iter().chain(arguments).copied().collect::<Vec<_>>())
    };
    assert_usage_error(&check(&["-o", "jnuit"]), &["`jnuit` is no format", "text, json"]);
    assert_usage_error(&check(&["-o", "json="]), &["no path stands behind `=`"]);
    assert_usage_error(&check(&["-o", "json", "-o", "text"]), &["two outputs go to stdout"]);
    assert_usage_error(&check(&["-o", "json=/nonexistent/report.json"]), &["cannot write /nonexistent/report.json"]);
    assert_usage_error(&check(&["--fail-on", "severity>=huge"]), &["`huge` is no severity", "low, medium, high"]);
    assert_usage_error(&check(&["--fail-on", "state=missing", "--fail-on", "x"]), &["`x` is no condition"]);
}

#[test]
fn a_diff_of_what_cannot_be_read_is_a_usage_error() {
    assert_usage_error(&driftd(&["diff", "/nonexistent/desired", "/nonexistent/live"]), &["error: ", "/nonexistent/"]);
}

const DESIRED: &str = "\
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: trino}
stringData: {password: CANARY}
";

/// Two files with a Secret that differs, in a folder of their own.
fn differing() -> (TempDir, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let (desired, live) = (folder.path().join("desired.yaml"), folder.path().join("live.yaml"));
    std::fs::write(&desired, DESIRED.replace("CANARY", canary("desired"))).unwrap();
    std::fs::write(&live, DESIRED.replace("CANARY", canary("live"))).unwrap();
    let (desired, live) = (text(&desired).to_owned(), text(&live).to_owned());
    (folder, desired, live)
}

#[test]
fn a_diff_ends_with_its_verdict_and_tells_no_secret() {
    let (folder, desired, live) = differing();
    let file = folder.path().join("report.json");
    let ended = driftd(&["diff", &desired, &live, "-o", "text", "-o", &format!("json={}", file.display())]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""));
    assert!(ended.stdout.ends_with("\ndrift: 1 finding in 1 object\n"), "{}", ended.stdout);
    assert!(!ended.stdout.contains('\u{1b}'), "{}", ended.stdout);
    let json = std::fs::read_to_string(&file).unwrap();
    assert!(json.contains("\"state\": \"modified\"") && json.ends_with("}\n"), "{json}");
    for shown in [&ended.stdout, &json] {
        assert!(shown.contains("<redacted sha256:"), "{shown}");
    }
    let same = driftd(&["diff", &desired, &desired]);
    assert_eq!(same.code, Some(0), "{}", same.stdout);
    let coloured = driftd(&["diff", &desired, &live, "--color", "always"]);
    assert!(coloured.stdout.contains("\u{1b}[31m"), "{}", coloured.stdout);
}

#[test]
fn a_closed_pipe_does_not_hide_drift() {
    let (_folder, desired, live) = differing();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = command(&["diff", &desired, &live]).stdout(writer).output();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""));
}

#[test]
fn a_check_that_cannot_read_its_sources_is_incomplete() {
    let (_folder, path) = config(VALID);
    let ended = driftd(&["check", "--config", text(&path)]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("\nincomplete: no drift was found, but not everything could be compared"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_wrong_log_filter_is_told() {
    let (_folder, path) = config(VALID);
    let mut command = command(&["config", "validate", "--config", text(&path)]);
    let ended = command.env("DRIFTD_LOG", "driftd=loud").output();
    assert_usage_error(&ended, &["DRIFTD_LOG", "warn,driftd=debug"]);
}

#[test]
fn a_closed_pipe_is_success() {
    let (_folder, path) = config(VALID);
    for arguments in [&["config", "validate", "--config", text(&path)][..], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = command(arguments).stdout(writer).output();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn an_interrupted_command_exits_with_130() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("desired.yaml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut child = command(&["diff", text(&pipe), text(folder.path())]).start();
    // Opens once the command reads the pipe, which then never ends: the command is under way and waits.
    let held = std::fs::File::options().write(true).open(&pipe).unwrap();
    let ended = child.end("INT");
    drop(held);
    assert_eq!((ended.code, ended.stderr.contains("interrupted")), (Some(130), true), "{}", ended.stderr);
}

/// Runs this test binary again with `BUG` set, where [`a_bug_exits_with_101`] panics as the program would.
const BUG: &str = "DRIFTD_TEST_BUG";

#[test]
fn a_bug_exits_with_101_and_says_that_it_is_one() {
    if std::env::var_os(BUG).is_some() {
        std::panic::set_hook(Box::new(::driftd::cli::report_panic));
        panic!("canary-2f6d81c04b7e5a93");
    }
    let test = "cli::a_bug_exits_with_101_and_says_that_it_is_one";
    let mut itself = Command::new(std::env::current_exe().unwrap());
    let ended: Ended = itself.args([test, "--exact", "--nocapture"]).env(BUG, "1").output().unwrap().into();
    assert_eq!(ended.code, Some(101));
    assert!(ended.stderr.contains("this is a bug in driftd, at tests/it/cli.rs:"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("canary-2f6d81c04b7e5a93"), "what a panic says may hold a value");
}

#[test]
fn a_diff_lists_extras_only_where_they_are_asked_for() {
    let (_folder, desired, live) = differing();
    let hand_made = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: hand-made, namespace: trino}\n";
    std::fs::write(&live, format!("{}{hand_made}", DESIRED.replace("CANARY", canary("desired")))).unwrap();
    assert_eq!(driftd(&["diff", &desired, &live]).code, Some(0));
    let ended = driftd(&["diff", &desired, &live, "--extras", "-o", "json"]);
    let object = &ended.json()["environments"][0]["objects"][0];
    assert_eq!(
        (ended.code, object["state"].as_str(), object["name"].as_str()),
        (Some(1), Some("extra"), Some("hand-made"))
    );
}

#[test]
fn a_stray_namespace_means_nothing_on_either_side_of_a_diff() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, metadata: &str| {
        let object = format!("apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: disk{metadata}}}\n");
        let file = folder.path().join(name);
        std::fs::write(&file, object).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (plain, stray) = (write("plain.yaml", ""), write("stray.yaml", ", namespace: somewhere"));
    for (desired, live) in [(&plain, &stray), (&stray, &plain), (&stray, &stray)] {
        let ended = driftd(&["diff", desired, live, "--extras"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    }
}

const DEFINITION: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: engines.example.org}
spec:
  group: example.org
  scope: Cluster
  names: {kind: Engine, plural: engines}
  versions:
    - name: v1
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                mode: {type: string, default: fast}
                memory: {x-kubernetes-int-or-string: true, pattern: '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$'}
                open: {type: object, x-kubernetes-preserve-unknown-fields: true}
                ports:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [port]
                  items: {type: object, properties: {port: {type: integer}, name: {type: string}}}
---
";
const ENGINE: &str = "{apiVersion: example.org/v1, kind: Engine, metadata: {name: e}, spec: {memory: 1Gi, open: {a: 1}, \
    ports: [{port: 1}, {port: 2, name: b}]}}\n";
const ENGINE_THAT_LIVES: &str = "{apiVersion: example.org/v1, kind: Engine, metadata: {name: e, namespace: stray}, spec: \
    {memory: 1024Mi, mode: fast, open: {a: 1}, ports: [{port: 2, name: b}, {port: 1}]}}\n";

#[test]
fn a_diff_reads_custom_resources_by_the_definition_that_either_side_holds() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, content).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let with_definition = |objects: &str| format!("{DEFINITION}{objects}");
    let edited = ENGINE_THAT_LIVES.replace("name: b}", "name: c}").replace("open: {a: 1}", "open: {a: 1, x: 2}");
    let (plain, defined) = (write("plain.yaml", ENGINE), write("defined.yaml", &with_definition(ENGINE)));
    for (desired, live) in [(&defined, ""), (&plain, DEFINITION), (&defined, DEFINITION)] {
        let same = write("same.yaml", &format!("{live}{ENGINE_THAT_LIVES}"));
        assert_eq!(of_engines(desired, &same), Vec::<String>::new());
        let edited = write("edited.yaml", &format!("{live}{edited}"));
        assert_eq!(of_engines(desired, &edited), ["spec.open.x added", "spec.ports[port=2].name changed"]);
    }
    let same = write("same.yaml", ENGINE_THAT_LIVES);
    let as_plain_json = ["spec.memory changed", "spec.mode added", "spec.ports changed"];
    assert_eq!(of_engines(&plain, &same), as_plain_json, "nothing tells what an Engine is");
}

/// What a diff says of the Engines.
fn of_engines(desired: &str, live: &str) -> Vec<String> {
    let report = driftd(&["diff", desired, live, "-o", "json"]).json();
    let objects = report["environments"][0]["objects"].as_array().unwrap();
    let engines = objects.iter().filter(|object| object["kind"] == "Engine");
    let said = engines.flat_map(|object| {
        let findings = object["findings"].as_array().filter(|findings| !findings.is_empty());
        let told = |finding: &serde_json::Value| {
            format!("{} {}", finding["path"].as_str().unwrap(), finding["change"].as_str().unwrap())
        };
        findings
            .map_or_else(|| vec![object["state"].as_str().unwrap().to_owned()], |all| all.iter().map(told).collect())
    });
    said.collect()
}
