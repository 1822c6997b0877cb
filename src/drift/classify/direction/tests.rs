//! Both directions of every change that loosens or tightens security.

use serde_json::{Value, json};

use super::Direction::{self, Looser, Tighter, Unclear};
use super::*;
use crate::drift::model::{Category, KindKey, Severity};

/// Names from the root; one with brackets is an element by its name.
fn turn(kind: &str, path: &str, desired: Value, live: Value) -> Direction {
    judged(kind, path, desired, live).0
}

fn judged(kind: &str, path: &str, desired: Value, live: Value) -> (Direction, (Category, Severity)) {
    let step = |name: &str| match name.strip_prefix('[') {
        Some(name) => PathStep::Element(vec![("name".to_owned(), json!(name))]),
        None => PathStep::Key(name.to_owned()),
    };
    let path = path.split(' ').map(step).collect::<Vec<_>>().into();
    let present = |value: Value| (!value.is_null()).then_some(value);
    let (desired, live) = (present(desired), present(live));
    let change = match (&desired, &live) {
        (Some(_), Some(_)) => Change::Changed,
        (Some(_), None) => Change::Removed,
        _ => Change::Added,
    };
    let kind = KindKey { group: String::new(), kind: kind.to_owned() };
    let subject = Subject { kind: &kind, path: &path, change, desired: desired.as_ref(), live: live.as_ref() };
    (direction(&subject), super::super::field(&subject))
}

/// The change is looser and critical, its reverse tighter and not.
#[track_caller]
fn both(kind: &str, path: &str, tight: &Value, loose: &Value) {
    let (direction, judgement) = judged(kind, path, tight.clone(), loose.clone());
    assert_eq!((direction, judgement), (Looser, (Category::Security, Severity::Critical)), "{path} {tight} → {loose}");
    let (direction, judgement) = judged(kind, path, loose.clone(), tight.clone());
    assert_eq!(direction, Tighter, "{path} {loose} → {tight}");
    assert!(judgement.1 < Severity::Critical, "{path} {loose} → {tight}: {judgement:?}");
}

const CONTEXT: &str = "spec template spec containers [a securityContext";

#[test]
fn security_contexts() {
    for (field, tight, loose) in [
        ("privileged", json!(false), json!(true)),
        ("privileged", Value::Null, json!(true)),
        ("allowPrivilegeEscalation", json!(false), json!(true)),
        ("allowPrivilegeEscalation", json!(false), Value::Null),
        ("runAsNonRoot", json!(true), json!(false)),
        ("runAsNonRoot", json!(true), Value::Null),
        ("readOnlyRootFilesystem", json!(true), json!(false)),
        ("readOnlyRootFilesystem", json!(true), Value::Null),
        ("runAsUser", json!(1000), json!(0)),
        ("runAsUser", json!(1000), Value::Null),
        ("procMount", json!("Default"), json!("Unmasked")),
        ("procMount", Value::Null, json!("Unmasked")),
        ("capabilities add", Value::Null, json!(["SYS_ADMIN"])),
        ("capabilities add", json!(["CHOWN"]), json!(["CHOWN", "NET_RAW"])),
        ("capabilities drop", json!(["ALL"]), Value::Null),
        ("capabilities drop", json!(["ALL"]), json!(["NET_RAW"])),
        ("capabilities drop", json!(["NET_RAW", "CHOWN"]), json!(["CHOWN"])),
        ("seccompProfile", json!({"type": "RuntimeDefault"}), json!({"type": "Unconfined"})),
        ("seccompProfile", json!({"type": "RuntimeDefault"}), Value::Null),
        ("seccompProfile type", json!("Localhost"), json!("Unconfined")),
        ("windowsOptions hostProcess", json!(false), json!(true)),
    ] {
        both("Deployment", &format!("{CONTEXT} {field}"), &tight, &loose);
    }
    both("Pod", "spec securityContext runAsNonRoot", &json!(true), &json!(false));
    both("Deployment", CONTEXT, &json!({"runAsNonRoot": true, "privileged": false}), &json!({"privileged": true}));
    assert_eq!(turn("Deployment", &format!("{CONTEXT} runAsUser"), json!(1000), json!(1001)), Unclear);
    let mixed = turn("Deployment", CONTEXT, json!({"privileged": true}), json!({"privileged": false, "runAsUser": 0}));
    assert_eq!(mixed, Looser);
}

#[test]
fn the_hosts_namespaces_files_and_ports() {
    let pod = "spec template spec";
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        both("DaemonSet", &format!("{pod} {field}"), &json!(false), &json!(true));
        both("DaemonSet", &format!("{pod} {field}"), &Value::Null, &json!(true));
    }
    both("DaemonSet", &format!("{pod} hostUsers"), &json!(false), &json!(true));
    both("DaemonSet", &format!("{pod} containers [a ports [b hostPort"), &Value::Null, &json!(443));
    let volume = json!({"name": "root", "hostPath": {"path": "/"}});
    let volumes = format!("{pod} volumes [root");
    assert_eq!(judged("DaemonSet", &volumes, Value::Null, volume.clone()).1, (Category::Security, Severity::Critical));
    assert_eq!(turn("DaemonSet", &volumes, volume.clone(), Value::Null), Tighter);
    assert_eq!(turn("DaemonSet", &format!("{volumes} hostPath"), Value::Null, volume["hostPath"].clone()), Looser);
}

#[test]
fn a_whole_container() {
    let path = "spec template spec containers [x";
    let loose = json!({"name": "x", "securityContext": {"privileged": true}});
    let tight = json!({"name": "x", "securityContext": {"runAsNonRoot": true, "allowPrivilegeEscalation": false}});
    assert_eq!(turn("Deployment", path, Value::Null, loose.clone()), Looser);
    assert_eq!(turn("Deployment", path, loose, Value::Null), Tighter);
    assert_eq!(turn("Deployment", path, Value::Null, tight.clone()), Unclear);
    assert_eq!(turn("Deployment", path, tight, Value::Null), Unclear);
}

#[test]
fn identities() {
    both("ServiceAccount", "automountServiceAccountToken", &json!(false), &json!(true));
    both("ServiceAccount", "automountServiceAccountToken", &json!(false), &Value::Null);
    both("Deployment", "spec template spec automountServiceAccountToken", &json!(false), &json!(true));
}

#[test]
fn roles_and_their_bindings() {
    let rule = |resources: &[&str], verbs: &[&str]| json!({"apiGroups": [""], "resources": resources, "verbs": verbs});
    let narrow = json!([rule(&["pods"], &["get"])]);
    for wide in [
        json!([rule(&["pods"], &["get", "delete"])]),
        json!([rule(&["pods"], &["*"])]),
        json!([rule(&["*"], &["get"])]),
        json!([rule(&["pods"], &["get"]), rule(&["secrets"], &["get"])]),
    ] {
        both("ClusterRole", "rules", &narrow, &wide);
    }
    both("Role", "rules", &Value::Null, &narrow);
    let mut named = narrow.clone();
    named[0]["resourceNames"] = json!(["a"]);
    both("Role", "rules", &named, &narrow);
    let user = |name: &str| json!({"kind": "Group", "name": name});
    for group in ["system:authenticated", "system:unauthenticated", "ops"] {
        both("ClusterRoleBinding", "subjects", &json!([user("x")]), &json!([user("x"), user(group)]));
    }
    assert_eq!(turn("RoleBinding", "subjects", json!([user("x")]), json!([user("system:anonymous")])), Looser);
}

#[test]
fn network_policies() {
    let from = |peers: Value| json!([{"from": peers, "ports": [{"port": 80}]}]);
    let pods = json!({"podSelector": {"matchLabels": {"app": "a"}}});
    let others = json!({"podSelector": {"matchLabels": {"app": "b"}}});
    let block = |except: &[&str]| json!({"ipBlock": {"cidr": "10.0.0.0/8", "except": except}});
    let one = from(json!([pods]));
    for (tight, loose) in [
        (one.clone(), from(json!([pods, others]))),
        (one.clone(), from(json!([]))),
        (one.clone(), json!([{"from": [pods], "ports": [{"port": 80, "protocol": "TCP"}, {"port": 81}]}])),
        (one.clone(), json!([{"from": [pods]}])),
        (one.clone(), json!([{"from": [pods], "ports": [{"port": 80}]}, {}])),
        (Value::Null, one.clone()),
        (from(json!([block(&["10.1.0.0/16"])])), from(json!([block(&[])]))),
    ] {
        both("NetworkPolicy", "spec ingress", &tight, &loose);
    }
    both("NetworkPolicy", "spec egress", &json!([]), &json!([{}]));
    both("NetworkPolicy", "spec policyTypes", &json!(["Ingress", "Egress"]), &json!(["Ingress"]));
    both("NetworkPolicy", "spec podSelector matchLabels tier", &Value::Null, &json!("x"));
    both("NetworkPolicy", "spec podSelector", &json!({}), &json!({"matchLabels": {"tier": "x"}}));
}

#[test]
fn a_deleted_policy_or_webhook_is_a_loosening() {
    for kind in ["NetworkPolicy", "ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy"] {
        let kind = KindKey { group: String::new(), kind: kind.to_owned() };
        assert_eq!(super::super::object(&kind), (Category::Security, Severity::Critical));
    }
}

#[test]
fn services() {
    both("Service", "spec type", &json!("ClusterIP"), &json!("NodePort"));
    both("Service", "spec type", &json!("NodePort"), &json!("LoadBalancer"));
    both("Service", "spec type", &Value::Null, &json!("LoadBalancer"));
    both("Service", "spec externalIPs", &Value::Null, &json!(["192.0.2.1"]));
    both("Service", "spec loadBalancerSourceRanges", &json!(["10.0.0.0/8"]), &Value::Null);
    both("Service", "spec loadBalancerSourceRanges", &json!(["10.0.0.0/8"]), &json!(["10.0.0.0/8", "0.0.0.0/0"]));
}

#[test]
fn admission_webhooks_and_policies() {
    let kind = "ValidatingWebhookConfiguration";
    let rule = |operations: &[&str]| json!([{"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["pods"], "operations": operations}]);
    both(kind, "webhooks [a failurePolicy", &json!("Fail"), &json!("Ignore"));
    both(kind, "webhooks [a failurePolicy", &Value::Null, &json!("Ignore"));
    both(kind, "webhooks [a matchPolicy", &json!("Equivalent"), &json!("Exact"));
    both(kind, "webhooks [a rules", &rule(&["CREATE", "UPDATE"]), &rule(&["CREATE"]));
    both(kind, "webhooks [a rules", &rule(&["*"]), &json!([]));
    both(kind, "webhooks [a", &json!({"name": "a"}), &Value::Null);
    let excluding = json!([{"key": "team", "operator": "NotIn", "values": ["x"]}]);
    both(kind, "webhooks [a namespaceSelector matchExpressions", &Value::Null, &excluding);
    both(kind, "webhooks [a namespaceSelector matchLabels check", &Value::Null, &json!("yes"));
    both(kind, "webhooks [a namespaceSelector", &json!({}), &json!({"matchExpressions": excluding}));
    both(kind, "webhooks [a matchConditions [c", &Value::Null, &json!({"name": "c", "expression": "false"}));
    both("ValidatingAdmissionPolicy", "spec failurePolicy", &json!("Fail"), &json!("Ignore"));
    both("ValidatingAdmissionPolicyBinding", "spec validationActions", &json!(["Deny", "Audit"]), &json!(["Audit"]));
}

#[test]
fn pod_security_labels() {
    let label = "metadata labels pod-security.kubernetes.io/enforce";
    both("Namespace", label, &json!("restricted"), &json!("baseline"));
    both("Namespace", label, &json!("baseline"), &json!("privileged"));
    both("Namespace", label, &json!("baseline"), &Value::Null);
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted", "team": "x"});
    assert_eq!(turn("Namespace", "metadata labels", labels, Value::Null), Looser);
    assert_eq!(turn("Namespace", "metadata labels", Value::Null, json!({"team": "x"})), Unclear);
}
