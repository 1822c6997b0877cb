//! What living clusters have is there and acts.

use serde_json::{Value, json};

use crate::fixture::{ADD_LABEL, ControlPlane, Namespace, Patch, REWRITE_REGISTRY};

#[test]
fn the_server_is_of_the_pinned_version() {
    let version = ControlPlane::shared().admin().api().get("/version").unwrap();
    let pinned = include_str!("../../controlplane/kubernetes/go.mod");
    let release = version["gitVersion"].as_str().unwrap();
    let required = |line: &str| line.split_whitespace().eq(["k8s.io/kubernetes", release]);
    assert!(pinned.lines().any(required), "{version}");
    let [major, minor] = [&version["major"], &version["minor"]].map(|part| part.as_str().unwrap());
    assert!(release.starts_with(&format!("v{major}.{minor}.")), "{version}");
}

#[test]
fn default_classes_are_written_into_objects_that_name_none() {
    let namespace = ControlPlane::shared().namespace("classes");
    let claim = created(
        &namespace,
        &json!({
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }),
    );
    assert_eq!(claim["spec"]["storageClassName"], "standard");
    let ingress = created(
        &namespace,
        &json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "web"},
            "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
        }),
    );
    assert_eq!(ingress["spec"]["ingressClassName"], "standard");
}

#[test]
fn a_policy_labels_objects_of_namespaces_that_ask_for_it() {
    let plane = ControlPlane::shared();
    let labels = |namespace: &Namespace| {
        let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}});
        created(namespace, &settings)["metadata"]["labels"].clone()
    };
    let labelled = plane.namespace_with("labelled", &[ADD_LABEL]);
    assert_eq!(labels(&labelled), json!({"policy.example.com/cost-centre": "platform"}));
    assert_eq!(labels(&plane.namespace("plain")), Value::Null);
}

#[test]
fn a_policy_rewrites_registries_in_namespaces_that_ask_for_it() {
    let plane = ControlPlane::shared();
    let images = |namespace: &Namespace| {
        let deployment = created(
            namespace,
            &json!({
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "web"},
                "spec": {
                    "selector": {"matchLabels": {"app": "web"}},
                    "template": {"metadata": {"labels": {"app": "web"}}, "spec": {
                        "initContainers": [{"name": "migrate", "image": "docker.io/example/migrate:1"}],
                        "containers": [
                            {"name": "web", "image": "docker.io/example/web:1"},
                            {"name": "proxy", "image": "registry.example/proxy:1"},
                        ],
                    }},
                },
            }),
        );
        let spec = &deployment["spec"]["template"]["spec"];
        let image = |container: &Value| container["image"].as_str().unwrap().to_owned();
        [image(&spec["initContainers"][0]), image(&spec["containers"][0]), image(&spec["containers"][1])]
    };
    assert_eq!(
        images(&plane.namespace_with("mirrored", &[REWRITE_REGISTRY])),
        ["mirror.example/example/migrate:1", "mirror.example/example/web:1", "registry.example/proxy:1"]
    );
    assert_eq!(
        images(&plane.namespace("unmirrored")),
        ["docker.io/example/migrate:1", "docker.io/example/web:1", "registry.example/proxy:1"]
    );
}

#[test]
fn a_structural_custom_resource_merges_lists_by_their_keys() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("structural");
    let api = plane.admin().api();
    let path = namespace.path("data.example.com/v1", "Catalog", "sales");
    let tables = |table: Value| {
        json!({
            "apiVersion": "data.example.com/v1",
            "kind": "Catalog",
            "metadata": {"name": "sales"},
            "spec": {"connector": "postgresql", "tables": [table]},
        })
    };
    let orders = tables(json!({"schema": "public", "name": "orders"}));
    let catalog = api.patch(&path, Patch::Apply, &orders, "first").unwrap();
    assert_eq!(catalog["spec"]["cacheTtl"], "5m");
    let invoices = tables(json!({"schema": "public", "name": "invoices", "readOnly": false}));
    let catalog = api.patch(&path, Patch::Apply, &invoices, "second").unwrap();
    assert_eq!(
        catalog["spec"]["tables"],
        json!([
            {"schema": "public", "name": "orders", "readOnly": true},
            {"schema": "public", "name": "invoices", "readOnly": false},
        ])
    );
}

#[test]
fn a_free_form_custom_resource_keeps_any_field_and_has_atomic_lists() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("free-form");
    let api = plane.admin().api();
    let path = namespace.path("data.example.com/v1alpha1", "Pipeline", "daily");
    let body = json!({
        "apiVersion": "data.example.com/v1alpha1",
        "kind": "Pipeline",
        "metadata": {"name": "daily"},
        "spec": {"steps": [{"name": "load", "anything": [1, 2]}]},
    });
    let pipeline = api.patch(&path, Patch::Apply, &body, "first").unwrap();
    assert_eq!(pipeline["spec"], body["spec"]);
    let owned = &pipeline["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:steps"];
    assert_eq!(owned, &json!({}));
}

fn created(namespace: &Namespace, object: &Value) -> Value {
    namespace.create(object, "tests").unwrap()
}
