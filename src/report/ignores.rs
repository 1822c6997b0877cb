//! Ignore rules for exactly what a report holds, as configuration to paste.

use std::collections::BTreeSet;
use std::io;

use serde_json::Value;

use super::{EnvironmentReport, Report};
use crate::drift::model::{ObjectAssessment, PathPattern};

/// Writes the key `ignore` of a configuration with a rule for each object that drifts; `ignore: []` where none does.
///
/// # Errors
/// What `out` answers.
pub fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let drifts = |environment: &EnvironmentReport| environment.objects.iter().any(|object| object.state.is_drift());
    if !report.environments.iter().any(drifts) {
        return writeln!(out, "ignore: []");
    }
    writeln!(out, "ignore:")?;
    for environment in &report.environments {
        for object in environment.objects.iter().filter(|object| object.state.is_drift()) {
            write_rule(&environment.name, object, out)?;
        }
    }
    Ok(())
}

fn write_rule(environment: &str, object: &ObjectAssessment, out: &mut dyn io::Write) -> io::Result<()> {
    let key = &object.key;
    writeln!(out, "  - match:")?;
    writeln!(out, "      environment: {}", quoted(environment))?;
    writeln!(out, "      apiVersion: {}", quoted(&key.type_key.api_version()))?;
    writeln!(out, "      kind: {}", quoted(&key.type_key.kind))?;
    if let Some(namespace) = &key.namespace {
        writeln!(out, "      namespace: {}", quoted(namespace))?;
    }
    writeln!(out, "      name: {}", quoted(&key.name))?;
    if !object.findings.is_empty() {
        writeln!(out, "    paths:")?;
        for finding in &object.findings {
            writeln!(out, "      - {}", quoted(&PathPattern::exact(&finding.path).to_string()))?;
        }
    }
    writeln!(out, "    reason: {}", quoted(&reason(object)))
}

/// What is known of the drift, for somebody to complete.
fn reason(object: &ObjectAssessment) -> String {
    let managers: BTreeSet<&str> =
        object.findings.iter().filter_map(|finding| Some(finding.manager.as_ref()?.name.as_str())).collect();
    let origin = object.origin.map_or(String::new(), |origin| format!(", origin {origin}"));
    let by = match managers.len() {
        0 => String::new(),
        _ => format!(" by {}", managers.into_iter().collect::<Vec<_>>().join(", ")),
    };
    format!("{}{by}{origin}; say why that is accepted", object.state)
}

/// Text in quotes: JSON's are YAML's.
fn quoted(text: &str) -> Value {
    Value::from(text)
}
