//! Kinds at several versions, custom resources with and without schema, and fields that no schema knows.

use serde_json::json;

use super::{BOTH, How, PERSON, Scene};
use crate::fixture::eventually;

/// A kind of its own for a test: its group, and the definition with `schema`, served as v1 and v2.
fn define(scene: &Scene, schema: &str) -> String {
    let group = format!("{}.example.org", scene.namespace.name);
    let version = |name: &str, storage: bool| {
        format!("{{name: {name}, served: true, storage: {storage}, schema: {{openAPIV3Schema: {schema}}}}}")
    };
    let crd = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: widgets.{group}}}\nspec:\n  \
         group: {group}\n  scope: Namespaced\n  names: {{plural: widgets, kind: Widget}}\n  versions:\n  - {}\n  - {}\n",
        version("v1", true),
        version("v2", false),
    );
    scene.namespace.admin.client_side_apply(&crd);
    eventually("the kind and its schema are served", || {
        let api = scene.namespace.admin.api();
        let index = api.get("/openapi/v3").ok()?;
        let served = |version: &str| {
            index["paths"].get(format!("apis/{group}/{version}")).is_some()
                && api.get(&format!("/apis/{group}/{version}/widgets")).is_ok()
        };
        (served("v1") && served("v2")).then_some(())
    });
    group
}

const STRUCTURAL: &str = "{type: object, properties: {spec: {type: object, properties: {size: {type: integer, default: 3}, \
    limit: {type: string}, flags: {type: array, items: {type: string}}, empty: {type: object, properties: {a: {type: string}}}, \
    active: {type: boolean}, closed: {type: object}, parts: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], \
    items: {type: object, required: [name], properties: {name: {type: string}, weight: {type: integer}}}}}}}}";
const OPEN: &str = "{type: object, x-kubernetes-preserve-unknown-fields: true}";

fn widget(group: &str, version: &str, spec: &str) -> String {
    format!("apiVersion: {group}/{version}\nkind: Widget\nmetadata: {{name: w}}\nspec: {spec}\n")
}

#[test]
fn a_custom_resource_with_a_schema_is_silent_then_exact() {
    for how in BOTH {
        let scene = Scene::new();
        let group = define(&scene, STRUCTURAL);
        let spec = "{limit: '5', active: false, empty: {}, flags: [], parts: [{name: b, weight: 1}, {name: a}]}";
        scene.deploy(how, &widget(&group, "v1", spec));
        scene.assert_silent();
        let api = format!("{group}/v1");
        let patch = json!({"spec": {"size": 4, "active": null, "parts": [{"name": "b", "weight": 2}, {"name": "a"}, {"name": "c"}]}});
        scene.patch((&api, "Widget", "w"), &patch, PERSON);
        scene.assert_findings(&[
            "Widget w: spec.active removed by - (manual)",
            "Widget w: spec.parts[name=b].weight changed by kubectl-edit (manual)",
            "Widget w: spec.parts[name=c] added by kubectl-edit (manual)",
            "Widget w: spec.size added by kubectl-edit (manual)",
        ]);
    }
}

#[test]
fn a_custom_resource_without_a_schema_is_silent_then_exact() {
    for how in BOTH {
        let scene = Scene::new();
        let group = define(&scene, OPEN);
        scene.deploy(how, &widget(&group, "v1", "{a: 1, list: [{name: x}, {name: y}], deep: {b: {c: d}}}"));
        scene.assert_silent();
        let api = format!("{group}/v1");
        let patch = json!({"spec": {"a": 2, "extra": {"k": "v"}, "list": [{"name": "x"}], "deep": {"b": {"c": "e"}}}});
        scene.patch((&api, "Widget", "w"), &patch, PERSON);
        scene.assert_findings(&[
            "Widget w: spec.a changed by kubectl-edit (manual)",
            "Widget w: spec.deep.b.c changed by kubectl-edit (manual)",
            "Widget w: spec.extra added by kubectl-edit (manual)",
            "Widget w: spec.list changed by kubectl-edit (manual)",
        ]);
    }
}

#[test]
fn an_edit_at_another_version_than_the_declared_one_is_attributed() {
    for how in BOTH {
        let scene = Scene::new();
        let group = define(&scene, STRUCTURAL);
        scene.deploy(how, &widget(&group, "v1", "{limit: '5'}"));
        let other = format!("{group}/v2");
        scene.patch((&other, "Widget", "w"), &json!({"spec": {"limit": "6", "active": true}}), PERSON);
        scene.assert_findings(&[
            "Widget w: spec.active added by kubectl-edit (manual)",
            "Widget w: spec.limit changed by kubectl-edit (manual)",
        ]);
    }
}

#[test]
fn an_autoscaler_edited_at_another_version_is_attributed() {
    let scene = Scene::new();
    let hpa = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec: {maxReplicas: 5, \
               scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, metrics: [{type: Resource, \
               resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]}\n";
    scene.deploy(How::ServerSide, hpa);
    scene.assert_silent();
    let object = ("autoscaling/v1", "HorizontalPodAutoscaler", "web");
    scene.patch(object, &json!({"spec": {"targetCPUUtilizationPercentage": 90, "minReplicas": 2}}), PERSON);
    scene.assert_findings(&[
        "HorizontalPodAutoscaler web: spec.metrics changed by kubectl-edit (manual)",
        "HorizontalPodAutoscaler web: spec.minReplicas added by kubectl-edit (manual)",
    ]);
}

/// The warnings of the only object: path, message and line.
fn warnings(ended: &crate::fixture::Ended) -> Vec<(String, u64)> {
    let object = &ended.json()["environments"][0]["objects"][0];
    let of = |warning: &serde_json::Value| {
        assert!(warning["message"].as_str().is_some_and(|message| message.contains("has no effect")), "{warning}");
        (warning["path"].as_str().expect("a path").to_owned(), warning["source"]["line"].as_u64().expect("a line"))
    };
    object["warnings"].as_array().into_iter().flatten().map(of).collect()
}

#[test]
fn a_field_that_the_server_drops_is_a_warning_and_no_drift() {
    let scene = Scene::new();
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "clusterName": "x"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "replica": 3, "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "web", "image": "nginx:1", "imagePullpolicy": "Always"}]},
        }},
    });
    scene.declare(&serde_json::to_string_pretty(&object).expect("JSON"));
    scene.namespace.create(&object, "kubectl-client-side-apply").expect("unknown fields are dropped");
    scene.assert_silent();
    let found: Vec<String> = warnings(&scene.check()).into_iter().map(|(path, _)| path).collect();
    assert_eq!(
        found,
        ["metadata.clusterName", "spec.replica", "spec.template.spec.containers[name=web].imagePullpolicy"]
    );
    let text = scene.run("text");
    assert!(
        text.stdout.contains("spec.replica  has no effect: apps/v1/Deployment has no such field"),
        "{}",
        text.stdout
    );
    assert_eq!(text.code, Some(0));
}

#[test]
fn a_field_that_a_custom_resource_loses_is_a_warning_and_no_drift() {
    let scene = Scene::new();
    let group = define(&scene, STRUCTURAL);
    let git = widget(&group, "v1", "\n  limit: '5'\n  limits: '6'\n  closed: {gone: 1}\n  parts: [{name: a, wait: 3}]");
    scene.declare(&git);
    let applied = scene.namespace.admin.kubectl(&["apply", "--validate=false", "-f", "-"], &git);
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    scene.assert_silent();
    let expected = [("spec.closed.gone", 7), ("spec.limits", 6), ("spec.parts[name=a].wait", 8)];
    assert_eq!(warnings(&scene.check()), expected.map(|(path, line)| (path.to_owned(), line)));
}

#[test]
fn a_free_field_of_an_open_schema_is_no_warning() {
    let scene = Scene::new();
    let group = define(&scene, OPEN);
    scene.deploy(How::ServerSide, &widget(&group, "v1", "{anything: {goes: 1}}"));
    scene.assert_silent();
    assert_eq!(warnings(&scene.check()), []);
}
