//! Objects are judged as they arrive: page by page, all at once, or held whole until the end, the verdict is the same.

use serde_json::{Value, json};

use super::{BOTH, DEPLOYER, PERSON, Scene, deployment};
use crate::fixture::{Ended, Middleman};

/// One object of each kind of verdict, and of what it takes to come to it.
fn declared() -> String {
    let config = |name: &str, more: &str| {
        format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}{more}}}\ndata: {{a: b}}\n")
    };
    let autoscaler = "---\napiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec: {maxReplicas: 5, \
                      scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}\n";
    let service =
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {a: b}, ports: [{port: 80}]}\n";
    let misspelt = "---\napiVersion: v1\nkind: Service\nmetadata: {name: misspelt}\nspec: {selectr: {a: b}, ports: [{port: 80}]}\n";
    [
        deployment("replicas: 3").as_str(),
        "---\n",
        &deployment("replicas: 3").replace("name: web", "name: other"),
        autoscaler,
        service,
        misspelt,
        &(0..7).map(|index| config(&format!("c{index}"), "")).collect::<String>(),
        &config("edited", ", labels: {team: a}"),
        &config("leaving", ", finalizers: [example.org/wait]"),
    ]
    .concat()
}

/// Every object of the report, as far as it does not depend on the time.
fn objects(ended: &Ended) -> Vec<Value> {
    let report = ended.json();
    assert_eq!(report["environments"][0]["gaps"], json!([]), "{}", ended.stderr);
    let without_opinion = |mut object: Value| {
        object.as_object_mut().expect("an object").remove("dryRun");
        object
    };
    report["environments"][0]["objects"].as_array().expect("objects").iter().cloned().map(without_opinion).collect()
}

#[test]
fn a_verdict_is_the_same_however_the_object_arrives() {
    for how in BOTH {
        let scene = Scene::new();
        scene.declare(&declared());
        scene.apply(how, &declared().replace("selectr", "selector"));
        let config = |name: &'static str| ("v1", "ConfigMap", name);
        scene.scale(("apps/v1", "Deployment", "web"), 5);
        scene.scale(("apps/v1", "Deployment", "other"), 5);
        scene.patch(config("edited"), &json!({"metadata": {"labels": {"team": "b", "by": "hand"}}}), PERSON);
        scene.patch(("v1", "Service", "web"), &json!({"spec": {"type": "NodePort"}}), PERSON);
        let api = scene.namespace.admin.api();
        for gone in ["c3", "leaving"] {
            api.delete(&scene.namespace.path("v1", "ConfigMap", gone)).expect("it lives");
        }
        let beside = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "beside"}});
        scene.namespace.create(&beside, DEPLOYER).expect("the name is new");

        let at_once = scene.check();
        let states = objects(&at_once).iter().map(|object| object["state"].to_string()).collect::<String>();
        for state in ["in-sync", "modified", "missing"] {
            assert!(states.contains(state), "{states}");
        }
        let middleman = Middleman::before(&scene.namespace.admin);
        for size in [1, 4] {
            middleman.page(size);
            assert_eq!(objects(&scene.run_as(&middleman.path(), "json")), objects(&at_once), "{size} at a time");
        }
        let whole = scene.run_with(scene.namespace.admin.path(), "", &["-o", "json", "--strategy", "server"]);
        assert_eq!(objects(&whole), objects(&at_once), "held whole");
        let environment = |ended: &Ended| ended.json()["environments"][0].clone();
        assert_eq!(environment(&whole)["coverage"], environment(&at_once)["coverage"]);

        let web = ("apps/v1", "Deployment", "web");
        scene.scale(web, 6);
        let again = scene.check();
        assert_ne!(objects(&again), objects(&at_once), "outside of what its autoscaler may do");
    }
}
