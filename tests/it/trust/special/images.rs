//! Images: which part of a reference differs, wherever it stands.

use serde_json::{Value, json};

use super::{How, PERSON, Scene};
use crate::fixture::Patch;

const TEMPLATE: &str = "{metadata: {labels: {a: b}}, spec: {restartPolicy: RESTART, \
    initContainers: [{name: init, image: 'quay.io/a/init:v1.10.0'}], containers: [{name: main, image: 'a/main:1.2.3'}]}}";

fn manifest() -> String {
    let (always, once) = (TEMPLATE.replace("RESTART", "Always"), TEMPLATE.replace("RESTART", "Never"));
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  \
         {{selector: {{matchLabels: {{a: b}}}}, template: {always}}}\n---\n\
         apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: nightly}}\nspec:\n  \
         {{schedule: '0 0 * * *', jobTemplate: {{spec: {{template: {once}}}}}}}\n---\n\
         apiVersion: data.example.com/v1alpha1\nkind: Pipeline\nmetadata: {{name: flow}}\nspec:\n  \
         {{image: 'localhost:5000/flow:1', worker: {{image: {{repository: a/worker, tag: v2}}}}}}\n"
    )
}

/// What each finding says of its image: object, path, parts, age.
fn told(report: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for object in report["environments"][0]["objects"].as_array().expect("objects") {
        for finding in object["findings"].as_array().expect("findings") {
            assert_eq!(finding["category"], "image", "{finding}");
            let image = &finding["image"];
            let [kind, path] = [&object["kind"], &finding["path"]].map(|word| word.as_str().expect("a word"));
            let path = path.rsplit_once(".spec.").map_or(path, |(_, end)| end);
            lines.push(format!("{kind} {path}: {} {}", image["differs"], image["age"].as_str().unwrap_or("-")));
        }
    }
    lines.sort();
    lines
}

#[test]
fn an_image_says_which_part_of_it_differs_wherever_it_stands() {
    let scene = Scene::new();
    scene.deploy(How::ServerSide, &manifest());
    scene.assert_silent();
    let web = scene.namespace.path("apps/v1", "Deployment", "web");
    let change = json!({"spec": {"template": {"spec": {
        "initContainers": [{"name": "init", "image": "quay.io/a/init:v1.9.0"}],
        "containers": [{"name": "main", "image": "docker.io/b/main:1.2.3"}],
    }}}});
    scene.namespace.admin.api().patch(&web, Patch::Strategic, &change, PERSON).expect("patched");
    let nightly = scene.namespace.path("batch/v1", "CronJob", "nightly");
    let digest = format!("a/main:1.2.3@sha256:{}", "0".repeat(64));
    let change = json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": {
        "initContainers": [{"name": "init", "image": "docker.io/a/init:latest"}],
        "containers": [{"name": "main", "image": digest}],
    }}}}}});
    scene.namespace.admin.api().patch(&nightly, Patch::Strategic, &change, PERSON).expect("patched");
    let change = json!({"spec": {"image": "localhost:5000/flow:2", "worker": {"image": {"tag": "v1"}}}});
    scene.patch(("data.example.com/v1alpha1", "Pipeline", "flow"), &change, PERSON);

    assert_eq!(
        told(&scene.check().json()),
        [
            "CronJob containers[name=main].image: [\"digest\"] -",
            "CronJob initContainers[name=init].image: [\"registry\",\"tag\"] -",
            "Deployment containers[name=main].image: [\"name\"] -",
            "Deployment initContainers[name=init].image: [\"tag\"] older",
            "Pipeline spec.image: [\"tag\"] newer",
            "Pipeline spec.worker.image.tag: [\"tag\"] older",
        ]
    );
    let text = scene.run("text").stdout;
    for line in ["tag v1.10.0 → v1.9.0, older", "name a/main → b/main", "digest (none) → sha256:000000000000"] {
        assert!(text.contains(&format!("\n             {line}\n")), "no {line} in\n{text}");
    }
}
