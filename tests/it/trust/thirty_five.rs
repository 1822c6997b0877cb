//! The 35 manual changes by which tools are measured: 16 of declared fields, 19 of fields that Git does not declare.

use std::fmt::Write as _;
use std::fs;

use serde_json::{Value, json};

use super::{assert_agreed, assert_silent, findings};
use crate::fixture::{ControlPlane, GitRepository, Namespace, Patch, canary, canary_base64, driftd};

const CONTAINER: &str = "spec.template.spec.containers[name=web]";

/// The manifest of a kind's objects; `NAME` stands for the name, `CANARY` for a Secret's value.
fn manifest(kind: &str) -> &'static str {
    match kind {
        "Deployment" => {
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: NAME, labels: {app: web}}\nspec:\n  replicas: 2\n  \
             selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n      \
             - name: web\n        image: example/web:1\n        args: [serve]\n        env: [{name: LEVEL, value: info}]\n        \
             ports: [{containerPort: 80}]\n        resources: {limits: {memory: 1Gi}}\n        \
             readinessProbe: {httpGet: {path: /ready, port: 80}}\n        securityContext: {runAsNonRoot: true}\n"
        }
        "Scaled" => {
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: NAME}\nspec:\n  selector: {matchLabels: {app: web}}\n  \
             template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: 'example/web:1'}]}\n"
        }
        "ConfigMap" => "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\ndata: {level: info, mode: safe}\n",
        "Secret" => "apiVersion: v1\nkind: Secret\nmetadata: {name: NAME}\nstringData: {p: CANARY}\n",
        "Service" => {
            "apiVersion: v1\nkind: Service\nmetadata: {name: NAME}\nspec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}\n"
        }
        "CronJob" => {
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: NAME}\nspec:\n  schedule: '@daily'\n  jobTemplate: {spec: {template: \
             {spec: {restartPolicy: Never, containers: [{name: web, image: 'example/web:1'}]}}}}\n"
        }
        "Ingress" => {
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: NAME}\nspec: {rules: [{host: a.example, http: {paths: \
             [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}\n"
        }
        "HorizontalPodAutoscaler" => {
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: NAME}\nspec: {scaleTargetRef: {apiVersion: \
             apps/v1, kind: Deployment, name: nobody}, maxReplicas: 3}\n"
        }
        "NetworkPolicy" => {
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: NAME}\nspec: {podSelector: {}, ingress: [{from: \
             [{podSelector: {matchLabels: {app: web}}}]}]}\n"
        }
        "Role" => {
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: NAME}\nrules: [{apiGroups: [''], resources: [pods], \
             verbs: [get]}]\n"
        }
        "PodDisruptionBudget" => {
            "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: NAME}\nspec: {minAvailable: 1, selector: {matchLabels: \
             {app: web}}}\n"
        }
        other => panic!("no manifest of {other}"),
    }
}

/// A change of one object of a kind: the strategic patch, and what must be said.
type Change = (&'static str, Value, String, &'static str);

fn container(patch: Value) -> Value {
    let mut container = patch;
    container["name"] = "web".into();
    json!({"spec": {"template": {"spec": {"containers": [container]}}}})
}

fn pod(patch: Value) -> Value {
    json!({"spec": {"template": {"spec": patch}}})
}

fn declared() -> Vec<Change> {
    let of = |field: &str| format!("{CONTAINER}.{field}");
    vec![
        ("Deployment", container(json!({"image": "example/web:2"})), of("image"), "changed"),
        ("Deployment", json!({"spec": {"replicas": 5}}), "spec.replicas".into(), "changed"),
        ("Deployment", container(json!({"args": ["serve", "--debug"]})), of("args"), "changed"),
        (
            "Deployment",
            container(json!({"env": [{"name": "LEVEL", "value": "debug"}]})),
            of("env[name=LEVEL].value"),
            "changed",
        ),
        ("Deployment", container(json!({"env": [{"name": "LEVEL", "$patch": "delete"}]})), of("env"), "removed"),
        (
            "Deployment",
            container(json!({"resources": {"limits": {"memory": "2Gi"}}})),
            of("resources.limits.memory"),
            "changed",
        ),
        ("Deployment", container(json!({"readinessProbe": null})), of("readinessProbe"), "removed"),
        (
            "Deployment",
            container(json!({"securityContext": {"runAsNonRoot": false}})),
            of("securityContext.runAsNonRoot"),
            "changed",
        ),
        ("Deployment", json!({"metadata": {"labels": {"app": "other"}}}), "metadata.labels.app".into(), "changed"),
        ("ConfigMap", json!({"data": {"level": "debug"}}), "data.level".into(), "changed"),
        ("ConfigMap", json!({"data": {"level": null}}), "data.level".into(), "removed"),
        ("Secret", json!({"data": {"p": canary_base64("changed")}}), "data.p".into(), "changed"),
        (
            "Service",
            json!({"spec": {"ports": [{"port": 80, "targetPort": 9090}]}}),
            "spec.ports[port=80,protocol=TCP].targetPort".into(),
            "changed",
        ),
        ("CronJob", json!({"spec": {"schedule": "@hourly"}}), "spec.schedule".into(), "changed"),
        ("HorizontalPodAutoscaler", json!({"spec": {"maxReplicas": 9}}), "spec.maxReplicas".into(), "changed"),
        (
            "Role",
            json!({"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}),
            "rules".into(),
            "changed",
        ),
    ]
}

fn undeclared() -> Vec<Change> {
    let of = |field: &str| format!("{CONTAINER}.{field}");
    let spec = |field: &str| format!("spec.template.spec.{field}");
    let shell = json!({"containers": [{"name": "shell", "image": "busybox"}]});
    vec![
        ("Deployment", pod(shell), spec("containers[name=shell]"), "added"),
        (
            "Deployment",
            pod(json!({"initContainers": [{"name": "i", "image": "busybox"}]})),
            spec("initContainers"),
            "added",
        ),
        (
            "Deployment",
            container(json!({"securityContext": {"privileged": true}})),
            of("securityContext.privileged"),
            "added",
        ),
        ("Deployment", pod(json!({"hostNetwork": true})), spec("hostNetwork"), "added"),
        ("Deployment", pod(json!({"hostPID": true})), spec("hostPID"), "added"),
        (
            "Deployment",
            pod(json!({"volumes": [{"name": "host", "hostPath": {"path": "/"}}]})),
            spec("volumes"),
            "added",
        ),
        ("Deployment", container(json!({"env": [{"name": "EXTRA", "value": "1"}]})), of("env[name=EXTRA]"), "added"),
        ("Deployment", pod(json!({"nodeSelector": {"disk": "slow"}})), spec("nodeSelector"), "added"),
        ("Deployment", pod(json!({"tolerations": [{"operator": "Exists"}]})), spec("tolerations"), "added"),
        ("Deployment", pod(json!({"serviceAccountName": "admin"})), spec("serviceAccountName"), "added"),
        (
            "Deployment",
            json!({"metadata": {"labels": {"incident": "4711"}}}),
            "metadata.labels.incident".into(),
            "added",
        ),
        ("Deployment", json!({"spec": {"paused": true}}), "spec.paused".into(), "added"),
        (
            "Deployment",
            container(json!({"livenessProbe": {"httpGet": {"path": "/", "port": 80}}})),
            of("livenessProbe"),
            "added",
        ),
        ("ConfigMap", json!({"data": {"extra": "1"}}), "data.extra".into(), "added"),
        ("Secret", json!({"stringData": {"extra": canary("added")}}), "data.extra".into(), "added"),
        ("Service", json!({"spec": {"type": "NodePort"}}), "spec.type".into(), "added"),
        ("CronJob", json!({"spec": {"suspend": true}}), "spec.suspend".into(), "added"),
        (
            "Ingress",
            json!({"spec": {"tls": [{"hosts": ["a.example"], "secretName": "t"}]}}),
            "spec.tls".into(),
            "added",
        ),
        ("Scaled", Value::Null, "spec.replicas".into(), "added"),
    ]
}

fn changes() -> Vec<Change> {
    assert_eq!((declared().len(), undeclared().len()), (16, 19));
    declared().into_iter().chain(undeclared()).collect()
}

fn name(number: usize) -> String {
    format!("change-{number}")
}

/// Makes a change as a person does.
fn make(namespace: &Namespace, number: usize, (kind, patch, _, _): &Change) {
    let text = manifest(kind);
    let field = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).expect("the manifest names it").trim();
    let url = namespace.path(field("apiVersion:"), field("kind:"), &name(number));
    let api = namespace.admin.api();
    let made = if *kind == "Scaled" {
        let scale = json!({"spec": {"replicas": 5}});
        api.patch(&format!("{url}/scale"), Patch::Merge, &scale, "kubectl")
    } else {
        api.patch(&url, Patch::Strategic, patch, "kubectl-edit")
    };
    made.unwrap_or_else(|error| panic!("change {number}: {error}"));
}

/// `server_side` says whether the scale subresource leaves an owner: it leaves none on what server-side apply made.
fn all_found(apply: impl Fn(&Namespace, &str), scaled_by: &str) {
    let namespace = ControlPlane::shared().namespace("thirty-five");
    let changes = changes();
    let mut text = String::new();
    for (number, (kind, ..)) in changes.iter().enumerate() {
        write!(text, "---\n{}", manifest(kind).replace("NAME", &name(number)).replace("CANARY", canary("declared")))
            .expect("a String grows");
    }
    let repository = GitRepository::new();
    repository.commit("main", &[("all.yaml", &text)]);
    apply(&namespace, &text);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("driftd.yaml");
    let written = format!(
        "clusters: [{{name: test, kubeconfig: {}}}]\nrepositories: [{{name: all, url: {}}}]\nenvironments: [{{name: all, \
         repository: all, branch: main, path: ., cluster: test, namespace: {}}}]\n",
        namespace.admin.path().display(),
        repository.path().display(),
        namespace.name
    );
    fs::write(&config, written).expect("the folder is writable");
    let config = config.to_str().expect("UTF-8");
    let check_with = |more: &[&str]| driftd(&[&["check", "--config", config, "-o", "json"], more].concat());
    let check = || check_with(&[]);
    assert_silent(&check());
    assert_agreed(&check_with(&["--strategy", "server"]));

    for (number, change) in changes.iter().enumerate() {
        make(&namespace, number, change);
    }
    let ended = check_with(&["--strategy", "server"]);
    assert_agreed(&ended);
    let found = findings(&ended.json());
    let missed: Vec<String> = changes
        .iter()
        .enumerate()
        .map(|(number, (kind, _, path, change))| {
            let author = match (*kind, *change) {
                ("Scaled", _) => scaled_by.to_owned(),
                (_, "removed") => String::new(),
                _ => "kubectl-edit (manual)".to_owned(),
            };
            let object = if *kind == "Scaled" { "Deployment" } else { kind };
            let by = if author.is_empty() { "-" } else { &author };
            format!("{object} {}: {path} {change} by {by}", name(number))
        })
        .filter(|line| !found.iter().any(|found| found.starts_with(line.as_str())))
        .collect();
    assert_eq!(missed, [""; 0], "{found:#?}");
    assert_eq!(found.len(), changes.len(), "{found:#?}");
}

#[test]
fn all_35_changes_of_client_side_deployed_objects_are_found() {
    all_found(|namespace, text| namespace.admin.client_side_apply(text), "kubectl (manual)");
}

#[test]
fn all_35_changes_of_server_side_deployed_objects_are_found() {
    // The scale subresource leaves no owner where server-side apply did not declare the field.
    all_found(|namespace, text| namespace.admin.server_side_apply(text, "kustomize-controller"), "- (unknown)");
}
