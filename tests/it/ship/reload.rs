//! A configuration that changes under the real daemon.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::{Running, get};
use crate::fixture::{GitRepository, command, eventually};

const MANIFEST: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: default}
data: {colour: blue}
";

/// A daemon whose only cluster is a file that drifts from every branch.
struct Scene {
    folder: TempDir,
    repository: GitRepository,
}

impl Scene {
    fn new() -> Self {
        let repository = GitRepository::new();
        for branch in ["prod", "qa"] {
            repository.commit(branch, &[("settings.yaml", MANIFEST)]);
        }
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("cluster")).unwrap();
        fs::write(folder.path().join("cluster/live.yaml"), MANIFEST.replace("blue", "red")).unwrap();
        Self { folder, repository }
    }

    /// A configuration with the environments `names`, each of the branch of its name, scanned once an hour.
    fn config(&self, names: &[&str]) -> Value {
        let environment =
            |name: &&str| json!({"name": name, "repository": "platform", "branch": name, "cluster": "eu"});
        json!({
            "interval": "1h",
            "settling": {"outdated": "0s"},
            "http": {"listen": "127.0.0.1:0"},
            "clusters": [{"name": "eu", "snapshot": self.folder.path().join("cluster")}],
            "repositories": [{"name": "platform", "url": self.repository.path()}],
            "environments": names.iter().map(environment).collect::<Vec<_>>(),
        })
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("driftd.yaml")
    }

    fn start(&self, config: &Value) -> Running {
        fs::write(self.file(), config.to_string()).unwrap();
        start(&self.file())
    }

    /// Puts another file in the place of the configuration, as most editors do.
    fn rename_into_place(&self, text: &str) {
        let new = self.folder.path().join(".driftd.yaml.new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.file()).unwrap();
    }
}

fn start(file: &Path) -> Running {
    let running = Running::start(&mut command(&["run", "--config", file.to_str().unwrap()]));
    running.await_ready();
    running
}

/// The sample lines of `family`.
fn samples(daemon: &Running, family: &str) -> Vec<String> {
    let metrics = daemon.get("/metrics");
    let own = metrics.lines().filter(|line| line.strip_prefix(family).is_some_and(|rest| rest.starts_with(['{', ' '])));
    own.map(str::to_owned).collect()
}

fn await_sample(daemon: &Running, line: &str) {
    let family = line.split(['{', ' ']).next().unwrap();
    eventually(line, || samples(daemon, family).iter().any(|own| own == line).then_some(()));
}

#[test]
fn what_did_not_change_goes_on_and_what_did_is_followed() {
    let scene = Scene::new();
    let daemon = scene.start(&scene.config(&["prod"]));
    let of_prod = |family: &str| -> Vec<String> {
        samples(&daemon, family).into_iter().filter(|line| line.contains("\"prod\"")).collect()
    };
    let families = [
        "driftd_last_scan_timestamp_seconds",
        "driftd_resource_drift_start_timestamp_seconds",
        "driftd_environment_info",
    ];
    let before = families.map(of_prod);
    let hash = samples(&daemon, "driftd_config_hash");
    assert_eq!(samples(&daemon, "driftd_config_last_reload_successful"), ["driftd_config_last_reload_successful 1"]);

    scene.rename_into_place(&scene.config(&["qa", "prod"]).to_string());
    await_sample(&daemon, "driftd_scan_success{environment=\"qa\"} 1");
    assert_ne!(samples(&daemon, "driftd_config_hash"), hash);
    // An hour's pace: had its worker been started anew, it would have scanned again.
    assert_eq!(families.map(of_prod), before);
    let report: Value = serde_json::from_str(&daemon.get("/api/v1/report")).unwrap();
    let names: Vec<_> = report["environments"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["qa", "prod"], "the order is that of the configuration");

    scene.rename_into_place(&scene.config(&["qa"]).to_string());
    eventually("prod is gone", || of_prod("driftd_environment_info").is_empty().then_some(()));
    assert_eq!(get(daemon.address(), "/api/v1/report?environment=prod").0, 404);
    assert_eq!(get(daemon.address(), "/readyz").0, 200);
}

#[test]
fn a_new_rule_is_followed_at_once_and_ages_stay() {
    let scene = Scene::new();
    let daemon = scene.start(&scene.config(&["prod"]));
    let start = samples(&daemon, "driftd_resource_drift_start_timestamp_seconds");
    assert_eq!(start.len(), 1);
    let mut config = scene.config(&["prod"]);
    config["severity"] = json!([{"match": {"kind": "ConfigMap"}, "severity": "low"}]);
    scene.rename_into_place(&config.to_string());
    await_sample(&daemon, "driftd_drift_findings{environment=\"prod\",severity=\"low\",origin=\"unknown\"} 1");
    assert_eq!(samples(&daemon, "driftd_resource_drift_start_timestamp_seconds"), start);
}

#[test]
fn a_bad_file_keeps_the_one_before_and_says_so_everywhere() {
    let scene = Scene::new();
    let mut daemon = scene.start(&scene.config(&["prod"]));
    let hash = samples(&daemon, "driftd_config_hash");
    let mut bad = scene.config(&["prod", "qa"]);
    bad["environments"][1]["cluster"] = json!("us");
    scene.rename_into_place(&bad.to_string());
    await_sample(&daemon, "driftd_config_last_reload_successful 0");
    assert_eq!(samples(&daemon, "driftd_config_hash"), hash);
    assert_eq!(samples(&daemon, "driftd_environment_info").len(), 1);
    let (page, reason) = (daemon.get("/"), "no cluster is named `us`");
    assert!(page.contains("is not followed") && page.contains(reason), "{page}");

    fs::remove_file(scene.file()).unwrap();
    eventually("the missing file is told", || daemon.get("/").contains("cannot read the configuration").then_some(()));
    scene.rename_into_place(&scene.config(&["prod", "qa"]).to_string());
    await_sample(&daemon, "driftd_config_last_reload_successful 1");
    await_sample(&daemon, "driftd_scan_success{environment=\"qa\"} 1");
    assert!(!daemon.get("/").contains("is not followed"));
    let log = daemon.end("TERM").stderr;
    assert!(log.contains("the one before stays in force") && log.contains(reason), "{log}");
}

#[test]
fn a_link_that_is_turned_as_that_of_a_config_map_is_noticed() {
    let scene = Scene::new();
    let volume = scene.folder.path().join("volume");
    let revision = |name: &str, config: &Value| {
        let folder = volume.join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("driftd.yaml"), config.to_string()).unwrap();
        symlink(name, volume.join("..data_tmp")).unwrap();
        fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    };
    revision("..1", &scene.config(&["prod"]));
    symlink("..data/driftd.yaml", volume.join("driftd.yaml")).unwrap();
    let daemon = start(&volume.join("driftd.yaml"));
    revision("..2", &scene.config(&["qa"]));
    await_sample(&daemon, "driftd_scan_success{environment=\"qa\"} 1");
}

#[test]
fn sighup_reads_the_file_again_and_another_address_is_listened_on() {
    let scene = Scene::new();
    let mut daemon = scene.start(&scene.config(&["prod"]));
    let hangup = |daemon: &Running| {
        assert!(Command::new("kill").args(["-s", "HUP", &daemon.process_id().to_string()]).status().unwrap().success());
    };
    hangup(&daemon);
    eventually("the reload is told", || daemon.stderr().contains("the configuration is reloaded").then_some(()));
    let before = daemon.address();
    let mut config = scene.config(&["prod"]);
    config["http"]["listen"] = json!("[::1]:0");
    fs::write(scene.file(), config.to_string()).unwrap();
    hangup(&daemon);
    let address = eventually("the new address is told", || {
        daemon
            .stderr()
            .lines()
            .find_map(|line| line.split_once("listening address=[::1]:")?.1.trim().parse::<u16>().ok())
    });
    eventually("the old address is given up", || std::net::TcpStream::connect(before).is_err().then_some(()));
    assert_eq!(get(([0, 0, 0, 0, 0, 0, 0, 1], address).into(), "/readyz").0, 200);
    assert_eq!(daemon.end("TERM").code, Some(0));
}

#[test]
fn an_address_that_is_taken_changes_nothing() {
    let scene = Scene::new();
    let daemon = scene.start(&scene.config(&["prod"]));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = scene.config(&["qa"]);
    config["http"]["listen"] = json!(taken.local_addr().unwrap());
    scene.rename_into_place(&config.to_string());
    await_sample(&daemon, "driftd_config_last_reload_successful 0");
    assert!(daemon.get("/").contains("cannot listen on"));
    assert!(samples(&daemon, "driftd_environment_info")[0].contains("\"prod\""));
}
