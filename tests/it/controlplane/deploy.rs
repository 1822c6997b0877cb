//! The ways of writing to the cluster leave the traces that they leave in living clusters.

use serde_json::{Value, json};

use crate::fixture::{ControlPlane, Namespace, Patch, refusal};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const SETTINGS: &str = "
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  colour: blue
";

#[test]
fn client_side_apply_leaves_what_was_applied_and_its_manager() {
    let namespace = ControlPlane::shared().namespace("client-side");
    namespace.admin.client_side_apply(SETTINGS);
    let settings = settings(&namespace);
    let applied: Value =
        serde_json::from_str(settings["metadata"]["annotations"][LAST_APPLIED].as_str().unwrap()).unwrap();
    assert_eq!(applied["data"], json!({"colour": "blue"}));
    assert_eq!(managers(&settings), ["kubectl-client-side-apply Update"]);
}

#[test]
fn server_side_apply_leaves_a_manager_alone() {
    let namespace = ControlPlane::shared().namespace("server-side");
    namespace.admin.server_side_apply(SETTINGS, "pipeline");
    let settings = settings(&namespace);
    assert_eq!(settings["metadata"]["annotations"], Value::Null);
    assert_eq!(managers(&settings), ["pipeline Apply"]);
}

#[test]
fn server_side_apply_takes_over_by_force_alone() {
    let namespace = ControlPlane::shared().namespace("conflict");
    namespace.admin.server_side_apply(SETTINGS, "first");
    let red = SETTINGS.replace("blue", "red");
    let refused = namespace.admin.kubectl(&["apply", "--server-side", "--field-manager=second", "-f", "-"], &red);
    assert!(String::from_utf8(refused.stderr).unwrap().contains("conflict with \"first\""));
    namespace.admin.server_side_apply_by_force(&red, "second");
    assert_eq!(settings(&namespace)["data"]["colour"], "red");
}

#[test]
fn each_way_of_patching_records_its_manager() {
    let namespace = ControlPlane::shared().namespace("patches");
    namespace.admin.client_side_apply(SETTINGS);
    let api = namespace.admin.api();
    let path = namespace.path("v1", "ConfigMap", "settings");
    api.patch(&path, Patch::Merge, &json!({"data": {"a": "1"}}), "merging").unwrap();
    api.patch(&path, Patch::Strategic, &json!({"data": {"b": "2"}}), "strategic").unwrap();
    api.patch(&path, Patch::Json, &json!([{"op": "add", "path": "/data/c", "value": "3"}]), "json").unwrap();
    let applied = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"d": "4"}});
    api.patch(&path, Patch::Apply, &applied, "applying").unwrap();
    let stolen = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "0"}});
    let refused = api.patch(&path, Patch::Apply, &stolen, "thief").unwrap_err();
    assert_eq!(refusal(&refused), Some(409));
    api.patch(&path, Patch::ApplyByForce, &stolen, "thief").unwrap();
    let mut whole = settings(&namespace);
    whole["data"]["e"] = json!("5");
    api.put(&path, &whole, "replacing").unwrap();

    let settings = settings(&namespace);
    assert_eq!(settings["data"], json!({"colour": "blue", "a": "0", "b": "2", "c": "3", "d": "4", "e": "5"}));
    let mut managers = managers(&settings);
    managers.sort();
    assert_eq!(
        managers,
        [
            "applying Apply",
            "json Update",
            "kubectl-client-side-apply Update",
            "replacing Update",
            "strategic Update",
            "thief Apply",
        ]
    );
}

#[test]
fn deleted_objects_are_gone() {
    let namespace = ControlPlane::shared().namespace("deletion");
    namespace.admin.client_side_apply(SETTINGS);
    let api = namespace.admin.api();
    let path = namespace.path("v1", "ConfigMap", "settings");
    api.delete(&path).unwrap();
    assert_eq!(refusal(&api.get(&path).unwrap_err()), Some(404));
}

fn settings(namespace: &Namespace) -> Value {
    namespace.admin.api().get(&namespace.path("v1", "ConfigMap", "settings")).unwrap()
}

fn managers(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    entries.iter().map(|entry| format!("{} {}", text(&entry["manager"]), text(&entry["operation"]))).collect()
}
