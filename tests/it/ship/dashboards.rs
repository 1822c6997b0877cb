//! Every query of every dashboard and alert, run by a real Prometheus that scrapes the sample platform's daemon.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::process::Running;
use super::prometheus::Prometheus;
use super::{files, items, path};
use crate::fixture::{command, eventually, program};

/// What Grafana would put in place of variables, longer names first.
const VARIABLES: &[(&str, &str)] = &[
    ("$__rate_interval", "1m"),
    ("$__interval", "15s"),
    ("$__range", "5m"),
    ("${datasource}", "prometheus"),
    ("$datasource", "prometheus"),
    ("$resource_namespace", ".*"),
    ("$resource_kind", ".*"),
    ("$environment", ".*"),
    ("$job", ".*"),
];

fn substituted(query: &str) -> String {
    let text = VARIABLES.iter().fold(query.to_owned(), |text, (name, value)| text.replace(name, value));
    assert!(!text.contains('$'), "a variable is left: {text}");
    text
}

struct Dashboard {
    name: String,
    json: Value,
}

impl Dashboard {
    fn all() -> Vec<Self> {
        let read = |file: &Path| Self {
            name: file.file_name().unwrap().to_str().unwrap().to_owned(),
            json: serde_json::from_slice(&fs::read(file).unwrap()).unwrap(),
        };
        files("dashboards").iter().map(|file| read(file)).collect()
    }

    /// The panels, also those inside collapsed rows.
    fn panels(&self) -> Vec<&Value> {
        let mut panels = Vec::new();
        for panel in items(&self.json["panels"]) {
            panels.push(panel);
            panels.extend(panel["panels"].as_array().into_iter().flatten());
        }
        panels
    }

    fn panel(&self, title: &str) -> &Value {
        let found = self.panels().into_iter().find(|panel| panel["title"] == title);
        found.unwrap_or_else(|| panic!("{} has no panel {title:?}", self.name))
    }
}

/// The queries of a panel, each with whether it is for one instant.
fn queries(panel: &Value) -> Vec<(String, bool)> {
    let targets = panel["targets"].as_array().into_iter().flatten();
    targets.map(|target| (substituted(target["expr"].as_str().unwrap()), target["instant"] == true)).collect()
}

/// The sample platform, and a Prometheus that scrapes it and evaluates the alerts.
fn scraped() -> (Running, Prometheus) {
    let demo = Running::start(command(&["demo"]).env("PATH", program("kustomize").parent().unwrap()));
    demo.await_ready();
    let config = json!({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [path("alerts/driftd.rules.yaml")],
        "scrape_configs": [{"job_name": "driftd", "static_configs": [{"targets": [demo.address().to_string()]}]}],
    });
    let prometheus = Prometheus::start(&config.to_string());
    (demo, prometheus)
}

/// What a panel of Grafana would ask.
fn asked(prometheus: &Prometheus, query: &str, instant: bool) -> Vec<Value> {
    if instant {
        return prometheus.query(query);
    }
    let now = Timestamp::now().as_second();
    let [start, end] = [now - 60, now].map(|time| time.to_string());
    let range = [("query", query), ("start", &start), ("end", &end), ("step", "1")];
    items(&prometheus.api("query_range", &range)["result"]).to_vec()
}

fn values(series: &[Value], label: &str) -> BTreeSet<String> {
    series.iter().map(|one| one["metric"][label].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_panel_shows_the_sample_platform() {
    let (demo, prometheus) = scraped();
    for dashboard in Dashboard::all() {
        for variable in items(&dashboard.json["templating"]["list"]).iter().filter(|one| one["type"] == "query") {
            assert_offers(&prometheus, variable);
        }
        for panel in dashboard.panels() {
            let queries = queries(panel);
            assert!(!queries.is_empty() || panel["type"] == "row", "{}: {}", dashboard.name, panel["title"]);
            for (query, instant) in queries {
                let what = format!("{}: {} has data", dashboard.name, panel["title"]);
                eventually(&what, || (!asked(&prometheus, &query, instant).is_empty()).then_some(()));
            }
        }
    }
    assert_overview(&demo, &prometheus);
    assert_promotion(&demo, &prometheus);
}

/// A variable offers something to choose.
fn assert_offers(prometheus: &Prometheus, variable: &Value) {
    let query = variable["query"]["query"].as_str().unwrap();
    let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
    let (selector, label) = inner.and_then(|inner| inner.rsplit_once(", ")).expect("label_values(selector, label)");
    let selector = substituted(selector);
    eventually(&format!("{} has something to choose", variable["name"]), || {
        let offered = prometheus.api(&format!("label/{label}/values"), &[("match[]", &selector)]);
        (!items(&offered).is_empty()).then_some(())
    });
}

/// The most important panels show what the report says.
fn assert_overview(demo: &Running, prometheus: &Prometheus) {
    let report: Value = serde_json::from_str(&demo.get("/api/v1/report")).unwrap();
    let all = Dashboard::all();
    let overview = all.iter().find(|dashboard| dashboard.json["uid"] == "driftd-overview").unwrap();
    let shown = |title: &str| {
        let (query, _) = queries(overview.panel(title)).remove(0);
        prometheus.query(&query)
    };
    let objects: Vec<&Value> =
        items(&report["environments"]).iter().flat_map(|environment| items(&environment["objects"])).collect();

    for one in shown("Verdict") {
        let environment = items(&report["environments"])
            .iter()
            .find(|environment| environment["name"] == one["metric"]["environment"])
            .unwrap();
        assert_eq!(one["value"][1], items(&environment["objects"]).len().to_string());
    }
    let in_sync = shown("Objects by state").into_iter().find(|one| one["metric"]["state"] == "in_sync").unwrap();
    assert_eq!(in_sync["value"][1], report["summary"]["objects"]["inSync"].to_string());

    let table = shown("Drifted objects");
    assert_eq!(table.len(), objects.len());
    let coordinator = table.iter().find(|row| row["metric"]["resource_name"] == "trino-coordinator").unwrap();
    assert_eq!(coordinator["metric"]["severity"], "critical");

    let images = shown("Images that differ");
    assert!(values(&images, "environment").contains("prod-eu"));
    assert!(values(&images, "desired").is_disjoint(&values(&images, "live")));

    let shares = shown("Declared in Git");
    for environment in items(&report["environments"]) {
        for of in items(&environment["coverage"]) {
            let [declared, undeclared] =
                ["declared", "undeclared"].map(|key| u32::try_from(of[key].as_u64().unwrap()).unwrap());
            let row = shares.iter().find(|row| {
                row["metric"]["environment"] == environment["name"]
                    && row["metric"]["resource_namespace"] == of["namespace"]
            });
            let share: f64 = row.unwrap()["value"][1].as_str().unwrap().parse().unwrap();
            assert!((share - f64::from(declared) / f64::from(declared + undeclared)).abs() < 1e-9, "{of}");
        }
    }
}

/// What the panels of promotion show is what the report says.
fn assert_promotion(demo: &Running, prometheus: &Prometheus) {
    let told: Value = serde_json::from_str(&demo.get("/api/v1/promotions")).unwrap();
    let prod = &told["promotions"][0];
    assert_eq!((&prod["environment"], &prod["state"]), (&json!("prod-eu"), &json!("behind")));
    let all = Dashboard::all();
    let promotion = all.iter().find(|dashboard| dashboard.json["uid"] == "driftd-promotion").unwrap();
    let shown = |title: &str| {
        let (query, _) = queries(promotion.panel(title)).remove(0);
        let series = prometheus.query(&query);
        assert_eq!(values(&series, "promoted_from"), BTreeSet::from(["staging-eu".to_owned()]), "{title}");
        series[0]["value"][1].as_str().unwrap().to_owned()
    };
    assert_eq!(shown("State"), "1");
    assert_eq!(shown("Commits that wait"), prod["behind"].to_string());
    assert_eq!(shown("Commits ahead"), "0");
    assert_eq!(shown("Hotfixes that were not brought back"), "0");
    assert_eq!(shown("Untested combinations"), "0");
    assert_eq!(shown("Fast-forward"), "1");
}

#[test]
fn the_alerts_evaluate_and_fire_for_the_sample_platform() {
    let (_demo, prometheus) = scraped();
    // Rules are evaluated one after another: a look in between sees some of them in their earlier state.
    let expected = [
        ("DriftdManualChange", "firing"),
        ("DriftdDriftDetected", "pending"),
        ("DriftdSecurityDrift", "pending"),
        ("DriftdScanFailing", "inactive"),
        ("DriftdScanStale", "inactive"),
    ];
    eventually("every alert has been evaluated and is in the expected state", || {
        let groups = prometheus.api("rules", &[("type", "alert")]);
        let rules: Vec<Value> =
            items(&groups["groups"]).iter().flat_map(|group| items(&group["rules"])).cloned().collect();
        for rule in &rules {
            assert_ne!(rule["health"], "err", "{rule}");
        }
        let is =
            |(name, state): &(&str, &str)| rules.iter().any(|rule| rule["name"] == *name && rule["state"] == *state);
        (expected.iter().all(is) && rules.iter().all(|rule| rule["health"] == "ok")).then_some(())
    });
    let manual = prometheus.query("ALERTS{alertname=\"DriftdManualChange\", alertstate=\"firing\"}");
    assert!(
        values(&manual, "environment").contains("prod-eu")
            && values(&manual, "instance") == BTreeSet::from([String::new()])
    );
}

#[test]
fn every_panel_tells_what_it_shows_and_in_which_unit() {
    let mut uids = BTreeSet::new();
    for dashboard in Dashboard::all() {
        let name = &dashboard.name;
        let uid = dashboard.json["uid"].as_str().unwrap();
        assert!(uids.insert(uid.to_owned()), "{name}: its uid is another one's");
        assert_eq!(*name, format!("{uid}.json"));
        assert!(items(&dashboard.json["tags"]).contains(&json!("driftd")), "{name}");
        for panel in dashboard.panels().into_iter().filter(|panel| panel["type"] != "row") {
            let title = &panel["title"];
            assert!(panel["description"].as_str().is_some_and(|text| text.ends_with('.')), "{name}: {title}");
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{name}: {title}");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{name}: {title}");
        }
    }
}
