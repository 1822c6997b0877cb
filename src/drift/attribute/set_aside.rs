//! Fields that the cluster or a deployer adds to every object of a kind, and that are nobody's drift.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::drift::model::{AllocatedField, Difference, PathStep};

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

/// Whether the server computes the field anew at every write, whoever the writer is.
///
/// Rule: `pkg/registry/apps/daemonset/strategy.go` and the conversion of `DaemonSet` in `pkg/apis/apps/v1`; a Job without
/// labels gets those of its template, `SetDefaults_Job` in `pkg/apis/batch/v1/defaults.go`.
pub(super) fn is_computed(live: &Value, steps: &[PathStep]) -> bool {
    let names: Vec<&str> = steps.iter().filter_map(name).collect();
    match (live["kind"].as_str(), names.as_slice()) {
        (Some("DaemonSet"), ["metadata", "annotations", key]) => *key == "deprecated.daemonset.template.generation",
        (Some("Job"), ["metadata", "labels", key]) => {
            let by_a_controller = matches!(key.rsplit('/').next(), Some("controller-uid" | "job-name"));
            let label = &live["metadata"]["labels"][*key];
            by_a_controller && live["spec"]["template"]["metadata"]["labels"].get(key) == Some(label)
        }
        _ => false,
    }
}

/// Whether the field at `steps` of the object `live` is one that the cluster or a deployer adds by itself.
pub(super) fn is_set_aside(allocated: &[AllocatedField], live: &Value, steps: &[PathStep], value: &Value) -> bool {
    let names: Vec<&str> = steps.iter().filter_map(name).collect();
    match names.as_slice() {
        ["metadata", "ownerReferences"] | ["status"] => true,
        ["metadata", "labels" | "annotations", key] if is_tracking(key) => true,
        // kapp marks what it deploys in selectors and templates, too.
        [.., "labels" | "matchLabels" | "selector", key] if key.starts_with("kapp.k14s.io/") => true,
        [.., "metadata", "creationTimestamp"] => value.is_null(),
        ["secrets", ..] if live["kind"] == "ServiceAccount" => holds_tokens_only(live, value),
        _ => allocated.iter().any(|field| field.covers(steps, live)),
    }
}

/// Whether the server has set for good what Git asks it to choose by declaring a zero: nobody can change it, so who
/// owns it, an apply of the same zero included, says nothing.
///
/// Rule: `ValidateServiceUpdate` in `pkg/apis/core/validation/validation.go`.
pub(super) fn is_chosen_for_good(live: &Value, steps: &[PathStep]) -> bool {
    let names: Vec<&str> = steps.iter().filter_map(name).collect();
    live["kind"] == "Service" && matches!(names.as_slice(), ["spec", "clusterIP" | "healthCheckNodePort"])
}

/// Whether a `ServiceAccount`'s list of Secrets, or one of its elements, is what controllers make for it.
///
/// Rule: `pkg/controller/serviceaccount/tokens_controller.go` of Kubernetes up to 1.23, and the
/// pull secrets of `OpenShift`.
fn holds_tokens_only(live: &Value, value: &Value) -> bool {
    let account = live["metadata"]["name"].as_str().unwrap_or_default();
    let is_token = |element: &Value| {
        let rest = element["name"].as_str().and_then(|name| name.strip_prefix(account));
        rest.is_some_and(|rest| rest.starts_with("-token-") || rest.starts_with("-dockercfg-"))
    };
    value.as_array().map_or_else(|| is_token(value), |elements| elements.iter().all(is_token))
}

/// Whether all that the tolerations of a Pod hold beside what Git declares is what admission appends to each, whoever
/// wrote the list last.
///
/// Rule: `plugin/pkg/admission/defaulttolerationseconds/admission.go`.
pub(super) fn is_appended(live: &Value, difference: &Difference<'_>) -> bool {
    let names: Vec<&str> = difference.path.names().collect();
    let Some(lives) = difference.live.and_then(Value::as_array) else { return false };
    let declared = difference.desired.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut rest = declared.iter().peekable();
    live["kind"] == "Pod"
        && names == ["spec", "tolerations"]
        && lives.iter().all(|element| rest.next_if_eq(&element).is_some() || is_default_toleration(element))
        && rest.peek().is_none()
}

fn is_default_toleration(element: &Value) -> bool {
    ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].iter().any(|key| {
        *element == json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
    })
}

/// Whether the annotations of a Pod template hold that of `kubectl rollout restart`, which is reported by itself.
pub(super) fn holds_restart(difference: &Difference<'_>) -> bool {
    difference.path.names().next_back() == Some("annotations")
        && difference.live.is_some_and(|map| map.get("kubectl.kubernetes.io/restartedAt").is_some())
}

/// Whether a controller sets a field whatever Git declares for it: the rules of a `ClusterRole` that aggregates,
/// and a certificate authority where Git has a placeholder.
pub(super) fn is_overruled(live: &Value, difference: &Difference<'_>) -> bool {
    let names: Vec<&str> = difference.path.names().collect();
    match (live["kind"].as_str(), names.as_slice()) {
        (Some("ClusterRole"), ["rules", ..]) => live["aggregationRule"].is_object(),
        (_, [.., "caBundle"]) => {
            is_ca_bundle(&names) && difference.live.is_some() && is_placeholder(difference.desired)
        }
        _ => false,
    }
}

/// Whether the taints of a Node differ by nothing but those that tell its condition, which come and go with it and
/// whose times only their controller knows.
///
/// Rule: `plugin/pkg/admission/nodetaint/admission.go` and `pkg/controller/nodelifecycle`.
pub(super) fn is_condition(live: &Value, difference: &Difference<'_>) -> bool {
    let names: Vec<&str> = difference.path.names().collect();
    if live["kind"] != "Node" || names != ["spec", "taints"] {
        return false;
    }
    let taints = |side: Option<&Value>| -> Vec<[Value; 4]> {
        let all = side.and_then(Value::as_array).into_iter().flatten();
        let mut own: Vec<_> = all
            .map(|taint| {
                let mut own = ["key", "value", "effect", "timeAdded"].map(|field| taint[field].clone());
                if tells_a_condition(&own) {
                    own[3] = Value::Null;
                }
                own
            })
            .collect();
        own.sort_by_key(|taint| format!("{taint:?}"));
        own
    };
    let (desired, mut live) = (taints(difference.desired), taints(difference.live));
    live.retain(|taint| desired.contains(taint) || !tells_a_condition(taint));
    desired == live
}

fn tells_a_condition([key, ..]: &[Value; 4]) -> bool {
    key.as_str().is_some_and(|key| key.starts_with("node.kubernetes.io/"))
}

/// Where an API server looks for the authority of those that it calls, in webhooks, `APIService`s and CRDs.
fn is_ca_bundle(names: &[&str]) -> bool {
    matches!(
        names,
        ["webhooks", "clientConfig", "caBundle"]
            | ["spec", "caBundle"]
            | ["spec", "conversion", "webhook", "clientConfig", "caBundle"]
    )
}

/// Base64 that holds no certificate: `""`, `Cg==`, a word.
fn is_placeholder(declared: Option<&Value>) -> bool {
    let text = declared.and_then(Value::as_str).unwrap_or_default();
    let decoded = STANDARD.decode(text.trim()).unwrap_or_default();
    !String::from_utf8_lossy(&decoded).contains("-----BEGIN")
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
