//! The configurations that ship are valid.

use super::path;
use crate::fixture::driftd;

fn validated(relative: &str) {
    let file = path(relative);
    let ended = driftd(&["config", "validate", "--config", file.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("is valid"), "{}", ended.stdout);
}

#[test]
fn the_example_is_valid() {
    validated("config/driftd.example.yaml");
}

#[test]
fn the_configuration_of_the_deployment_is_valid() {
    validated("deploy/driftd.yaml");
}

#[test]
fn the_configuration_of_the_sample_is_valid() {
    validated("demo/driftd.yaml");
}
