//! Objects that several environments declare on one cluster: each deployment undoes the other's.

use std::collections::HashMap;

use super::EnvironmentReport;
use crate::drift::model::{FieldPath, KindKey, Position, Warning};

/// An object of a cluster, whatever its version.
type Shared = (String, (KindKey, Option<String>, String));

/// Warns at every object that another environment declares as well.
pub(super) fn warn(environments: &mut [EnvironmentReport]) {
    if environments.len() < 2 {
        return;
    }
    let mut declared: HashMap<Shared, Vec<(usize, Position)>> = HashMap::new();
    for (index, environment) in environments.iter().enumerate() {
        for object in &environment.objects {
            if let Some(source) = &object.source {
                let of = (environment.cluster.clone(), object.key.identity());
                declared.entry(of).or_default().push((index, source.clone()));
            }
        }
    }
    declared.retain(|_, places| places.len() > 1);
    if declared.is_empty() {
        return;
    }
    let names: Vec<String> = environments.iter().map(|environment| environment.name.clone()).collect();
    for (index, environment) in environments.iter_mut().enumerate() {
        let cluster = environment.cluster.clone();
        for object in &mut environment.objects {
            let Some(source) = object.source.clone() else { continue };
            let places = declared.get(&(cluster.clone(), object.key.identity())).into_iter().flatten();
            let others = places.filter(|(other, _)| *other != index);
            let warnings = others.map(|(other, place)| Warning {
                path: FieldPath::root(),
                message: format!(
                    "is declared by environment `{}` as well, at {place}: whichever is deployed last wins; declare it in one of them",
                    names[*other]
                ),
                source: source.clone(),
            });
            object.warnings.splice(0..0, warnings);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::{EnvironmentReport, Identity, Report};
    use crate::drift::model::{Assessment, State};
    use crate::report::sample::object;

    fn environment(name: &str, cluster: &str, file_line: u32) -> EnvironmentReport {
        let [repository, branch] = ["platform", "main"].map(str::to_owned);
        let identity = Identity { name: name.to_owned(), repository, branch, cluster: cluster.to_owned() };
        let objects = vec![object(State::InSync, ("v1", "Service"), "trino", file_line)];
        let times = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        EnvironmentReport::new(identity, None, Assessment { objects, gaps: Vec::new() }, times)
    }

    fn told(environments: Vec<EnvironmentReport>) -> Vec<Vec<String>> {
        let report = Report::new(environments).unwrap();
        let messages = |environment: &EnvironmentReport| {
            environment.objects[0].warnings.iter().map(|warning| warning.message.clone()).collect()
        };
        report.environments.iter().map(messages).collect()
    }

    #[test]
    fn an_object_of_two_environments_on_one_cluster_is_told_at_both() {
        let told = told(vec![environment("a", "prod", 3), environment("b", "prod", 7), environment("c", "test", 9)]);
        assert_eq!(told.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 0]);
        assert!(told[0][0].starts_with("is declared by environment `b` as well, at trino/coordinator.yaml:7: "));
        assert!(told[1][0].starts_with("is declared by environment `a` as well, at trino/coordinator.yaml:3: "));
    }
}
