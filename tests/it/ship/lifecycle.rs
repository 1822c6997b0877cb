//! The life of the real daemon: signals, what systemd is told, and its log.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::process::Running;
use super::workspace::Workspace;
use crate::fixture::{command, eventually};

const SETTINGS: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: default}
data: {colour: blue}
";

fn kill(name: &str, process_id: u32) {
    assert!(Command::new("kill").args(["-s", name, &process_id.to_string()]).status().unwrap().success());
}

#[test]
fn the_first_signal_lets_open_requests_finish_and_the_second_aborts() {
    let workspace = Workspace::in_sync(SETTINGS);
    let mut daemon = Running::start(&mut command(&["run", "--config", workspace.config().to_str().unwrap()]));
    daemon.await_ready();
    // Half a request: it is under way for as long as the server waits for the rest.
    let mut open = TcpStream::connect(daemon.address()).unwrap();
    open.write_all(b"GET /metrics HTTP/1.1\r\nHost: ").unwrap();
    // A second one has been answered: the first has been accepted before.
    daemon.get("/livez");
    kill("TERM", daemon.process_id());
    eventually("it drains", || daemon.stderr().contains("stopping").then_some(()));
    let ended = daemon.end("INT");
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(ended.stderr.contains("aborted by a second signal"), "{}", ended.stderr);
}

/// What systemd hears, one datagram at a time.
struct Heard(UnixDatagram);

impl Heard {
    /// Waits for a datagram that holds `word` and tells it whole.
    #[track_caller]
    fn until(&self, word: &str) -> String {
        let mut buffer = [0; 1024];
        loop {
            let length = self.0.recv(&mut buffer).unwrap_or_else(|error| panic!("{word} was not heard: {error}"));
            let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
            if text.lines().any(|line| line.starts_with(word)) {
                return text;
            }
            assert!(!text.contains("READY=1") || word == "WATCHDOG=1", "{text} came before {word}");
        }
    }
}

#[test]
fn systemd_is_told_that_it_is_ready_alive_and_stopping() {
    let workspace = Workspace::in_sync(SETTINGS);
    // Readiness is for a first scan that has ended, well or not.
    let config = fs::read_to_string(workspace.config()).unwrap().replace("\"branch\":\"prod\"", "\"branch\":\"gone\"");
    fs::write(workspace.config(), config).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let heard = Heard(UnixDatagram::bind(&path).unwrap());
    heard.0.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let mut run = command(&["run", "--config", workspace.config().to_str().unwrap()]);
    let mut daemon = Running::start(run.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "100000"));
    heard.until("READY=1");
    assert_eq!(heard.until("WATCHDOG=1"), "WATCHDOG=1");
    assert_eq!(heard.until("WATCHDOG=1"), "WATCHDOG=1");
    kill("TERM", daemon.process_id());
    heard.until("STOPPING=1");
    let status = eventually("it ends", || daemon.status());
    assert_eq!(status.code(), Some(0));
}
#[test]
fn a_log_of_json_has_one_event_for_each_fact() {
    let workspace = Workspace::in_sync(SETTINGS);
    let config = workspace.config();
    let arguments = ["--log-format", "json", "run", "--config", config.to_str().unwrap()];
    let mut daemon = Running::start(&mut command(&arguments));
    daemon.await_ready();
    let scans = |metrics: &str| -> String {
        metrics.lines().find(|line| line.starts_with("driftd_last_scan_timestamp_seconds")).unwrap().to_owned()
    };
    let first = scans(&daemon.get("/metrics"));
    workspace.commit(&[("manifest.yaml", &SETTINGS.replace("blue", "red"))]);
    eventually("the drift is seen", || {
        daemon.get("/metrics").contains("driftd_resources{environment=\"prod\",state=\"modified\"} 1\n").then_some(())
    });
    let drifted = scans(&daemon.get("/metrics"));
    assert_ne!(first, drifted);
    eventually("another scan", || (scans(&daemon.get("/metrics")) != drifted).then_some(()));
    workspace.commit(&[("manifest.yaml", SETTINGS)]);
    eventually("the drift is gone", || {
        daemon.get("/metrics").contains("driftd_resources{environment=\"prod\",state=\"modified\"} 0\n").then_some(())
    });
    let log = daemon.end("TERM").stderr;
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let facts = |message: &str| -> Vec<&Value> {
        events.iter().map(|event| &event["fields"]).filter(|fields| fields["message"] == message).collect()
    };
    let appeared = facts("drift appeared");
    assert_eq!(appeared.len(), 1, "{log}");
    for (key, value) in [
        ("environment", "prod"),
        ("object", "v1/ConfigMap default/settings"),
        ("path", "data.colour"),
        ("change", "changed"),
        ("severity", "medium"),
    ] {
        assert_eq!(appeared[0][key], value, "{key} in {log}");
    }
    assert_eq!(facts("drift resolved").len(), 1, "{log}");
    assert_eq!(facts("listening").len(), 1, "{log}");
}
