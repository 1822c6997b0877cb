//! The second opinion: what the API server's dry-run says beside driftd's own comparison, and what it takes to ask.

use std::path::Path;

use serde_json::{Value, json};

use super::{DEPLOYER, How, PERSON, Scene, deployment, findings};
use crate::agreement::{Dispute, class_of};
use crate::fixture::{ControlPlane, Ended, Kubeconfig, Patch, REWRITE_REGISTRY, Rule, canary, eventually};

const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {level: info, mode: safe}\n";
const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{name: http, port: 80}]}\n";
const READ: [&str; 3] = ["get", "list", "watch"];

fn secret(name: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{p: {}}}\n", canary(name))
}

fn ask(scene: &Scene, kubeconfig: &Path, format: &str) -> Ended {
    scene.run_with(kubeconfig, "", &["-o", format, "--strategy", "server", "--log-level", "trace"])
}

/// What the dry-run says of each object: kind and its word.
fn opinions(ended: &Ended) -> Vec<String> {
    let report = ended.json();
    let objects = report["environments"][0]["objects"].as_array().expect("objects").iter();
    let word = |object: &Value| match object["dryRun"]["comparedLocally"]["reason"].as_str() {
        Some(reason) => format!("{} {reason}", object["kind"].as_str().expect("text")),
        None => format!("{} {}", object["kind"].as_str().expect("text"), object["dryRun"]["disagreements"]),
    };
    objects.map(word).collect()
}

/// The reader of `scene`'s namespace with `more` verbs, and the name under which the API server knows it.
fn reader(scene: &Scene, more: &[&str]) -> (Kubeconfig, String) {
    let verbs = [&READ, more].concat();
    let namespace = scene.namespace.name.as_str();
    let rules = [
        Rule::namespaced(namespace, &[""], &["configmaps", "secrets", "services"], &verbs),
        Rule::namespaced(namespace, &["apps"], &["deployments"], &verbs),
        Rule::namespaced(namespace, &["autoscaling"], &["horizontalpodautoscalers"], &READ),
    ];
    let user = ControlPlane::shared().user(&rules);
    let file = user.path().file_stem().and_then(|name| name.to_str()).expect("UTF-8");
    let name = file.strip_prefix("kube-system-").expect("where users live").to_owned();
    (user, name)
}

#[test]
fn without_the_strategy_nothing_but_reads_is_sent_and_without_the_right_the_server_refuses_to_try() {
    let scene = Scene::new();
    scene.deploy(How::ServerSide, &format!("{SETTINGS}---\n{}---\n{}", secret("read only"), deployment("replicas: 2")));
    scene.patch(("v1", "ConfigMap", "settings"), &json!({"data": {"level": "debug"}}), PERSON);
    let (user, name) = reader(&scene, &[]);
    let plain = scene.run_as(user.path(), "json");
    assert_eq!(findings(&plain.json()), ["ConfigMap settings: data.level changed by kubectl-edit (manual)"]);
    assert_eq!((plain.json()["complete"].clone(), plain.code), (json!(true), Some(1)), "{}", plain.stderr);
    assert!(plain.json()["summary"].get("dryRun").is_none() && !plain.stdout.contains("dryRun"));
    let requests = ControlPlane::shared().requests_of(&name);
    assert!(requests.len() > 5, "{requests:?}");
    for (verb, address) in requests {
        let own_rights = verb == "create" && address.contains("/selfsubjectaccessreviews");
        assert!(READ.contains(&verb.as_str()) || own_rights, "{verb} {address}");
    }

    let asked = ask(&scene, user.path(), "json");
    assert_eq!(opinions(&asked), ["ConfigMap forbidden", "Deployment forbidden", "Secret forbidden"]);
    assert_eq!((findings(&asked.json()), asked.code), (findings(&plain.json()), plain.code), "{}", asked.stderr);
    let told = &asked.json()["environments"][0]["objects"][1]["dryRun"]["comparedLocally"]["message"];
    assert!(
        told.as_str().is_some_and(|text| text.contains("verb patch on deployments in the API group \"apps\"")),
        "{told}"
    );
    let tried = ControlPlane::shared().requests_of(&name).into_iter().filter(|(verb, _)| verb == "patch");
    let tried: Vec<String> = tried.map(|(_, address)| address).collect();
    assert_eq!(tried.len(), 3, "{tried:?}");
    assert!(tried.iter().all(|address| address.contains("?dryRun=All&force=true&")), "{tried:?}");
}

#[test]
fn with_the_right_to_patch_the_server_agrees_and_nothing_is_written() {
    for how in [How::ClientSide, How::ServerSide] {
        let scene = Scene::new();
        scene.deploy(how, &format!("{SETTINGS}---\n{}---\n{}", secret("agreed"), deployment("replicas: 2")));
        let (user, _) = reader(&scene, &["patch"]);
        let silent = ask(&scene, user.path(), "json");
        assert_eq!(opinions(&silent), ["ConfigMap []", "Deployment []", "Secret []"], "{}", silent.stdout);
        assert_eq!(silent.code, Some(0), "{}", silent.stderr);
        scene.patch(("v1", "ConfigMap", "settings"), &json!({"data": {"level": "debug", "mode": null}}), PERSON);
        scene.patch(("v1", "Secret", "s"), &json!({"stringData": {"p": canary("agreed, edited")}}), PERSON);
        let before = scene.live("v1", "ConfigMap", "settings");
        let exact = ask(&scene, user.path(), "json");
        assert_eq!(opinions(&exact), ["ConfigMap []", "Deployment []", "Secret []"], "{}", exact.stdout);
        assert_eq!(findings(&exact.json()).len(), 3, "{}", exact.stdout);
        assert_eq!(exact.json()["summary"]["dryRun"], json!({"agreed": 3, "disagreed": 0, "comparedLocally": 0}));
        assert_eq!(scene.live("v1", "ConfigMap", "settings"), before);
    }
}

#[test]
fn what_the_server_calls_invalid_is_compared_locally_and_nothing_else_is_lost() {
    let scene = Scene::new();
    scene.deploy(How::ServerSide, &format!("{SERVICE}---\n{SETTINGS}"));
    let moved = json!([{"op": "replace", "path": "/spec/ports/0/port", "value": 81}]);
    let path = scene.namespace.path("v1", "Service", "web");
    scene.namespace.admin.api().patch(&path, Patch::Json, &moved, PERSON).expect("the edit is valid");
    let ended = ask(&scene, scene.namespace.admin.path(), "json");
    assert_eq!(opinions(&ended), ["ConfigMap []", "Service invalid"], "{}", ended.stdout);
    let expected = [
        "Service web: spec.ports[port=80,protocol=TCP] removed by - (manual)",
        "Service web: spec.ports[port=81,protocol=TCP] added by kubectl-edit (manual)",
    ];
    assert_eq!(findings(&ended.json()), expected);
    let text = ask(&scene, scene.namespace.admin.path(), "text").stdout;
    assert!(text.contains("compared locally (invalid): ") && text.contains("spec.ports["), "{text}");
    assert!(text.contains("dry-run: 1 agree, 0 disputed, 1 compared locally"), "{text}");
}

#[test]
fn a_disagreement_is_shown_and_counted_and_changes_no_verdict() {
    let scene = Scene::new();
    let declared = deployment("").replace("nginx:1", "docker.io/library/nginx:1");
    scene.declare(&declared);
    scene.apply(How::ServerSide, &declared.replace("docker.io", "mirror.example"));
    let settings = "imageMirrors: {docker.io: mirror.example}\n";
    let admin = scene.namespace.admin.path();
    let ended = scene.run_with(admin, settings, &["-o", "json", "--strategy", "server"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let object = &ended.json()["environments"][0]["objects"][0];
    assert_eq!(object["state"], "in-sync");
    let expected = json!([{
        "path": "spec.template.spec.containers[name=web].image", "server": "changed",
        "live": "mirror.example/library/nginx:1", "applied": "docker.io/library/nginx:1",
    }]);
    assert_eq!(object["dryRun"]["disagreements"], expected);
    assert_eq!(classes(&scene, settings), ["mirrored image"]);
    assert_eq!(ended.json()["summary"]["dryRun"], json!({"agreed": 0, "disagreed": 1, "comparedLocally": 0}));
    let text = scene.run_with(admin, settings, &["--strategy", "server"]).stdout;
    let line = "disputed spec.template.spec.containers[name=web].image  driftd: in sync, the server's dry-run: changed";
    assert!(text.contains(line), "{text}");
    assert!(text.contains("docker.io/library/nginx:1 → mirror.example/library/nginx:1"), "{text}");
}

#[test]
fn the_configuration_asks_and_the_command_line_overrules_it() {
    let scene = Scene::new();
    scene.deploy(How::ServerSide, SETTINGS);
    let admin = scene.namespace.admin.path();
    let file = scene.folder.path().join("asking.yaml");
    scene.run_as(admin, "json");
    let written = std::fs::read_to_string(scene.folder.path().join("driftd.yaml")).expect("it is there");
    std::fs::write(&file, written.replace("branch: prod,", "branch: prod, strategy: server,")).expect("writable");
    let check = |more: &[&str]| {
        let first = ["check", "--config", file.to_str().expect("UTF-8"), "-o", "json", "--all"];
        crate::fixture::driftd(&[&first, more].concat())
    };
    assert_eq!(opinions(&check(&[])), ["ConfigMap []"]);
    assert!(!check(&["--strategy", "local"]).stdout.contains("dryRun"));
}

#[test]
fn a_denial_of_admission_is_told_by_the_policys_name_alone() {
    let scene = Scene::new();
    scene.deploy(How::ServerSide, &format!("{SETTINGS}---\n{}", secret("denied")));
    let name = deny(&scene);
    let ended = ask(&scene, scene.namespace.admin.path(), "json");
    assert_eq!(opinions(&ended), ["ConfigMap denied", "Secret denied"], "{}", ended.stdout);
    let objects = ended.json()["environments"][0]["objects"].clone();
    for object in objects.as_array().expect("objects") {
        let message = object["dryRun"]["comparedLocally"]["message"].as_str().expect("text");
        assert!(message.starts_with(&format!("the admission policy {name} refuses the dry-run")), "{message}");
    }
    assert_eq!(ended.code, Some(0), "the verdict is driftd's own");
}

#[test]
fn a_server_that_does_not_answer_in_time_is_no_opinion() {
    // A webhook that takes the connection and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let scene = Scene::new();
    scene.deploy(How::ServerSide, SETTINGS);
    let api = scene.namespace.admin.api();
    let hook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": format!("silent-{}", scene.namespace.name)},
        "webhooks": [{
            "name": "silent.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 30,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": scene.namespace.name}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["configmaps"]}],
            "clientConfig": {"url": format!("https://{}/", silent.local_addr().expect("bound"))},
        }],
    });
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    api.create(path, &hook, DEPLOYER).expect("the hook is valid");
    let ended = eventually("the API server knows the webhook", || {
        let ended = ask(&scene, scene.namespace.admin.path(), "json");
        ended.stdout.contains("timed-out").then_some(ended)
    });
    assert_eq!((opinions(&ended), ended.code), (vec!["ConfigMap timed-out".to_owned()], Some(0)), "{}", ended.stdout);
}

/// The classes of the disagreements over a deployed manifest; every other declared field is agreed on.
fn classes(scene: &Scene, settings: &str) -> Vec<&'static str> {
    let ended = scene.run_with(scene.namespace.admin.path(), settings, &["-o", "json", "--strategy", "server"]);
    let report = ended.json();
    let objects = report["environments"][0]["objects"].as_array().expect("objects").iter();
    let disputes = objects.flat_map(|object| {
        assert!(object["dryRun"].get("comparedLocally").is_none(), "{object}");
        let disagreements = object["dryRun"]["disagreements"].as_array().expect("an opinion");
        disagreements.iter().map(|disagreement| Dispute::of_report(&object["kind"], disagreement))
    });
    disputes.map(|dispute| class_of(&dispute).unwrap_or_else(|| panic!("no class explains {dispute:?}"))).collect()
}

#[test]
fn a_null_in_git_is_no_word_against_what_admission_filled_in() {
    let scene = Scene::new();
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\nspec: {ingressClassName: null, \
                   defaultBackend: {service: {name: web, port: {number: 80}}}}\n";
    scene.deploy(How::ServerSide, ingress);
    assert_eq!(classes(&scene, ""), ["declared as null"]);
    scene.assert_silent();
}

#[test]
fn an_injected_ca_bundle_is_no_drift_though_an_apply_would_take_it_back() {
    let scene = Scene::new();
    let name = format!("hook-{}", scene.namespace.name);
    let hook = format!(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {{name: {name}}}\n\
         webhooks:\n- {{name: w.example.com, failurePolicy: Ignore, sideEffects: None, admissionReviewVersions: [v1], \
         objectSelector: {{matchLabels: {{nobody: has-it}}}}, clientConfig: {{caBundle: Cg==, url: 'https://127.0.0.1:9/'}}}}\n"
    );
    scene.deploy(How::ServerSide, &hook);
    assert_eq!(classes(&scene, ""), [""; 0]);
    let injected = json!([{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": "Cgo="}]);
    let path = scene.namespace.path("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", &name);
    let api = scene.namespace.admin.api();
    api.patch(&path, Patch::Json, &injected, "cert-manager-cainjector").expect("the patch is valid");
    assert_eq!(classes(&scene, ""), ["injected CA bundle"]);
    scene.assert_silent();
}

#[test]
fn replicas_within_an_autoscalers_bounds_are_no_drift_though_an_apply_would_set_them() {
    let scene = Scene::new();
    let scaler = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec: {minReplicas: 1, \
                  maxReplicas: 9, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}\n";
    scene.deploy(How::ServerSide, &format!("{}---\n{scaler}", deployment("replicas: 2")));
    assert_eq!(classes(&scene, ""), [""; 0]);
    scene.scale(("apps/v1", "Deployment", "web"), 5);
    assert_eq!(classes(&scene, ""), ["set by an autoscaler"]);
    scene.assert_silent();
}

#[test]
fn an_image_that_admission_rewrites_is_drift_only_where_no_mirror_is_configured() {
    let mut scene = Scene::new();
    scene.namespace = ControlPlane::shared().namespace_with("rewritten", &[REWRITE_REGISTRY]);
    scene.deploy(How::ServerSide, &deployment("").replace("nginx:1", "docker.io/library/nginx:1"));
    assert_eq!(classes(&scene, ""), ["rewritten at admission"]);
    assert_eq!(classes(&scene, "imageMirrors: {docker.io: mirror.example}\n"), [""; 0]);
}

/// A policy that refuses every update in the scene's namespace and quotes the object, a Secret's values included.
pub(super) fn deny(scene: &Scene) -> String {
    let name = format!("quoter-{}", scene.namespace.name);
    let api = scene.namespace.admin.api();
    let of = |kind: &str| format!("/apis/admissionregistration.k8s.io/v1/{kind}");
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": scene.namespace.name}},
                "resourceRules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"],
                    "resources": ["secrets", "configmaps"],
                }],
            },
            "validations": [{"expression": "false", "messageExpression": "'it holds ' + object.data.map(k, object.data[k])[0]"}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]},
    });
    api.create(&of("validatingadmissionpolicies"), &policy, DEPLOYER).expect("the policy is valid");
    api.create(&of("validatingadmissionpolicybindings"), &binding, DEPLOYER).expect("the binding is valid");
    let probe = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe"}, "data": {"a": "b"}});
    scene.namespace.create(&probe, DEPLOYER).expect("creation is free");
    let path = format!("{}?dryRun=All", scene.namespace.path("v1", "ConfigMap", "probe"));
    eventually("the policy refuses and quotes", || {
        let error = api.patch(&path, Patch::Merge, &json!({"data": {"a": "quoted"}}), PERSON).err()?;
        error.to_string().contains("it holds quoted").then_some(())
    });
    name
}
