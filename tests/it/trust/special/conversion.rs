//! A kind whose fields have other names at each version, converted by a webhook: who wrote a field is told all the same.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{EACH, How, PERSON, Scene, await_widgets};
use crate::fixture::{ControlPlane, program};

/// The webhook; it ends with its standard input, at the latest when the test process does.
struct Webhook {
    process: Child,
    port: u16,
}

impl Webhook {
    fn serve() -> Self {
        let certificates = ControlPlane::shared().folder().join("certificates");
        let mut process = Command::new(program("convert"))
            .arg("-cert")
            .arg(certificates.join("apiserver.crt"))
            .arg("-key")
            .arg(certificates.join("apiserver.key"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the webhook starts");
        let mut port = String::new();
        BufReader::new(process.stdout.take().expect("piped")).read_line(&mut port).expect("it prints its port");
        Self { port: port.trim().parse().expect("a port"), process }
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().ok();
    }
}

/// A group in which Widget is served at v1 and v2, stored at v1.
fn define(scene: &Scene, webhook: &Webhook) -> String {
    let group = format!("{}.example.org", scene.namespace.name);
    let authority = ControlPlane::shared().folder().join("certificates/apiserver.crt");
    let authority = STANDARD.encode(std::fs::read(authority).expect("the server's certificate"));
    let version = |name: &str, storage: bool, fields: &str| {
        format!(
            "- {{name: {name}, served: true, storage: {storage}, schema: {{openAPIV3Schema: {{type: object, properties: \
             {{spec: {{type: object, properties: {{colour: {{type: string}}, {fields}}}}}}}}}}}}}\n"
        )
    };
    let crd = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: widgets.{group}}}\nspec:\n  \
         group: {group}\n  scope: Namespaced\n  names: {{plural: widgets, kind: Widget}}\n  conversion:\n    strategy: Webhook\n    \
         webhook: {{conversionReviewVersions: [v1], clientConfig: {{url: 'https://127.0.0.1:{}/', caBundle: {authority}}}}}\n  \
         versions:\n  {}  {}",
        webhook.port,
        version("v1", true, "address: {type: string}, replicas: {type: integer}"),
        version(
            "v2",
            false,
            "host: {type: string}, port: {type: string}, scale: {type: object, properties: {count: {type: integer}}}"
        ),
    );
    scene.namespace.admin.client_side_apply(&crd);
    await_widgets(scene, &group);
    group
}

fn widget(group: &str, spec: &str) -> String {
    format!("apiVersion: {group}/v1\nkind: Widget\nmetadata: {{name: w, labels: {{a: b}}}}\nspec: {spec}\n")
}

#[test]
fn what_a_person_wrote_at_a_version_with_other_names_is_theirs() {
    let webhook = Webhook::serve();
    for how in EACH {
        let scene = Scene::new();
        let group = define(&scene, &webhook);
        scene.deploy(how, &widget(&group, "{address: 'localhost:8080', colour: red}"));
        scene.assert_silent();
        let v2 = format!("{group}/v2");
        let patch = json!({"spec": {"host": "example.org", "scale": {"count": 7}, "colour": "blue"}});
        scene.patch((&v2, "Widget", "w"), &patch, PERSON);
        scene.assert_findings(&[
            "Widget w: spec.address changed by kubectl-edit (manual)",
            "Widget w: spec.colour changed by kubectl-edit (manual)",
            "Widget w: spec.replicas added by kubectl-edit (manual)",
        ]);
        let back = json!({"spec": {"host": "localhost", "scale": null, "colour": "red"}});
        scene.patch((&v2, "Widget", "w"), &back, PERSON);
        scene.assert_silent();
    }
}

#[test]
fn what_a_controller_wrote_at_a_version_with_other_names_is_no_persons() {
    let webhook = Webhook::serve();
    let scene = Scene::new();
    let group = define(&scene, &webhook);
    scene.deploy(How::ServerSide, &widget(&group, "{colour: red}"));
    let v2 = format!("{group}/v2");
    scene.patch((&v2, "Widget", "w"), &json!({"spec": {"scale": {"count": 7}}}), "widget-operator");
    scene.assert_silent();
    scene.patch((&v2, "Widget", "w"), &json!({"spec": {"host": "h", "port": "1"}}), PERSON);
    scene.assert_findings(&["Widget w: spec.address added by kubectl-edit (manual)"]);
}

#[test]
fn what_a_deployer_declared_at_a_version_with_other_names_and_git_no_longer_does_is_stale() {
    let webhook = Webhook::serve();
    for (how, manager) in [(How::ClientSide, "kubectl-client-side-apply"), (How::ServerSide, super::DEPLOYER)] {
        let scene = Scene::new();
        let group = define(&scene, &webhook);
        let v2 = "{host: localhost, port: '8080', scale: {count: 3}, colour: red}";
        scene.apply(how, &widget(&group, v2).replace("/v1", "/v2"));
        scene.declare(&widget(&group, "{address: 'localhost:8080', colour: red}"));
        scene.assert_findings(&[&format!("Widget w: spec.replicas added by {manager} (stale)")]);
    }
}
