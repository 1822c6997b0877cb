//! The same object declared by several environments of one cluster: their deployments overwrite each other.

use std::collections::HashMap;

use super::EnvironmentReport;
use crate::drift::model::{FieldPath, KindKey, Position, Warning};

/// A cluster, and an object in it.
type Place<'a> = (&'a str, (KindKey, Option<String>, String));

/// Adds a warning to every object that another environment of the same cluster declares, too.
pub(super) fn warn(environments: &mut [EnvironmentReport]) {
    if environments.len() < 2 {
        return;
    }
    for (environment, object, warning) in warnings(environments) {
        // About the object as a whole, they stand before those about its fields.
        environments[environment].objects[object].warnings.insert(0, warning);
    }
}

/// Each warning with the indices of its environment and object.
fn warnings(environments: &[EnvironmentReport]) -> Vec<(usize, usize, Warning)> {
    let mut first: HashMap<Place<'_>, Vec<(usize, usize)>> = HashMap::new();
    for (index, environment) in environments.iter().enumerate() {
        let declared = environment.objects.iter().enumerate().filter(|(_, object)| object.source.is_some());
        for (at, object) in declared {
            first.entry((&environment.cluster, object.key.identity())).or_default().push((index, at));
        }
    }
    let shared = first.into_values().filter(|places| places.len() > 1);
    let mut found = Vec::new();
    for places in shared {
        for own in &places {
            for other in places.iter().filter(|other| *other != own) {
                found.extend(warning(environments, *own, *other).map(|warning| (own.0, own.1, warning)));
            }
        }
    }
    // Maps have no order, and an object may have several warnings: the last comes to stand first.
    found.sort_by(|left, right| (left.0, left.1, &right.2.message).cmp(&(right.0, right.1, &left.2.message)));
    found
}

fn warning(environments: &[EnvironmentReport], own: (usize, usize), other: (usize, usize)) -> Option<Warning> {
    let source = |(environment, object): (usize, usize)| -> Option<&Position> {
        environments.get(environment)?.objects.get(object)?.source.as_ref()
    };
    let message = format!(
        "is declared by environment {}, too, at {}: on cluster {} it can be what only one of them says; remove it from \
         the other",
        environments.get(other.0)?.name,
        source(other)?,
        environments.get(own.0)?.cluster,
    );
    Some(Warning { path: FieldPath::root(), message, source: source(own)?.clone() })
}

#[cfg(test)]
mod tests {
    use super::super::sample::{at, identity, object};
    use super::super::{EnvironmentReport, Identity, Report};
    use crate::drift::model::{Assessment, ObjectAssessment, State};

    fn environment(name: &str, cluster: &str, objects: Vec<ObjectAssessment>) -> EnvironmentReport {
        let identity = Identity { cluster: cluster.into(), ..identity(name) };
        let now = at("2026-11-21T10:00:00Z");
        EnvironmentReport::new(identity, None, Assessment { objects, gaps: Vec::new() }, (now, now))
    }

    fn service(line: u32) -> ObjectAssessment {
        object(State::InSync, ("v1", "Service"), "trino", line)
    }

    fn warnings(report: &Report, environment: usize) -> Vec<String> {
        let objects = &report.environments[environment].objects;
        let all = objects.iter().flat_map(|object| &object.warnings);
        all.map(|warning| format!("{} {}", warning.source, warning.message)).collect()
    }

    #[test]
    fn an_object_of_two_environments_is_told_in_both_with_the_place_in_the_other() {
        let report =
            Report::new(vec![environment("a", "eu", vec![service(1)]), environment("b", "eu", vec![service(7)])])
                .unwrap();
        let told = |own: u32, name: &str, other: u32| {
            format!(
                "trino/coordinator.yaml:{own} is declared by environment {name}, too, at trino/coordinator.yaml:{other}: \
                 on cluster eu it can be what only one of them says; remove it from the other"
            )
        };
        assert_eq!(warnings(&report, 0), [told(1, "b", 7)]);
        assert_eq!(warnings(&report, 1), [told(7, "a", 1)]);
    }

    #[test]
    fn another_cluster_another_name_and_an_object_that_nobody_declares_are_no_clash() {
        let undeclared = ObjectAssessment { source: None, state: State::Extra, ..service(1) };
        let other = object(State::InSync, ("v1", "Service"), "other", 1);
        let report = Report::new(vec![
            environment("a", "eu", vec![service(1)]),
            environment("b", "us", vec![service(1)]),
            environment("c", "eu", vec![other, undeclared]),
        ])
        .unwrap();
        assert!((0..3).all(|environment| warnings(&report, environment).is_empty()));
    }
}
