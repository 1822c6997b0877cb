//! What runs in the Pods of a workload: told where it stays another image than the template's, silent while it changes.

use std::fs;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{How, Scene, deployment};
use crate::fixture::{ControlPlane, Ended, Patch, REWRITE_REGISTRY, Rule, driftd, eventually};

const CONTROLLER: &str = "kube-controller-manager";
const IMAGE: &str = "spec.template.spec.containers[name=web].image";

/// A `StatefulSet` or `DaemonSet` named `web` of the image nginx:1.
fn set(kind: &str, strategy: &str) -> String {
    let service = if kind == "StatefulSet" { "serviceName: web, " } else { "" };
    format!(
        "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: web}}\nspec: {{{service}updateStrategy: {strategy}, \
         selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, \
         spec: {{containers: [{{name: web, image: 'nginx:1'}}]}}}}}}\n"
    )
}

fn owner(object: &Value) -> Value {
    json!([{
        "apiVersion": object["apiVersion"], "kind": object["kind"], "name": object["metadata"]["name"],
        "uid": object["metadata"]["uid"], "controller": true,
    }])
}

/// What controllers make, made by the test.
trait Controllers {
    /// A `ReplicaSet` of Deployment web with the image `image`.
    fn replica_set(&self, name: &str, image: &str) -> Value;
    /// A Pod of `owner` that runs `image`, with `imageID` where it is not empty.
    fn pod(&self, owner: &Value, name: &str, hash: &str, image: &str, image_id: &str);
    /// What the Deployment's controller says of its rollout.
    fn progress(&self, status: &str, reason: &str);
    /// The findings about Pods: change, live value, count and reason.
    fn pods(&self) -> Vec<String>;
}

impl Controllers for Scene {
    fn replica_set(&self, name: &str, image: &str) -> Value {
        let deployment = self.live("apps/v1", "Deployment", "web");
        let object = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": name, "labels": {"a": "b"}, "ownerReferences": owner(&deployment)},
            "spec": {
                "selector": {"matchLabels": {"a": "b"}},
                "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "web", "image": image}]}},
            },
        });
        self.namespace.create(&object, CONTROLLER).expect("the ReplicaSet is valid")
    }

    fn pod(&self, of: &Value, name: &str, hash: &str, image: &str, image_id: &str) {
        let label = if of["kind"] == "ReplicaSet" { "pod-template-hash" } else { "controller-revision-hash" };
        let object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "labels": {"a": "b", label: hash}, "ownerReferences": owner(of)},
            "spec": {"nodeName": self.namespace.name, "containers": [{"name": "web", "image": image}]},
        });
        self.namespace.create(&object, CONTROLLER).expect("the Pod is valid");
        let status = json!({"status": {"phase": "Running", "containerStatuses": [{
            "name": "web", "image": image, "imageID": image_id, "ready": true, "restartCount": 0,
        }]}});
        let path = self.namespace.path("v1", "Pod", name) + "/status";
        self.namespace.admin.api().patch(&path, Patch::Merge, &status, "kubelet").expect("the status is valid");
    }

    fn progress(&self, status: &str, reason: &str) {
        let live = self.live("apps/v1", "Deployment", "web");
        let condition = json!({
            "type": "Progressing", "status": status, "reason": reason,
            "lastUpdateTime": Timestamp::now(), "lastTransitionTime": Timestamp::now(),
        });
        let status =
            json!({"status": {"observedGeneration": live["metadata"]["generation"], "conditions": [condition]}});
        let path = self.namespace.path("apps/v1", "Deployment", "web") + "/status";
        self.namespace.admin.api().patch(&path, Patch::Merge, &status, CONTROLLER).expect("the status is valid");
    }

    fn pods(&self) -> Vec<String> {
        of_pods(&self.check())
    }
}

fn of_pods(ended: &Ended) -> Vec<String> {
    let report = ended.json();
    assert_eq!(report["environments"][0]["gaps"], json!([]), "{}", ended.stderr);
    let objects = report["environments"][0]["objects"].as_array().expect("objects").clone();
    let findings = objects.iter().flat_map(|object| object["findings"].as_array().expect("findings").clone());
    let told = findings.map(|finding| {
        assert_eq!((&finding["category"], &finding["severity"]), (&json!("image"), &json!("critical")));
        let [path, desired, live] = ["path", "desired", "live"].map(|key| finding[key].as_str().expect("text"));
        let pods = &finding["pods"];
        let because = pods["because"].as_str().unwrap_or("-");
        format!("{path} {desired} → {live} {}/{} {because}", pods["count"], pods["of"])
    });
    told.collect()
}

const NONE: [&str; 0] = [];

#[test]
fn pods_of_a_deployment_are_told_when_its_rollout_is_stuck_and_never_before() {
    let scene = Scene::new();
    scene.deploy(How::ServerSide, &deployment("replicas: 3"));
    let old = scene.replica_set("web-old", "nginx:0.9");
    // A name that does not tell the Deployment: only the owner does.
    let new = scene.replica_set("adopted", "nginx:1");
    scene.pod(&old, "a", "old", "nginx:0.9", "");
    scene.pod(&old, "b", "old", "nginx:0.9", "");
    scene.pod(&new, "c", "new", "nginx:1", "");
    for (status, reason) in [("True", "ReplicaSetUpdated"), ("True", "NewReplicaSetAvailable")] {
        scene.progress(status, reason);
        scene.assert_silent();
    }
    scene.progress("False", "ProgressDeadlineExceeded");
    let stuck = format!("{IMAGE} nginx:1 → nginx:0.9 2/3 progress-deadline-exceeded");
    assert_eq!(scene.pods(), std::slice::from_ref(&stuck));
    let text = scene.run("text").stdout;
    assert!(text.contains("tag 1 → 0.9, older"), "{text}");
    assert!(text.contains("2 of 3 Pods: the rollout is stuck, its progress deadline is exceeded"), "{text}");

    // A new deployment begins: what its controller said of the one before no longer counts.
    scene.apply(How::ServerSide, &deployment("replicas: 3").replace("nginx:1", "nginx:2"));
    scene.declare(&deployment("replicas: 3").replace("nginx:1", "nginx:2"));
    scene.assert_silent();
    scene.deploy(How::ServerSide, &deployment("replicas: 3"));
    scene.progress("False", "ProgressDeadlineExceeded");
    assert_eq!(scene.pods(), [stuck]);
    let finding = scene.check().json()["environments"][0]["objects"][0]["findings"][0].clone();
    assert_eq!(
        (&finding["origin"], &finding["commitsBehind"]),
        (&json!("unknown"), &Value::Null),
        "no earlier commit tells"
    );
    for name in ["a", "b"] {
        scene.namespace.admin.api().delete(&scene.namespace.path("v1", "Pod", name)).expect("deleted");
    }
    scene.assert_silent();
}

#[test]
fn the_real_controller_decides_when_a_rollout_is_stuck() {
    let scene = Scene::with_controllers();
    let git = |image: &str, deadline: &str| deployment(&format!("replicas: 1\n  {deadline}")).replace("nginx:1", image);
    let pods = || {
        let path = format!("/api/v1/namespaces/{}/pods", scene.namespace.name);
        scene.namespace.admin.api().get(&path).expect("a list")["items"].as_array().expect("items").len()
    };
    scene.deploy(How::ServerSide, &git("nginx:1", ""));
    eventually("the first Pod is made", || (pods() == 1).then_some(()));
    scene.assert_silent();
    scene.deploy(How::ServerSide, &git("nginx:2", ""));
    // Nothing makes Pods ready here, so the old one stays.
    eventually("the rollout is under way", || (pods() == 2).then_some(()));
    scene.assert_silent();
    scene.deploy(How::ServerSide, &git("nginx:2", "progressDeadlineSeconds: 1"));
    let found =
        eventually("the controller gives the rollout up", || Some(scene.pods()).filter(|found| !found.is_empty()));
    assert_eq!(found, [format!("{IMAGE} nginx:2 → nginx:1 1/2 progress-deadline-exceeded")]);
}

#[test]
fn a_drifted_template_and_the_pods_beside_it_are_two_findings() {
    let scene = Scene::new();
    scene.deploy(How::ServerSide, &deployment("replicas: 1"));
    let old = scene.replica_set("web-old", "nginx:1");
    scene.pod(&old, "a", "old", "nginx:1", "");
    let edited = scene.namespace.path("apps/v1", "Deployment", "web");
    let change = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:2"}]}}}});
    scene.namespace.admin.api().patch(&edited, Patch::Strategic, &change, super::PERSON).expect("patched");
    scene.progress("False", "ProgressDeadlineExceeded");
    let report = scene.check().json();
    let findings = report["environments"][0]["objects"][0]["findings"].as_array().expect("findings").clone();
    let values: Vec<_> = findings.iter().map(|one| (one["desired"].clone(), one["live"].clone())).collect();
    assert_eq!(values, [(json!("nginx:1"), json!("nginx:2")), (json!("nginx:2"), json!("nginx:1"))]);
    assert_ne!(findings[0]["id"], findings[1]["id"]);
    assert_eq!(findings[0]["origin"], "manual");
}

#[test]
fn a_pause_by_hand_is_told_as_drift_and_a_declared_one_is_stated() {
    let scene = Scene::new();
    scene.deploy(How::ServerSide, &deployment("paused: true"));
    let old = scene.replica_set("web-old", "nginx:0.9");
    scene.pod(&old, "a", "old", "nginx:0.9", "");
    let ended = scene.check();
    assert_eq!(of_pods(&ended), NONE);
    let warning = &ended.json()["environments"][0]["objects"][0]["warnings"][0];
    assert_eq!(warning["path"], IMAGE);
    assert_eq!(warning["message"], "1 of 1 Pods run nginx:0.9, because it is paused");
    assert_eq!(ended.code, Some(0));

    scene.declare(&deployment(""));
    let findings = scene.check().json()["environments"][0]["objects"][0]["findings"].clone();
    let paths: Vec<_> = findings.as_array().expect("findings").iter().map(|one| one["path"].clone()).collect();
    assert_eq!(paths, [json!("spec.paused"), json!(IMAGE)]);
    assert_eq!(findings[1]["pods"], json!({"count": 1, "of": 1, "because": "paused"}));
}

/// Lets the template look as if it had been written long ago; only the writer's time tells.
fn age(scene: &Scene, kind: &str) {
    let mut live = scene.live("apps/v1", kind, "web");
    let past = Timestamp::now() - jiff::SignedDuration::from_hours(1);
    for entry in live["metadata"]["managedFields"].as_array_mut().expect("it has writers") {
        entry["time"] = json!(past.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    }
    // The server takes no write that changes times alone.
    live["metadata"]["annotations"]["example.org/resynced"] = json!("once");
    let path = scene.namespace.path("apps/v1", kind, "web");
    scene.namespace.admin.api().put(&path, &live, CONTROLLER).expect("the object is valid");
}

#[test]
fn sets_are_stuck_when_their_last_step_is_overdue() {
    for kind in ["StatefulSet", "DaemonSet"] {
        let scene = Scene::new();
        scene.deploy(How::ServerSide, &set(kind, "{type: RollingUpdate}"));
        let live = scene.live("apps/v1", kind, "web");
        scene.pod(&live, "web-0", "web-old", "nginx:0.9", "");
        scene.assert_silent();
        age(&scene, kind);
        assert_eq!(scene.pods(), [format!("{IMAGE} nginx:1 → nginx:0.9 1/1 overdue")], "{kind}");
        // A Pod of the new template is a step: the rollout goes on.
        scene.pod(&live, "web-1", "web-new", "nginx:1", "");
        scene.assert_silent();
    }
}

#[test]
fn on_delete_and_a_partition_are_stated_and_no_drift() {
    for (kind, strategy, because) in [
        ("StatefulSet", "{type: OnDelete}", "its updateStrategy is OnDelete"),
        ("DaemonSet", "{type: OnDelete}", "its updateStrategy is OnDelete"),
        (
            "StatefulSet",
            "{type: RollingUpdate, rollingUpdate: {partition: 1}}",
            "the partition of its updateStrategy leaves them out",
        ),
    ] {
        let scene = Scene::new();
        scene.deploy(How::ServerSide, &set(kind, strategy));
        scene.pod(&scene.live("apps/v1", kind, "web"), "web-0", "web-old", "nginx:0.9", "");
        age(&scene, kind);
        let report = scene.check().json();
        let object = &report["environments"][0]["objects"][0];
        assert_eq!((&object["state"], &object["findings"]), (&json!("in-sync"), &json!([])));
        let message = format!("1 of 1 Pods run nginx:0.9, because {because}");
        assert_eq!(object["warnings"][0]["message"], message, "{kind}");
        assert!(scene.run("text").stdout.contains(&message));
    }
}

#[test]
fn an_image_that_admission_rewrites_in_pods_alone_raises_no_alarm() {
    let scene = Scene::new();
    let declared = deployment("").replace("nginx:1", "docker.io/library/nginx:1");
    scene.deploy(How::ServerSide, &declared);
    let label = json!({"metadata": {"labels": {REWRITE_REGISTRY: "true"}}});
    let path = format!("/api/v1/namespaces/{}", scene.namespace.name);
    scene.namespace.admin.api().patch(&path, Patch::Merge, &label, "tests").expect("labelled");
    let new = scene.replica_set("web-new", "docker.io/library/nginx:1");
    eventually("the policy rewrites the Pods of the namespace", || {
        scene.pod(&new, "a", "new", "docker.io/library/nginx:1", "");
        let image = scene.live("v1", "Pod", "a")["spec"]["containers"][0]["image"].clone();
        let rewritten = image == "mirror.example/library/nginx:1";
        if !rewritten {
            scene.namespace.admin.api().delete(&scene.namespace.path("v1", "Pod", "a")).expect("deleted");
        }
        rewritten.then_some(())
    });
    // Not even when the Deployment is stuck for another reason.
    scene.progress("False", "ProgressDeadlineExceeded");
    scene.assert_silent();

    let old = scene.replica_set("web-old", "docker.io/library/nginx:0.9");
    scene.pod(&old, "b", "old", "docker.io/library/nginx:0.9", "");
    let expected = "docker.io/library/nginx:1 → mirror.example/library/nginx:0.9 1/2 progress-deadline-exceeded";
    assert_eq!(scene.pods(), [format!("{IMAGE} {expected}")]);
}

#[test]
fn a_configured_mirror_raises_no_alarm_in_template_or_pods() {
    let plane = ControlPlane::shared();
    let mut scene = Scene::new();
    scene.namespace = plane.namespace_with("mirrored", &[REWRITE_REGISTRY]);
    let git = set("StatefulSet", "{type: RollingUpdate}").replace("nginx:1", "docker.io/library/nginx:1");
    scene.deploy(How::ServerSide, &git);
    let live = scene.live("apps/v1", "StatefulSet", "web");
    let image = "mirror.example/library/nginx:1";
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], image);
    scene.pod(&live, "web-0", "web-new", image, "mirror.example/library/nginx@sha256:aa");
    age(&scene, "StatefulSet");
    let file = scene.folder.path().join("mirrored.yaml");
    let config = format!(
        "imageMirrors: {{docker.io: mirror.example}}\nclusters: [{{name: local, kubeconfig: {}}}]\n\
         repositories: [{{name: r, url: {}}}]\n\
         environments: [{{name: prod, repository: r, branch: prod, cluster: local, namespace: {}}}]\n",
        scene.namespace.admin.path().display(),
        scene.repository.path().display(),
        scene.namespace.name,
    );
    fs::write(&file, config).expect("the folder is writable");
    let ended = driftd(&["check", "--config", file.to_str().expect("UTF-8"), "-o", "json"]);
    assert_eq!(of_pods(&ended), NONE);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn a_moved_tag_is_told_by_the_digests_of_pods_on_one_platform() {
    let scene = Scene::new();
    let node = |name: &str, arch: &str| {
        let labels = json!({"kubernetes.io/arch": arch, "kubernetes.io/os": "linux"});
        let object = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}});
        scene.namespace.create(&object, "kubelet").expect("the Node is new");
    };
    node(&scene.namespace.name, "amd64");
    scene.deploy(How::ServerSide, &set("DaemonSet", "{type: RollingUpdate}"));
    let live = scene.live("apps/v1", "DaemonSet", "web");
    let of = |digit: &str| format!("docker.io/library/nginx@sha256:{}", digit.repeat(64));
    scene.pod(&live, "web-a", "new", "nginx:1", &of("a"));
    scene.assert_silent();
    scene.pod(&live, "web-b", "old", "nginx:1", &of("b"));
    scene.assert_silent();
    scene.pod(&live, "web-c", "new", "nginx:1", &of("b"));
    let found = scene.pods();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with(&format!("{IMAGE} nginx:1 → nginx:1@sha256:")), "{found:?}");
    assert!(found[0].ends_with(" 1/3 moved-tag"), "{found:?}");
    let finding = &scene.check().json()["environments"][0]["objects"][0]["findings"][0];
    assert_eq!(finding["image"]["differs"], json!(["digest"]));

    let change = json!([
        {"op": "replace", "path": "/metadata/labels/kubernetes.io~1arch", "value": "arm64"},
    ]);
    let other = format!("{}-arm", scene.namespace.name);
    node(&other, "amd64");
    scene.namespace.admin.api().patch(&format!("/api/v1/nodes/{other}"), Patch::Json, &change, "kubelet").expect("set");
    scene.namespace.admin.api().delete(&scene.namespace.path("v1", "Pod", "web-c")).expect("deleted");
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web-d", "labels": {"controller-revision-hash": "new"}, "ownerReferences": owner(&live)},
        "spec": {"nodeName": other, "containers": [{"name": "web", "image": "nginx:1"}]},
    });
    scene.namespace.create(&pod, CONTROLLER).expect("the Pod is valid");
    pod = json!({"status": {"containerStatuses": [{
        "name": "web", "image": "nginx:1", "imageID": of("d"), "ready": true, "restartCount": 0,
    }]}});
    let path = scene.namespace.path("v1", "Pod", "web-d") + "/status";
    scene.namespace.admin.api().patch(&path, Patch::Merge, &pod, "kubelet").expect("the status is valid");
    scene.assert_silent();
}

#[test]
fn pods_that_may_not_be_listed_are_a_note_and_no_gap() {
    let scene = Scene::new();
    scene.deploy(How::ServerSide, &deployment(""));
    let old = scene.replica_set("web-old", "nginx:0.9");
    scene.pod(&old, "a", "old", "nginx:0.9", "");
    scene.progress("False", "ProgressDeadlineExceeded");
    assert_eq!(scene.pods().len(), 1);
    let rule = |groups: &[&str], resources: &[&str]| {
        Rule::namespaced(&scene.namespace.name, groups, resources, &["get", "list"])
    };
    let user = ControlPlane::shared()
        .user(&[rule(&["apps"], &["deployments"]), rule(&["autoscaling"], &["horizontalpodautoscalers"])]);
    let ended = scene.run_as(user.path(), "json");
    assert_eq!(of_pods(&ended), NONE);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);

    // With Pods alone the name of the ReplicaSet tells the Deployment.
    let user = ControlPlane::shared().user(&[
        rule(&["apps"], &["deployments"]),
        rule(&["autoscaling"], &["horizontalpodautoscalers"]),
        rule(&[""], &["pods"]),
    ]);
    let ended = scene.run_as(user.path(), "json");
    assert_eq!(of_pods(&ended).len(), 1, "{}", ended.stderr);
}
