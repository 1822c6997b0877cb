//! `driftd demo` on the real binary: it needs nothing, tells what it found and where, and leaves nothing behind.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::process::{Running, get};
use crate::fixture::{command, eventually};

/// A demonstration without programs, home or settings.
fn demo() -> Running {
    Running::start(command(&["demo"]).env_clear().env("PATH", "").env("HOME", ""))
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn the_demonstration_tells_what_it_found_and_serves_it() {
    let mut demo = demo();
    let told = eventually("what was found is told", || {
        let told = demo.stdout();
        told.contains("its repository and clusters").then_some(told)
    });
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
    let report: Value = serde_json::from_str(&demo.get("/api/v1/report")).unwrap();
    assert_eq!((&report["complete"], report["environments"].as_array().unwrap().len()), (&true.into(), 2));
    assert_eq!(get(address, "/nothing").0, 404);
    assert_eq!(sockets_beyond_loopback(demo.process_id()), Vec::<String>::new());

    assert_eq!(entries(demo.temporary()), 1);
    let ended = demo.end("INT");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(entries(demo.temporary()), 0, "the temporary folder is gone");
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
