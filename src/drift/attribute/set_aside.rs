//! Fields that the cluster or a deployer adds to every object of a kind, and that are nobody's drift.

use serde_json::Value;

use crate::drift::model::{AllocatedField, PathStep};

/// Labels and annotations by which deployers find their objects again; a trailing `/` names a whole prefix.
const TRACKING: [&str; 17] = [
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
];

/// Whether the field at `steps` of the object `live` is one that the cluster or a deployer adds by itself.
pub(super) fn is_set_aside(allocated: &[AllocatedField], live: &Value, steps: &[PathStep], value: &Value) -> bool {
    let names: Vec<&str> = steps.iter().filter_map(name).collect();
    match names.as_slice() {
        ["metadata", "ownerReferences"] | ["status"] => true,
        ["metadata", "labels" | "annotations", key] if is_tracking(key) => true,
        [.., "metadata", "creationTimestamp"] => value.is_null(),
        _ => allocated.iter().any(|field| field.covers(steps, live)),
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
