//! Where Secret material hides: errors of parsers and of the API server, annotations, text beside the Secret. The
//! fixture looks for it in all that driftd writes; these tests see to it that there is something to find.

use std::fmt::Write as _;

use serde_json::json;

use super::{How, PERSON, Scene, findings, second};
use crate::fixture::{Ended, canary, canary_base64, command};

/// Runs every format with a log of everything, as the variable makes even the libraries talk.
fn check_at_length(scene: &Scene, arguments: &[&str]) -> Vec<Ended> {
    // Writes the configuration, too.
    let mut all = vec![scene.run("json")];
    let config = scene.folder.path().join("driftd.yaml");
    for format in ["json", "text"] {
        let first = ["check", "--config", config.to_str().expect("UTF-8"), "--all", "-o", format];
        let mut command = command(&[&first, arguments].concat());
        let ended = command.env("DRIFTD_LOG", "trace").output();
        assert!(ended.stderr.contains("TRACE"), "the log is at trace level");
        all.push(ended);
    }
    all
}

#[test]
fn malformed_secret_manifests_are_told_without_their_values() {
    let secret = canary("malformed");
    let head = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n";
    let bodies = [
        format!("stringData: {{p: {secret}\n"),
        format!("stringData:\n  p: {secret}\n q: {secret}\n"),
        format!("stringData:\n\tp: {secret}\n"),
        format!("stringData: {{p: *{secret}}}\n"),
        format!("stringData: {{p: !!int {secret}}}\n"),
        format!("stringData: {{p: \"{secret}\\q\"}}\n"),
        format!("stringData: {{p: '{secret}\n"),
        format!("stringData: [{secret}]\n"),
        format!("stringData: {secret}\n"),
        format!("stringData: {{p: [{secret}]}}\n"),
        format!("stringData: {{p: {{q: {secret}}}}}\n"),
        format!("data: {{p: {secret}}}\n"),
        format!("data: {secret}\n"),
        format!("data: {{p: [{}]}}\n", canary_base64("malformed")),
        format!("<<: {secret}\nstringData: {{p: {secret}}}\n"),
        format!("? [{secret}]\n: x\n"),
        format!("{secret}\n"),
    ];
    let scene = Scene::new();
    let mut files: Vec<(String, String)> = Vec::new();
    for (number, body) in bodies.iter().enumerate() {
        files.push((format!("{number}.yaml"), format!("{head}{body}")));
    }
    let json = format!("{{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"stringData\": {{\"p\": \"{secret}\", }}}}");
    files.push(("a.json".to_owned(), json));
    files.push(("b.json".to_owned(), format!("{{\"kind\": \"Secret\", \"data\": {{\"p\": {secret}}}}}")));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    scene.repository.commit("prod", &files);
    for ended in check_at_length(&scene, &[]) {
        assert_eq!(ended.code, Some(3), "{}", ended.stdout);
        assert!(ended.stdout.contains("16.yaml:") && ended.stdout.contains("a.json:"), "{}", ended.stdout);
    }
    let gaps = scene.run("json").json()["environments"][0]["gaps"].clone();
    assert_eq!(gaps.as_array().map(Vec::len), Some(files.len()), "{gaps:#}");
}

#[test]
fn a_refusal_that_quotes_a_secret_is_told_without_its_words() {
    let scene = Scene::new();
    let mut secret = String::new();
    write!(secret, "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata: {{p: {}}}\n", canary_base64("quoted"))
        .expect("a String grows");
    scene.deploy(How::ServerSide, &secret);
    second::deny(&scene);
    let asked = check_at_length(&scene, &["--strategy", "server"]);
    assert!(asked[1].stdout.contains("\"denied\""), "{}", asked[1].stdout);
}

#[test]
fn a_422_of_a_secret_names_its_field_and_no_value() {
    let scene = Scene::new();
    let secret = |value: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nimmutable: true\nstringData: {{p: {value}}}\n")
    };
    scene.deploy(How::ServerSide, &secret(canary("fixed")));
    scene.declare(&secret(canary("fixed, then another")));
    let asked = check_at_length(&scene, &["--strategy", "server"]);
    let object = &asked[1].json()["environments"][0]["objects"][0];
    let withheld = &object["dryRun"]["comparedLocally"];
    assert_eq!(withheld["reason"], "invalid", "{object}");
    assert!(withheld["message"].as_str().is_some_and(|text| text.contains(": data;")), "{withheld}");
    assert_eq!(object["findings"][0]["path"], "data.p");
}

#[test]
fn last_applied_annotations_of_secrets_are_no_way_out() {
    let scene = Scene::new();
    let secret =
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{p: {}}}\n", canary("applied"));
    scene.deploy(How::ClientSide, &secret);
    for broken in [
        format!("{{\"stringData\": {{\"p\": \"{}\"}}, broken", canary("applied")),
        format!("{{\"data\": {{\"p\": \"{}\"}}}}", canary("applied")),
        canary("applied").to_owned(),
    ] {
        let annotations = json!({"kubectl.kubernetes.io/last-applied-configuration": broken});
        scene.patch(("v1", "Secret", "s"), &json!({"metadata": {"annotations": annotations}}), PERSON);
        check_at_length(&scene, &["--strategy", "server"]);
    }
    scene.patch(("v1", "Secret", "s"), &json!({"stringData": {"p": canary("applied, edited")}}), PERSON);
    let found = check_at_length(&scene, &["--strategy", "server"]);
    assert_eq!(findings(&found[0].json()), ["Secret s: data.p changed by kubectl-edit (manual)"]);
}

#[test]
fn text_in_string_data_is_told_as_digests_on_both_sides() {
    let scene = Scene::new();
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{p: {}, gone: {}}}\n",
        canary("declared text"),
        canary("text that vanished")
    );
    scene.deploy(How::ServerSide, &secret);
    let edited = json!({"data": {"gone": null}, "stringData": {"p": canary("edited"), "new": canary("added")}});
    scene.patch(("v1", "Secret", "s"), &edited, PERSON);
    let found = check_at_length(&scene, &["--strategy", "server"]);
    let expected = [
        "Secret s: data.gone removed by - (manual)",
        "Secret s: data.new added by kubectl-edit (manual)",
        "Secret s: data.p changed by kubectl-edit (manual)",
    ];
    assert_eq!(findings(&found[0].json()), expected);
    assert_eq!(found[1].json()["summary"]["dryRun"]["agreed"], 1, "{}", found[1].stdout);
}

#[test]
fn a_sensitive_environment_variable_stays_hidden_in_a_disagreement_too() {
    let scene = Scene::new();
    let with_env = |value: &str, image: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  selector: {{matchLabels: {{a: b}}}}\n  \
             template:\n    metadata: {{labels: {{a: b}}}}\n    spec: {{containers: [{{name: web, image: {image}, \
             env: [{{name: DB_PASSWORD, value: {value}}}, {{name: PIN, value: {value}}}]}}]}}\n"
        )
    };
    scene.declare(&with_env(canary("declared variable"), "docker.io/nginx"));
    scene.apply(How::ServerSide, &with_env(canary("living variable"), "mirror.example/nginx"));
    let rules = "imageMirrors: {docker.io: mirror.example}\nredact: [{match: {kind: Deployment}, paths: \
                 [\"spec.template.spec.containers[*].env[name=PIN]\"]}]\n";
    for format in ["json", "text"] {
        let arguments = ["-o", format, "--strategy", "server", "--log-level", "trace"];
        let ended = scene.run_with(scene.namespace.admin.path(), rules, &arguments);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert_eq!(ended.stdout.matches("<redacted sha256:").count(), 4, "{}", ended.stdout);
    }
}
