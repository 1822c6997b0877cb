//! `kustomize build deploy` on a real API server: it is accepted, its rights are enough, and they are rights to read.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::workspace::Workspace;
use super::{documents, files, items, path, read};
use crate::fixture::{ControlPlane, Kubeconfig, Patch, admit, canary, eventually, program, refusal, run};

const NAMESPACE: &str = "driftd";

/// What `kustomize build deploy` prints.
static MANIFESTS: LazyLock<String> = LazyLock::new(|| {
    let output = run(Command::new(program("kustomize")).arg("build").arg(path("deploy")), "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
});

/// A cluster with the definitions of the Prometheus operator, to which `deploy` has been applied.
fn cluster() -> &'static ControlPlane {
    static CLUSTER: LazyLock<ControlPlane> = LazyLock::new(|| {
        let plane = ControlPlane::start();
        let admin = plane.admin();
        admin.server_side_apply(&read("demo/prerequisites/monitoring-crds.yaml"), "tests");
        eventually("the operator's kinds are in the OpenAPI document", || {
            let index = admin.api().get("/openapi/v3").ok()?;
            index["paths"].get("apis/monitoring.coreos.com/v1").map(|_| ())
        });
        admin.server_side_apply(&MANIFESTS, "pipeline");
        plane
    });
    &CLUSTER
}

/// The access that the deployed driftd has.
fn deployed() -> Kubeconfig {
    cluster().service_account(NAMESPACE, "driftd")
}

fn manifest(kind: &str) -> Value {
    let documents = documents(&MANIFESTS);
    let mut of_kind = documents.into_iter().filter(|document| document["kind"] == kind);
    of_kind.next().unwrap_or_else(|| panic!("deploy has no {kind}"))
}

#[test]
fn what_is_applied_is_there() {
    let admin = cluster().admin();
    for declared in documents(&MANIFESTS) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let [version, kind] = [&declared["apiVersion"], &declared["kind"]].map(text);
        let metadata = &declared["metadata"];
        let namespace = text(&metadata["namespace"]);
        let path = admin.api().path(&version, &kind, &namespace, &text(&metadata["name"]));
        let live = admin.api().get(&path).unwrap();
        assert_eq!(live["metadata"]["labels"]["app.kubernetes.io/name"], "driftd", "{path}");
    }
}

#[test]
fn its_pod_is_admitted_by_its_namespace() {
    let template = &manifest("Deployment")["spec"]["template"];
    let mut metadata = template["metadata"].clone();
    metadata["name"] = json!("probe");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]});
    let pods = format!("/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All");
    let api = cluster().admin().api();
    api.create(&pods, &pod, "tests").unwrap();
    let mut privileged = pod;
    privileged["spec"]["hostPID"] = json!(true);
    assert_eq!(refusal(&api.create(&pods, &privileged, "tests").unwrap_err()), Some(403));
}

#[test]
fn its_parts_fit_each_other() {
    let labels = |kind: &str| manifest(kind)["spec"]["template"]["metadata"]["labels"].clone();
    assert_eq!(manifest("Service")["spec"]["selector"], labels("Deployment"));
    let container = manifest("Deployment")["spec"]["template"]["spec"]["containers"][0].clone();
    let port = container["ports"][0]["containerPort"].to_string();
    let config = documents(&read("deploy/driftd.yaml")).remove(0);
    assert!(config["http"]["listen"].as_str().unwrap().ends_with(&format!(":{port}")));
    let mounts: Vec<_> =
        items(&container["volumeMounts"]).iter().map(|mount| mount["mountPath"].as_str().unwrap()).collect();
    for key in ["gitCache", "renderCache"] {
        let folder = config[key].as_str().unwrap();
        let volume = mounts.iter().find(|mount| folder.starts_with(&format!("{mount}/")));
        assert_eq!(volume, Some(&"/var/cache/driftd"), "{key}");
    }
    assert_eq!(container["ports"][0]["name"], manifest("Service")["spec"]["ports"][0]["targetPort"]);
    let endpoint = manifest("ServiceMonitor")["spec"]["endpoints"][0].clone();
    assert_eq!(endpoint["port"], manifest("Service")["spec"]["ports"][0]["name"]);
    assert_eq!(endpoint["path"], "/metrics");
    let [live, ready] = ["livenessProbe", "readinessProbe"].map(|probe| container[probe]["httpGet"]["path"].clone());
    assert_eq!((live, ready), (json!("/livez"), json!("/readyz")));
    let state = config["state"].as_str().unwrap();
    let mounts = items(&container["volumeMounts"]).iter();
    let mount = mounts.clone().find(|mount| state.starts_with(&format!("{}/", mount["mountPath"].as_str().unwrap())));
    let mount = mount.unwrap_or_else(|| panic!("{state} is on no volume"));
    assert!(mount["readOnly"].is_null(), "{mount}");
    let deployment = &manifest("Deployment")["spec"];
    let volume =
        items(&deployment["template"]["spec"]["volumes"]).iter().find(|volume| volume["name"] == mount["name"]);
    let claim = &volume.unwrap()["persistentVolumeClaim"]["claimName"];
    let claims: Vec<_> = documents(&MANIFESTS).iter().map(|document| document["metadata"]["name"].clone()).collect();
    assert!(claim.is_string() && claims.contains(claim), "{claim}");
    assert_eq!(deployment["strategy"]["type"], "Recreate", "two daemons cannot write one history");
}

#[test]
fn every_rule_is_a_right_to_read() {
    for rule in items(&manifest("ClusterRole")["rules"]) {
        assert_eq!(rule["verbs"], json!(["get", "list", "watch"]), "{rule}");
        for part in ["apiGroups", "resources"] {
            assert!(!items(&rule[part]).contains(&json!("*")), "{rule}");
        }
    }
}

#[test]
fn it_can_read_a_secret_and_cannot_write() {
    let user = deployed();
    assert_eq!(user.api().get("/api/v1/secrets").unwrap()["kind"], "SecretList");
    let new = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}});
    let configmaps = format!("/api/v1/namespaces/{NAMESPACE}/configmaps");
    assert_eq!(refusal(&user.api().create(&configmaps, &new, "tests").unwrap_err()), Some(403));
    let own = cluster().admin().api().path("apps/v1", "Deployment", NAMESPACE, "driftd");
    assert_eq!(refusal(&user.api().delete(&own).unwrap_err()), Some(403));
}

#[test]
fn with_the_rights_that_ship_its_own_deployment_is_found_in_sync() {
    let namespace = cluster().namespace("small");
    let password = canary("shipped");
    let secret =
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: database}}\nstringData: {{password: {password}}}\n");
    namespace.admin.server_side_apply(&secret, "pipeline");
    let repository = [("driftd.yaml", MANIFESTS.as_str()), ("secret.yaml", secret.as_str())];
    let workspace = Workspace::new(deployed().path(), &namespace.name, &repository);
    let checked = workspace.check();
    let report = checked.json();
    assert_eq!(report["environments"][0]["objects"], json!([]));
    assert_eq!(report["environments"][0]["gaps"], json!([]));
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""));
    let declared = documents(&MANIFESTS).len() + 1;
    assert_eq!(report["summary"]["objects"]["inSync"], declared);

    let api = namespace.admin.api();
    let changed = json!({"stringData": {"password": canary("shipped, then edited")}});
    let path = namespace.path("v1", "Secret", "database");
    api.patch(&path, Patch::Merge, &changed, "kubectl-edit").unwrap();
    let checked = workspace.check();
    let report = checked.json();
    let object = &report["environments"][0]["objects"][0];
    assert_eq!((checked.code, &object["kind"], &object["state"]), (Some(1), &json!("Secret"), &json!("modified")));
}

#[test]
fn the_rights_that_ship_are_enough_for_every_kind_of_the_sample() {
    let namespace = cluster().namespace("sample");
    let read = |file| fs::read_to_string(file).unwrap();
    let manifests: Vec<_> = walk("demo/repository/platform").into_iter().map(read).collect();
    let names: Vec<_> = (0..manifests.len()).map(|number| format!("{number}.yaml")).collect();
    let repository: Vec<_> = names.iter().map(String::as_str).zip(manifests.iter().map(String::as_str)).collect();
    assert!(manifests.len() > 10);
    for manifest in &manifests {
        admit(manifest);
    }
    let checked = Workspace::new(deployed().path(), &namespace.name, &repository).check();
    let report = checked.json();
    assert_eq!(report["environments"][0]["gaps"], json!([]));
    assert_eq!(report["summary"]["objects"]["unknown"], 0);
    assert_eq!(checked.code, Some(1), "nothing of it is there");
}

/// The files below a folder of the repository.
fn walk(folder: &str) -> Vec<PathBuf> {
    files(folder)
        .into_iter()
        .flat_map(|entry| {
            let relative = entry.strip_prefix(path("")).unwrap().to_str().unwrap().to_owned();
            if entry.is_dir() { walk(&relative) } else { vec![entry] }
        })
        .collect()
}
