//! Hooks that run at a deployment and then are gone.

use std::fs;

use serde_json::json;

use super::{How, PERSON, Scene};
use crate::fixture::driftd;

/// A Job with annotations.
fn hook(name: &str, annotations: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: {name}, annotations: {{{annotations}}}}}\nspec: {{template: \
         {{spec: {{restartPolicy: Never, containers: [{{name: a, image: example/a}}]}}}}}}\n"
    )
}

const SUCCEEDED: &str = "argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: HookSucceeded";

#[test]
fn a_hook_that_ran_and_is_gone_is_not_missed_and_one_that_stays_is() {
    let scene = Scene::new();
    let all = [super::deployment(""), hook("migrate", SUCCEEDED), hook("stays", "argocd.argoproj.io/hook: PreSync")];
    scene.deploy(How::ServerSide, &all.join("---\n"));
    scene.assert_silent();
    scene.patch(("batch/v1", "Job", "migrate"), &json!({"spec": {"suspend": true}}), PERSON);
    scene.assert_findings(&["Job migrate: spec.suspend added by kubectl-edit (manual)"]);
    for name in ["migrate", "stays"] {
        scene.namespace.admin.api().delete(&scene.namespace.path("batch/v1", "Job", name)).expect("it lives");
    }
    let report = scene.check().json();
    let environment = &report["environments"][0];
    let states: Vec<_> =
        environment["objects"].as_array().unwrap().iter().map(|of| (&of["name"], &of["state"])).collect();
    assert_eq!(states, [(&json!("web"), &json!("in-sync")), (&json!("stays"), &json!("missing"))]);
    assert_eq!(environment["hooks"], json!(1));
}

#[test]
fn a_diff_does_not_miss_a_hook_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let live = write("live.yaml", &super::deployment(""));
    let both =
        |annotations: &str| write("desired.yaml", &[super::deployment(""), hook("h", annotations)].join("---\n"));
    let gone = both("helm.sh/hook: test");
    let ended = driftd(&["diff", &gone, &live]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert!(ended.stdout.contains("1 hook left out"), "{}", ended.stdout);
    assert_eq!(driftd(&["diff", &both("helm.sh/hook: pre-install"), &live]).code, Some(1));
}
