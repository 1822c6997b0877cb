//! What random objects and whole manifests on a real API server have brought to light, each as a case of its own.

use super::{NONE, deployment, found, managed, pod, warned};

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

const SHARE: &str = "{apiVersion: v1, kind: Pod, metadata: {name: d}, spec: {schedulingGroup: {podGroupName: g}}}";
const BARE: &str = "{apiVersion: v1, kind: Pod, metadata: {name: d}, spec: {}}";

fn with_entry(object: &str, name: &str, operation: &str, fields: &str) -> String {
    managed(object, &[(name, operation, fields)])
        .replace("apiVersion: apps/v1, fieldsType", "apiVersion: v1, fieldsType")
}

#[test]
fn a_field_that_the_server_dropped_when_it_was_deployed_has_no_effect_and_is_no_drift() {
    let fields = "{'f:spec': {'f:schedulingGroup': {'f:podGroupName': {}}}}";
    for (name, operation) in [("Helm", "Apply"), ("Helm", "Update"), ("kubectl", "Apply")] {
        let live = with_entry(BARE, name, operation, fields);
        assert_eq!(found(SHARE, &live), NONE);
        assert_eq!(warned(SHARE, &live), ["spec.schedulingGroup"]);
    }
}

#[test]
fn a_field_that_somebody_removed_is_drift_also_where_something_beside_it_is_still_owned() {
    let path = "spec.schedulingGroup removed - unknown";
    assert_eq!(
        found(SHARE, &with_entry(BARE, "Helm", "Apply", "{'f:spec': {'f:schedulingGroup': {'f:other': {}}}}")),
        [path]
    );
    // Deployed as false, which no Pod tells from nothing, and declared as true since.
    let host = "{apiVersion: v1, kind: Pod, metadata: {name: d}, spec: {hostNetwork: true}}";
    let live = with_entry(BARE, "Helm", "Apply", "{'f:spec': {'f:hostNetwork': {}}}");
    assert_eq!(found(host, &live), ["spec.hostNetwork removed - unknown"]);
    // An element of which an empty list is left to its owner.
    let desired = pod("{containers: [{name: a, image: x}, {name: b, image: x}]}");
    let left = "{'f:spec': {'f:template': {'f:spec': {'f:containers': {'k:{\"name\":\"b\"}': {'f:envFrom': {}}}}}}}";
    let live = managed(&pod("{containers: [{name: a, image: x}]}"), &[("Helm", "Apply", left)]);
    assert_eq!(found(&desired, &live), ["spec.template.spec.containers[name=b] removed - unknown"]);
}

#[test]
fn what_the_server_clears_of_a_service_account_has_no_effect() {
    let account = |secret: &str| {
        format!("{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: d}}, secrets: [{{{secret}}}]}}")
    };
    let (desired, live) = (account("name: s, namespace: other"), account("name: s"));
    assert_eq!(found(&desired, &live), NONE);
    assert_eq!(warned(&desired, &live), ["secrets[name=s].namespace"]);
}

#[test]
fn a_zero_that_the_server_always_writes_is_there() {
    let revision = |number: u8| {
        format!("{{apiVersion: apps/v1, kind: ControllerRevision, metadata: {{name: d}}, revision: {number}}}")
    };
    let live = managed(&revision(0), &[("kubectl-edit", "Update", "{'f:revision': {}}")]);
    assert_eq!(found(&revision(1), &live), ["revision changed kubectl-edit manual"]);
    assert_eq!(found("{apiVersion: apps/v1, kind: ControllerRevision, metadata: {name: d}}", &revision(0)), NONE);
}

#[test]
fn a_cluster_ip_that_git_leaves_to_the_server_is_the_servers_whoever_applies_that() {
    let service =
        |ip: &str| format!("{{apiVersion: v1, kind: Service, metadata: {{name: d}}, spec: {{clusterIP: '{ip}'}}}}");
    let live = managed(&service("10.0.0.7"), &[("kubectl", "Apply", "{'f:spec': {'f:clusterIP': {}}}")]);
    assert_eq!(found(&service(""), &live), NONE);
    assert_eq!(found(&service("10.0.0.8"), &live), ["spec.clusterIP changed kubectl manual"]);
}

#[test]
fn what_admission_appends_to_declared_tolerations_and_taints_is_nobodys() {
    let pod = |tolerations: &str| {
        format!("{{apiVersion: v1, kind: Pod, metadata: {{name: d}}, spec: {{tolerations: [{tolerations}]}}}}")
    };
    let node =
        |taints: &str| format!("{{apiVersion: v1, kind: Node, metadata: {{name: d}}, spec: {{taints: [{taints}]}}}}");
    let own = "{key: gpu, operator: Exists}";
    let wait = |reason: &str, seconds: u16| {
        format!(
            "{{key: node.kubernetes.io/{reason}, operator: Exists, effect: NoExecute, tolerationSeconds: {seconds}}}"
        )
    };
    let appended = format!("{own}, {}, {}", wait("not-ready", 300), wait("unreachable", 300));
    let tolerations = "{'f:spec': {'f:tolerations': {}}}";
    for manager in ["Helm", "kubectl-edit"] {
        let live = with_entry(&pod(&appended), manager, "Update", tolerations);
        assert_eq!(found(&pod(own), &live), NONE, "{manager}");
    }
    let changed = "spec.tolerations changed kubectl-edit manual";
    let longer = format!("{own}, {}, {}", wait("not-ready", 300), wait("unreachable", 900));
    for other in [format!("{own}, {own}"), longer, "{operator: Exists}".to_owned()] {
        let live = with_entry(&pod(&other), "kubectl-edit", "Update", tolerations);
        assert_eq!(found(&pod(own), &live), [changed], "{other}");
    }
    let gpu = "{key: gpu, effect: NoSchedule}";
    let tainted = node(&format!("{gpu}, {{key: node.kubernetes.io/not-ready, effect: NoSchedule}}"));
    let taints = "{'f:spec': {'f:taints': {}}}";
    assert_eq!(found(&node(gpu), &with_entry(&tainted, "Helm", "Apply", taints)), NONE);
    let drained = node(&format!("{gpu}, {{key: drained, effect: NoExecute}}"));
    let found = found(&node(gpu), &with_entry(&drained, "kubectl-taint", "Update", taints));
    assert_eq!(found, ["spec.taints changed kubectl-taint manual"]);
}

#[test]
fn secrets_of_a_service_account_are_a_controllers_only_where_they_are_its_tokens() {
    let account = |secrets: &str| {
        format!("{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: d}}, secrets: [{secrets}]}}")
    };
    let bare = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: d}}";
    assert_eq!(found(bare, &account("{name: d-token-x7k2p}, {name: d-dockercfg-9q8r7}")), NONE);
    assert_eq!(found(bare, &account("{name: other}")), ["secrets added - unknown"]);
    let both = account("{name: d-token-x7k2p}, {name: other}");
    assert_eq!(found(bare, &both), ["secrets[name=other] added - unknown"]);
}

#[test]
fn a_container_that_was_declared_empty_gives_no_ownership_of_what_is_in_it() {
    let job =
        |labels: &str| format!("{{apiVersion: batch/v1, kind: Job, metadata: {{name: d, labels: {{{labels}}}}}}}");
    let applied = "{'f:metadata': {'f:labels': {}}}";
    let live = managed(&job("team: a"), &[("kustomize-controller", "Apply", applied)]);
    assert_eq!(found(&job(""), &live), NONE, "admission wrote it");
    // A map that is one value belongs to its owner as a whole.
    let selected = pod("{nodeSelector: {disk: slow}}");
    let owned = "{'f:spec': {'f:template': {'f:spec': {'f:nodeSelector': {}}}}}";
    let live = managed(&selected, &[("kustomize-controller", "Apply", owned)]);
    let stale = "spec.template.spec.nodeSelector added kustomize-controller stale";
    assert_eq!(found(&pod("{}"), &live), [stale]);
    // Of a kind without a schema nobody knows; a map without named keys is more likely one value than emptied.
    let thing =
        |spec: &str| format!("{{apiVersion: x.example/v1, kind: Thing, metadata: {{name: d}}, spec: {{{spec}}}}}");
    let live = managed(&thing("a: 1, m: {k: v}"), &[("someone", "Update", "{'f:spec': {'f:m': {}}}")]);
    assert_eq!(found(&thing("a: 1"), &live), ["spec.m added someone manual"]);
}

#[test]
fn an_empty_struct_that_somebody_applied_is_found_although_all_that_is_in_it_is_default() {
    let scaler = |behavior: &str| {
        format!(
            "{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: d}}, spec: {{maxReplicas: 3{behavior}}}}}"
        )
    };
    let live = scaler(", behavior: {scaleDown: {selectPolicy: Max}}");
    let live = managed(&live, &[("someone", "Apply", "{'f:spec': {'f:behavior': {}}}")]);
    assert_eq!(found(&scaler(""), &live), ["spec.behavior added someone manual"]);
}

#[test]
fn a_struct_of_which_only_empty_parts_were_applied_is_found() {
    let class = |more: &str| {
        format!("{{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {{name: d}}, handler: h{more}}}")
    };
    let applied = "{'f:scheduling': {'f:nodeSelector': {}, 'f:tolerations': {}}}";
    let live = managed(&class(", scheduling: {}"), &[("someone", "Apply", applied)]);
    assert_eq!(found(&class(""), &live), ["scheduling added someone manual"]);
}

#[test]
fn who_applied_a_secrets_text_owns_its_data() {
    let secret = |field: &str| format!("{{apiVersion: v1, kind: Secret, metadata: {{name: d}}, {field}}}");
    let entries =
        [("Helm", "Update", "{'f:data': {'f:p': {}}}"), ("someone", "Apply", "{'f:stringData': {'f:p': {}}}")];
    let live = managed(&secret("data: {p: Y2FuYXJ5LTJmNjYxYTA5YmUzZDQ0MTI=}"), &entries);
    let desired = secret("stringData: {p: canary-93d1f5d0a2c84b7e}");
    assert_eq!(found(&desired, &live), ["data.p changed someone manual"]);
}

#[test]
fn the_labels_that_a_job_takes_from_its_template_are_nobodys() {
    let job = |labels: &str| {
        format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: d, labels: {{{labels}}}}}, spec: {{template: {{metadata: \
             {{labels: {{job-name: d}}}}}}}}}}"
        )
    };
    let owned = "{'f:metadata': {'f:labels': {'f:job-name': {}}}}";
    let live = managed(&job("job-name: d"), &[("kubectl-edit", "Update", owned)]);
    let desired = "{apiVersion: batch/v1, kind: Job, metadata: {name: d, labels: {app: x}}}";
    assert_eq!(found(desired, &live), ["metadata.labels.app removed - manual"]);
    let live = managed(&job("app: x, job-name: other"), &[("kubectl-edit", "Update", owned)]);
    assert_eq!(found(desired, &live), ["metadata.labels.job-name added kubectl-edit manual"]);
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

#[test]
fn of_what_lived_before_the_first_apply_nobody_can_be_named() {
    let service = |more: &str| format!("{{apiVersion: v1, kind: Service, metadata: {{name: d}}, spec: {{{more}}}}}");
    let live = service("clusterIP: 10.0.0.7, sessionAffinity: None, externalName: x");
    let owned = "{'f:spec': {'f:clusterIP': {}, 'f:sessionAffinity': {}, 'f:externalName': {}}}";
    let live = managed(&live, &[("before-first-apply", "Update", owned), ("kustomize-controller", "Apply", "{}")]);
    assert_eq!(found(&service(""), &live), ["spec.externalName added - unknown"]);
}
