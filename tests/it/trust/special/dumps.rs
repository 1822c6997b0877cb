//! Objects as `kubectl get -o yaml` prints them, without `managedFields`, against the manifests that they were made of.

use std::fs;

use serde_json::{Value, json};

use crate::fixture::{ControlPlane, driftd};

/// One object of every built-in kind, as the random objects grow from.
fn manifests(namespace: &str) -> Vec<Value> {
    let documents =
        driftd::yaml::documents(include_bytes!("../../property/kinds.yaml"), &driftd::yaml::Budget::default());
    let named = documents.into_iter().enumerate().map(|(number, document)| {
        let template = document.expect("YAML").value;
        crate::property::named(&template, &format!("{namespace}-{number}"))
    });
    // Of custom resources a dump does not tell the defaults.
    let is_built_in =
        |object: &Value| object["apiVersion"].as_str().is_some_and(|version| !version.contains("example.com"));
    named.filter(is_built_in).collect()
}

#[test]
fn a_dump_of_every_kind_is_in_sync_with_its_manifest_and_a_change_of_one_is_found() {
    let namespace = ControlPlane::shared().namespace("dump");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (desired, live) = (folder.path().join("desired.json"), folder.path().join("live.json"));
    let manifests = manifests(&namespace.name);
    assert!(manifests.len() > 40, "{}", manifests.len());
    let mut dumps: Vec<Value> = Vec::new();
    for manifest in &manifests {
        let mut dump =
            namespace.create(manifest, "kubectl-create").unwrap_or_else(|error| panic!("{error}\n{manifest}"));
        dump["metadata"].as_object_mut().expect("metadata").remove("managedFields");
        dumps.push(dump);
    }
    let list = |items: &[Value]| json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    fs::write(&desired, list(&manifests)).expect("the folder is writable");
    let diff = |dumps: &[Value]| {
        fs::write(&live, list(dumps)).expect("the folder is writable");
        let [desired, live] = [&desired, &live].map(|path| path.to_str().expect("UTF-8"));
        driftd(&["diff", desired, live, "-o", "json"])
    };
    let ended = diff(&dumps);
    assert_eq!((super::findings(&ended.json()), ended.code), (vec![], Some(0)), "{}", ended.stderr);
    for dump in &mut dumps {
        dump["metadata"]["labels"]["by-hand"] = "yes".into();
    }
    let ended = diff(&dumps);
    assert_eq!(super::findings(&ended.json()).len(), manifests.len(), "{}", ended.stdout);
    assert_eq!(ended.code, Some(1));
}
