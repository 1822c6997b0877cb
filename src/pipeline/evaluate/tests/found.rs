//! What random objects and whole manifests on a real API server have brought to light, each as a case of its own.

use super::{NONE, deployment, found, managed, pod};

const BY_A_PERSON: &str =
    "{'f:spec': {'f:template': {'f:spec': {'f:serviceAccount': {}, 'f:serviceAccountName': {}}}}}";

#[test]
fn a_default_that_admission_writes_over_a_declared_null_is_in_sync() {
    let ingress = |class: &str| {
        format!(
            "{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: d}}, spec: {{ingressClassName: {class}}}}}"
        )
    };
    let by_a_deployer = [("helm", "Apply", "{'f:spec': {'f:ingressClassName': {}}}")];
    assert_eq!(found(&ingress("null"), &managed(&ingress("nginx"), &by_a_deployer)), NONE);
}

#[test]
fn a_service_account_that_a_person_sets_is_found_although_its_twin_says_the_same() {
    let live = pod("{serviceAccountName: admin, serviceAccount: admin}");
    let live = managed(&live, &[("kubectl-edit", "Update", BY_A_PERSON)]);
    assert_eq!(found(&pod("{}"), &live), ["spec.template.spec.serviceAccountName added kubectl-edit manual"]);
}

#[test]
fn a_declared_zero_that_lives_as_something_else_is_changed_whoever_wrote_it() {
    let desired = pod("{hostNetwork: false}");
    let owned = "{'f:spec': {'f:template': {'f:spec': {'f:hostNetwork': {}}}}}";
    for (manager, origin) in
        [("kubectl-edit", "manual"), ("kube-controller-manager", "controller"), ("Helm", "unknown")]
    {
        let live = managed(&pod("{hostNetwork: true}"), &[(manager, "Update", owned)]);
        assert_eq!(found(&desired, &live), [format!("spec.template.spec.hostNetwork changed {manager} {origin}")]);
    }
}

#[test]
fn a_struct_that_the_server_always_writes_is_not_what_was_added_or_removed() {
    let bare = pod("{containers: [{name: a, resources: {}}]}");
    let limited = pod("{containers: [{name: a, resources: {limits: {cpu: 1}}}]}");
    let path = "spec.template.spec.containers[name=a].resources.limits";
    assert_eq!(found(&limited, &bare), [format!("{path} removed - unknown")]);
    assert_eq!(found(&bare, &limited), [format!("{path} added - unknown")]);
    assert_eq!(
        found(&deployment("strategy: {}"), &deployment("strategy: {type: Recreate}")),
        ["spec.strategy.type added - unknown"]
    );
}

#[test]
fn the_generation_that_a_daemon_set_counts_is_nobodys_even_after_a_persons_write() {
    let desired = "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: d}}";
    let live = "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: d, annotations: {deprecated.daemonset.template.generation: '3'}}}";
    let owned = "{'f:metadata': {'f:annotations': {'f:deprecated.daemonset.template.generation': {}}}}";
    assert_eq!(found(desired, &managed(live, &[("kubectl-edit", "Update", owned)])), NONE);
}

#[test]
fn an_address_that_git_leaves_empty_is_the_servers() {
    let service = |address: &str| {
        format!("{{apiVersion: v1, kind: Service, metadata: {{name: d}}, spec: {{clusterIP: '{address}'}}}}")
    };
    assert_eq!(found(&service(""), &managed(&service("10.0.0.7"), &[])), NONE);
}

#[test]
fn taints_that_tell_a_nodes_condition_are_nobodys() {
    let node =
        |taints: &str| format!("{{apiVersion: v1, kind: Node, metadata: {{name: d}}, spec: {{taints: [{taints}]}}}}");
    let (own, hers) = ("{key: team, value: a, effect: NoSchedule}", "{key: team, value: b, effect: NoSchedule}");
    let (ready, alone) =
        ("{key: node.kubernetes.io/not-ready, effect: NoSchedule}", "{key: node.kubernetes.io/x, effect: NoExecute}");
    assert_eq!(found(&node(""), &node(ready)), NONE);
    assert_eq!(found(&node(own), &node(&format!("{ready}, {own}"))), NONE);
    assert_eq!(found(&node(own), &node(ready)), ["spec.taints changed - unknown"]);
    assert_eq!(found(&node(""), &node(&format!("{ready}, {hers}"))), ["spec.taints added - unknown"]);
    // Declared, such a taint counts like any other.
    assert_eq!(found(&node(alone), &node(ready)), ["spec.taints changed - unknown"]);
}
