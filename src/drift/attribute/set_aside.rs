//! Fields that the cluster or a deployer adds to every object of a kind, and that are nobody's drift.

use serde_json::Value;

use crate::drift::model::{KindKey, PathStep};

/// Labels and annotations by which deployers find their objects again; a trailing `/` names a whole prefix.
const TRACKING: [&str; 18] = [
    "argocd.argoproj.io/",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
    "kustomize.config.k8s.io/",
    "config.kubernetes.io/",
    "internal.config.kubernetes.io/",
    "meta.helm.sh/",
    "objectset.rio.cattle.io/",
    "fleet.cattle.io/",
    "kapp.k14s.io/",
    "applyset.kubernetes.io/",
    "configmanagement.gke.io/",
    "configsync.gke.io/",
    "pulumi.com/",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
    "deployment.kubernetes.io/revision",
];

/// Fields that the server allocates or computes: group, kind, and the names from the root.
///
/// Rules: the `PrepareForCreate` strategies and allocators under `pkg/registry` of Kubernetes.
const ALLOCATED: [(&str, &str, &[&str]); 22] = [
    ("", "Service", &["spec", "clusterIP"]),
    ("", "Service", &["spec", "clusterIPs"]),
    ("", "Service", &["spec", "ipFamilies"]),
    ("", "Service", &["spec", "ipFamilyPolicy"]),
    ("", "Service", &["spec", "healthCheckNodePort"]),
    ("", "Service", &["spec", "ports", "nodePort"]),
    ("", "PersistentVolumeClaim", &["spec", "volumeName"]),
    ("", "PersistentVolumeClaim", &["spec", "dataSource"]),
    ("", "PersistentVolumeClaim", &["spec", "dataSourceRef"]),
    ("", "PersistentVolumeClaim", &["metadata", "annotations", "pv.kubernetes.io/bind-completed"]),
    ("", "PersistentVolumeClaim", &["metadata", "annotations", "pv.kubernetes.io/bound-by-controller"]),
    ("", "PersistentVolumeClaim", &["metadata", "annotations", "volume.kubernetes.io/storage-provisioner"]),
    ("", "PersistentVolumeClaim", &["metadata", "annotations", "volume.beta.kubernetes.io/storage-provisioner"]),
    ("", "PersistentVolumeClaim", &["metadata", "finalizers"]),
    ("", "PersistentVolume", &["metadata", "finalizers"]),
    ("", "ServiceAccount", &["secrets"]),
    ("", "Namespace", &["metadata", "labels", "kubernetes.io/metadata.name"]),
    ("", "Namespace", &["spec", "finalizers"]),
    ("batch", "Job", &["spec", "selector"]),
    ("batch", "Job", &["spec", "template", "metadata", "labels", "batch.kubernetes.io/controller-uid"]),
    ("batch", "Job", &["spec", "template", "metadata", "labels", "batch.kubernetes.io/job-name"]),
    ("batch", "Job", &["spec", "template", "metadata", "labels", "controller-uid"]),
];

/// Whether the server computes the field anew at every write, whoever the writer is.
///
/// Rule: `pkg/registry/apps/daemonset/strategy.go` and the conversion of `DaemonSet` in `pkg/apis/apps/v1`.
pub(super) fn is_computed(kind: &KindKey, steps: &[PathStep]) -> bool {
    let names: Vec<&str> = steps.iter().filter_map(name).collect();
    kind.kind == "DaemonSet" && names == ["metadata", "annotations", "deprecated.daemonset.template.generation"]
}

/// Whether the field at `steps` is one that the cluster or a deployer adds by itself.
pub(super) fn is_set_aside(kind: &KindKey, steps: &[PathStep], value: &Value) -> bool {
    let names: Vec<&str> = steps.iter().filter_map(name).collect();
    match names.as_slice() {
        ["metadata", "ownerReferences"] | ["status"] => true,
        ["metadata", "labels" | "annotations", key] if is_tracking(key) => true,
        [.., "metadata", "creationTimestamp"] => value.is_null(),
        ["metadata", "labels" | "annotations"] => {
            value.as_object().is_some_and(|map| map.keys().all(|key| is_tracking(key)))
        }
        names => ALLOCATED
            .iter()
            .any(|(group, of, path)| kind.group == *group && kind.kind == *of && names.starts_with(path)),
    }
}

fn is_tracking(key: &str) -> bool {
    TRACKING.iter().any(|tracked| if tracked.ends_with('/') { key.starts_with(tracked) } else { key == *tracked })
}

fn name(step: &PathStep) -> Option<&str> {
    match step {
        PathStep::Key(key) => Some(key),
        _ => None,
    }
}
