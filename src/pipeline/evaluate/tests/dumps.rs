//! Dumps and old manifests: versions that no server of today serves.

use super::{NONE, found};

/// A Deployment whose first line is `head`, and the rest of its spec.
fn deployment(api_version: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: {api_version}, kind: Deployment, metadata: {{name: d{}}}, spec: {{{spec}template: \
         {{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{{name: c, image: 'x:1'}}]}}}}}}}}",
        if spec.is_empty() { "" } else { ", labels: {a: b}" }
    )
}

#[test]
fn an_older_version_fills_in_its_own_defaults() {
    let selector = "selector: {matchLabels: {a: b}}, ";
    for (api_version, filled) in [
        ("apps/v1beta1", "revisionHistoryLimit: 2, progressDeadlineSeconds: 600, "),
        (
            "extensions/v1beta1",
            "revisionHistoryLimit: 2147483647, strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 1}}, ",
        ),
    ] {
        let live = deployment(api_version, &format!("{selector}replicas: 1, {filled}"));
        assert_eq!(found(&deployment(api_version, ""), &live), NONE, "{api_version}");
    }
    let live = deployment("apps/v1beta1", &format!("{selector}revisionHistoryLimit: 10, "));
    assert_eq!(found(&deployment("apps/v1beta1", ""), &live), ["spec.revisionHistoryLimit added - unknown"]);
}

#[test]
fn a_webhook_at_v1beta1_waits_thirty_seconds() {
    let hook = |more: &str| {
        format!(
            "{{apiVersion: admissionregistration.k8s.io/v1beta1, kind: ValidatingWebhookConfiguration, metadata: {{name: d}}, \
             webhooks: [{{name: a.example.org, clientConfig: {{url: 'https://a.example.org'}}{more}}}]}}"
        )
    };
    let filled = |seconds: u8| {
        hook(&format!(
            ", failurePolicy: Ignore, matchPolicy: Exact, sideEffects: Unknown, timeoutSeconds: {seconds}, \
             admissionReviewVersions: [v1beta1], namespaceSelector: {{}}, objectSelector: {{}}"
        ))
    };
    assert_eq!(found(&hook(""), &filled(30)), NONE);
    assert_eq!(found(&hook(""), &filled(5)), ["webhooks[name=a.example.org].timeoutSeconds added - unknown"]);
}

#[test]
fn an_object_of_an_older_version_has_the_shape_of_today() {
    let live = deployment("apps/v1beta2", "strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%}}, ");
    let desired = deployment("apps/v1beta2", "strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}, ");
    assert_eq!(found(&desired, &live), ["spec.strategy.rollingUpdate.maxSurge changed - unknown"]);
}
