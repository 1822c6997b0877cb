//! The same object declared by two environments of one cluster: both say so, in a check and in the daemon.

use std::fs;

use serde_json::Value;

use super::process::Running;
use crate::fixture::{ControlPlane, GitRepository, Kubeconfig, Namespace, command, driftd, eventually};

const SHARED: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\n";

/// Two environments of one cluster and a third of another: qa declares the object in its second line.
fn configure(namespace: &Namespace, other: &Kubeconfig, repository: &GitRepository) -> tempfile::TempDir {
    repository.commit("prod", &[("prod.yaml", SHARED)]);
    repository.commit("qa", &[("qa.yaml", &format!("# the same\n{SHARED}"))]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let environment = |name: &str, branch: &str, cluster: &str| {
        format!(
            "  - {{name: {name}, repository: r, branch: {branch}, cluster: {cluster}, namespace: {}}}\n",
            namespace.name
        )
    };
    let text = format!(
        "interval: 1s\nhttp: {{listen: '127.0.0.1:0'}}\nclusters:\n  - {{name: local, kubeconfig: {}}}\n  - {{name: other, kubeconfig: {}}}\n\
         repositories: [{{name: r, url: {}}}]\nenvironments:\n{}{}{}",
        namespace.admin.path().display(),
        other.path().display(),
        repository.path().display(),
        environment("prod", "prod", "local"),
        environment("qa", "qa", "local"),
        environment("elsewhere", "prod", "other"),
    );
    fs::write(folder.path().join("driftd.yaml"), text).expect("the folder is writable");
    folder
}

/// Every warning with its environment.
fn warnings(report: &Value) -> Vec<String> {
    let mut told = Vec::new();
    for environment in report["environments"].as_array().expect("environments") {
        for object in environment["objects"].as_array().expect("objects") {
            for warning in object["warnings"].as_array().into_iter().flatten() {
                let [name, message] =
                    [&environment["name"], &warning["message"]].map(|word| word.as_str().expect("text"));
                let message = message.split_once(": whichever").expect("what it means").0;
                told.push(format!("{name} {} {message}", object["name"].as_str().expect("a name")));
            }
        }
    }
    told
}

const TOLD: [&str; 2] = [
    "prod shared is declared by environment `qa` as well, at qa.yaml:2",
    "qa shared is declared by environment `prod` as well, at prod.yaml:1",
];

#[test]
fn an_object_of_two_environments_on_one_cluster_is_told_in_both() {
    let namespace = ControlPlane::shared().namespace("shared");
    namespace.admin.server_side_apply(SHARED, "kustomize-controller");
    let repository = GitRepository::new();
    let folder = configure(&namespace, ControlPlane::shared().admin(), &repository);
    let config = folder.path().join("driftd.yaml");
    let config = config.to_str().expect("UTF-8");
    let ended = driftd(&["check", "--config", config, "-o", "json", "--all"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(warnings(&ended.json()), TOLD);
    let text = driftd(&["check", "--config", config]).stdout;
    assert!(text.contains("warning  the object  is declared by environment `qa` as well, at qa.yaml:2"), "{text}");
    assert!(text.contains("warning  the object  is declared by environment `prod` as well, at prod.yaml:1"), "{text}");

    let daemon = Running::start(&mut command(&["run", "--config", config]));
    daemon.await_ready();
    eventually("the page tells it", || {
        let page = daemon.get("/");
        TOLD.iter().all(|told| page.contains(told.split_once("shared ").expect("a message").1)).then_some(())
    });
}
