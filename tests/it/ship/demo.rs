//! `driftd demo` on the real binary: it needs nothing, finds the drift that `demo/expected.yaml` lists, tells what it
//! found and where, and leaves nothing behind.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::process::{Running, get};
use super::{documents, items, read};
use crate::fixture::{command, eventually, program};

/// A demonstration with no program but those in the folder `path`, without home and settings.
fn demo_with(path: impl AsRef<OsStr>) -> Running {
    Running::start(command(&["demo"]).env_clear().env("PATH", path).env("HOME", ""))
}

fn demo() -> Running {
    demo_with("")
}

/// What a demonstration tells, once it has found everything.
fn told(demo: &Running) -> String {
    eventually("what was found is told", || {
        let told = demo.stdout();
        told.contains("its repository and clusters").then_some(told)
    })
}

fn report(demo: &Running) -> Value {
    serde_json::from_str(&demo.get("/api/v1/report")).unwrap()
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn the_demonstration_tells_what_it_found_and_serves_it() {
    let mut demo = demo();
    let told = told(&demo);
    let address = demo.address();
    for part in [
        "prod-eu: drift",
        "Deployment trino/trino-coordinator",
        "trinodb/trino:",
        &format!("http://{address}/ "),
        &format!("http://{address}/metrics "),
        &format!("http://{address}/api/v1/report "),
        demo.temporary().to_str().unwrap(),
    ] {
        assert!(told.contains(part), "{part:?} is not in:\n{told}");
    }
    assert!(demo.get("/metrics").contains("driftd_resource_drifted{environment=\"prod-eu\""));
    assert!(demo.get("/").contains("trino-coordinator"));
    assert_as_listed(&report(&demo), &["staging-eu", "prod-eu"]);
    let left_out = "Left out: superset-eu: no kustomize on PATH; gateway-eu: no helm on PATH";
    assert!(told.contains(left_out), "{told}");
    assert_eq!(get(address, "/nothing").0, 404);
    assert_eq!(sockets_beyond_loopback(demo.process_id()), Vec::<String>::new());

    assert_eq!(entries(demo.temporary()), 1);
    let ended = demo.end("INT");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(entries(demo.temporary()), 0, "the temporary folder is gone");
}

#[test]
fn kustomize_and_helm_on_path_add_their_environments() {
    let demo = demo_with(program("kustomize").parent().unwrap());
    let told = told(&demo);
    assert!(!told.contains("Left out") && told.contains("gateway-eu: drift"), "{told}");
    let report = report(&demo);
    assert_as_listed(&report, &["staging-eu", "prod-eu", "superset-eu", "gateway-eu"]);
    let renderers: Vec<_> = items(&report["environments"]).iter().map(|environment| &environment["renderer"]).collect();
    assert_eq!(renderers, ["plain", "plain", "kustomize", "helm"]);
}

/// The report is complete and holds exactly the drift that is listed for these environments.
fn assert_as_listed(report: &Value, environments: &[&str]) {
    let expected = documents(&read("demo/expected.yaml")).remove(0);
    assert_eq!(report["complete"], true, "{report:#}");
    let names: Vec<_> = items(&report["environments"]).iter().map(|environment| &environment["name"]).collect();
    assert_eq!(names, environments);
    for environment in items(&report["environments"]) {
        let name = environment["name"].as_str().unwrap();
        assert_eq!(lines(&environment["objects"]), lines(&expected[name]), "{name}");
    }
}

/// What the list says of an environment: one line for each finding, and one for each object as a whole.
fn lines(objects: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut lines = Vec::new();
    for entry in objects.as_array().unwrap() {
        let of = entry.get("object").unwrap_or(entry);
        let namespace = of.get("namespace").map_or_else(String::new, |namespace| format!("{}/", text(namespace)));
        let object = format!("{} {namespace}{} {}", text(&of["kind"]), text(&of["name"]), text(&entry["state"]));
        let findings = entry.get("findings").and_then(Value::as_array).cloned().unwrap_or_default();
        for finding in &findings {
            let manager = finding.get("manager").map_or(Value::Null, |manager| manager["name"].clone());
            lines.push(format!(
                "{object}: {} {} by {} ({})",
                text(&finding["path"]),
                text(&finding["change"]),
                text(&manager),
                text(&finding["origin"])
            ));
        }
        lines.push(object);
    }
    lines.sort();
    lines
}

#[test]
fn an_interrupt_before_anything_was_found_leaves_nothing_behind() {
    let mut demo = demo();
    let ended = demo.end("INT");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(entries(demo.temporary()), 0, "the temporary folder is gone");
}

/// The process's internet sockets whose local address is not 127.0.0.1, as lines of `/proc/PID/net`.
fn sockets_beyond_loopback(process_id: u32) -> Vec<String> {
    let process = Path::new("/proc").join(process_id.to_string());
    let descriptors =
        fs::read_dir(process.join("fd")).unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let own: Vec<String> = descriptors
        .filter_map(|target| Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    assert!(!own.is_empty(), "it listens");
    let mut beyond = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let rows = fs::read_to_string(process.join("net").join(table)).unwrap_or_default();
        for row in rows.lines().skip(1) {
            let columns: Vec<_> = row.split_whitespace().collect();
            if own.iter().any(|inode| inode == columns[9]) && !columns[1].starts_with("0100007F:") {
                beyond.push(format!("{table} {row}"));
            }
        }
    }
    beyond
}
