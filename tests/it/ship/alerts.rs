//! The alerts: promtool accepts and runs them, and each leads on to what helps.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{documents, files, items, path, read};
use crate::fixture::{program, promtool, run};

/// The alerts for everybody, and those that are off unless their file is loaded.
const RULES: [&str; 2] = ["alerts/driftd.rules.yaml", "alerts/driftd-optional.rules.yaml"];

fn alerts() -> Vec<Value> {
    let groups = RULES.iter().flat_map(|file| items(&documents(&read(file)).remove(0)["groups"]).to_vec());
    let rules = groups.flat_map(|group| items(&group["rules"]).to_vec());
    rules.filter(|rule| rule["alert"].is_string()).collect()
}

fn passes(arguments: &[&str], file: &Path) {
    let arguments: Vec<_> = arguments.iter().copied().chain([file.to_str().unwrap()]).collect();
    let output = promtool(&arguments, "");
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{}:\n{told}", file.display());
}

#[test]
fn promtool_accepts_the_rules() {
    for file in RULES {
        passes(&["check", "rules", "--lint-fatal"], &path(file));
    }
}

#[test]
fn every_alert_has_a_test_and_every_test_passes() {
    let tests = files("alerts/tests");
    for test in &tests {
        passes(&["test", "rules"], test);
    }
    let tested: Vec<_> = tests.iter().map(|test| test.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let mut named: Vec<_> = alerts().iter().map(|alert| alert["alert"].as_str().unwrap().to_owned()).collect();
    named.sort();
    assert_eq!(named, tested);
}

#[test]
fn every_alert_tells_how_severe_it_is_and_where_to_look() {
    let runbooks = read("docs/runbooks.md");
    let dashboards = dashboard_uids();
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        let severity = alert["labels"]["severity"].as_str().unwrap_or_default();
        assert!(["critical", "warning", "info"].contains(&severity), "{name}: severity {severity:?}");
        let annotation =
            |key: &str| alert["annotations"][key].as_str().unwrap_or_else(|| panic!("{name} has no {key}"));
        let summary = annotation("summary");
        assert!(!summary.contains("{{") && summary.ends_with('.'), "{name}: the summary is one fixed sentence");
        assert!(annotation("description").ends_with('.'), "{name}");
        let anchor = annotation("runbook_url").rsplit(['/', '#']).next().unwrap_or_default();
        let headed = |line: &str| line.strip_prefix("## ").is_some_and(|heading| heading.eq_ignore_ascii_case(anchor));
        assert!(anchor.eq_ignore_ascii_case(name) && runbooks.lines().any(headed), "{name}: no section {anchor:?}");
        let dashboard =
            annotation("dashboard_url").split(['?', '/']).find(|part| dashboards.contains(&(*part).to_owned()));
        assert!(dashboard.is_some(), "{name}: no such dashboard: {}", annotation("dashboard_url"));
    }
}

fn dashboard_uids() -> Vec<String> {
    let dashboards = files("dashboards").into_iter().map(|file| std::fs::read(file).unwrap());
    let uid = |text: Vec<u8>| serde_json::from_slice::<Value>(&text).unwrap()["uid"].as_str().unwrap().to_owned();
    dashboards.map(uid).collect()
}

/// The sample route.
const ROUTE: &str = "alerts/alertmanager.yaml";

fn amtool(arguments: &[&str]) -> (bool, String) {
    let output = run(Command::new(program("amtool")).args(arguments), "");
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), told)
}

#[test]
fn amtool_accepts_the_sample_route_and_leads_every_alert_where_its_severity_belongs() {
    let file = path(ROUTE);
    let file = file.to_str().unwrap();
    let (accepted, told) = amtool(&["check-config", file]);
    assert!(accepted, "{told}");
    for (severity, receiver) in [("critical", "pager"), ("warning", "chat"), ("info", "nobody")] {
        let verify = format!("--verify.receivers={receiver}");
        let labels = [format!("severity={severity}"), "environment=prod".to_owned()];
        let config = format!("--config.file={file}");
        let (leads, told) = amtool(&["config", "routes", "test", &config, &verify, &labels[0], &labels[1]]);
        assert!(leads, "{severity}: {told}");
    }
}

#[test]
fn what_is_stale_keeps_back_every_alert_on_drift_and_no_rule_names_an_alert_that_does_not_exist() {
    let route = documents(&read(ROUTE)).remove(0);
    let rules = documents(&read(RULES[0])).remove(0);
    let names = |group: &Value| -> Vec<String> {
        items(&group["rules"]).iter().map(|rule| rule["alert"].as_str().unwrap().to_owned()).collect()
    };
    let all: Vec<String> = items(&rules["groups"]).iter().flat_map(names).collect();
    let alerts_in = |matchers: &Value| -> Vec<String> {
        let words = items(matchers).iter().flat_map(|matcher| matcher.as_str().unwrap().split(['"', '|']));
        words.filter(|word| word.starts_with("Driftd") && !word.ends_with('*')).map(str::to_owned).collect()
    };
    for rule in items(&route["inhibit_rules"]) {
        for name in [alerts_in(&rule["source_matchers"]), alerts_in(&rule["target_matchers"])].concat() {
            assert!(all.contains(&name), "{name} is no alert");
        }
    }
    let stale = &items(&route["inhibit_rules"])[0];
    assert!(alerts_in(&stale["source_matchers"]).contains(&"DriftdScanStale".to_owned()));
    let kept_back = alerts_in(&stale["target_matchers"]);
    let of_drift = names(items(&rules["groups"]).iter().find(|group| group["name"] == "driftd-drift").unwrap());
    for name in of_drift.iter().filter(|name| *name != "DriftdIgnoreRuleExpired") {
        assert!(kept_back.contains(name), "{name} is not kept back");
    }
}
