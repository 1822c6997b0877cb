//! Objects that live without a manifest: found where they carry the deployer's mark, or in the environment's namespaces.

use std::fs;

use serde_json::{Value, json};

use crate::fixture::{ControlPlane, GitRepository, Namespace, driftd};

/// What Git declares.
const DECLARED: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: declared}\n";

/// A `ConfigMap` that carries the mark of a deployer which runs under the name of the namespace.
fn marked(namespace: &Namespace, name: &str, metadata: &Value) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name,
        "labels": {"kustomize.toolkit.fluxcd.io/name": namespace.name}}});
    for (key, value) in metadata.as_object().expect("a mapping") {
        object["metadata"][key] = value.clone();
    }
    object
}

/// The environment's report, with `extras` as named.
fn report(namespace: &Namespace, repository: &GitRepository, which: &str) -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("driftd.yaml");
    let text = format!(
        "extras: {which}\nclusters: [{{name: local, kubeconfig: {}}}]\nrepositories: [{{name: r, url: {}}}]\n\
         environments: [{{name: prod, repository: r, branch: prod, cluster: local, namespace: {}}}]\n",
        namespace.admin.path().display(),
        repository.path().display(),
        namespace.name
    );
    fs::write(&config, text).expect("the folder is writable");
    let ended = driftd(&["check", "--config", config.to_str().expect("UTF-8"), "-o", "json"]);
    let report = ended.json();
    assert_eq!(report["complete"], true, "{}", ended.stdout);
    let environment = report["environments"][0].clone();
    let objects = environment["objects"].as_array().expect("objects");
    assert_eq!(ended.code, Some(i32::from(!objects.is_empty())));
    environment
}

/// The extra objects, with their origin.
fn extras(namespace: &Namespace, repository: &GitRepository, which: &str) -> Vec<String> {
    let report = report(namespace, repository, which);
    let objects = report["objects"].as_array().expect("objects");
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    assert!(objects.iter().all(|object| object["state"] == "extra"), "{objects:?}");
    objects.iter().map(|object| format!("{} {}", word(&object["name"]), word(&object["origin"]))).collect()
}

#[test]
fn extra_objects_are_found_by_the_deployers_mark_or_in_the_namespace() {
    let namespace = ControlPlane::shared().namespace("extras");
    let repository = GitRepository::new();
    repository.commit("prod", &[("a.yaml", DECLARED)]);
    let deployer = "kustomize-controller";
    namespace.create(&marked(&namespace, "declared", &json!({})), deployer).expect("created");
    assert_eq!(extras(&namespace, &repository, "tracked"), [""; 0]);

    namespace.create(&marked(&namespace, "left-behind", &json!({})), deployer).expect("created");
    let owner = json!({"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "declared", "uid": "1"}]});
    namespace.create(&marked(&namespace, "made-by-a-controller", &owner), "kube-controller-manager").expect("created");
    let of_the_cluster = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt"}});
    namespace.create(&of_the_cluster, "kube-controller-manager").expect("created");
    let by_hand = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "by-hand"}});
    namespace.create(&by_hand, "kubectl-create").expect("created");

    assert_eq!(extras(&namespace, &repository, "tracked"), ["left-behind stale"]);
    assert_eq!(extras(&namespace, &repository, "namespace"), ["left-behind stale", "by-hand manual"]);
    assert_eq!(extras(&namespace, &repository, "off"), [""; 0]);
}

#[test]
fn coverage_counts_what_lives_in_the_namespace_with_and_without_a_manifest() {
    let namespace = ControlPlane::shared().namespace("coverage");
    let repository = GitRepository::new();
    let missing = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: missing}\n";
    repository.commit("prod", &[("a.yaml", &format!("{DECLARED}{missing}"))]);
    namespace.create(&marked(&namespace, "declared", &json!({})), "kustomize-controller").expect("created");
    namespace.create(&marked(&namespace, "left-behind", &json!({})), "kustomize-controller").expect("created");
    let owner = json!({"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "declared", "uid": "1"}]});
    namespace.create(&marked(&namespace, "made-by-a-controller", &owner), "kube-controller-manager").expect("created");
    for (kind, name) in [("ConfigMap", "kube-root-ca.crt"), ("ConfigMap", "by-hand"), ("ServiceAccount", "by-hand")] {
        let object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
        namespace.create(&object, "kubectl-create").expect("created");
    }
    let covered = |which: &str| report(&namespace, &repository, which)["coverage"].clone();
    let expected = |kinds: &str, undeclared: u32| json!([{"namespace": namespace.name, "kinds": kinds, "declared": 1, "undeclared": undeclared}]);
    // Of ConfigMaps and Secrets, which Git declares here: left-behind and one made by hand.
    assert_eq!(covered("off"), expected("declared", 2));
    assert_eq!(covered("tracked"), expected("declared", 2));
    // Of every kind: the ServiceAccount, too.
    assert_eq!(covered("namespace"), expected("all", 3));
}
