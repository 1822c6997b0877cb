//! The configurations that ship are valid.

use super::path;
use super::process::driftd;
use crate::fixture::run;

fn validated(relative: &str) {
    let file = path(relative);
    let output = run(&mut driftd(&["config", "validate", "--config", file.to_str().unwrap()]), "");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8(output.stdout).unwrap().contains("is valid"));
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
