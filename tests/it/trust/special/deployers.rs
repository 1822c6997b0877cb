//! What deployers and controllers write beside Git's fields, and a person's hand between theirs.

use serde_json::{Value, json};

use super::{BOTH, DEPLOYER, How, PERSON, Scene, deployment};

const WEB: (&str, &str, &str) = ("apps/v1", "Deployment", "web");
const MAP: (&str, &str, &str) = ("v1", "ConfigMap", "c");
const COLOUR: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {colour: blue}\n";

#[test]
fn tracking_labels_and_annotations_of_deployers_are_silent() {
    for (deployer, metadata) in [
        ("argocd-controller", json!({"annotations": {"argocd.argoproj.io/tracking-id": "x:/ConfigMap:n/c"}})),
        ("argocd-controller", json!({"labels": {"app.kubernetes.io/instance": "platform"}})),
        ("kustomize-controller", json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "platform"}})),
        (
            "helm",
            json!({"labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": {"meta.helm.sh/release-name": "r"}}),
        ),
        (
            "fleetagent",
            json!({"labels": {"objectset.rio.cattle.io/hash": "0"}, "annotations": {"objectset.rio.cattle.io/id": "x"}}),
        ),
        ("kapp", json!({"labels": {"kapp.k14s.io/app": "1", "kapp.k14s.io/association": "v1.x"}})),
        ("our-ci", json!({"labels": {"applyset.kubernetes.io/part-of": "applyset-x"}})),
    ] {
        let scene = Scene::new();
        scene.declare(COLOUR);
        let mut object =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"colour": "blue"}});
        object["metadata"]["name"] = "c".into();
        scene.namespace.admin.server_side_apply(&object.to_string(), deployer);
        if deployer != "our-ci" {
            scene.assert_silent();
        }
    }
}

#[test]
fn the_label_that_kapp_puts_into_selectors_and_templates_is_silent_and_a_persons_is_not() {
    let scene = Scene::new();
    let git = deployment("replicas: 1");
    scene.declare(&git);
    let marked = git.replace("{a: b}", "{a: b, kapp.k14s.io/app: '17'}");
    scene.namespace.admin.server_side_apply(&marked, "kapp-server-side-apply");
    scene.assert_silent();
    scene.patch(WEB, &json!({"spec": {"template": {"metadata": {"labels": {"team": "x"}}}}}), PERSON);
    scene.assert_findings(&["Deployment web: spec.template.metadata.labels.team added by kubectl-edit (manual)"]);
}

#[test]
fn annotations_and_owners_that_controllers_write_are_silent() {
    for how in BOTH {
        let scene = Scene::with_controllers();
        scene.deploy(how, &deployment("replicas: 1"));
        crate::fixture::eventually("the controller annotates the Deployment", || {
            let live = scene.live(WEB.0, WEB.1, WEB.2);
            live["metadata"]["annotations"]["deployment.kubernetes.io/revision"].as_str().map(drop)
        });
        scene.assert_silent();
        let scene = Scene::new();
        scene.deploy(how, COLOUR);
        scene.patch(MAP, &json!({"metadata": {"ownerReferences": [owner()]}}), "platform-operator");
        scene.assert_silent();
    }
}

fn owner() -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "8c1ee5dc-0000-4000-8000-000000000000"})
}

#[test]
fn owners_that_a_person_adds_are_drift() {
    let scene = Scene::new();
    scene.deploy(How::ServerSide, COLOUR);
    scene.patch(MAP, &json!({"metadata": {"ownerReferences": [owner()]}}), PERSON);
    scene.assert_findings(&["ConfigMap c: metadata.ownerReferences added by kubectl-edit (manual)"]);
}

#[test]
fn a_rollout_restart_is_a_manual_and_low_finding_at_its_annotation() {
    for how in BOTH {
        let scene = Scene::new();
        scene.deploy(how, &deployment("replicas: 1"));
        let restarted = scene.namespace.admin.kubectl(&["rollout", "restart", "deployment/web"], "");
        assert!(restarted.status.success(), "{}", String::from_utf8_lossy(&restarted.stderr));
        let ended = scene.check();
        let finding = &ended.json()["environments"][0]["objects"][0]["findings"][0];
        assert_eq!(finding["path"], "spec.template.metadata.annotations[\"kubectl.kubernetes.io/restartedAt\"]");
        assert_eq!((&finding["origin"], &finding["severity"]), (&json!("manual"), &json!("low")), "{finding}");
        assert_eq!(super::findings(&ended.json()).len(), 1);
    }
}

#[test]
fn an_apply_by_hand_on_another_deployers_object_is_a_persons() {
    let scene = Scene::new();
    scene.deploy(How::ServerSide, COLOUR);
    let by_hand = COLOUR.replace("colour: blue", "colour: blue, shape: round");
    scene.namespace.admin.client_side_apply(&by_hand);
    scene.assert_findings(&["ConfigMap c: data.shape added by kubectl-client-side-apply (manual)"]);
}

#[test]
fn what_the_last_declaration_had_and_git_has_no_more_is_stale() {
    for (how, manager) in [(How::ClientSide, "kubectl-client-side-apply"), (How::ServerSide, DEPLOYER)] {
        let scene = Scene::new();
        scene.apply(how, &COLOUR.replace("colour: blue", "colour: blue, shape: round"));
        scene.declare(COLOUR);
        scene.assert_findings(&[&format!("ConfigMap c: data.shape added by {manager} (stale)")]);
    }
}

#[test]
fn after_a_replace_by_hand_the_annotation_no_longer_speaks_for_the_deployer() {
    let scene = Scene::new();
    scene.deploy(How::ClientSide, COLOUR);
    let mut live = scene.live(MAP.0, MAP.1, MAP.2);
    live["data"]["shape"] = "round".into();
    let path = scene.namespace.path(MAP.0, MAP.1, MAP.2);
    scene.namespace.admin.api().put(&path, &live, "kubectl-replace").expect("the object is valid");
    scene.assert_findings(&["ConfigMap c: data.shape added by kubectl-replace (manual)"]);
}
