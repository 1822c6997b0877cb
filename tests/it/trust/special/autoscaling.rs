//! Replicas belong to whoever scales: silent inside an autoscaler's range, drift outside it.

use serde_json::json;

use super::{BOTH, How, Scene, deployment};
use crate::fixture::{ControlPlane, Rule, eventually};

const HPA: &str = "HorizontalPodAutoscaler";
const WEB: (&str, &str, &str) = ("apps/v1", "Deployment", "web");
const SCALED: &str = "Deployment web: spec.replicas changed by kubectl (manual)";

/// A `HorizontalPodAutoscaler` of Deployment web, as Git or KEDA writes it.
fn autoscaler(api_version: &str, name: &str, range: &str) -> String {
    format!(
        "apiVersion: {api_version}\nkind: HorizontalPodAutoscaler\nmetadata: {{name: {name}}}\n\
         spec: {{scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}, {range}}}\n"
    )
}

#[test]
fn replicas_inside_the_live_range_are_silent_and_outside_it_are_drift() {
    for how in BOTH {
        let scene = Scene::new();
        let hpa = autoscaler("autoscaling/v2", "web", "minReplicas: 2, maxReplicas: 5");
        scene.deploy(how, &format!("{}---\n{hpa}", deployment("replicas: 3")));
        for silent in [3, 2, 5] {
            scene.scale(WEB, silent);
            scene.assert_silent();
        }
        for drift in [1, 6] {
            scene.scale(WEB, drift);
            scene.assert_changes(&["Deployment web: spec.replicas changed"]);
        }
    }
}

#[test]
fn a_range_without_a_minimum_begins_at_one_in_either_version() {
    for version in ["autoscaling/v1", "autoscaling/v2"] {
        let scene = Scene::new();
        let hpa = autoscaler(version, "web", "maxReplicas: 5");
        scene.deploy(How::ClientSide, &format!("{}---\n{hpa}", deployment("replicas: 3")));
        scene.scale(WEB, 1);
        scene.assert_silent();
        scene.scale(WEB, 0);
        scene.assert_changes(&["Deployment web: spec.replicas changed"]);
    }
}

#[test]
fn an_autoscaler_of_another_namespace_kind_or_name_explains_nothing() {
    let scene = Scene::new();
    scene.deploy(How::ServerSide, &deployment("replicas: 3"));
    scene.scale(WEB, 4);
    let hpa = autoscaler("autoscaling/v2", "web", "maxReplicas: 5");
    ControlPlane::shared().namespace("elsewhere").admin.server_side_apply(&hpa, "keda-operator");
    for wrong in [
        hpa.replace("kind: Deployment", "kind: StatefulSet"),
        hpa.replace("apps/v1", "example.org/v1"),
        hpa.replace("name: web}, max", "name: other}, max"),
    ] {
        scene.namespace.admin.server_side_apply_by_force(&wrong, "keda-operator");
        scene.assert_findings(&[SCALED]);
    }
    scene.namespace.admin.server_side_apply_by_force(&hpa, "keda-operator");
    scene.assert_silent();
}

#[test]
fn an_autoscaler_that_keda_made_and_git_does_not_declare_explains_replicas_too() {
    for how in BOTH {
        let scene = Scene::new();
        scene.deploy(how, &deployment("replicas: 3"));
        let hpa = autoscaler("autoscaling/v2", "keda-hpa-web", "minReplicas: 1, maxReplicas: 9");
        scene.namespace.admin.server_side_apply(&hpa, "keda-operator");
        scene.scale(WEB, 9);
        scene.assert_silent();
        scene.scale(WEB, 10);
        scene.assert_changes(&["Deployment web: spec.replicas changed"]);
    }
}

#[test]
fn the_horizontal_controller_scales_silently() {
    let scene = Scene::with_controllers();
    let hpa = autoscaler("autoscaling/v2", "web", "minReplicas: 4, maxReplicas: 5");
    scene.deploy(How::ServerSide, &format!("{}---\n{hpa}", deployment("replicas: 3")));
    eventually("the controller raises the replicas to the minimum", || {
        (scene.live(WEB.0, WEB.1, WEB.2)["spec"]["replicas"] == 4).then_some(())
    });
    scene.assert_silent();
}

#[test]
fn autoscalers_that_may_not_be_listed_are_no_gap_and_explain_nothing() {
    let scene = Scene::new();
    scene.deploy(How::ServerSide, &deployment("replicas: 3"));
    let hpa = autoscaler("autoscaling/v2", "web", "maxReplicas: 9");
    scene.namespace.admin.server_side_apply(&hpa, "keda-operator");
    let rule = Rule::namespaced(&scene.namespace.name, &["apps"], &["deployments"], &["get", "list", "watch"]);
    let user = ControlPlane::shared().user(&[rule]);
    let silent = scene.run_as(user.path(), "json");
    assert_eq!((super::findings(&silent.json()), silent.code), (vec![], Some(0)), "{}", silent.stderr);
    scene.scale(WEB, 5);
    scene.assert_silent();
    let ended = scene.run_as(user.path(), "json");
    assert_eq!(super::findings(&ended.json()), [SCALED], "{}", ended.stderr);
    assert_eq!((&ended.json()["environments"][0]["gaps"], ended.code), (&json!([]), Some(1)), "{}", ended.stderr);
}

#[test]
fn replicas_that_git_omits_and_nobody_owns_are_drift_unless_they_are_one_or_scaled() {
    let scene = Scene::new();
    scene.deploy(How::ServerSide, &deployment(""));
    scene.assert_silent();
    scene.scale(WEB, 5);
    let live = scene.live(WEB.0, WEB.1, WEB.2);
    let owners = live["metadata"]["managedFields"].to_string().matches("f:replicas").count();
    assert_eq!((&live["spec"]["replicas"], owners), (&json!(5), 0), "the trap is there: no owner");
    scene.assert_findings(&["Deployment web: spec.replicas added by - (unknown)"]);
    let hpa = autoscaler("autoscaling/v2", "web", "maxReplicas: 9");
    scene.namespace.admin.server_side_apply(&hpa, "keda-operator");
    scene.assert_silent();
    scene.scale(WEB, 10);
    scene.assert_findings(&["Deployment web: spec.replicas added by - (unknown)"]);
    scene.scale(WEB, 1);
    scene.assert_silent();
}

/// Defines a kind well enough for its objects to be kept.
fn define(scene: &Scene, group: &str, version: &str, kind: &str) {
    let plural = format!("{}s", kind.to_lowercase());
    let crd = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
         metadata: {{name: {plural}.{group}, annotations: {{api-approved.kubernetes.io: 'unapproved, for a test'}}}}\n\
         spec:\n  group: {group}\n  scope: Namespaced\n  names: {{plural: {plural}, kind: {kind}}}\n  versions:\n  \
         - {{name: {version}, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object, \
         x-kubernetes-preserve-unknown-fields: true}}}}}}\n"
    );
    scene.namespace.admin.client_side_apply(&crd);
    let api = scene.namespace.admin.api();
    eventually("the new kind is served", || api.get(&format!("/apis/{group}/{version}/{plural}")).ok().map(drop));
}

#[test]
fn keda_scales_to_nothing_silently_and_a_pause_holds_the_replicas() {
    let scene = Scene::new();
    define(&scene, "keda.sh", "v1alpha1", "ScaledObject");
    let keda = |annotation: &str, spec: &str| {
        format!(
            "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: web, annotations: {{{annotation}}}}}\n\
             spec: {{scaleTargetRef: {{name: web}}, {spec}}}\n"
        )
    };
    let hpa = autoscaler("autoscaling/v2", "keda-hpa-web", "minReplicas: 1, maxReplicas: 4");
    let range = keda("", "minReplicaCount: 0, maxReplicaCount: 4");
    scene.deploy(How::ServerSide, &format!("{}---\n{range}", deployment("replicas: 2")));
    scene.namespace.admin.server_side_apply(&hpa, "keda-operator");
    for silent in [0, 1, 4] {
        scene.scale(WEB, silent);
        scene.assert_silent();
    }
    scene.scale(WEB, 5);
    scene.assert_changes(&["Deployment web: spec.replicas changed"]);
    // Paused, KEDA takes its autoscaler away.
    scene
        .namespace
        .admin
        .api()
        .delete(&scene.namespace.path("autoscaling/v2", HPA, "keda-hpa-web"))
        .expect("it is there");
    let paused = keda("autoscaling.keda.sh/paused-replicas: '5'", "minReplicaCount: 0, maxReplicaCount: 4");
    scene.deploy(How::ServerSide, &format!("{}---\n{paused}", deployment("replicas: 5")));
    scene.declare(&format!("{}---\n{paused}", deployment("replicas: 2")));
    scene.assert_silent();
    scene.scale(WEB, 3);
    scene.assert_changes(&["Deployment web: spec.replicas changed"]);
    let never = keda("", "minReplicaCount: 1, maxReplicaCount: 4");
    scene.deploy(How::ServerSide, &format!("{}---\n{never}", deployment("replicas: 2")));
    scene.scale(WEB, 0);
    scene.assert_changes(&["Deployment web: spec.replicas changed"]);
}

#[test]
fn a_vertical_autoscaler_that_acts_owns_requests_and_limits() {
    let scene = Scene::new();
    define(&scene, "autoscaling.k8s.io", "v1", "VerticalPodAutoscaler");
    let git = deployment("").replace("image: 'nginx:1'", "image: 'nginx:1', resources: {requests: {cpu: 100m}}");
    scene.deploy(How::ServerSide, &git);
    let patch = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "web", "image": "nginx:1", "resources": {"requests": {"cpu": "300m", "memory": "1Gi"}}}
    ]}}}});
    scene.patch(WEB, &patch, "vpa-updater");
    let requests = "Deployment web: spec.template.spec.containers[name=web].resources.requests.cpu changed by vpa-updater (controller)";
    scene.assert_findings(&[requests]);
    for (mode, expected) in [("Off", &[requests][..]), ("Initial", &[requests]), ("Auto", &[]), ("Recreate", &[])] {
        let vpa = format!(
            "apiVersion: autoscaling.k8s.io/v1\nkind: VerticalPodAutoscaler\nmetadata: {{name: web}}\nspec: \
             {{targetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}, updatePolicy: {{updateMode: '{mode}'}}}}\n"
        );
        scene.namespace.admin.server_side_apply(&vpa, "tests");
        scene.assert_findings(expected);
    }
}
