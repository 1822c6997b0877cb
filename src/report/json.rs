//! The report as JSON, the form that scripts rely on.

use std::io;

use super::{EnvironmentReport, Listing, Report};
use crate::drift::model::ObjectAssessment;

/// Writes the report as indented JSON with a newline at its end; the same report gives the same bytes.
///
/// # Errors
/// What `out` answers.
pub fn write(report: &Report, listing: Listing, out: &mut dyn io::Write) -> io::Result<()> {
    match listing {
        Listing::All => serde_json::to_writer_pretty(&mut *out, report)?,
        Listing::OutOfSync => serde_json::to_writer_pretty(&mut *out, &without_in_sync(report))?,
    }
    out.write_all(b"\n")
}

/// The report with what it lists; its counts stay those of all objects.
fn without_in_sync(report: &Report) -> Report {
    let environments = report.environments.iter().map(|environment| EnvironmentReport {
        objects: environment.out_of_sync().map(without_details).collect(),
        name: environment.name.clone(),
        repository: environment.repository.clone(),
        branch: environment.branch.clone(),
        revision: environment.revision.clone(),
        cluster: environment.cluster.clone(),
        rendering: environment.rendering.clone(),
        complete: environment.complete,
        summary: environment.summary.clone(),
        gaps: environment.gaps.clone(),
        ignored: environment.ignored.clone(),
        coverage: environment.coverage.clone(),
        events: environment.events.clone(),
        started_at: environment.started_at,
        finished_at: environment.finished_at,
    });
    Report {
        environments: environments.collect(),
        schema_version: report.schema_version,
        version: report.version,
        started_at: report.started_at,
        finished_at: report.finished_at,
        complete: report.complete,
        summary: report.summary.clone(),
        promotions: report.promotions.clone(),
    }
}

fn without_details(object: &ObjectAssessment) -> ObjectAssessment {
    ObjectAssessment { suppressed: Vec::new(), controller_owned: Vec::new(), ..object.clone() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::sample;
    use super::*;

    fn written(listing: Listing) -> Value {
        let mut bytes = Vec::new();
        write(&sample::report(), listing, &mut bytes).unwrap();
        assert!(bytes.ends_with(b"}\n"));
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn the_report_has_the_form_of_the_contract() {
        let report = written(Listing::OutOfSync);
        assert_eq!(report["schemaVersion"], 1);
        assert_eq!(report["startedAt"], "2026-11-21T10:00:00Z");
        assert_eq!(report["finishedAt"], "2026-11-21T10:00:01Z");
        assert_eq!(report["complete"], false);
        assert_eq!(
            report["summary"]["objects"],
            json!({"inSync": 2, "modified": 2, "missing": 1, "extra": 0, "unknown": 1})
        );
        assert_eq!(report["summary"]["bySeverity"]["critical"], 1);
        let prod = &report["environments"][0];
        assert_eq!(
            prod["gaps"][0],
            json!({"stage": "list", "scope": "v1/Secret in trino", "reason": "forbidden",
                   "message": "secrets is forbidden; grant `list` on it"})
        );
        assert_eq!(
            prod["objects"][1],
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "namespace": "trino", "name": "trino-coordinator",
                "state": "modified", "since": "2026-11-21T09:12:44Z",
                "category": "image", "severity": "critical", "origin": "manual",
                "source": {"file": "trino/coordinator.yaml", "line": 1},
                "findings": [{
                    "id": "9f2c000000000000",
                    "path": "spec.template.spec.containers[name=trino].image",
                    "pointer": "/spec/template/spec/containers/0/image",
                    "change": "changed",
                    "desired": "trinodb/trino:476", "live": "trinodb/trino:470",
                    "image": {
                        "differs": ["tag"], "age": "older",
                        "desired": {"registry": "docker.io", "name": "trinodb/trino", "tag": "476"},
                        "live": {"registry": "docker.io", "name": "trinodb/trino", "tag": "470"},
                    },
                    "category": "image", "severity": "critical", "origin": "manual",
                    "manager": {"name": "kubectl-edit", "operation": "Update", "time": "2026-11-21T09:12:44Z"},
                    "source": {"file": "trino/coordinator.yaml", "line": 27},
                }, prod["objects"][1]["findings"][1]],
            })
        );
    }

    #[test]
    fn objects_in_sync_are_listed_only_when_all_are_asked_for() {
        let count = |listing| written(listing)["environments"][0]["objects"].as_array().unwrap().len();
        assert_eq!(count(Listing::OutOfSync), 4);
        assert_eq!(count(Listing::All), 5);
    }
}
