//! Deployment lag told from tampering, by the commits of the branch.

use serde_json::{Value, json};

use super::{BOTH, How, PERSON, Scene};

const MAP: (&str, &str, &str) = ("v1", "ConfigMap", "c");

fn coloured(colour: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{colour: {colour}, shape: round}}\n")
}

/// Origin and distance of the only finding.
fn finding(scene: &Scene) -> (Value, Value) {
    let ended = scene.check();
    let report = ended.json();
    assert_eq!(super::findings(&report).len(), 1, "{}", ended.stdout);
    let finding = &report["environments"][0]["objects"][0]["findings"][0];
    assert_eq!(finding["path"], "data.colour");
    (finding["origin"].clone(), finding["commitsBehind"].clone())
}

#[test]
fn what_equals_an_earlier_commit_and_no_person_wrote_is_outdated() {
    for how in BOTH {
        let scene = Scene::new();
        scene.deploy(how, &coloured("blue"));
        scene.declare(&coloured("green"));
        assert_eq!(finding(&scene), (json!("outdated"), json!(1)));
        scene.declare(&coloured("red"));
        assert_eq!(finding(&scene), (json!("outdated"), json!(2)));
    }
}

#[test]
fn a_persons_write_stays_theirs_even_where_it_equals_an_earlier_commit() {
    for how in BOTH {
        let scene = Scene::new();
        scene.declare(&coloured("blue"));
        scene.deploy(how, &coloured("green"));
        scene.patch(MAP, &json!({"data": {"colour": "blue"}}), PERSON);
        assert_eq!(finding(&scene), (json!("manual"), json!(1)));
    }
}

#[test]
fn what_a_deployer_wrote_and_no_commit_says_is_unknown() {
    for how in BOTH {
        let scene = Scene::new();
        scene.declare(&coloured("blue"));
        scene.apply(how, &coloured("violet"));
        assert_eq!(finding(&scene), (json!("unknown"), Value::Null));
    }
}

#[test]
fn one_field_that_no_commit_explains_keeps_the_object_from_being_outdated() {
    let scene = Scene::new();
    scene.deploy(How::ServerSide, &coloured("blue"));
    scene.declare(&coloured("green"));
    scene.patch(MAP, &json!({"data": {"shape": "square"}}), PERSON);
    scene.assert_findings(&[
        &format!("ConfigMap c: data.colour changed by {} (unknown)", super::DEPLOYER),
        "ConfigMap c: data.shape changed by kubectl-edit (manual)",
    ]);
}
