//! The table that says what a finding is about and how much it matters; the first row that fits decides.

use crate::drift::model::Category::{
    self, Config, Dependency, Image, Infrastructure, Metadata, Monitoring, Scaling, Security,
};
use crate::drift::model::Severity::{self, Critical, High, Low, Medium};

/// One row: kinds, a pattern of field names from the root, and the judgement.
///
/// `*` stands for any kind or for one name, `**` for any number of names; list elements are passed over.
pub(super) struct Row {
    pub kinds: &'static [&'static str],
    pub path: &'static str,
    pub category: Category,
    pub severity: Severity,
}

const fn row(kinds: &'static [&'static str], path: &'static str, category: Category, severity: Severity) -> Row {
    Row { kinds, path, category, severity }
}

const ANY: &[&str] = &["*"];
const RBAC: &[&str] = &["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"];
const ADMISSION: &[&str] = &[
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
];
const AUTOSCALERS: &[&str] = &["HorizontalPodAutoscaler", "VerticalPodAutoscaler", "ScaledObject", "ScaledJob"];
const MONITORS: &[&str] = &[
    "ServiceMonitor",
    "PodMonitor",
    "Probe",
    "ScrapeConfig",
    "PrometheusRule",
    "Prometheus",
    "Alertmanager",
    "AlertmanagerConfig",
];
const PLUMBING: &[&str] = &[
    "PersistentVolume",
    "PersistentVolumeClaim",
    "StorageClass",
    "CSIDriver",
    "VolumeSnapshotClass",
    "Ingress",
    "IngressClass",
    "Service",
    "Endpoints",
    "EndpointSlice",
    "Node",
    "Gateway",
    "GatewayClass",
    "HTTPRoute",
    "GRPCRoute",
    "TLSRoute",
    "TCPRoute",
    "UDPRoute",
    "CustomResourceDefinition",
    "APIService",
    "Namespace",
];

/// Fields, the more telling first.
pub(super) const FIELDS: &[Row] = &[
    row(ANY, "metadata.annotations.prometheus.io/*", Monitoring, Medium),
    row(&["Namespace"], "metadata.labels.pod-security.kubernetes.io/*", Security, Critical),
    row(ANY, "**.template.metadata.annotations.prometheus.io/*", Monitoring, Medium),
    row(ANY, "metadata.**", Metadata, Low),
    row(ANY, "**.template.metadata.**", Metadata, Low),
    row(ANY, "**.containers.image", Image, Critical),
    row(ANY, "**.initContainers.image", Image, Critical),
    row(ANY, "**.ephemeralContainers.image", Image, Critical),
    row(ANY, "**.volumes.image.reference", Image, Critical),
    row(RBAC, "**", Security, Critical),
    row(ADMISSION, "**", Security, Critical),
    row(&["Secret"], "**", Security, High),
    row(&["ServiceAccount"], "**", Security, High),
    row(ANY, "**.securityContext.**", Security, Critical),
    row(ANY, "**.spec.hostNetwork", Security, Critical),
    row(ANY, "**.spec.hostPID", Security, Critical),
    row(ANY, "**.spec.hostIPC", Security, Critical),
    row(ANY, "**.spec.hostUsers", Security, Critical),
    row(ANY, "**.volumes.hostPath.**", Security, Critical),
    row(ANY, "**.ports.hostPort", Security, Critical),
    row(ANY, "**.spec.serviceAccountName", Security, High),
    row(ANY, "**.spec.serviceAccount", Security, High),
    row(ANY, "**.spec.automountServiceAccountToken", Security, High),
    row(ANY, "**.spec.imagePullSecrets.**", Security, Medium),
    row(&["CustomResourceDefinition"], "**", Infrastructure, High),
    row(ANY, "spec.**.image", Image, Critical),
    row(ANY, "spec.**.image.tag", Image, Critical),
    row(ANY, "spec.**.image.digest", Image, Critical),
    row(ANY, "spec.**.image.repository", Image, Critical),
    row(ANY, "spec.**.image.registry", Image, Critical),
    row(ANY, "spec.**.image.name", Image, Critical),
    row(&["Service"], "spec.externalName", Dependency, High),
    row(&["NetworkPolicy", "CiliumNetworkPolicy"], "**", Dependency, High),
    row(MONITORS, "**", Monitoring, Medium),
    row(AUTOSCALERS, "**", Scaling, Medium),
    row(&["PodDisruptionBudget", "PriorityClass", "ResourceQuota", "LimitRange"], "**", Scaling, Medium),
    row(PLUMBING, "**", Infrastructure, High),
    row(&["StatefulSet"], "spec.volumeClaimTemplates.**", Infrastructure, High),
    row(ANY, "spec.replicas", Scaling, Medium),
    row(ANY, "spec.parallelism", Scaling, Medium),
    row(ANY, "spec.paused", Config, High),
    row(ANY, "spec.suspend", Config, High),
    row(ANY, "**.resources.**", Scaling, Medium),
    row(ANY, "**.spec.nodeSelector.**", Scaling, Medium),
    row(ANY, "**.spec.nodeName", Scaling, Medium),
    row(ANY, "**.spec.affinity.**", Scaling, Medium),
    row(ANY, "**.spec.tolerations.**", Scaling, Medium),
    row(ANY, "**.spec.topologySpreadConstraints.**", Scaling, Medium),
    row(ANY, "**.spec.priorityClassName", Scaling, Medium),
    row(ANY, "**.containers", Config, High),
    row(ANY, "**", Config, Medium),
];

/// Whole objects that are missing or extra, by kind.
pub(super) const OBJECTS: &[Row] = &[
    row(&["NetworkPolicy", "CiliumNetworkPolicy"], "", Security, Critical),
    row(ADMISSION, "", Security, Critical),
    row(RBAC, "", Security, High),
    row(&["Secret", "ServiceAccount"], "", Security, High),
    row(&["Deployment", "StatefulSet", "DaemonSet"], "", Config, Critical),
    row(MONITORS, "", Monitoring, Medium),
    row(AUTOSCALERS, "", Scaling, Medium),
    row(&["PodDisruptionBudget", "PriorityClass", "ResourceQuota", "LimitRange"], "", Scaling, Medium),
    row(PLUMBING, "", Infrastructure, High),
    row(ANY, "", Config, High),
];
