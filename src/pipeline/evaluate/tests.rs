//! The rules of the comparison, one by one, on objects as they stand in Git and in a cluster.

mod dumps;
mod found;
mod sentences;

use std::collections::HashMap;
use std::sync::Arc;

use super::*;
use crate::drift::attribute::Autoscalers;
use crate::drift::model::{Declarations, Redactor};
use crate::drift::schema::{self, kubernetes};
use crate::live::Found;
use crate::manifest;

/// What differs: path, change, manager and origin of each finding.
fn found(desired: &str, live: &str) -> Vec<String> {
    found_by(&kubernetes::schema(), &Rules::default(), desired, live)
}

/// Both sides as they are read.
fn read(desired: &str, live: &str) -> (Desired, Live) {
    let redactor = Redactor::new(&[7; 32]);
    let read = |text: &str| {
        let mut objects = manifest::objects(&"a.yaml".into(), text.as_bytes(), &redactor);
        assert_eq!(objects.len(), 1, "one object");
        objects.remove(0).unwrap()
    };
    let (declared, position, lines) = read(desired);
    (Desired::new(declared, position, &lines), Live::from(read(live).0))
}

/// The paths of what is declared in vain.
fn warned(desired: &str, live: &str) -> Vec<String> {
    let (desired, live) = read(desired, live);
    let (schema, rules) = (kubernetes::schema(), Rules::default());
    let environment = "test";
    let judge = Judge { environment, schema: &schema, rules: &rules, desired: &desired, scaled: None, readings: &[] };
    judge.told(&live, judge.judged(&live), None).warnings.iter().map(|warning| warning.path.to_string()).collect()
}

fn found_by(schema: &Arc<Schema>, rules: &Rules, desired: &str, live: &str) -> Vec<String> {
    let (desired, live) = read(desired, live);
    findings_by(schema, rules, desired, live)
        .iter()
        .map(|finding| {
            let manager = finding.manager.as_ref().map_or("-", |manager| &manager.name);
            format!("{} {} {manager} {}", finding.path, finding.change, finding.origin)
        })
        .collect()
}

/// What differs; tells whether the verdict on arrival is the verdict on the whole object, too.
fn findings_by(schema: &Arc<Schema>, rules: &Rules, desired: Desired, live: Live) -> Vec<Finding> {
    let schemas = HashMap::from([(desired.key.type_key.clone(), Arc::clone(schema))]);
    let declared = Declarations::from_iter([desired.pack()]);
    let standing = Standing::new("test", declared, schemas, Autoscalers::default(), Arc::new(rules.clone()));
    let [declared] = standing.declared().objects() else { unreachable!("one object is declared") };
    let verdict = |seen: Seen| standing.verdict(declared, Found::Here(&seen), &Second::default()).expect("it lives");
    let whole = verdict(standing.keep(live.clone()));
    assert_eq!(verdict(standing.look(live)), whole);
    whole.findings
}

fn deployment(spec: &str) -> String {
    format!("{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: d}}, spec: {{{spec}}}}}")
}

fn pod(spec: &str) -> String {
    deployment(&format!("template: {{spec: {spec}}}"))
}

/// An object with one entry of `managedFields` for each manager: name, operation, fields.
fn managed(object: &str, managers: &[(&str, &str, &str)]) -> String {
    let entries: Vec<String> = managers
        .iter()
        .enumerate()
        .map(|(minute, (name, operation, fields))| {
            format!(
                "{{manager: {name}, operation: {operation}, apiVersion: apps/v1, fieldsType: FieldsV1, \
                 time: '2026-11-21T10:{minute:02}:00Z', fieldsV1: {fields}}}"
            )
        })
        .collect();
    object.replace("metadata: {name: d", &format!("metadata: {{managedFields: [{}], name: d", entries.join(", ")))
}

const NONE: [&str; 0] = [];

#[test]
fn equal_in_meaning_is_in_sync() {
    for (desired, live) in [
(
            "{apiVersion: v1, kind: Pod, metadata: {name: d}, spec: {containers: [{name: a, resources: {limits: {cpu: 1000m}}}]}}".to_owned(),
            "{apiVersion: v1, kind: Pod, metadata: {name: d}, spec: {containers: [{name: a, resources: {limits: {cpu: '1'}, requests: {cpu: '1'}}}]}}".to_owned(),
        ),
        (deployment("replicas: 1.0"), deployment("replicas: 1")),
        (deployment("replicas: 1"), deployment("")),
        (deployment(""), deployment("replicas: 1")),
        (deployment("paused: null"), deployment("")),
        (deployment("paused: false"), deployment("")),
        (pod("{volumes: []}"), pod("{}")),
        (pod("{nodeSelector: {}}"), pod("{}")),
        (
            pod("{containers: [{name: a, env: [{name: E, value: ''}]}]}"),
            pod("{containers: [{name: a, env: [{name: E}]}]}"),
        ),
        (pod("{containers: [{name: a}, {name: b}]}"), pod("{containers: [{name: b}, {name: a}]}")),
        (
            pod("{containers: [{name: a, ports: [{containerPort: 80}]}]}"),
            pod("{containers: [{name: a, ports: [{containerPort: 80, protocol: TCP}]}]}"),
        ),
        (pod("{volumes: [{name: v}]}"), pod("{volumes: [{name: v, emptyDir: {}}]}")),
        (pod("{serviceAccountName: x}"), pod("{serviceAccountName: x, serviceAccount: x}")),
        (
            pod("{containers: [{name: a, image: 'x:latest'}]}"),
            pod("{containers: [{name: a, image: 'x:latest', imagePullPolicy: Always}]}"),
        ),
    ] {
        assert_eq!(found(&desired, &live), NONE, "{desired} {live}");
    }
}

#[test]
fn a_zero_behind_a_pointer_is_a_value() {
    let desired = pod("{containers: [{name: a, securityContext: {allowPrivilegeEscalation: false}}]}");
    let live = pod("{containers: [{name: a, securityContext: {}}]}");
    let path = "spec.template.spec.containers[name=a].securityContext.allowPrivilegeEscalation";
    assert_eq!(found(&desired, &live), [format!("{path} removed - unknown")]);
}

#[test]
fn an_empty_struct_behind_a_pointer_is_a_value() {
    let policy = |peer: &str| {
        format!(
            "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: d}}, \
             spec: {{podSelector: {{}}, ingress: [{{from: [{peer}]}}]}}}}"
        )
    };
    let everywhere = policy("{namespaceSelector: {}, podSelector: {matchLabels: {a: b}}}");
    let here = policy("{podSelector: {matchLabels: {a: b}}}");
    assert_eq!(found(&everywhere, &everywhere), NONE);
    assert_eq!(found(&everywhere, &here), ["spec.ingress changed - unknown"]);
}

#[test]
fn a_list_is_reported_as_what_it_is() {
    let args = |args: &str| pod(&format!("{{containers: [{{name: a{args}}}]}}"));
    let path = "spec.template.spec.containers[name=a].args";
    assert_eq!(found(&args(", args: [x, y]"), &args(", args: [y, x]")), [format!("{path} changed - unknown")]);
    assert_eq!(found(&args(", args: [x]"), &args("")), [format!("{path} removed - unknown")]);
    assert_eq!(found(&args(""), &args(", args: [x]")), [format!("{path} added - unknown")]);
    assert_eq!(found(&args(", args: []"), &args(", args: [x]")), [format!("{path} added - unknown")]);
}

#[test]
fn keyed_elements_are_found_by_their_keys_and_defaults_of_keys() {
    let ports =
        |ports: &str| format!("{{apiVersion: v1, kind: Service, metadata: {{name: d}}, spec: {{ports: [{ports}]}}}}");
    let desired = ports("{port: 80, targetPort: 8080}, {port: 53, protocol: UDP}");
    let live = ports("{port: 53, protocol: UDP, targetPort: 53}, {port: 80, protocol: TCP, targetPort: 9090}");
    assert_eq!(found(&desired, &live), ["spec.ports[port=80,protocol=TCP].targetPort changed - unknown"]);
    let twice = ports("{port: 80, name: a}, {port: 80, name: b}");
    assert_eq!(found(&twice, &twice), NONE);
    let other = ports("{port: 80, name: a}, {port: 80, name: c}");
    assert_eq!(found(&twice, &other), ["spec.ports changed - unknown"]);
}

#[test]
fn an_addition_stands_at_the_topmost_node_that_its_author_made() {
    let probe = "livenessProbe: {httpGet: {path: /, port: 80, scheme: HTTP}, timeoutSeconds: 1, periodSeconds: 10, \
                 successThreshold: 1, failureThreshold: 3}";
    let live = pod(&format!("{{containers: [{{name: a, {probe}}}]}}"));
    let fields = "{f:spec: {f:template: {f:spec: {f:containers: {'k:{\"name\":\"a\"}': {f:livenessProbe: {f:httpGet: {f:path: {}, f:port: {}}}}}}}}}";
    let live = managed(&live, &[("person", "Apply", fields)]);
    let path = "spec.template.spec.containers[name=a].livenessProbe";
    assert_eq!(found(&pod("{containers: [{name: a}]}"), &live), [format!("{path} added person manual")]);
}

#[test]
fn a_changed_default_stands_at_its_leaf() {
    let live = deployment("strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 0}}");
    let live =
        managed(&live, &[("person", "Update", "{f:spec: {f:strategy: {f:rollingUpdate: {f:maxUnavailable: {}}}}}")]);
    assert_eq!(
        found(&deployment("replicas: 1"), &live),
        ["spec.strategy.rollingUpdate.maxUnavailable added person manual"]
    );
}

#[test]
fn what_nobody_or_a_controller_owns_is_in_sync_and_what_a_person_owns_is_not() {
    let live = deployment("revisionHistoryLimit: 3");
    let field = "{f:spec: {f:revisionHistoryLimit: {}}}";
    assert_eq!(found(&deployment(""), &managed(&live, &[("x", "Update", "{f:spec: {f:paused: {}}}")])), NONE);
    assert_eq!(found(&deployment(""), &managed(&live, &[("kube-controller-manager", "Update", field)])), NONE);
    let path = "spec.revisionHistoryLimit";
    assert_eq!(
        found(&deployment(""), &managed(&live, &[("person", "Update", field)])),
        [format!("{path} added person manual")]
    );
    assert_eq!(
        found(&deployment(""), &managed(&live, &[("helm-controller", "Apply", field)])),
        [format!("{path} added helm-controller stale")]
    );
    // A deployer's Update entry includes the defaults of its time.
    assert_eq!(found(&deployment(""), &managed(&live, &[("Helm", "Update", field)])), NONE);
    assert_eq!(found(&deployment(""), &live), [format!("{path} added - unknown")]);
}

#[test]
fn a_default_is_in_sync_whoever_owns_it() {
    let live = managed(
        &deployment("revisionHistoryLimit: 10"),
        &[("person", "Update", "{f:spec: {f:revisionHistoryLimit: {}}}")],
    );
    assert_eq!(found(&deployment(""), &live), NONE);
}

#[test]
fn a_default_may_follow_what_somebody_changed_beside_it() {
    let service = |spec: &str| format!("{{apiVersion: v1, kind: Service, metadata: {{name: d}}, spec: {{{spec}}}}}");
    let live = managed(
        &service(
            "type: NodePort, externalTrafficPolicy: Cluster, ports: [{port: 80, targetPort: 80, nodePort: 30080}]",
        ),
        &[("person", "Update", "{f:spec: {f:type: {}, f:externalTrafficPolicy: {}}}")],
    );
    assert_eq!(found(&service("type: ClusterIP, ports: [{port: 80}]"), &live), ["spec.type changed person manual"]);
}

#[test]
fn a_human_beside_a_deployer_is_still_a_human() {
    let field = "{f:spec: {f:replicas: {}}}";
    let live = managed(&deployment("replicas: 5"), &[("person", "Update", field), ("Helm", "Update", field)]);
    assert_eq!(found(&deployment("replicas: 2"), &live), ["spec.replicas changed person manual"]);
    let live = managed(&deployment("replicas: 5"), &[("Helm", "Update", field)]);
    assert_eq!(found(&deployment("replicas: 2"), &live), ["spec.replicas changed Helm unknown"]);
}

#[test]
fn string_data_is_merged_over_data_and_keeps_its_pointer() {
    let redactor = Redactor::new(&[7; 32]);
    let text = "{apiVersion: v1, kind: Secret, metadata: {name: d}, data: {p: b2xk}, stringData: {p: new, q: 'x'}}";
    let read = |text: &str| manifest::objects(&"a.yaml".into(), text.as_bytes(), &redactor).remove(0).unwrap();
    let (declared, position, lines) = read(text);
    let desired = Desired::new(declared, position, &lines);
    let live = Live::from(read("{apiVersion: v1, kind: Secret, metadata: {name: d}, type: Opaque, data: {p: bmV3}}").0);
    let findings = findings_by(&kubernetes::schema(), &Rules::default(), desired, live);
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].path.to_string().as_str(), findings[0].pointer.as_str()), ("data.q", "/stringData/q"));
}

#[test]
fn the_autoscalers_metrics_are_equal_in_any_order() {
    let autoscaler = |metrics: &str| {
        format!(
            "{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: d}}, \
             spec: {{maxReplicas: 3, scaleTargetRef: {{kind: Deployment, name: d}}, metrics: [{metrics}]}}}}"
        )
    };
    let cpu = "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}";
    let memory = "{type: Resource, resource: {name: memory, target: {type: Utilization, averageUtilization: 70}}}";
    assert_eq!(found(&autoscaler(&format!("{cpu}, {memory}")), &autoscaler(&format!("{memory}, {cpu}"))), NONE);
    assert_eq!(found(&autoscaler(cpu), &autoscaler(memory)), ["spec.metrics changed - unknown"]);
}

#[test]
fn custom_resources_keep_what_they_are_given() {
    let openapi = serde_json::json!({"components": {"schemas": {"org.example.v1.Widget": {
        "type": "object",
        "x-kubernetes-group-version-kind": [{"group": "example.org", "version": "v1", "kind": "Widget"}],
        "properties": {"spec": {"type": "object", "properties": {
            "size": {"type": "integer", "default": 3},
            "name": {"type": "string"},
            "parts": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}, "count": {"type": "integer"}}},
                      "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"]},
            "list": {"type": "array", "items": {"type": "string"}},
        }}}
    }}}});
    let schema = Arc::new(schema::parse(openapi.to_string().as_bytes(), kubernetes::facts()).unwrap());
    let widget =
        |spec: &str| format!("{{apiVersion: example.org/v1, kind: Widget, metadata: {{name: d}}, spec: {{{spec}}}}}");
    let found = |desired: &str, live: &str| found_by(&schema, &Rules::default(), &widget(desired), &widget(live));
    assert_eq!(found("", "size: 3"), NONE);
    assert_eq!(found("size: 3", ""), NONE);
    assert_eq!(found("name: ''", ""), ["spec.name removed - unknown"]);
    assert_eq!(found("list: []", ""), ["spec.list removed - unknown"]);
    assert_eq!(found("name: null", ""), NONE);
    assert_eq!(
        found("parts: [{id: a}, {id: b}]", "parts: [{id: b}, {id: a, count: 1}]"),
        ["spec.parts[id=a].count added - unknown"]
    );
}

#[test]
fn without_a_schema_lists_are_atomic_and_empty_is_absent() {
    let schema = Arc::new(Schema::default());
    let found = |desired: &str, live: &str| {
        let widget = |spec: &str| {
            format!("{{apiVersion: example.org/v1, kind: Widget, metadata: {{name: d}}, spec: {{{spec}}}}}")
        };
        found_by(&schema, &Rules::default(), &widget(desired), &widget(live))
    };
    assert_eq!(found("a: [], b: {}", ""), NONE);
    assert_eq!(found("a: [1, 2]", "a: [2, 1]"), ["spec.a changed - unknown"]);
    assert_eq!(found("a: {b: {c: 1}}", "a: {b: {c: 2}}"), ["spec.a.b.c changed - unknown"]);
}

#[test]
fn raw_json_in_a_schema_of_a_custom_resource_is_literal() {
    let crd = |default: &str| {
        format!(
            "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: d}}, spec: {{versions: [\
             {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object, properties: {{a: {{type: array, default: {default}}}}}}}}}}}]}}}}"
        )
    };
    assert_eq!(found(&crd("[]"), &crd("[]")), NONE);
    assert_eq!(found(&crd("[]"), &crd("[1]")).len(), 1);
}
