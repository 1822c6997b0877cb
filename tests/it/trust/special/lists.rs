//! Lists as the server keeps them: the same key twice, elements in another order, and metrics in any.

use serde_json::json;

use super::{How, PERSON, Scene, deployment};
use crate::fixture::Patch;

const WEB: (&str, &str, &str) = ("apps/v1", "Deployment", "web");
const CONTAINER: &str = "Deployment web: spec.template.spec.containers[name=web]";

fn with(fields: &str) -> String {
    deployment("").replace("image: 'nginx:1'", &format!("image: 'nginx:1', {fields}"))
}

/// A JSON patch by a person.
fn edit(scene: &Scene, operations: &serde_json::Value) {
    let path = scene.namespace.path(WEB.0, WEB.1, WEB.2);
    scene.namespace.admin.api().patch(&path, Patch::Json, operations, PERSON).expect("the edit is valid");
}

#[test]
fn a_key_that_stands_twice_in_a_list_is_silent_and_any_change_is_one_at_the_list() {
    // Server-side apply refuses duplicates.
    for how in [How::ClientSide, How::Helm] {
        let scene = Scene::new();
        scene.deploy(how, &with("env: [{name: A, value: '1'}, {name: B, value: x}, {name: A, value: '2'}]"));
        let env = scene.live(WEB.0, WEB.1, WEB.2)["spec"]["template"]["spec"]["containers"][0]["env"].clone();
        assert_eq!(env.as_array().map(Vec::len), Some(3), "the server keeps both");
        scene.assert_silent();
        edit(&scene, &json!([{"op": "replace", "path": "/spec/template/spec/containers/0/env/2/value", "value": "3"}]));
        scene.assert_changes(&[&format!("{CONTAINER}.env changed")]);
        edit(&scene, &json!([{"op": "remove", "path": "/spec/template/spec/containers/0/env/2"}]));
        scene.assert_changes(&[&format!("{CONTAINER}.env changed")]);
        edit(
            &scene,
            &json!([{"op": "add", "path": "/spec/template/spec/containers/0/env/2", "value": {"name": "A", "value": "2"}}]),
        );
        scene.assert_silent();
    }
}

#[test]
fn a_port_that_stands_twice_under_two_names_is_silent() {
    for how in [How::ClientSide, How::Helm] {
        let scene = Scene::new();
        scene.deploy(how, &with("ports: [{containerPort: 80, name: a}, {containerPort: 80, name: b}]"));
        scene.assert_silent();
        edit(
            &scene,
            &json!([{"op": "replace", "path": "/spec/template/spec/containers/0/ports/1/name", "value": "c"}]),
        );
        scene.assert_changes(&[&format!("{CONTAINER}.ports changed")]);
    }
}

#[test]
fn keyed_elements_in_another_order_are_silent() {
    for how in super::EACH {
        let scene = Scene::new();
        scene.deploy(how, &with("env: [{name: A, value: '1'}, {name: B, value: '2'}], ports: [{containerPort: 80}, {containerPort: 81}]"));
        scene.declare(&with("env: [{name: B, value: '2'}, {name: A, value: '1'}], ports: [{containerPort: 81, protocol: TCP}, {containerPort: 80}]"));
        scene.assert_silent();
        let live = scene.live(WEB.0, WEB.1, WEB.2);
        let mut env = live["spec"]["template"]["spec"]["containers"][0]["env"].clone();
        env.as_array_mut().expect("a list").reverse();
        edit(&scene, &json!([{"op": "replace", "path": "/spec/template/spec/containers/0/env", "value": env}]));
        scene.assert_silent();
    }
}

#[test]
fn the_metrics_of_an_autoscaler_in_another_order_are_silent() {
    for how in super::EACH {
        let scene = Scene::new();
        let metric = |name: &str| {
            format!(
                "{{type: Resource, resource: {{name: {name}, target: {{type: Utilization, averageUtilization: 60}}}}}}"
            )
        };
        let hpa = |metrics: &str| {
            format!(
                "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web}}\nspec: {{maxReplicas: 5, metrics: [{metrics}], \
                 scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}}}\n"
            )
        };
        scene.deploy(how, &hpa(&format!("{}, {}", metric("cpu"), metric("memory"))));
        scene.declare(&hpa(&format!("{}, {}", metric("memory"), metric("cpu"))));
        scene.assert_silent();
        scene.declare(&hpa(&metric("memory")));
        scene.assert_changes(&["HorizontalPodAutoscaler web: spec.metrics changed"]);
    }
}
