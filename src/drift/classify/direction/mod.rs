//! Whether a change loosens security or tightens it.

mod admission;
mod network;
mod rbac;
mod selector;
mod workload;

use serde_json::Value;

use super::Subject;

/// What a change does to what is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// More is allowed than Git says.
    Looser,
    /// Less is, and nothing more.
    Tighter,
    /// Nothing tells.
    Unclear,
}

impl Direction {
    /// By two sides of which the first holds all that the second does, and the reverse.
    const fn between(live_within_desired: Held, desired_within_live: Held) -> Self {
        match (live_within_desired, desired_within_live) {
            (Held::All, Held::All) => Self::Unclear,
            (Held::All, Held::Some) => Self::Tighter,
            (Held::Some, _) => Self::Looser,
        }
    }

    const fn reversed(self) -> Self {
        match self {
            Self::Looser => Self::Tighter,
            Self::Tighter => Self::Looser,
            Self::Unclear => Self::Unclear,
        }
    }

    /// Of two changes at once: what is looser anywhere is looser.
    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Looser, _) | (_, Self::Looser) => Self::Looser,
            (Self::Tighter, _) | (_, Self::Tighter) => Self::Tighter,
            _ => Self::Unclear,
        }
    }

    /// By ranks, of which the higher allows more.
    const fn by_rank(desired: u8, live: u8) -> Self {
        if live > desired {
            Self::Looser
        } else if live < desired {
            Self::Tighter
        } else {
            Self::Unclear
        }
    }
}

/// How much of one side the other holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    All,
    Some,
}

/// Whether `fits` finds a counterpart among `whole` for every item of `part`.
fn held(whole: &[Value], part: &[Value], fits: impl Fn(&Value, &Value) -> bool) -> Held {
    if part.iter().all(|item| whole.iter().any(|other| fits(other, item))) { Held::All } else { Held::Some }
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Lists of which a longer one allows more.
fn by_items(desired: Option<&Value>, live: Option<&Value>) -> Direction {
    let (desired, live) = (items(desired), items(live));
    Direction::between(held(desired, live, PartialEq::eq), held(live, desired, PartialEq::eq))
}

/// What a finding does to what is allowed.
pub(super) fn direction(subject: &Subject<'_>) -> Direction {
    let names: Vec<&str> = subject.path.names().collect();
    let (desired, live) = (subject.desired, subject.live);
    match (subject.kind.kind.as_str(), names.as_slice()) {
        (kind @ ("Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding"), names) => {
            rbac::direction(kind, names, subject)
        }
        ("NetworkPolicy", ["spec", rest @ ..]) => network::policy(rest, subject),
        ("Service", ["spec", rest @ ..]) => network::service(rest, subject),
        (
            kind @ ("ValidatingWebhookConfiguration"
            | "MutatingWebhookConfiguration"
            | "ValidatingAdmissionPolicy"
            | "MutatingAdmissionPolicy"
            | "ValidatingAdmissionPolicyBinding"
            | "MutatingAdmissionPolicyBinding"),
            names,
        ) => admission::direction(kind, names, subject),
        ("Namespace", ["metadata", "labels", ..]) => pod_security(&names[2..], desired, live),
        ("APIService", ["spec", "insecureSkipTLSVerify"]) => {
            let rank = |side: Option<&Value>| u8::from(side.and_then(Value::as_bool) == Some(true));
            Direction::by_rank(rank(desired), rank(live))
        }
        (_, names) => workload::direction(names, subject),
    }
}

/// The labels of Pod Security admission, one of them or all labels of the namespace.
fn pod_security(names: &[&str], desired: Option<&Value>, live: Option<&Value>) -> Direction {
    let rank = |level: Option<&Value>| match level.and_then(Value::as_str) {
        Some("restricted") => 0,
        Some("baseline") => 1,
        _ => 2,
    };
    let modes = ["enforce", "audit", "warn"].map(|mode| format!("pod-security.kubernetes.io/{mode}"));
    match names {
        [name] if modes.iter().any(|mode| mode == name) => Direction::by_rank(rank(desired), rank(live)),
        [] => modes.iter().fold(Direction::Unclear, |all, mode| {
            let of = |labels: Option<&Value>| rank(labels.and_then(|labels| labels.get(mode)));
            all.and(Direction::by_rank(of(desired), of(live)))
        }),
        _ => Direction::Unclear,
    }
}

#[cfg(test)]
mod tests;
