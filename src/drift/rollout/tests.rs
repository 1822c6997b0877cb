//! When Pods that run another image are a finding, and when they are about to be replaced or left alone on purpose.

use serde_json::json;

use super::*;

const NOW: &str = "2026-11-21T12:00:00Z";
/// Long enough ago for every deadline.
const LONG_AGO: &str = "2026-11-21T10:00:00Z";
/// A moment ago.
const JUST_NOW: &str = "2026-11-21T11:58:00Z";

/// A Deployment, `StatefulSet` or `DaemonSet` of image app:2, whose template was written at `written`.
fn workload(written: &str, spec: &Value, status: &Value) -> Workload {
    let mut object = json!({
        "metadata": {"uid": "w", "generation": 2, "creationTimestamp": LONG_AGO, "managedFields": [
            {"manager": "d", "operation": "Apply", "time": written, "fieldsV1": {"f:spec": {"f:template": {"f:spec": {}}}}},
            {"manager": "c", "operation": "Update", "time": NOW, "subresource": "status", "fieldsV1": {"f:status": {}}},
            {"manager": "s", "operation": "Update", "time": NOW, "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        ]},
        "spec": {"template": {"spec": {
            "containers": [{"name": "sidecar", "image": "side:1"}, {"name": "app", "image": "app:2"}],
            "initContainers": [{"name": "init", "image": "init:1"}],
        }}},
        "status": status,
    });
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

/// A Pod that runs since `created`; `revision` names its `ReplicaSet`.
fn pod(name: &str, revision: &str, image: &str, created: &str) -> Value {
    json!({
        "metadata": {
            "name": name, "uid": name, "creationTimestamp": created, "labels": {"pod-template-hash": revision},
            "ownerReferences": [{"kind": "ReplicaSet", "name": revision, "uid": revision, "controller": true}],
        },
        "spec": {"nodeName": "n", "containers": [{"name": "app", "image": image}]},
        "status": {"phase": "Running"},
    })
}

fn rollout(kind: Kind, workload: Workload, pods: Vec<Value>) -> Rollout {
    let pods = pods.into_iter().map(|pod| serde_json::from_value(pod).unwrap()).collect();
    let nodes = Some(Arc::new(HashMap::from([("n".to_owned(), Labels::default())])));
    Rollout { kind, workload, declared: json!({}), pods, revisions: Vec::new(), nodes }
}

fn revision(name: &str, image: &str) -> Revision {
    let spec = json!({"template": {"spec": {"containers": [{"name": "app", "image": image}]}}});
    serde_json::from_value(json!({"metadata": {"name": name, "uid": name}, "spec": spec})).unwrap()
}

/// Container, what lives, how many of how many, and why.
fn judged(rollout: &Rollout) -> Vec<String> {
    judged_with(rollout, &BTreeMap::new())
}

fn judged_with(rollout: &Rollout, mirrors: &BTreeMap<String, String>) -> Vec<String> {
    let told = |found: Deviation| {
        let because = match found.because {
            Because::Of(holdup) => holdup.as_str(),
            Because::Deliberate(why) => why,
        };
        let Place { list, index, name } = found.place;
        format!("{list}/{index} {name} {} → {} {}/{} {because}", found.desired, found.live, found.count, found.of)
    };
    judge(rollout, mirrors, NOW.parse().unwrap()).into_iter().map(told).collect()
}

const NONE: [&str; 0] = [];

fn progressing(status: &str, reason: &str, updated: &str) -> Value {
    json!({"observedGeneration": 2, "conditions": [
        {"type": "Progressing", "status": status, "reason": reason, "lastUpdateTime": updated},
    ]})
}

fn two_of_three() -> Vec<Value> {
    vec![pod("a", "old", "app:1", LONG_AGO), pod("b", "old", "app:1", LONG_AGO), pod("c", "new", "app:2", LONG_AGO)]
}

fn deployment(written: &str, spec: &Value, status: &Value) -> Rollout {
    rollout(Kind::Deployment, workload(written, spec, status), two_of_three())
}

#[test]
fn a_deployment_is_stuck_when_its_own_controller_says_so() {
    let exceeded = progressing("False", "ProgressDeadlineExceeded", NOW);
    let stuck = deployment(LONG_AGO, &json!({}), &exceeded);
    assert_eq!(judged(&stuck), ["containers/1 app app:2 → app:1 2/3 progress-deadline-exceeded"]);
    for ordinary in [
        progressing("True", "ReplicaSetUpdated", NOW),
        progressing("False", "FailedCreate", NOW),
        json!({"observedGeneration": 2}),
    ] {
        assert_eq!(judged(&deployment(LONG_AGO, &json!({}), &ordinary)), NONE, "{ordinary}");
    }
    let mut unseen = stuck;
    unseen.workload.metadata.generation = 3;
    assert_eq!(judged(&unseen), NONE, "the controller has not seen the new template");
}

#[test]
fn the_condition_of_the_rollout_before_says_nothing_of_a_template_that_was_just_written() {
    let before = progressing("False", "ProgressDeadlineExceeded", LONG_AGO);
    assert_eq!(judged(&deployment(JUST_NOW, &json!({}), &before)), NONE);
    let over = deployment(JUST_NOW, &json!({"progressDeadlineSeconds": 60}), &before);
    assert_eq!(judged(&over).len(), 1, "its own deadline is over, too");
}

#[test]
fn a_pause_that_git_declares_is_deliberate_and_any_other_is_not() {
    let mut paused = deployment(JUST_NOW, &json!({"paused": true}), &json!({}));
    assert_eq!(judged(&paused), ["containers/1 app app:2 → app:1 2/3 paused"]);
    paused.declared = json!({"spec": {"paused": true}});
    assert_eq!(judged(&paused), ["containers/1 app app:2 → app:1 2/3 it is paused"]);
}

#[test]
fn a_stateful_set_is_stuck_when_its_last_step_is_long_ago() {
    let set = |written: &str, spec: Value, pods: Vec<Value>| {
        judged(&rollout(Kind::StatefulSet, workload(written, &spec, &json!({})), pods))
    };
    let pods = || vec![pod("db-0", "old", "app:1", LONG_AGO), pod("db-1", "new", "app:2", LONG_AGO)];
    let overdue = ["containers/1 app app:2 → app:1 1/2 overdue"];
    assert_eq!(set(LONG_AGO, json!({}), pods()), overdue);
    assert_eq!(set(JUST_NOW, json!({}), pods()), NONE, "the template is new");
    let mut fresh = pods();
    fresh[1] = pod("db-1", "new", "app:2", JUST_NOW);
    assert_eq!(set(LONG_AGO, json!({}), fresh), NONE, "a new Pod was just made");
    let mut ready = pods();
    ready[1]["status"]["conditions"] = json!([{"type": "Ready", "status": "True", "lastTransitionTime": JUST_NOW}]);
    assert_eq!(set(LONG_AGO, json!({}), ready), NONE, "a new Pod has just become ready");
    let mut leaving = pods();
    leaving.push(pod("db-2", "old", "app:1", LONG_AGO));
    leaving[2]["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:30:00Z");
    assert_eq!(set(LONG_AGO, json!({}), leaving), NONE, "an old Pod has its time to leave");
    assert_eq!(set(LONG_AGO, json!({"minReadySeconds": 7200}), pods()), NONE, "a step takes longer");
    let mut looping = pods();
    looping[0]["status"]["conditions"] = json!([{"type": "Ready", "status": "True", "lastTransitionTime": JUST_NOW}]);
    assert_eq!(set(LONG_AGO, json!({}), looping), overdue, "an old Pod is no step forward");
}

#[test]
fn a_partition_and_on_delete_are_deliberate() {
    let pods = || vec![pod("db-5", "old", "app:1", LONG_AGO), pod("db-6", "old", "app:1", LONG_AGO)];
    let spec = json!({"ordinals": {"start": 5}, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}});
    let set = rollout(Kind::StatefulSet, workload(LONG_AGO, &spec, &json!({})), pods());
    assert_eq!(
        judged(&set),
        [
            "containers/1 app app:2 → app:1 1/2 the partition of its updateStrategy leaves them out",
            "containers/1 app app:2 → app:1 1/2 overdue",
        ]
    );
    let on_delete = json!({"updateStrategy": {"type": "OnDelete"}});
    for kind in [Kind::StatefulSet, Kind::DaemonSet] {
        let held = rollout(kind, workload(LONG_AGO, &on_delete, &json!({})), pods());
        assert_eq!(judged(&held), ["containers/1 app app:2 → app:1 2/2 its updateStrategy is OnDelete"]);
    }
    // A DaemonSet's rolling update has no partition, and may be told in a form that a StatefulSet's has not.
    let rolling = json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}}});
    let stuck = rollout(Kind::DaemonSet, workload(LONG_AGO, &rolling, &json!({})), pods());
    assert_eq!(judged(&stuck), ["containers/1 app app:2 → app:1 2/2 overdue"]);
}

#[test]
fn what_admission_makes_of_an_image_is_the_same_image() {
    let exceeded = progressing("False", "ProgressDeadlineExceeded", NOW);
    let mut rewritten = deployment(LONG_AGO, &json!({}), &exceeded);
    rewritten.pods[0] = serde_json::from_value(pod("a", "new", "mirror.example/library/app:2", LONG_AGO)).unwrap();
    rewritten.pods.truncate(1);
    assert_eq!(judged(&rewritten).len(), 1, "nothing tells that it was rewritten");
    let mirrors = BTreeMap::from([("docker.io".to_owned(), "mirror.example".to_owned())]);
    assert_eq!(judged_with(&rewritten, &mirrors), NONE, "the configuration does");
    rewritten.revisions = vec![revision("new", "app:2")];
    assert_eq!(judged(&rewritten), NONE, "the template of its own revision does");
    rewritten.revisions = vec![revision("new", "app:1")];
    assert_eq!(judged(&rewritten).len(), 1);
}

#[test]
fn a_revision_is_found_by_owner_by_name_and_by_label() {
    let of = |labels: Value| -> Pod {
        serde_json::from_value(json!({"metadata": {"labels": {"controller-revision-hash": labels}}})).unwrap()
    };
    let by_name: Revision = serde_json::from_value(json!({"metadata": {"name": "db-abc"}})).unwrap();
    assert!(by_name.made(&of(json!("db-abc"))) && !by_name.made(&of(json!("db-abd"))));
    let labelled = json!({"metadata": {"name": "ds-x", "labels": {"controller-revision-hash": "x"}},
        "data": {"spec": {"template": {"spec": {"initContainers": [{"name": "i", "image": "init:1"}]}}}}});
    let by_label: Revision = serde_json::from_value(labelled).unwrap();
    assert!(by_label.made(&of(json!("x"))) && !by_label.made(&of(json!("y"))));
    assert!(!by_label.made(&serde_json::from_value(json!({})).unwrap()));
    assert_eq!((by_label.image("i"), by_label.image("j")), (Some("init:1"), None));
}

#[test]
fn pods_that_are_over_or_leaving_do_not_count() {
    let exceeded = progressing("False", "ProgressDeadlineExceeded", NOW);
    let mut stuck = deployment(LONG_AGO, &json!({}), &exceeded);
    stuck.pods[0].status.phase = "Failed".to_owned();
    assert_eq!(judged(&stuck), ["containers/1 app app:2 → app:1 1/2 progress-deadline-exceeded"]);
    stuck.pods[1].metadata.deletion_timestamp = Some(NOW.parse().unwrap());
    assert_eq!(judged(&stuck), NONE);
}

/// Pods of one revision, each with an imageID for its container.
fn of_images(ids: &[&str]) -> Rollout {
    let pod = |(index, id): (usize, &&str)| {
        let created = format!("2026-11-21T10:0{index}:00Z");
        let mut pod = pod(&format!("p{index}"), "new", "app:2", &created);
        pod["status"]["containerStatuses"] = json!([{"name": "app", "imageID": id}]);
        pod
    };
    let pods = ids.iter().enumerate().map(pod).collect();
    rollout(Kind::Deployment, workload(LONG_AGO, &json!({}), &json!({})), pods)
}

#[test]
fn a_moved_tag_shows_in_the_digests_of_pods_of_one_revision() {
    let moved = of_images(&["docker.io/library/app@sha256:aa", "docker.io/library/app@sha256:bb", ""]);
    assert_eq!(judged(&moved), ["containers/1 app app:2 → app:2@sha256:aa 1/3 moved-tag"]);
    let bare = of_images(&["sha256:aa", "sha256:aa", "sha256:bb"]);
    assert_eq!(judged(&bare), ["containers/1 app app:2 → app:2@sha256:aa 2/3 moved-tag"]);
    for same in [
        ["docker-pullable://app@sha256:aa", "mirror.example/app@sha256:aa"],
        ["docker://sha256:aa", "sha256:aa"],
        ["app@sha256:aa", "sha256:bb"],
    ] {
        assert_eq!(judged(&of_images(&same)), NONE, "{same:?}");
    }
}

#[test]
fn digests_are_compared_within_a_revision_a_platform_and_a_tag_only() {
    let ids = ["app@sha256:aa", "app@sha256:bb"];
    let mut of_two_revisions = of_images(&ids);
    of_two_revisions.pods[0].metadata.labels.pod_template_hash = Some("old".into());
    assert_eq!(judged(&of_two_revisions), NONE);

    let mut of_two_platforms = of_images(&ids);
    of_two_platforms.pods[0].spec.node_name = "arm".into();
    let arm = Labels { arch: Some("arm64".into()), ..Labels::default() };
    let nodes = HashMap::from([("n".to_owned(), Labels::default()), ("arm".to_owned(), arm)]);
    of_two_platforms.nodes = Some(Arc::new(nodes));
    assert_eq!(judged(&of_two_platforms), NONE);
    of_two_platforms.nodes = None;
    assert_eq!(judged(&of_two_platforms), NONE, "nothing is known of the platforms");

    let mut pinned = of_images(&ids);
    pinned.pods.iter_mut().for_each(|pod| pod.spec.containers[0].image = "app:2@sha256:cc".into());
    pinned.workload.spec.template.spec.containers[1].image = "app:2@sha256:cc".into();
    assert_eq!(judged(&pinned), NONE);
}

#[test]
fn only_what_deviates_is_worth_a_closer_look() {
    let content = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "app:2"}]}}}});
    let (right, stuck) = (of_images(&["", "app@sha256:aa"]), deployment(LONG_AGO, &json!({}), &json!({})));
    let moved = of_images(&["app@sha256:bb", "app@sha256:aa"]);
    let pods = |rollout: &'_ Rollout| rollout.pods.clone();
    for (rollout, others, unlike) in [(right, false, false), (stuck, true, false), (moved, false, true)] {
        let pods = pods(&rollout);
        let pods: Vec<&Pod> = pods.iter().collect();
        assert_eq!(are_others(&Template::of(&content).unwrap(), &pods, &BTreeMap::new()), others);
        assert_eq!(are_unlike(&pods), unlike);
    }
}
