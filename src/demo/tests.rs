//! The sample platform, unpacked and scanned, shows no value of its Secrets.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::config::Renderer;
use crate::pipeline::Pipeline;
use crate::report::EnvironmentReport;

/// The environments that need no program of the machine.
fn scan() -> BTreeMap<String, EnvironmentReport> {
    let folder = tempfile::tempdir().unwrap();
    let config = unpack(folder.path()).unwrap();
    let pipeline = Pipeline::new(&config).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let scan = |environment| runtime.block_on(pipeline.scan(environment));
    let plain = config.environments.iter().filter(|environment| environment.renderer == Renderer::Plain);
    plain.map(|environment| (environment.name.clone(), scan(environment))).collect()
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
