//! Certificate authorities that a controller injects, and what it overwrites in them.

use serde_json::{Value, json};

use super::{BOTH, How, PERSON, Scene};
use crate::fixture::{Patch, canary, canary_base64};

/// A certificate that the API server accepts, in base64.
fn authority() -> String {
    use base64::Engine as _;
    let folder = crate::fixture::ControlPlane::shared().folder().join("certificates/apiserver.crt");
    base64::engine::general_purpose::STANDARD.encode(std::fs::read(folder).expect("the server's certificate"))
}

/// Adds the authority at `pointer` of an object as `manager`.
fn inject(scene: &Scene, object: (&str, &str, &str), pointer: &str, manager: &str) {
    let added = json!([{"op": "add", "path": pointer, "value": authority()}]);
    let path = scene.namespace.path(object.0, object.1, object.2);
    scene.namespace.admin.api().patch(&path, Patch::Json, &added, manager).expect("the certificate is valid");
}

fn webhook(name: &str, bundle: &str) -> String {
    format!(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {{name: {name}}}\n\
         webhooks:\n- name: a.example.org\n  admissionReviewVersions: [v1]\n  sideEffects: None\n  failurePolicy: Ignore\n  \
         namespaceSelector: {{matchLabels: {{nobody: has}}}}\n  \
         clientConfig: {{service: {{name: hook, namespace: default}}{bundle}}}\n"
    )
}

#[test]
fn an_authority_injected_into_a_webhook_is_silent() {
    for how in BOTH {
        for declared in ["", ", caBundle: ''", ", caBundle: Cg=="] {
            let scene = Scene::new();
            let name = scene.namespace.name.clone();
            scene.deploy(how, &webhook(&name, declared));
            let hook = ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", name.as_str());
            inject(&scene, hook, "/webhooks/0/clientConfig/caBundle", "cert-manager-cainjector");
            scene.assert_silent();
        }
    }
}

#[test]
fn an_authority_that_a_person_put_in_place_is_drift() {
    for (declared, change) in [("", "added"), (", caBundle: Cg==", "changed")] {
        let scene = Scene::new();
        let name = scene.namespace.name.clone();
        scene.deploy(How::ServerSide, &webhook(&name, declared));
        let hook = ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", name.as_str());
        inject(&scene, hook, "/webhooks/0/clientConfig/caBundle", PERSON);
        scene.assert_findings(&[&format!(
            "ValidatingWebhookConfiguration {name}: webhooks[name=a.example.org].clientConfig.caBundle {change} by \
             kubectl-edit (manual)"
        )]);
    }
}

#[test]
fn an_authority_injected_into_an_api_service_is_silent() {
    for how in BOTH {
        let scene = Scene::new();
        let group = format!("{}.example.org", scene.namespace.name);
        let name = format!("v1.{group}");
        scene.deploy(
            how,
            &format!(
                "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {{name: {name}}}\nspec: {{group: {group}, \
                 version: v1, groupPriorityMinimum: 100, versionPriority: 10, service: {{name: none, namespace: default}}}}\n"
            ),
        );
        inject(&scene, ("apiregistration.k8s.io/v1", "APIService", &name), "/spec/caBundle", "cainjector");
        scene.assert_silent();
        scene
            .namespace
            .admin
            .api()
            .delete(&format!("/apis/apiregistration.k8s.io/v1/apiservices/{name}"))
            .expect("there");
    }
}

#[test]
fn an_authority_injected_into_the_conversion_of_a_crd_is_silent() {
    for how in BOTH {
        let scene = Scene::new();
        let group = format!("{}.example.org", scene.namespace.name);
        let name = format!("widgets.{group}");
        scene.deploy(
            how,
            &format!(
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: {name}}}\nspec:\n  \
                 group: {group}\n  scope: Namespaced\n  names: {{plural: widgets, kind: Widget}}\n  \
                 versions: [{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object}}}}}}]\n  \
                 conversion: {{strategy: Webhook, webhook: {{conversionReviewVersions: [v1], \
                 clientConfig: {{service: {{name: none, namespace: default}}}}}}}}\n"
            ),
        );
        let crd = ("apiextensions.k8s.io/v1", "CustomResourceDefinition", name.as_str());
        scene.assert_silent();
        inject(&scene, crd, "/spec/conversion/webhook/clientConfig/caBundle", "cert-manager-cainjector");
        scene.assert_silent();
    }
}

#[test]
fn text_that_a_secret_declares_as_string_data_is_its_data() {
    for how in BOTH {
        let scene = Scene::new();
        let [old, kept] = ["overridden", "kept"].map(canary_base64);
        let secret = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata: {{a: {old}, b: {kept}}}\nstringData: {{a: {}}}\n",
            canary("text")
        );
        scene.deploy(how, &secret);
        scene.assert_silent();
        scene.patch(("v1", "Secret", "s"), &json!({"data": {"a": canary_base64("other")}}), PERSON);
        let ended = scene.check();
        assert_eq!(super::findings(&ended.json()), ["Secret s: data.a changed by kubectl-edit (manual)"]);
        let finding = &ended.json()["environments"][0]["objects"][0]["findings"][0];
        let shown = |value: &Value| value.as_str().is_some_and(|text| text.starts_with("<redacted sha256:"));
        assert!(shown(&finding["desired"]) && shown(&finding["live"]), "{finding}");
    }
}
