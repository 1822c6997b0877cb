//! What the daemon remembers: over restarts, beside broken files and other daemons, and through kill -9.

mod kill;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::{Running, get};
use crate::fixture::{Ended, GitRepository, canary, canary_base64, command, driftd, eventually};

/// Environments over folders of one branch and files in place of clusters, with a state file.
struct Scene {
    folder: TempDir,
    repository: GitRepository,
    names: Vec<String>,
}

fn settings(value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: trino}}\ndata: {{v: \"{value}\"}}\n"
    )
}

impl Scene {
    /// Every environment declares a `ConfigMap` whose value is 0, and it is so.
    fn new(names: &[&str], more: &[(&str, &str)]) -> Self {
        let repository = GitRepository::new();
        let declared = settings("0");
        let files: Vec<_> = names.iter().map(|name| format!("{name}/settings.yaml")).collect();
        let files = files.iter().map(|file| (file.as_str(), declared.as_str())).chain(more.iter().copied());
        repository.commit("main", &files.collect::<Vec<_>>());
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let clusters: Vec<_> =
            names.iter().map(|name| json!({"name": name, "snapshot": format!("./{name}")})).collect();
        let environment = |name: &String| json!({"name": name, "repository": "platform", "branch": "main", "path": name, "cluster": name});
        let config = json!({
            "interval": "1s",
            "http": {"listen": "127.0.0.1:0"},
            "state": "driftd.db",
            "clusters": clusters,
            "repositories": [{"name": "platform", "url": repository.path()}],
            "environments": names.iter().map(environment).collect::<Vec<_>>(),
        });
        fs::write(folder.path().join("driftd.yaml"), config.to_string()).unwrap();
        let scene = Self { folder, repository, names };
        for name in &scene.names {
            fs::create_dir(scene.folder.path().join(name)).unwrap();
            scene.set(name, "0");
        }
        scene
    }

    /// Gives the live `ConfigMap` of an environment another value, at once.
    fn set(&self, environment: &str, value: &str) {
        let new = self.folder.path().join(format!("{environment}.new"));
        fs::write(&new, settings(value)).unwrap();
        fs::rename(new, self.folder.path().join(environment).join("settings.yaml")).unwrap();
    }

    /// Adds a setting (JSON) to the configuration.
    fn add(&self, setting: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        fs::write(self.config(), text.replacen('{', &format!("{{{setting},"), 1)).unwrap();
    }

    /// Commits another declared value.
    fn declare(&self, environment: &str, value: &str) {
        self.repository.commit("main", &[(&format!("{environment}/settings.yaml"), &settings(value))]);
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("driftd.yaml")
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("driftd.db")
    }

    fn start(&self) -> Running {
        Running::start(&mut command(&["run", "--config", self.config().to_str().unwrap()]))
    }

    fn ready(&self) -> Running {
        let running = self.start();
        running.await_ready();
        running
    }

    fn history(&self, arguments: &[&str]) -> Ended {
        driftd(&[&["history", "--config", self.config().to_str().unwrap()], arguments].concat())
    }

    fn entries(&self) -> Vec<Value> {
        let ended = self.history(&["-o", "json"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.json()["entries"].as_array().unwrap().clone()
    }
}

/// The object that drifts in an environment, once it does.
fn drifting(running: &Running, environment: &str) -> Option<Value> {
    let report: Value =
        serde_json::from_str(&running.get(&format!("/api/v1/report?environment={environment}"))).unwrap();
    report["environments"][0]["objects"].get(0).cloned()
}

fn served(running: &Running, query: &str) -> Vec<Value> {
    let answer: Value = serde_json::from_str(&running.get(&format!("/api/v1/history{query}"))).unwrap();
    answer["entries"].as_array().unwrap().clone()
}

/// The value of the one sample that begins with `head`.
fn sample(running: &Running, head: &str) -> String {
    let metrics = running.get("/metrics");
    let line = metrics.lines().find_map(|line| line.strip_prefix(head)?.split_once("} "));
    line.unwrap_or_else(|| panic!("no {head} in {metrics}")).1.to_owned()
}

#[test]
fn the_age_of_drift_survives_a_restart_and_its_end_is_on_record() {
    let scene = Scene::new(&["prod", "qa"], &[]);
    scene.set("prod", "1");
    let mut first = scene.ready();
    let since = drifting(&first, "prod").unwrap()["since"].clone();
    let start = sample(&first, "driftd_resource_drift_start_timestamp_seconds{environment=\"prod\"");
    assert_eq!(first.end("TERM").code, Some(0));
    // A restart within the same second would prove nothing.
    eventually("the clock has moved on", || (jiff::Timestamp::now().as_second().to_string() > start).then_some(()));

    let second = scene.ready();
    assert_eq!(drifting(&second, "prod").unwrap()["since"], since);
    assert_eq!(sample(&second, "driftd_resource_drift_start_timestamp_seconds{environment=\"prod\""), start);
    let appeared = "driftd_drift_events_total{environment=\"prod\",event=\"appeared\",origin=\"unknown\"";
    assert_eq!(sample(&second, appeared), "0", "standing drift is not counted again");
    let entries = served(&second, "?environment=prod");
    assert_eq!(entries.len(), 1);
    assert_eq!((&entries[0]["firstSeen"], &entries[0]["resolved"]), (&since, &Value::Null));
    assert_eq!((&entries[0]["path"], &entries[0]["change"]), (&json!("data.v"), &json!("changed")));
    assert_eq!(entries[0]["revision"].as_str().map(str::len), Some(40));
    assert_eq!(served(&second, "?environment=qa"), [json!(null); 0]);

    scene.set("prod", "0");
    eventually("the drift is over", || drifting(&second, "prod").is_none().then_some(()));
    scene.set("prod", "2");
    let again = eventually("it is back", || drifting(&second, "prod"));
    assert_ne!(again["since"], since, "another episode");
    assert_eq!(sample(&second, appeared), "1");
    let entries = scene.entries();
    assert_eq!(entries, served(&second, ""), "the command reads what the daemon writes");
    assert_eq!((entries.len(), &entries[1]["firstSeen"], &entries[0]["resolved"]), (2, &since, &Value::Null));
    assert!(entries[1]["resolved"].is_string(), "{entries:?}");
    let table = scene.history(&["--environment", "prod", "--since", "1h"]).stdout;
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(table.contains("ConfigMap trino/settings") && table.contains("data.v changed"), "{table}");
}

#[test]
fn digests_of_secrets_stay_the_same_from_start_to_start_and_the_files_are_private() {
    let secret = |value: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s, namespace: trino}}\ndata: {{p: {value}}}\n")
    };
    let declared = secret(&canary_base64("remembered"));
    let scene = Scene::new(&["prod"], &[("prod/secret.yaml", declared.as_str())]);
    fs::write(scene.folder.path().join("prod/secret.yaml"), secret(&canary_base64("remembered, then changed")))
        .unwrap();
    assert_ne!(canary("remembered"), canary("remembered, then changed"));
    let shown = |running: &Running| {
        let finding = drifting(running, "prod").unwrap()["findings"][0].clone();
        (finding["desired"].clone(), finding["live"].clone())
    };
    let mut first = scene.ready();
    let before = shown(&first);
    assert!(before.0.as_str().unwrap().starts_with("<redacted sha256:") && before.0 != before.1, "{before:?}");
    assert_eq!(first.end("TERM").code, Some(0));
    let second = scene.ready();
    assert_eq!(shown(&second), before);
    let check = driftd(&["check", "-o", "json", "--config", scene.config().to_str().unwrap()]).json();
    assert_eq!(check["environments"][0]["objects"][0]["findings"][0]["desired"], before.0, "one key for all commands");
    let entry = &served(&second, "")[0];
    assert_eq!((&entry["path"], entry.get("desired")), (&json!("data.p"), None));
    for name in ["driftd.db", "driftd.db-wal", "driftd.db.key"] {
        let mode = fs::metadata(scene.folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_key_file_that_is_named_is_used_and_one_that_cannot_be_is_refused() {
    let scene = Scene::new(&["prod"], &[]);
    scene.add("\"redactionKeyFile\":\"key\"");
    let check = || driftd(&["check", "--config", scene.config().to_str().unwrap()]);
    let refused = check();
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("cannot read `redactionKeyFile`"), "{}", refused.stderr);
    fs::write(scene.folder.path().join("key"), "short\n").unwrap();
    assert!(check().stderr.contains("holds less than 32 characters; fill it by `openssl rand -hex 32`"));
    fs::write(scene.folder.path().join("key"), "0".repeat(64)).unwrap();
    assert_eq!(check().code, Some(0));
}

/// Starts on a state file of `bytes`: it is set aside, and the daemon goes on.
fn starts_beside(bytes: &[u8], word: &str, message: &str) {
    let scene = Scene::new(&["prod"], &[]);
    fs::write(scene.state(), bytes).unwrap();
    scene.set("prod", "1");
    let mut running = scene.ready();
    assert_eq!(served(&running, "").len(), 1);
    assert!(running.get("/metrics").contains("driftd_scan_success{environment=\"prod\"} 1\n"));
    let log = running.end("TERM").stderr;
    assert!(log.contains(message) && log.contains("a new history begins"), "{log}");
    let names = fs::read_dir(scene.folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let is_aside = |path: &PathBuf| {
        let path = path.display().to_string();
        path.contains(&format!("driftd.db.{word}-")) && path.ends_with('Z')
    };
    let aside: Vec<PathBuf> = names.filter(is_aside).collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert_eq!(fs::read(&aside[0]).unwrap(), bytes);
}

#[test]
fn a_file_that_is_foreign_corrupt_or_newer_is_set_aside_and_the_daemon_goes_on() {
    starts_beside(b"not a database at all, but somebody's notes", "foreign", "is none of driftd's");
    let scene = Scene::new(&["prod"], &[]);
    scene.set("prod", "1");
    scene.ready().end("TERM");
    let sound = fs::read(scene.state()).unwrap();
    let mut corrupt = sound.clone();
    corrupt[4096..].fill(0xa5);
    starts_beside(&corrupt, "corrupt", "is corrupt");
    // `user_version` in the header of a SQLite file.
    let mut newer = sound;
    newer[60..64].copy_from_slice(&77_i32.to_be_bytes());
    starts_beside(&newer, "newer", "is of a newer driftd (its tables are version 77, this one knows");
}

#[test]
fn a_second_daemon_on_one_file_says_so_and_takes_over() {
    let scene = Scene::new(&["prod"], &[]);
    scene.set("prod", "1");
    let mut first = scene.ready();
    let since = drifting(&first, "prod").unwrap()["since"].clone();
    let second = scene.ready();
    let report: Value = serde_json::from_str(&second.get("/api/v1/report")).unwrap();
    let gap = &report["environments"][0]["gaps"][0];
    assert_eq!((&gap["stage"], &gap["reason"]), (&json!("state"), &json!("failed")));
    assert!(gap["message"].as_str().unwrap().starts_with("another driftd uses the state file"), "{gap}");
    let errors = "driftd_scan_errors_total{environment=\"prod\",stage=\"state\"";
    assert_ne!(sample(&second, errors), "0");
    assert_eq!(get(second.address(), "/api/v1/history").0, 503);
    first.end("KILL");
    eventually("the second writes", || {
        second.get("/metrics").contains("driftd_scan_success{environment=\"prod\"} 1\n").then_some(())
    });
    assert_eq!(drifting(&second, "prod").unwrap()["since"], since);
    assert_eq!(served(&second, "").len(), 1, "one episode, whoever saw it");
}

#[test]
fn a_folder_that_cannot_be_written_is_a_gap_until_it_can() {
    let scene = Scene::new(&["prod"], &[]);
    scene.set("prod", "1");
    let text = fs::read_to_string(scene.config()).unwrap();
    fs::write(scene.config(), text.replace("driftd.db", "later/driftd.db")).unwrap();
    let running = scene.ready();
    let metrics = running.get("/metrics");
    assert!(metrics.contains("driftd_scan_success{environment=\"prod\"} 0\n"));
    assert!(metrics.contains("driftd_resource_drifted{environment=\"prod\""), "drift is told all the same");
    let since = drifting(&running, "prod").unwrap()["since"].clone();
    fs::create_dir(scene.folder.path().join("later")).unwrap();
    eventually("the record is written", || {
        running.get("/metrics").contains("driftd_scan_success{environment=\"prod\"} 1\n").then_some(())
    });
    assert_eq!(served(&running, "")[0]["firstSeen"], since);
}

#[test]
fn wrong_questions_are_refused() {
    let scene = Scene::new(&["prod"], &[]);
    let none = scene.history(&[]);
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("driftd.db yet; `driftd run` creates it"), "{}", none.stderr);
    let running = scene.ready();
    for (query, status, part) in [
        ("?environment=pord", 404, "there is no environment `pord`; known are: prod"),
        ("?since=last%20week", 400, "`since` is no span of time: `last week`"),
        ("?env=prod", 400, "unknown parameter `env`"),
    ] {
        let (found, body) = get(running.address(), &format!("/api/v1/history{query}"));
        assert_eq!((found, body.contains(part)), (status, true), "{query}: {body}");
    }
    assert_eq!(scene.history(&[]).stdout, "no drift is on record\n");
    for (arguments, part) in [
        (["--environment", "pord"], "no environment is named `pord`; the configuration has `prod`"),
        (["--since", "yesterday"], "it is no span of time; write `7d`, `12h` or `1h30m`"),
    ] {
        let refused = scene.history(&arguments);
        assert_eq!((refused.code, refused.stderr.contains(part)), (Some(2), true), "{}", refused.stderr);
    }
    let text = fs::read_to_string(scene.config()).unwrap();
    fs::write(scene.config(), text.replace(",\"state\":\"driftd.db\"", "")).unwrap();
    let refused = scene.history(&[]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("names no `state` file"), "{}", refused.stderr);
}

/// What `SQLite` keeps of a state file, as another file: looking at it changes nothing.
fn copied(state: &Path, into: &Path) -> PathBuf {
    for part in ["", "-wal"] {
        let from = PathBuf::from(format!("{}{part}", state.display()));
        if from.exists() {
            fs::copy(from, into.join(format!("copy{part}"))).unwrap();
        }
    }
    into.join("copy")
}

#[test]
fn a_deployment_in_progress_settles_and_leaves_no_entry_where_it_arrives() {
    let scene = Scene::new(&["prod"], &[]);
    scene.add("\"settling\":{\"outdated\":\"1h\"}");
    let daemon = scene.ready();
    scene.declare("prod", "1");
    let object = eventually("it settles", || drifting(&daemon, "prod"));
    assert_eq!((&object["state"], &object["findings"]), (&json!("in-sync"), &json!([])), "{object}");
    let settling = &object["settling"][0];
    assert_eq!((&settling["path"], &settling["origin"]), (&json!("data.v"), &json!("outdated")), "{object}");
    assert_ne!(settling["since"], settling["until"]);
    assert_eq!(sample(&daemon, "driftd_settling_findings{environment=\"prod\",origin=\"outdated\""), "1");
    assert_eq!(sample(&daemon, "driftd_resources{environment=\"prod\",state=\"modified\""), "0");
    assert!(daemon.get("/").contains("1 difference settling"));
    scene.set("prod", "1");
    eventually("it has arrived", || drifting(&daemon, "prod").is_none().then_some(()));
    assert_eq!(served(&daemon, ""), [json!(null); 0]);
    assert_eq!(sample(&daemon, "driftd_settling_findings{environment=\"prod\",origin=\"outdated\""), "0");
}

#[test]
fn a_deployment_that_does_not_arrive_counts_after_its_time() {
    let scene = Scene::new(&["prod"], &[]);
    scene.add("\"settling\":{\"outdated\":\"2s\"}");
    let daemon = scene.ready();
    scene.declare("prod", "1");
    let settling = eventually("it settles", || drifting(&daemon, "prod"))["settling"][0].clone();
    let object = eventually("it counts", || drifting(&daemon, "prod").filter(|object| object["state"] == "modified"));
    assert_eq!(object["since"], settling["since"], "{object}");
    assert_eq!(served(&daemon, "")[0]["firstSeen"], settling["since"]);
}
