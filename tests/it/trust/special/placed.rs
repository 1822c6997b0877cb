//! Where objects are looked for, and what manifests that were exported from a cluster say in vain.

use std::fs;

use serde_json::{Value, json};

use super::{BOTH, How, PERSON, Scene};
use crate::fixture::{Patch, driftd};

#[test]
fn a_cluster_scoped_object_loses_a_stray_namespace_and_others_get_the_environments() {
    let scene = Scene::new();
    let name = &scene.namespace.name;
    let role = |metadata: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {name}{metadata}}}\nrules: []\n---\n\
             apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\n"
        )
    };
    scene.apply(How::ClientSide, &role(""));
    scene.declare(&role(", namespace: nowhere"));
    scene.assert_silent();
}

#[test]
fn a_manifest_that_was_exported_from_a_cluster_is_silent() {
    for how in BOTH {
        let scene = Scene::new();
        let plain = super::deployment("replicas: 2");
        scene.apply(how, &plain);
        let live = scene.live("apps/v1", "Deployment", "web");
        assert!(live["status"].is_object() && live["metadata"]["managedFields"].is_array());
        scene.declare(&live.to_string());
        scene.assert_silent();
    }
}

#[test]
fn declared_owners_that_changed_are_drift() {
    let scene = Scene::new();
    let owner =
        |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": format!("uid-of-{name}")});
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "ownerReferences": [owner("a")]}});
    scene.deploy(How::ServerSide, &map.to_string());
    scene.assert_silent();
    let path = scene.namespace.path("v1", "ConfigMap", "c");
    let removed = json!([{"op": "remove", "path": "/metadata/ownerReferences"}]);
    scene.namespace.admin.api().patch(&path, Patch::Json, &removed, PERSON).expect("owners may go");
    scene.assert_findings(&["ConfigMap c: metadata.ownerReferences removed by - (unknown)"]);
}

#[test]
fn an_object_that_two_environments_declare_on_one_cluster_is_told_at_both() {
    let scene = Scene::new();
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\ndata: {a: b}\n";
    scene.deploy(How::ServerSide, map);
    scene.repository.commit("other", &[("copy.yaml", map)]);
    let environment = |name: &str, branch: &str| {
        format!(
            "- {{name: {name}, repository: platform, branch: {branch}, path: '.', cluster: local, namespace: {}}}\n",
            scene.namespace.name
        )
    };
    let text = format!(
        "clusters: [{{name: local, kubeconfig: {}}}]\nrepositories: [{{name: platform, url: {}}}]\nenvironments:\n{}{}",
        scene.namespace.admin.path().display(),
        scene.repository.path().display(),
        environment("first", "prod"),
        environment("second", "other"),
    );
    let file = scene.folder.path().join("two.yaml");
    fs::write(&file, text).expect("the folder is writable");
    let check = |format: &str, all: &[&str]| {
        driftd(&[&["check", "--config", file.to_str().expect("UTF-8"), "-o", format], all].concat())
    };
    let ended = check("json", &["--all"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let message = |index: usize| ended.json()["environments"][index]["objects"][0]["warnings"][0]["message"].clone();
    let says = |message: Value, part: &str| message.as_str().is_some_and(|text| text.contains(part));
    assert!(says(message(0), "environment `second` as well, at copy.yaml:1"), "{}", message(0));
    assert!(says(message(1), "environment `first` as well, at all.yaml:1"), "{}", message(1));
    let text = check("text", &[]);
    assert!(text.stdout.contains("is declared by environment `second` as well"), "{}", text.stdout);
}

#[test]
fn a_node_that_git_declares_in_part_is_silent_while_its_condition_comes_and_goes() {
    for how in BOTH {
        let scene = Scene::new();
        let name = scene.namespace.name.clone();
        let node = format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {{pool: trino}}}}\n\
             spec: {{taints: [{{key: pool, value: trino, effect: NoSchedule}}]}}\n"
        );
        scene.deploy(how, &node);
        let taints = scene.live("v1", "Node", &name)["spec"]["taints"].as_array().map(Vec::len);
        assert_eq!(taints, Some(2), "admission says that the Node is not ready");
        scene.assert_silent();
        let mut labels = json!({"metadata": {"labels": {"kubernetes.io/os": "linux"}}});
        scene.patch(("v1", "Node", &name), &labels, "kubelet");
        scene.assert_silent();
        labels = json!({"metadata": {"labels": {"pool": "hive"}}});
        scene.patch(("v1", "Node", &name), &labels, PERSON);
        scene.assert_findings(&[&format!("Node {name}: metadata.labels.pool changed by kubectl-edit (manual)")]);
    }
}
