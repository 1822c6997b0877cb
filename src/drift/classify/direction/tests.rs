//! Both directions of every change that loosens or tightens security.

use serde_json::{Value, json};

use super::Direction::{self, Looser, Tighter, Unclear};
use super::*;
use crate::drift::model::{Category, Change, KindKey, PathStep, Severity, State};

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
        ("windowsOptions hostProcess", Value::Null, json!(true)),
        ("windowsOptions runAsUserName", json!("ContainerUser"), json!("ContainerAdministrator")),
        ("windowsOptions runAsUserName", json!("ContainerUser"), json!(r"NT AUTHORITY\System")),
        ("windowsOptions runAsUserName", json!("ContainerUser"), Value::Null),
        ("windowsOptions", json!({"runAsUserName": "ContainerUser"}), json!({"hostProcess": true})),
        ("runAsGroup", json!(1000), json!(0)),
        ("runAsGroup", json!(1000), Value::Null),
        ("capabilities add", json!(["NET_RAW"]), json!(["ALL"])),
        ("capabilities", Value::Null, json!({"add": ["SYS_PTRACE"]})),
        ("capabilities", json!({"drop": ["ALL"]}), Value::Null),
        ("capabilities drop", json!(["CHOWN"]), Value::Null),
        ("seccompProfile", Value::Null, json!({"type": "Unconfined"})),
        ("appArmorProfile", json!({"type": "RuntimeDefault"}), json!({"type": "Unconfined"})),
        ("appArmorProfile", json!({"type": "Localhost", "localhostProfile": "a"}), Value::Null),
        ("appArmorProfile type", json!("RuntimeDefault"), json!("Unconfined")),
        ("seLinuxOptions type", json!("container_t"), json!("spc_t")),
        ("seLinuxOptions type", Value::Null, json!("spc_t")),
        ("seLinuxOptions", Value::Null, json!({"type": "spc_t"})),
    ] {
        both("Deployment", &format!("{CONTEXT} {field}"), &tight, &loose);
    }
    both("Pod", "spec securityContext runAsNonRoot", &json!(true), &json!(false));
    both("Deployment", CONTEXT, &json!({"runAsNonRoot": true, "privileged": false}), &json!({"privileged": true}));
    for (field, tight, loose) in [
        ("runAsNonRoot", json!(true), Value::Null),
        ("runAsUser", json!(1000), json!(0)),
        ("runAsGroup", json!(1000), json!(0)),
        ("fsGroup", json!(1000), json!(0)),
        ("supplementalGroups", json!([1000]), json!([1000, 0])),
        ("sysctls", Value::Null, json!([{"name": "kernel.msgmax", "value": "1"}])),
        ("seccompProfile", json!({"type": "RuntimeDefault"}), Value::Null),
        ("appArmorProfile type", json!("RuntimeDefault"), json!("Unconfined")),
        ("seLinuxOptions type", json!("container_t"), json!("spc_t")),
        ("windowsOptions hostProcess", json!(false), json!(true)),
    ] {
        both("CronJob", &format!("spec jobTemplate spec template spec securityContext {field}"), &tight, &loose);
    }
    assert_eq!(turn("Deployment", &format!("{CONTEXT} capabilities add"), json!(["ALL"]), json!(["CHOWN"])), Tighter);
    assert_eq!(turn("Deployment", &format!("{CONTEXT} runAsUser"), json!(1000), json!(1001)), Unclear);
    let mixed = turn("Deployment", CONTEXT, json!({"privileged": true}), json!({"privileged": false, "runAsUser": 0}));
    assert_eq!(mixed, Looser);
}

#[test]
fn the_hosts_namespaces_files_and_ports() {
    let pod = "spec template spec";
    let mount = format!("{pod} containers [a volumeMounts [/host mountPropagation");
    let (direction, judgement) = judged("DaemonSet", &mount, Value::Null, json!("Bidirectional"));
    assert_eq!((direction, judgement.1), (Looser, Severity::Critical));
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
fn profiles_in_annotations() {
    let annotation = "spec template metadata annotations container.apparmor.security.beta.kubernetes.io/web";
    for loose in [json!("unconfined"), Value::Null] {
        let (direction, judgement) = judged("Deployment", annotation, json!("runtime/default"), loose.clone());
        assert_eq!((direction, judgement), (Looser, (Category::Security, Severity::Critical)));
        let (direction, judgement) = judged("Deployment", annotation, loose, json!("localhost/web"));
        assert_eq!((direction, judgement.1), (Tighter, Severity::Low));
    }
    let seccomp = "metadata annotations seccomp.security.alpha.kubernetes.io/pod";
    assert_eq!(turn("Pod", seccomp, Value::Null, json!("unconfined")), Looser);
}

#[test]
fn a_server_that_is_called_without_looking_at_its_certificate() {
    let (direction, judgement) = judged("APIService", "spec insecureSkipTLSVerify", Value::Null, json!(true));
    assert_eq!((direction, judgement), (Looser, (Category::Security, Severity::Critical)));
    assert_eq!(turn("APIService", "spec insecureSkipTLSVerify", json!(true), Value::Null), Tighter);
}

#[test]
fn what_a_role_grants_counts_and_not_how_its_rules_are_cut() {
    let rule = |group: &str, resource: &str, verbs: &[&str]| json!({"apiGroups": [group], "resources": [resource], "verbs": verbs});
    let whole = json!([rule("", "pods", &["get", "list"])]);
    let cut = json!([rule("", "pods", &["list"]), rule("", "pods", &["get"])]);
    assert_eq!(turn("Role", "rules", whole.clone(), cut), Unclear);
    for (role, verb) in [("ClusterRole", "escalate"), ("Role", "bind")] {
        let group = "rbac.authorization.k8s.io";
        let more = json!([rule(group, "roles", &["get", verb])]);
        both(role, "rules", &json!([rule(group, "roles", &["get"])]), &more);
    }
    both(
        "ClusterRole",
        "rules",
        &whole,
        &json!([rule("", "pods", &["get", "list"]), rule("", "users", &["impersonate"])]),
    );
    both("ClusterRole", "rules", &json!([rule("apps", "*/scale", &["get"])]), &json!([rule("apps", "*", &["get"])]));
    both(
        "ClusterRole",
        "rules",
        &json!([rule("apps", "deployments/scale", &["get"])]),
        &json!([rule("apps", "*/scale", &["get"])]),
    );
    let urls = |urls: &[&str]| json!([{"nonResourceURLs": urls, "verbs": ["get"]}]);
    both("ClusterRole", "rules", &urls(&["/healthz/*"]), &urls(&["*"]));
    both("ClusterRole", "rules", &urls(&["/healthz"]), &urls(&["/healthz/*", "/healthz"]));
}

#[test]
fn roles_that_become_part_of_others() {
    let selector = |name: &str| json!({"matchLabels": {"into": name}});
    let rule =
        |names: &[&str]| json!({"clusterRoleSelectors": names.iter().map(|name| selector(name)).collect::<Vec<_>>()});
    both("ClusterRole", "aggregationRule", &rule(&["a"]), &rule(&["a", "b"]));
    both(
        "ClusterRole",
        "aggregationRule clusterRoleSelectors",
        &json!([selector("a")]),
        &json!([selector("a"), selector("b")]),
    );
    let label = "metadata labels rbac.authorization.k8s.io/aggregate-to-admin";
    both("ClusterRole", label, &Value::Null, &json!("true"));
    both("ClusterRole", label, &json!("false"), &json!("true"));
    both(
        "ClusterRole",
        "metadata labels",
        &Value::Null,
        &json!({"rbac.authorization.k8s.io/aggregate-to-view": "true"}),
    );
    assert_eq!(turn("ClusterRole", "metadata labels team", Value::Null, json!("a")), Unclear);
}

#[test]
fn a_subject_is_the_same_with_its_group_filled_in() {
    let (ann, bob) = (json!({"kind": "User", "name": "ann"}), json!({"kind": "User", "name": "bob"}));
    let mut filled = ann.clone();
    filled["apiGroup"] = json!("rbac.authorization.k8s.io");
    both("ClusterRoleBinding", "subjects", &json!([filled]), &json!([ann, bob]));
    let account = |namespace: &str| json!([{"kind": "ServiceAccount", "name": "robot", "namespace": namespace}]);
    assert_eq!(turn("RoleBinding", "subjects", account("a"), account("b")), Looser);
    both("ClusterRoleBinding", "roleRef name", &json!("view"), &json!("cluster-admin"));
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
    let block = |cidr: &str| from(json!([{"ipBlock": {"cidr": cidr}}]));
    let ports = |first: u16, last: u16| json!([{"from": [pods], "ports": [{"port": first, "endPort": last}]}]);
    let everyone = from(json!([{"podSelector": {}}]));
    for (tight, loose) in [
        (block("10.0.0.0/16"), block("10.0.0.0/8")),
        (block("192.168.0.0/16"), block("0.0.0.0/0")),
        (block("2001:db8::/64"), block("::/0")),
        (ports(80, 81), ports(80, 90)),
        (one.clone(), everyone),
        (one.clone(), from(json!([{"namespaceSelector": {}, "podSelector": {}}, pods]))),
        (
            from(json!([{"namespaceSelector": {"matchLabels": {"team": "a"}}}])),
            from(json!([{"namespaceSelector": {}}])),
        ),
    ] {
        both("NetworkPolicy", "spec ingress", &tight, &loose);
    }
    both("NetworkPolicy", "spec egress", &json!([]), &json!([{}]));
    both("NetworkPolicy", "spec egress", &json!([{"to": [pods]}]), &json!([{"to": [pods]}, {"to": [others]}]));
    both("NetworkPolicy", "spec policyTypes", &json!(["Ingress", "Egress"]), &json!(["Ingress"]));
    both("NetworkPolicy", "spec podSelector matchLabels tier", &Value::Null, &json!("x"));
    both("NetworkPolicy", "spec podSelector", &json!({}), &json!({"matchLabels": {"tier": "x"}}));
}

#[test]
fn a_deleted_policy_or_webhook_is_a_loosening() {
    for kind in ["NetworkPolicy", "ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy"] {
        let kind = KindKey { group: String::new(), kind: kind.to_owned() };
        assert_eq!(super::super::object(&kind, State::Missing), (Category::Security, Severity::Critical));
        assert_eq!(super::super::object(&kind, State::Extra), (Category::Security, Severity::High));
    }
}

#[test]
fn a_binding_that_nobody_declares_is_a_loosening_and_one_that_is_gone_is_none() {
    for kind in ["RoleBinding", "ClusterRoleBinding"] {
        let kind = KindKey { group: String::new(), kind: kind.to_owned() };
        assert_eq!(super::super::object(&kind, State::Extra), (Category::Security, Severity::Critical));
        assert_eq!(super::super::object(&kind, State::Missing), (Category::Security, Severity::High));
    }
}

#[test]
fn services() {
    both("Service", "spec type", &json!("ClusterIP"), &json!("NodePort"));
    both("Service", "spec type", &json!("NodePort"), &json!("LoadBalancer"));
    both("Service", "spec type", &Value::Null, &json!("LoadBalancer"));
    both("Service", "spec externalIPs", &Value::Null, &json!(["192.0.2.1"]));
    both("Service", "spec loadBalancerSourceRanges", &json!(["10.0.0.0/16"]), &json!(["10.0.0.0/8"]));
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
    both(kind, "webhooks", &json!([{"name": "a"}]), &Value::Null);
    both(kind, "webhooks [a objectSelector", &Value::Null, &json!({"matchLabels": {"check": "yes"}}));
    let without = |names: &[&str]| json!([{"key": "team", "operator": "NotIn", "values": names}]);
    both(kind, "webhooks [a namespaceSelector matchExpressions", &without(&["x"]), &without(&["x", "y"]));
    let only = |names: &[&str]| json!([{"key": "team", "operator": "In", "values": names}]);
    both(kind, "webhooks [a namespaceSelector matchExpressions", &only(&["x", "y"]), &only(&["x"]));
    let made = judged("MutatingWebhookConfiguration", "webhooks [a", Value::Null, json!({"name": "a"}));
    assert_eq!(made, (Unclear, (Category::Security, Severity::Critical)), "what it does nobody can tell");
    let policy = "ValidatingAdmissionPolicy";
    both(policy, "spec matchConstraints resourceRules", &rule(&["CREATE", "UPDATE"]), &rule(&["CREATE"]));
    both(policy, "spec matchConstraints excludeResourceRules", &Value::Null, &rule(&["CREATE"]));
    both(policy, "spec matchConstraints namespaceSelector", &json!({}), &json!({"matchExpressions": excluding}));
    both(policy, "spec validations", &json!([{"expression": "a"}, {"expression": "b"}]), &json!([{"expression": "a"}]));
    both(policy, "spec matchConditions [c", &Value::Null, &json!({"name": "c", "expression": "false"}));
    let binding = "ValidatingAdmissionPolicyBinding";
    both(binding, "spec matchResources", &Value::Null, &json!({"namespaceSelector": {"matchLabels": {"a": "b"}}}));
    both(binding, "spec matchResources namespaceSelector", &json!({}), &json!({"matchLabels": {"a": "b"}}));
    both(binding, "spec matchResources resourceRules", &Value::Null, &rule(&["CREATE"]));
    both(binding, "spec paramRef parameterNotFoundAction", &json!("Deny"), &json!("Allow"));
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
