//! What the server and its controllers fill in is nobody's drift; where Git declares it, a change of it is.

use serde_json::json;

use super::{BOTH, How, PERSON, Scene};
use crate::fixture::{Patch, eventually};

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n\
    spec: {type: NodePort, selector: {a: b}, ports: [{port: 80}]}\n";

fn node_port(scene: &Scene) -> u64 {
    scene.live("v1", "Service", "web")["spec"]["ports"][0]["nodePort"].as_u64().expect("allocated")
}

/// A person chooses another port: the first free one.
fn move_node_port(scene: &Scene) {
    let port = node_port(scene);
    let path = scene.namespace.path("v1", "Service", "web");
    let moved = (30_000..32_000).filter(|other| *other != port).any(|other| {
        let other = json!([{"op": "replace", "path": "/spec/ports/0/nodePort", "value": other}]);
        scene.namespace.admin.api().patch(&path, Patch::Json, &other, PERSON).is_ok()
    });
    assert!(moved, "a node port is free");
}

#[test]
fn what_a_service_is_allocated_is_silent() {
    for how in BOTH {
        let scene = Scene::new();
        scene.deploy(how, SERVICE);
        assert!(scene.live("v1", "Service", "web")["spec"]["clusterIP"].is_string());
        scene.assert_silent();
        let report = scene.check().json();
        let owned: Vec<&str> = report["environments"][0]["objects"][0]["controllerOwned"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(serde_json::Value::as_str)
            .collect();
        assert!(
            owned.contains(&"spec.clusterIP") && owned.contains(&"spec.ports[port=80,protocol=TCP].nodePort"),
            "{owned:?}"
        );
        assert_eq!(report["summary"]["controllerOwned"], owned.len());
        assert!(scene.run("text").stdout.contains("controller-owned  spec.clusterIP, "));
    }
}

#[test]
fn a_declared_node_port_that_changed_is_drift() {
    for how in BOTH {
        let scene = Scene::new();
        scene.deploy(how, SERVICE);
        let port = node_port(&scene);
        scene.deploy(how, &SERVICE.replace("port: 80", &format!("port: 80, nodePort: {port}")));
        scene.assert_silent();
        move_node_port(&scene);
        let port = "Service web: spec.ports[port=80,protocol=TCP].nodePort changed by kubectl-edit (manual)";
        scene.assert_findings(&[port]);
    }
}

#[test]
fn a_node_port_that_git_leaves_open_and_a_person_chose_is_drift() {
    let scene = Scene::new();
    scene.deploy(How::ServerSide, SERVICE);
    move_node_port(&scene);
    let port = "Service web: spec.ports[port=80,protocol=TCP].nodePort added by kubectl-edit (manual)";
    scene.assert_findings(&[port]);
}

#[test]
fn a_declared_cluster_ip_that_changed_is_drift() {
    let scene = Scene::new();
    scene.apply(How::ServerSide, SERVICE);
    scene.declare(&SERVICE.replace("type: NodePort", "type: NodePort, clusterIP: None"));
    let ended = scene.check();
    let found = super::findings(&ended.json());
    assert_eq!(found, ["Service web: spec.clusterIP changed by - (unknown)"], "{}", ended.stderr);
}

#[test]
fn a_declared_instance_label_that_changed_is_drift() {
    for how in BOTH {
        let scene = Scene::new();
        let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, labels: {app.kubernetes.io/instance: prod}}\n";
        scene.deploy(how, map);
        let patch = json!({"metadata": {"labels": {"app.kubernetes.io/instance": "other"}}});
        scene.patch(("v1", "ConfigMap", "c"), &patch, PERSON);
        scene.assert_findings(&[
            "ConfigMap c: metadata.labels[\"app.kubernetes.io/instance\"] changed by kubectl-edit (manual)",
        ]);
    }
}

#[test]
fn the_selector_and_labels_of_a_job_are_silent() {
    for how in BOTH {
        let scene = Scene::new();
        scene.deploy(
            how,
            "apiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\nspec:\n  template:\n    \
             spec: {restartPolicy: Never, containers: [{name: once, image: 'busybox:1'}]}\n",
        );
        assert!(scene.live("batch/v1", "Job", "once")["spec"]["selector"].is_object());
        scene.assert_silent();
    }
}

#[test]
fn the_token_secret_of_a_service_account_is_silent() {
    for how in BOTH {
        let scene = Scene::with_controllers();
        scene.deploy(
            how,
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: robot}\n---\napiVersion: v1\nkind: Secret\n\
             metadata: {name: robot-token, annotations: {kubernetes.io/service-account.name: robot}}\n\
             type: kubernetes.io/service-account-token\n",
        );
        eventually("the tokens controller fills the Secret", || {
            scene.live("v1", "Secret", "robot-token")["data"]["token"].as_str().map(drop)
        });
        scene.assert_silent();
    }
}

#[test]
fn the_labels_and_finalizers_of_a_namespace_are_silent_and_a_persons_label_is_drift() {
    for how in BOTH {
        let scene = Scene::with_controllers();
        let name = format!("{}-declared", scene.namespace.name);
        scene.deploy(
            how,
            &format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{team: a}}}}\n"),
        );
        assert!(scene.live("v1", "Namespace", &name)["spec"]["finalizers"].is_array());
        scene.assert_silent();
        let label = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}});
        scene.patch(("v1", "Namespace", &name), &label, PERSON);
        scene.assert_findings(&[&format!(
            "Namespace {name}: metadata.labels[\"pod-security.kubernetes.io/enforce\"] added by kubectl-edit (manual)"
        )]);
    }
}

#[test]
fn a_bound_claim_is_silent_and_one_that_a_person_resized_is_drift() {
    for how in BOTH {
        let scene = Scene::with_controllers();
        let name = scene.namespace.name.clone();
        scene.deploy(
            how,
            &format!(
                "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {name}}}\nprovisioner: example.org/none\n\
                 allowVolumeExpansion: true\n---\napiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: {name}}}\n\
                 spec: {{capacity: {{storage: 1Gi}}, accessModes: [ReadWriteOnce], hostPath: {{path: /tmp/none}}, \
                 storageClassName: {name}}}\n---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data}}\n\
                 spec: {{accessModes: [ReadWriteOnce], storageClassName: {name}, resources: {{requests: {{storage: 1Gi}}}}}}\n"
            ),
        );
        eventually("the claim is bound", || {
            (scene.live("v1", "PersistentVolumeClaim", "data")["status"]["phase"] == "Bound").then_some(())
        });
        scene.assert_silent();
        let size = json!({"spec": {"resources": {"requests": {"storage": "2Gi"}}}});
        scene.patch(("v1", "PersistentVolumeClaim", "data"), &size, PERSON);
        scene.assert_findings(&[
            "PersistentVolumeClaim data: spec.resources.requests.storage changed by kubectl-edit (manual)",
        ]);
    }
}

#[test]
fn a_volume_and_a_claim_that_git_binds_to_each_other_are_silent() {
    for how in BOTH {
        let scene = Scene::with_controllers();
        let name = scene.namespace.name.clone();
        scene.deploy(
            how,
            &format!(
                "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: {name}}}\n\
                 spec: {{capacity: {{storage: 1Gi}}, accessModes: [ReadWriteOnce], hostPath: {{path: /tmp/none}}, \
                 storageClassName: '', claimRef: {{namespace: {name}, name: data}}}}\n---\n\
                 apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data}}\nspec: {{accessModes: [ReadWriteOnce], \
                 storageClassName: '', volumeName: {name}, resources: {{requests: {{storage: 512Mi}}}}}}\n"
            ),
        );
        eventually("the claim is bound", || {
            (scene.live("v1", "PersistentVolumeClaim", "data")["status"]["phase"] == "Bound").then_some(())
        });
        assert!(scene.live("v1", "PersistentVolume", &name)["spec"]["claimRef"]["uid"].is_string());
        scene.assert_silent();
    }
}

#[test]
fn the_claim_templates_of_a_stateful_set_are_silent() {
    for how in BOTH {
        let scene = Scene::with_controllers();
        scene.deploy(
            how,
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n  serviceName: db\n  \
             selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    \
             spec: {containers: [{name: db, image: 'mysql:8', volumeMounts: [{name: data, mountPath: /data}]}]}\n  \
             volumeClaimTemplates:\n  - metadata: {name: data, creationTimestamp: null}\n    \
             spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}\n",
        );
        eventually("the controller makes the claim", || {
            let path = scene.namespace.path("v1", "PersistentVolumeClaim", "data-db-0");
            scene.namespace.admin.api().get(&path).ok().map(drop)
        });
        scene.assert_silent();
    }
}

#[test]
fn both_names_of_a_mirrored_pair_are_one_field() {
    for how in BOTH {
        let scene = Scene::new();
        let account = |field: &str| deployment_with(&format!("{field}: robot"));
        scene.deploy(how, &account("serviceAccountName"));
        scene.assert_silent();
        scene.declare(&account("serviceAccount"));
        scene.assert_silent();
        let claim = |field: &str| {
            format!(
                "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data}}\nspec:\n  \
                 accessModes: [ReadWriteOnce]\n  resources: {{requests: {{storage: 1Gi}}}}\n  \
                 {field}: {{kind: PersistentVolumeClaim, name: other}}\n"
            )
        };
        let scene = Scene::new();
        scene.deploy(how, &claim("dataSource"));
        assert!(scene.live("v1", "PersistentVolumeClaim", "data")["spec"]["dataSourceRef"].is_object());
        scene.assert_silent();
        scene.declare(&claim("dataSourceRef"));
        scene.assert_silent();
    }
}

fn deployment_with(field: &str) -> String {
    super::deployment("").replace("spec: {containers", &format!("spec: {{{field}, containers"))
}

#[test]
fn the_rules_of_an_aggregated_cluster_role_are_the_controllers() {
    for (how, declared) in [(How::ClientSide, ""), (How::ServerSide, ""), (How::ClientSide, "rules: []\n")] {
        let scene = Scene::with_controllers();
        let name = scene.namespace.name.clone();
        scene.deploy(
            how,
            &format!(
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {name}}}\n{declared}\
                 aggregationRule: {{clusterRoleSelectors: [{{matchLabels: {{into: {name}}}}}]}}\n---\n\
                 apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n\
                 metadata: {{name: {name}-part, labels: {{into: {name}}}}}\n\
                 rules: [{{apiGroups: [''], resources: [pods], verbs: [get]}}]\n"
            ),
        );
        eventually("the rules are aggregated", || {
            let role = scene.live("rbac.authorization.k8s.io/v1", "ClusterRole", &name);
            role["rules"].as_array().is_some_and(|rules| !rules.is_empty()).then_some(())
        });
        scene.assert_silent();
    }
}

#[test]
fn rules_that_an_aggregated_cluster_role_declares_have_no_effect_and_are_no_drift() {
    let scene = Scene::with_controllers();
    let name = scene.namespace.name.clone();
    scene.deploy(
        How::ClientSide,
        &format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {name}}}\n\
             rules: [{{apiGroups: [''], resources: [nodes], verbs: [get]}}]\n\
             aggregationRule: {{clusterRoleSelectors: [{{matchLabels: {{into: {name}}}}}]}}\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n\
             metadata: {{name: {name}-part, labels: {{into: {name}}}}}\n\
             rules: [{{apiGroups: [''], resources: [pods], verbs: [get]}}]\n"
        ),
    );
    let role = ("rbac.authorization.k8s.io/v1", "ClusterRole", name.as_str());
    eventually("the rules are replaced", || {
        (scene.live(role.0, role.1, role.2)["rules"][0]["resources"] == json!(["pods"])).then_some(())
    });
    scene.assert_silent();
}

#[test]
fn what_admission_gives_a_pod_is_silent_and_a_persons_toleration_is_drift() {
    for how in BOTH {
        let scene = Scene::new();
        let limits = json!({
            "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "limits"},
            "spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "100m"}}]},
        });
        scene.namespace.create(&limits, "tests").expect("the LimitRange is valid");
        let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: p, image: 'nginx:1'}]}\n";
        scene.deploy(how, pod);
        let live = scene.live("v1", "Pod", "p");
        let limit = &live["spec"]["containers"][0]["resources"]["limits"]["cpu"];
        assert_eq!((limit, live["spec"]["tolerations"].is_array()), (&json!("1"), true), "admission acted");
        scene.assert_silent();
        let path = scene.namespace.path("v1", "Pod", "p");
        let toleration = json!([{"op": "add", "path": "/spec/tolerations/-", "value": {"operator": "Exists"}}]);
        scene.namespace.admin.api().patch(&path, Patch::Json, &toleration, PERSON).expect("tolerations may be added");
        scene.assert_findings(&["Pod p: spec.tolerations added by kubectl-edit (manual)"]);
    }
}
