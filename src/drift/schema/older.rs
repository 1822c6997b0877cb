//! Versions of built-in kinds that no server of today serves, and that old manifests and dumps still name.

/// Kinds of one older version and what they are now.
pub(super) struct Older {
    /// `group/version` of the older version.
    pub version: &'static str,
    /// Where the same kinds stand now.
    pub today: &'static str,
    pub kinds: &'static [&'static str],
    /// What the older version fills in otherwise, as rules of the embedded text.
    pub defaults: &'static str,
}

const fn same(version: &'static str, today: &'static str, kinds: &'static [&'static str]) -> Older {
    Older { version, today, kinds, defaults: "[]" }
}

const RBAC: &[&str] = &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"];

/// Rule: `defaults.go` of `pkg/apis/GROUP/VERSION`, and of releases that still had the version.
pub(super) const VERSIONS: [Older; 21] = [
    same("apps/v1beta2", "apps/v1", &["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    Older {
        version: "apps/v1beta1",
        today: "apps/v1",
        kinds: &["Deployment"],
        defaults: r#"[{"path": "spec.revisionHistoryLimit", "value": 2},
            {"path": "metadata.labels", "copy": "spec.template.metadata.labels"},
            {"path": "spec.selector", "value": {}},
            {"path": "spec.selector.matchLabels", "copy": "spec.template.metadata.labels", "when": {"spec.selector.matchExpressions": null}}]"#,
    },
    Older {
        version: "apps/v1beta1",
        today: "apps/v1",
        kinds: &["StatefulSet"],
        defaults: r#"[{"path": "spec.updateStrategy.type", "value": "OnDelete"},
            {"path": "metadata.labels", "copy": "spec.template.metadata.labels"},
            {"path": "spec.selector", "value": {}},
            {"path": "spec.selector.matchLabels", "copy": "spec.template.metadata.labels", "when": {"spec.selector.matchExpressions": null}}]"#,
    },
    Older {
        version: "extensions/v1beta1",
        today: "apps/v1",
        kinds: &["Deployment"],
        defaults: r#"[{"path": "spec.revisionHistoryLimit", "value": 2147483647},
            {"path": "spec.progressDeadlineSeconds", "value": 2147483647},
            {"path": "spec.strategy.rollingUpdate", "value": {}, "unless": {"spec.strategy.type": "Recreate"}},
            {"path": "spec.strategy.rollingUpdate.maxSurge", "value": 1},
            {"path": "spec.strategy.rollingUpdate.maxUnavailable", "value": 1},
            {"path": "metadata.labels", "copy": "spec.template.metadata.labels"},
            {"path": "spec.selector", "value": {}},
            {"path": "spec.selector.matchLabels", "copy": "spec.template.metadata.labels", "when": {"spec.selector.matchExpressions": null}}]"#,
    },
    Older {
        version: "extensions/v1beta1",
        today: "apps/v1",
        kinds: &["DaemonSet", "ReplicaSet"],
        defaults: r#"[{"path": "spec.updateStrategy.type", "value": "OnDelete"},
            {"path": "metadata.labels", "copy": "spec.template.metadata.labels"},
            {"path": "spec.selector", "value": {}},
            {"path": "spec.selector.matchLabels", "copy": "spec.template.metadata.labels", "when": {"spec.selector.matchExpressions": null}}]"#,
    },
    same("extensions/v1beta1", "networking.k8s.io/v1", &["Ingress", "NetworkPolicy"]),
    same("networking.k8s.io/v1beta1", "networking.k8s.io/v1", &["Ingress", "IngressClass"]),
    Older {
        version: "admissionregistration.k8s.io/v1beta1",
        today: "admissionregistration.k8s.io/v1",
        kinds: &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
        defaults: r#"[{"path": "webhooks[].failurePolicy", "value": "Ignore"},
            {"path": "webhooks[].matchPolicy", "value": "Exact"},
            {"path": "webhooks[].sideEffects", "value": "Unknown"},
            {"path": "webhooks[].timeoutSeconds", "value": 30},
            {"path": "webhooks[].admissionReviewVersions", "value": ["v1beta1"]}]"#,
    },
    same("apiextensions.k8s.io/v1beta1", "apiextensions.k8s.io/v1", &["CustomResourceDefinition"]),
    same("apiregistration.k8s.io/v1beta1", "apiregistration.k8s.io/v1", &["APIService"]),
    same("batch/v1beta1", "batch/v1", &["CronJob"]),
    same("batch/v2alpha1", "batch/v1", &["CronJob"]),
    same("coordination.k8s.io/v1beta1", "coordination.k8s.io/v1", &["Lease"]),
    same("discovery.k8s.io/v1beta1", "discovery.k8s.io/v1", &["EndpointSlice"]),
    same("node.k8s.io/v1beta1", "node.k8s.io/v1", &["RuntimeClass"]),
    same("policy/v1beta1", "policy/v1", &["PodDisruptionBudget"]),
    same("rbac.authorization.k8s.io/v1alpha1", "rbac.authorization.k8s.io/v1", RBAC),
    same("rbac.authorization.k8s.io/v1beta1", "rbac.authorization.k8s.io/v1", RBAC),
    same("scheduling.k8s.io/v1alpha1", "scheduling.k8s.io/v1", &["PriorityClass"]),
    same("scheduling.k8s.io/v1beta1", "scheduling.k8s.io/v1", &["PriorityClass"]),
    same("storage.k8s.io/v1beta1", "storage.k8s.io/v1", &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"]),
];
