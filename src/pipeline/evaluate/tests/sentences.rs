//! What means the same and where a difference stands, a sentence of the rules a test.

use serde_json::json;

use super::*;

/// A custom resource's schema of which the spec has these properties.
fn custom(properties: serde_json::Value) -> Arc<Schema> {
    let openapi = json!({"components": {"schemas": {"org.example.v1.Widget": {
        "type": "object",
        "x-kubernetes-group-version-kind": [{"group": "example.org", "version": "v1", "kind": "Widget"}],
        "properties": {"spec": {"type": "object", "properties": properties}},
    }}}});
    Arc::new(schema::parse(openapi.to_string().as_bytes(), kubernetes::facts()).unwrap())
}

fn widget(spec: &str) -> String {
    format!("{{apiVersion: example.org/v1, kind: Widget, metadata: {{name: d}}, spec: {{{spec}}}}}")
}

fn container(fields: &str) -> String {
    pod(&format!("{{containers: [{{name: a, {fields}}}]}}"))
}

/// Path, pointer and change of each finding.
fn pointed(desired: &str, live: &str) -> Vec<String> {
    let redactor = Redactor::new(&[7; 32]);
    let read = |text: &str| manifest::objects(&"a.yaml".into(), text.as_bytes(), &redactor).remove(0).unwrap();
    let (declared, position, lines) = read(desired);
    let desired = Desired::new(declared, position, &lines);
    let live = Live::from(read(live).0);
    findings_by(&kubernetes::schema(), &Rules::default(), desired, live)
        .iter()
        .map(|finding| format!("{} {} {}", finding.path, finding.pointer, finding.change))
        .collect()
}

#[test]
fn a_quantity_of_a_custom_resource_is_known_by_its_pattern() {
    let pattern = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";
    let amount = json!({"anyOf": [{"type": "integer"}, {"type": "string"}], "pattern": pattern, "x-kubernetes-int-or-string": true});
    let schema = custom(json!({
        "cpu": amount,
        "limits": {"type": "object", "additionalProperties": amount},
        "text": {"type": "string"},
        "either": {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": true},
    }));
    let found = |desired: &str, live: &str| found_by(&schema, &Rules::default(), &widget(desired), &widget(live));
    assert_eq!(found("cpu: 1000m, limits: {memory: 1.5Gi}", "cpu: 1, limits: {memory: 1536Mi}"), NONE);
    assert_eq!(found("limits: {memory: 1Gi}", "limits: {memory: 1G}"), ["spec.limits.memory changed - unknown"]);
    assert_eq!(found("text: 1000m", "text: '1'"), ["spec.text changed - unknown"]);
    assert_eq!(found("either: 1", "either: '1'"), ["spec.either changed - unknown"]);
}

#[test]
fn durations_timestamps_and_bytes_of_a_custom_resource_are_equal_where_its_schema_says_so() {
    let text = |format: &str| json!({"type": "string", "format": format});
    let schema = custom(json!({
        "wait": text("duration"), "since": text("date-time"), "blob": text("byte"), "plain": {"type": "string"},
    }));
    let found = |desired: &str, live: &str| found_by(&schema, &Rules::default(), &widget(desired), &widget(live));
    assert_eq!(found("wait: 1h30m, blob: aGk=", "wait: 90m0s, blob: 'aGk= '"), NONE);
    assert_eq!(found("since: '2026-01-01T00:00:00Z'", "since: '2026-01-01T02:00:00+02:00'"), NONE);
    assert_eq!(found("plain: 60m", "plain: 1h"), ["spec.plain changed - unknown"]);
}

#[test]
fn a_zero_that_is_no_pointer_is_dropped_before_defaults_apply() {
    let probe = |more: &str| container(&format!("livenessProbe: {{tcpSocket: {{port: 80}}{more}}}"));
    let filled = ", periodSeconds: 10, timeoutSeconds: 1, successThreshold: 1, failureThreshold: 3";
    assert_eq!(found(&probe(", periodSeconds: 0"), &probe(filled)), NONE);
    assert_eq!(found(&probe(", periodSeconds: 10"), &probe("")), NONE);
    assert_eq!(
        found(&probe(", periodSeconds: 0"), &probe(", periodSeconds: 5")),
        ["spec.template.spec.containers[name=a].livenessProbe.periodSeconds changed - unknown"]
    );
    assert_eq!(found(&pod("{volumes: [{name: v, emptyDir: {}}]}"), &pod("{volumes: [{name: v}]}")), NONE);
}

#[test]
fn an_empty_struct_equals_absence_only_where_the_field_is_no_pointer() {
    assert_eq!(found(&container("resources: {}"), &container("tty: false")), NONE);
    assert_eq!(found(&deployment("strategy: {}"), &deployment("")), NONE);
    let context = "spec.template.spec.containers[name=a].securityContext";
    assert_eq!(
        found(&container("securityContext: {}"), &container("tty: false")),
        [format!("{context} removed - unknown")]
    );
    let policy = |spec: &str| {
        format!("{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: d}}, spec: {{{spec}}}}}")
    };
    assert_eq!(found(&policy("podSelector: {}"), &policy("policyTypes: [Ingress]")), NONE);
    let everywhere = "podSelector: {}, ingress: [{from: [{podSelector: {}}]}]";
    assert_eq!(found(&policy(everywhere), &policy("podSelector: {}, ingress: [{from: [{}]}]")).len(), 1);
}

#[test]
fn a_custom_resource_keeps_its_empty_structs_and_null_is_absence() {
    let inner = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let schema =
        custom(json!({"inner": inner, "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "on": {"type": "boolean", "default": true}}));
    let found = |desired: &str, live: &str| found_by(&schema, &Rules::default(), &widget(desired), &widget(live));
    assert_eq!(found("inner: {}", ""), ["spec.inner removed - unknown"]);
    assert_eq!(found("labels: {}", ""), ["spec.labels removed - unknown"]);
    assert_eq!(found("inner: {a: null}", "inner: {}"), NONE);
    assert_eq!(found("inner: null", ""), NONE);
    assert_eq!(found("", "'on': true"), NONE);
    assert_eq!(found("", "'on': false"), ["spec.on added - unknown"]);
}

#[test]
fn literal_json_in_the_schema_of_a_definition_is_compared_as_it_is() {
    let crd = |field: &str| {
        format!(
            "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: d}}, spec: {{versions: \
             [{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object, properties: {{a: {{{field}}}}}}}}}}}]}}}}"
        )
    };
    for field in ["default: {}", "default: []", "default: ''", "enum: ['', null, 0]", "example: {a: []}"] {
        assert_eq!(found(&crd(field), &crd(field)), NONE, "{field}");
        assert_eq!(found(&crd(field), &crd("type: string")), ["spec.versions changed - unknown"], "{field}");
    }
    assert_eq!(found(&crd("enum: [a, b]"), &crd("enum: [b, a]")).len(), 1, "the order of a literal list counts");
}

#[test]
fn sets_ignore_order_and_their_members_are_named_by_value() {
    let object = |finalizers: &str| {
        format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: d, finalizers: [{finalizers}]}}}}")
    };
    assert_eq!(found(&object("x/a, x/b"), &object("x/b, x/a")), NONE);
    assert_eq!(found(&object("x/a, x/b"), &object("x/b")), ["metadata.finalizers[x/a] removed - unknown"]);
    assert_eq!(found(&object("x/a"), &object("x/c, x/a")), ["metadata.finalizers[x/c] added - unknown"]);
}

#[test]
fn an_atomic_map_is_compared_key_by_key_and_its_owner_owns_each_key() {
    let live = managed(
        &pod("{nodeSelector: {disk: slow, zone: a, extra: x}}"),
        &[("kubectl-edit", "Update", "{'f:spec': {'f:template': {'f:spec': {'f:nodeSelector': {}}}}}")],
    );
    assert_eq!(
        found(&pod("{nodeSelector: {disk: fast, zone: a}}"), &live),
        [
            "spec.template.spec.nodeSelector.disk changed kubectl-edit manual",
            "spec.template.spec.nodeSelector.extra added kubectl-edit manual",
        ]
    );
    let selector = |labels: &str| deployment(&format!("selector: {{matchLabels: {{{labels}}}}}"));
    assert_eq!(found(&selector("a: b"), &selector("a: c")), ["spec.selector.matchLabels.a changed - unknown"]);
}

#[test]
fn elements_with_the_same_key_pair_by_ordinal() {
    let env = |env: &str| container(&format!("env: [{env}]"));
    let (one, two) = ("{name: E, value: '1'}", "{name: E, value: '2'}");
    let path = "spec.template.spec.containers[name=a].env";
    assert_eq!(found(&env(&format!("{one}, {two}")), &env(&format!("{one}, {two}"))), NONE);
    for other in [format!("{two}, {one}"), one.to_owned(), format!("{one}, {two}, {two}")] {
        assert_eq!(
            found(&env(&format!("{one}, {two}")), &env(&other)),
            [format!("{path} changed - unknown")],
            "{other}"
        );
    }
    assert_eq!(found(&env(one), &env(&format!("{one}, {two}"))), [format!("{path} changed - unknown")]);
}

#[test]
fn what_the_server_keeps_of_every_object_is_set_aside_where_an_exported_manifest_declares_it() {
    let exported = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, uid: 1, resourceVersion: '7', generation: 3, \
        creationTimestamp: '2026-01-01T00:00:00Z', selfLink: /x, managedFields: []}, \
        spec: {template: {metadata: {creationTimestamp: null}}}, status: {replicas: 3}}";
    assert_eq!(found(exported, &deployment("template: {metadata: {creationTimestamp: null}}")), NONE);
}

#[test]
fn owners_count_only_where_git_declares_them() {
    let object =
        |owner: &str| format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: d, ownerReferences: [{owner}]}}}}");
    let owner = |name: &str| format!("{{apiVersion: v1, kind: ConfigMap, name: {name}, uid: {name}}}");
    assert_eq!(found(&object(""), &object(&owner("a"))), NONE);
    assert_eq!(found(&object(&owner("a")), &object(&owner("a"))), NONE);
    assert_eq!(found(&object(&owner("a")), &object("")).len(), 1);
}

#[test]
fn pointers_lead_into_the_live_object_and_of_what_was_removed_into_git() {
    let desired = pod("{containers: [{name: a, image: 'x:1'}, {name: b, image: 'y:1'}, {name: gone}]}");
    let live = pod("{containers: [{name: new}, {name: b, image: 'y:2'}, {name: a, image: 'x:1'}]}");
    assert_eq!(
        pointed(&desired, &live),
        [
            "spec.template.spec.containers[name=b].image /spec/template/spec/containers/1/image changed",
            "spec.template.spec.containers[name=gone] /spec/template/spec/containers/2 removed",
            "spec.template.spec.containers[name=new] /spec/template/spec/containers/0 added",
        ]
    );
    let map = |annotations: &str| {
        format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: d, annotations: {{{annotations}}}}}}}")
    };
    assert_eq!(
        pointed(&map("a.b/c~d: x"), &map("a.b/c~d: y")),
        ["metadata.annotations[\"a.b/c~d\"] /metadata/annotations/a.b~1c~0d changed"]
    );
}

#[test]
fn an_addition_stands_where_the_first_node_is_neither_declared_nor_the_servers() {
    let added = |live: &str| found(&pod("{containers: [{name: a}]}"), &pod(live));
    let path = "spec.template.spec";
    for (live, at) in [
        ("{containers: [{name: a}, {name: x, image: 'y:1'}]}", "containers[name=x]"),
        ("{containers: [{name: a}], imagePullSecrets: [{name: s}]}", "imagePullSecrets"),
        ("{containers: [{name: a, env: [{name: E, value: x}]}]}", "containers[name=a].env"),
        ("{containers: [{name: a, securityContext: {privileged: true}}]}", "containers[name=a].securityContext"),
        ("{containers: [{name: a}], securityContext: {fsGroup: 1}}", "securityContext.fsGroup"),
        ("{containers: [{name: a}], hostNetwork: true}", "hostNetwork"),
        ("{containers: [{name: a}], affinity: {nodeAffinity: {}}}", "affinity"),
    ] {
        assert_eq!(added(live), [format!("{path}.{at} added - unknown")], "{live}");
    }
}

#[test]
fn a_partial_node_is_compared_as_far_as_it_is_declared() {
    let node = |metadata: &str, spec: &str| {
        format!("{{apiVersion: v1, kind: Node, metadata: {{name: d, {metadata}}}, spec: {{{spec}}}}}")
    };
    let desired = node("labels: {pool: trino}", "taints: [{key: pool, value: trino, effect: NoSchedule}]");
    let live = node(
        "labels: {pool: trino, kubernetes.io/os: linux}, annotations: {node.alpha.kubernetes.io/ttl: '0'}",
        "podCIDR: 10.0.0.0/24, podCIDRs: [10.0.0.0/24], providerID: 'kind://d', \
         taints: [{key: pool, value: trino, effect: NoSchedule}]",
    );
    let kubelet = [(
        "kubelet",
        "Update",
        "{'f:metadata': {'f:labels': {'f:kubernetes.io/os': {}}}, 'f:spec': {'f:providerID': {}}}",
    )];
    assert_eq!(found(&desired, &managed(&live.replace("name: d, ", "name: d,"), &kubelet)), NONE);
    let other = live.replace("pool: trino, k", "pool: hive, k");
    assert_eq!(found(&desired, &managed(&other, &kubelet)), ["metadata.labels.pool changed - unknown"]);
}
