//! Whether a change loosens security or tightens it.

use serde_json::Value;

use super::Subject;
use crate::drift::model::{Change, Severity};

/// Fields of a security context and a Pod that loosen where they are `true`, and tighten where they are `false`.
const LOOSE_WHEN_TRUE: [&str; 7] = [
    "privileged",
    "allowPrivilegeEscalation",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "shareProcessNamespace",
    "automountServiceAccountToken",
];
/// Those that tighten where they are `true`.
const TIGHT_WHEN_TRUE: [&str; 3] = ["runAsNonRoot", "readOnlyRootFilesystem", "hostUsers"];

/// Whether something came to live that opens what Git keeps shut, wherever it stands.
pub(super) fn exposes(subject: &Subject<'_>) -> bool {
    let Some(live) = subject.live else { return false };
    let names: Vec<&str> = subject.path.names().collect();
    match (subject.kind.kind.as_str(), names.as_slice()) {
        ("Service", ["spec", "type"]) => matches!(live.as_str(), Some("NodePort" | "LoadBalancer")),
        ("Service", ["spec", "externalIPs"]) => true,
        (_, [.., last]) if subject.change == Change::Added => {
            loose_inside(last, live) || (*last == "volumes" && holds_key(live, "hostPath"))
        }
        _ => false,
    }
}

/// Whether a value or anything in it is a privilege.
fn loose_inside(key: &str, value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag && LOOSE_WHEN_TRUE.contains(&key) && key != "automountServiceAccountToken",
        Value::Array(items) => items.iter().any(|item| loose_inside(key, item)),
        Value::Object(map) => map.iter().any(|(key, value)| loose_inside(key, value)),
        _ => false,
    }
}

fn holds_key(value: &Value, key: &str) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| holds_key(item, key)),
        Value::Object(map) => map.contains_key(key),
        _ => false,
    }
}

/// Whether what lives allows less than what Git declares; where that cannot be told, it does not.
pub(super) fn tightens(subject: &Subject<'_>) -> bool {
    let names: Vec<&str> = subject.path.names().collect();
    let last = names.last().copied().unwrap_or_default();
    let flag = subject.live.and_then(Value::as_bool);
    match (subject.kind.kind.as_str(), last) {
        (_, last) if LOOSE_WHEN_TRUE.contains(&last) => flag != Some(true),
        (_, last) if TIGHT_WHEN_TRUE.contains(&last) => flag == Some(true),
        (_, "drop") if names.contains(&"capabilities") => covers(subject.live, subject.desired),
        (_, "add") if names.contains(&"capabilities") => covers(subject.desired, subject.live),
        ("Role" | "ClusterRole", "rules") => grants_no_more(subject.desired, subject.live),
        ("RoleBinding" | "ClusterRoleBinding", "subjects") => covers(subject.desired, subject.live),
        _ => false,
    }
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether every item of `part` is also in `whole`.
fn covers(whole: Option<&Value>, part: Option<&Value>) -> bool {
    items(part).iter().all(|item| items(whole).contains(item))
}

/// Whether every live rule is within one declared rule.
fn grants_no_more(desired: Option<&Value>, live: Option<&Value>) -> bool {
    items(live).iter().all(|live| items(desired).iter().any(|desired| rule_within(desired, live)))
}

fn rule_within(desired: &Value, live: &Value) -> bool {
    let within = |field: &str| {
        let (desired, live) = (items(desired.get(field)), items(live.get(field)));
        desired.contains(&Value::from("*")) || live.iter().all(|item| desired.contains(item))
    };
    // An empty list of names means every name, so there fewer is more.
    let (desired_names, live_names) = (items(desired.get("resourceNames")), items(live.get("resourceNames")));
    let names_within = desired_names.is_empty()
        || (!live_names.is_empty() && live_names.iter().all(|name| desired_names.contains(name)));
    ["apiGroups", "resources", "verbs", "nonResourceURLs"].iter().all(|field| within(field)) && names_within
}

/// The severity of a tightening, wherever it is found.
pub(super) const TIGHTENING: Severity = Severity::Medium;
