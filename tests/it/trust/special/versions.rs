//! Kinds at several versions, custom resources with and without schema, and fields that no schema knows.

use serde_json::json;

use super::{BOTH, EACH, How, PERSON, Scene, await_widgets};

const HPA: (&str, &str, &str) = ("autoscaling/v2", "HorizontalPodAutoscaler", "web");

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
    await_widgets(scene, &group);
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

const BEHAVIOR: &str = r#"'{"ScaleDown":{"StabilizationWindowSeconds":60,"SelectPolicy":"Min","Policies":[{"Type":"Pods","Value":1,"PeriodSeconds":30}]}}'"#;
const MEMORY: &str = r#"'[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"1024Mi"}}]'"#;

/// A `HorizontalPodAutoscaler` at v1: annotations and the rest of its spec.
fn autoscaler_v1(annotations: &str, spec: &str) -> String {
    format!(
        "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: web\n  annotations:\n{annotations}\
         spec:\n  maxReplicas: 5\n  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}\n{spec}"
    )
}

#[test]
fn an_autoscaler_that_git_declares_at_v1_is_compared_as_v2_however_it_was_deployed() {
    let kept = |key: &str, value: &str| format!("    autoscaling.alpha.kubernetes.io/{key}: {value}\n");
    let (metrics, behavior) = (kept("metrics", MEMORY), kept("behavior", BEHAVIOR));
    for how in EACH {
        for (annotations, spec) in [
            ("    team: a\n".to_owned(), ""),
            ("    team: a\n".to_owned(), "  targetCPUUtilizationPercentage: 50\n"),
            (format!("{metrics}{behavior}"), ""),
            (format!("{behavior}{metrics}"), "  minReplicas: 2\n  targetCPUUtilizationPercentage: 70\n"),
        ] {
            let scene = Scene::new();
            scene.deploy(how, &autoscaler_v1(&annotations, spec));
            scene.assert_silent();
        }
    }
}

#[test]
fn a_change_of_an_autoscaler_at_v1_is_told_in_the_words_of_v2_at_the_line_of_git() {
    for how in EACH {
        let scene = Scene::new();
        let annotations = format!("    autoscaling.alpha.kubernetes.io/behavior: {BEHAVIOR}\n");
        scene.deploy(how, &autoscaler_v1(&annotations, "  targetCPUUtilizationPercentage: 50\n"));
        let before = scene.live(HPA.0, HPA.1, HPA.2)["spec"].clone();
        let metric = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 95}}});
        let down = json!({"stabilizationWindowSeconds": 0});
        scene.patch(HPA, &json!({"spec": {"metrics": [metric], "behavior": {"scaleDown": down}}}), PERSON);
        scene.assert_findings(&[
            "HorizontalPodAutoscaler web: spec.behavior.scaleDown.stabilizationWindowSeconds changed by kubectl-edit (manual)",
            "HorizontalPodAutoscaler web: spec.metrics changed by kubectl-edit (manual)",
        ]);
        let report = scene.check().json();
        let object = &report["environments"][0]["objects"][0];
        assert_eq!(object["apiVersion"], "autoscaling/v2");
        let told = |finding: &serde_json::Value| (finding["pointer"].clone(), finding["source"]["line"].clone());
        let findings: Vec<_> = object["findings"].as_array().expect("findings").iter().map(told).collect();
        assert_eq!(
            findings,
            [
                (json!("/spec/behavior/scaleDown/stabilizationWindowSeconds"), json!(6)),
                (json!("/spec/metrics"), json!(10)),
            ]
        );
        scene.patch(HPA, &json!({"spec": before}), PERSON);
        scene.assert_silent();
    }
}

#[test]
fn an_edit_at_v1_of_an_autoscaler_that_git_declares_at_v1_is_attributed() {
    for how in EACH {
        let scene = Scene::new();
        scene.deploy(how, &autoscaler_v1("    team: a\n", "  targetCPUUtilizationPercentage: 50\n"));
        let object = ("autoscaling/v1", HPA.1, HPA.2);
        scene.patch(object, &json!({"spec": {"targetCPUUtilizationPercentage": 90, "minReplicas": 2}}), PERSON);
        scene.assert_findings(&[
            "HorizontalPodAutoscaler web: spec.metrics changed by kubectl-edit (manual)",
            "HorizontalPodAutoscaler web: spec.minReplicas added by kubectl-edit (manual)",
        ]);
    }
}

#[test]
fn what_git_no_longer_says_of_an_autoscaler_at_v1_is_stale() {
    for (how, manager) in [(How::ClientSide, "kubectl-client-side-apply"), (How::ServerSide, super::DEPLOYER)] {
        let scene = Scene::new();
        scene.apply(how, &autoscaler_v1("    team: a\n", "  targetCPUUtilizationPercentage: 50\n"));
        scene.declare(&autoscaler_v1("    team: a\n", ""));
        scene.assert_findings(&[&format!("HorizontalPodAutoscaler web: spec.metrics added by {manager} (stale)")]);
    }
}

#[test]
fn an_autoscaler_that_git_declares_at_a_version_no_longer_served_is_compared_all_the_same() {
    let scene = Scene::new();
    let git = |version: &str, metric: &str| {
        format!(
            "apiVersion: autoscaling/{version}\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web}}\nspec:\n  maxReplicas: 5\n  \
             scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}\n  metrics: [{{type: Resource, resource: {metric}}}]\n"
        )
    };
    let new = "{name: cpu, target: {type: Utilization, averageUtilization: 40}}";
    scene.apply(How::ServerSide, &git("v2", new));
    for (version, metric) in [("v2beta1", "{name: cpu, targetAverageUtilization: 40}"), ("v2beta2", new)] {
        scene.declare(&git(version, metric));
        scene.assert_silent();
    }
    scene.patch(HPA, &json!({"spec": {"maxReplicas": 6}}), PERSON);
    scene.assert_findings(&["HorizontalPodAutoscaler web: spec.maxReplicas changed by kubectl-edit (manual)"]);
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
