//! What ships beside the code, against the real programs that read it: deployment, rules, dashboards, configuration.

mod alerts;
mod config;
mod daemon;
mod dashboards;
mod demo;
mod deployment;
mod environments;
mod history;
mod honesty;
mod lifecycle;
mod process;
mod prometheus;
mod readme;
mod reload;
mod secured;
mod soak;
mod workspace;

use std::fs;
use std::path::PathBuf;

use driftd::yaml::{self, Budget};
use serde_json::Value;

/// A path of the repository.
fn path(relative: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// A file of the repository as text.
fn read(relative: &str) -> String {
    fs::read_to_string(path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// The files of a folder of the repository, in order.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(path(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} is empty");
    files
}

/// The documents of a YAML stream.
fn documents(text: &str) -> Vec<Value> {
    yaml::documents(text.as_bytes(), &Budget::default())
        .into_iter()
        .map(|document| document.expect("the YAML is valid").value)
        .collect()
}

/// The items of a JSON list.
#[track_caller]
fn items(list: &Value) -> &[Value] {
    list.as_array().unwrap_or_else(|| panic!("{list} is no list"))
}
