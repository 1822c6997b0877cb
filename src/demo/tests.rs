//! The sample platform, unpacked and scanned, holds exactly the drift that `demo/expected.yaml` lists.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::pipeline::Pipeline;
use crate::report::EnvironmentReport;
use crate::yaml::{self, Budget};

const EXPECTED: &str = include_str!("../../demo/expected.yaml");

fn scan() -> BTreeMap<String, EnvironmentReport> {
    let folder = tempfile::tempdir().unwrap();
    let config = unpack(folder.path()).unwrap();
    let pipeline = Pipeline::new(&config).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let scan = |environment| runtime.block_on(pipeline.scan(environment));
    config.environments.iter().map(|environment| (environment.name.clone(), scan(environment))).collect()
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
fn the_sample_holds_the_drift_that_it_lists() {
    let expected = yaml::documents(EXPECTED.as_bytes(), &Budget::default()).remove(0).map(|document| document.value);
    let expected = expected.unwrap();
    for (name, report) in scan() {
        assert_eq!(report.gaps, [], "{name}");
        let found = json!(report.out_of_sync().collect::<Vec<_>>());
        assert_eq!(lines(&found), lines(&expected[&name]), "{name}");
    }
}

#[test]
fn no_value_of_a_sample_secret_is_in_the_report() {
    let secrets =
        CLUSTERS.dirs().filter_map(|cluster| cluster.get_file(cluster.path().join("secrets.yaml"))?.contents_utf8());
    let dumps: String = secrets.collect();
    let values: Vec<&str> = dumps
        .lines()
        .filter_map(|line| line.trim().split_once(": "))
        .map(|(_, value)| value)
        .filter(|value| value.len() > 12 && !value.contains([' ', '"', ':', '-', '/']))
        .collect();
    assert!(values.len() > 5, "the dumps hold values");
    let report = json!(scan().into_values().collect::<Vec<_>>()).to_string();
    let leaked: Vec<_> = values.iter().filter(|value| report.contains(**value) && !value.contains('.')).collect();
    assert!(leaked.is_empty(), "{} of {} values", leaked.len(), values.len());
}
