//! RBAC, network policies and admission: what is granted, to whom, and what is refused.

use serde_json::Value;

use super::{Direction, Held, Subject, by_items, held, items};
use crate::drift::model::Change;

/// RBAC rules of a role.
pub(super) fn rules(desired: Option<&Value>, live: Option<&Value>) -> Direction {
    let (desired, live) = (items(desired), items(live));
    Direction::between(held(desired, live, rule_within), held(live, desired, rule_within))
}

/// Whether `inner` grants nothing that `outer` does not.
fn rule_within(outer: &Value, inner: &Value) -> bool {
    let fields = ["apiGroups", "resources", "verbs", "nonResourceURLs"];
    // No names means every name, so there fewer is more.
    fields.iter().all(|field| field_within(field, outer, inner))
        && open_list("resourceNames", outer, inner, &PartialEq::eq)
}

fn field_within(field: &str, outer: &Value, inner: &Value) -> bool {
    let (outer, inner) = (items(outer.get(field)), items(inner.get(field)));
    outer.contains(&Value::from("*")) || inner.iter().all(|item| outer.contains(item))
}

/// Whether `inner` is within `outer` in a list of which none means all.
fn open_list(field: &str, outer: &Value, inner: &Value, fits: &dyn Fn(&Value, &Value) -> bool) -> bool {
    let (outer, inner) = (items(outer.get(field)), items(inner.get(field)));
    outer.is_empty() || (!inner.is_empty() && held(outer, inner, fits) == Held::All)
}

/// A field below `spec` of a network policy.
pub(super) fn network_policy(names: &[&str], subject: &Subject<'_>) -> Direction {
    let (desired, live) = (subject.desired, subject.live);
    match names {
        ["policyTypes"] => by_items(desired, live).reversed(),
        ["ingress" | "egress"] => {
            let (desired, live) = (items(desired), items(live));
            Direction::between(held(desired, live, traffic_within), held(live, desired, traffic_within))
        }
        ["podSelector", ..] => selector(names, subject),
        _ => Direction::Unclear,
    }
}

/// Whether the rule `inner` lets nothing through that `outer` does not.
fn traffic_within(outer: &Value, inner: &Value) -> bool {
    ["from", "to"].iter().all(|field| open_list(field, outer, inner, &peer_within))
        && open_list("ports", outer, inner, &same_port)
}

fn peer_within(outer: &Value, inner: &Value) -> bool {
    match (outer.get("ipBlock"), inner.get("ipBlock")) {
        (Some(outer), Some(inner)) => {
            let (kept_out, also) = (items(outer.get("except")), items(inner.get("except")));
            outer.get("cidr") == inner.get("cidr") && held(also, kept_out, PartialEq::eq) == Held::All
        }
        _ => outer == inner,
    }
}

fn same_port(outer: &Value, inner: &Value) -> bool {
    let protocol = |port: &Value| port.get("protocol").and_then(Value::as_str).unwrap_or("TCP").to_owned();
    let same = |field: &str| outer.get(field) == inner.get(field);
    protocol(outer) == protocol(inner) && (outer.get("port").is_none() || (same("port") && same("endPort")))
}

/// A field of an admission configuration or policy.
pub(super) fn admission(names: &[&str], subject: &Subject<'_>) -> Direction {
    let (desired, live) = (subject.desired, subject.live);
    let by = |loose: &str| {
        let rank = |value: Option<&Value>| u8::from(value.and_then(Value::as_str) == Some(loose));
        Direction::by_rank(rank(desired), rank(live))
    };
    match names {
        [.., "failurePolicy"] => by("Ignore"),
        [.., "matchPolicy"] => by("Exact"),
        [.., "validationActions" | "validations"] => by_items(desired, live).reversed(),
        [.., "rules" | "resourceRules"] => {
            let (desired, live) = (items(desired), items(live));
            Direction::between(held(desired, live, intercepts), held(live, desired, intercepts)).reversed()
        }
        [.., "excludeResourceRules"] => by_items(desired, live),
        // A condition more is a request less that is looked at.
        [.., "matchConditions"] => match subject.change {
            Change::Added => Direction::Looser,
            Change::Removed => Direction::Tighter,
            Change::Changed => Direction::Unclear,
        },
        names => match names.iter().position(|name| ["namespaceSelector", "objectSelector"].contains(name)) {
            Some(at) => selector(&names[at..], subject),
            None => Direction::Unclear,
        },
    }
}

/// Whether the webhook rule `outer` sees everything that `inner` does.
fn intercepts(outer: &Value, inner: &Value) -> bool {
    let scope = |rule: &Value| rule.get("scope").and_then(Value::as_str).unwrap_or("*").to_owned();
    ["apiGroups", "apiVersions", "resources", "operations"].iter().all(|field| field_within(field, outer, inner))
        && (scope(outer) == "*" || scope(outer) == scope(inner))
}

/// A selector of what is guarded: each requirement more leaves something unguarded.
fn selector(names: &[&str], subject: &Subject<'_>) -> Direction {
    let (desired, live) = (subject.desired, subject.live);
    match names {
        [_] => requirements(desired, live),
        [_, "matchLabels"] => labels(desired, live),
        [_, "matchExpressions"] => by_items(desired, live),
        [_, "matchLabels", _] => match subject.change {
            Change::Added => Direction::Looser,
            Change::Removed => Direction::Tighter,
            Change::Changed => Direction::Unclear,
        },
        _ => Direction::Unclear,
    }
}

fn requirements(desired: Option<&Value>, live: Option<&Value>) -> Direction {
    let field = |side: Option<&'_ Value>, name: &str| side.and_then(|side| side.get(name)).cloned();
    let expressions = |side| field(side, "matchExpressions");
    let (of_desired, of_live) = (field(desired, "matchLabels"), field(live, "matchLabels"));
    labels(of_desired.as_ref(), of_live.as_ref())
        .and(by_items(expressions(desired).as_ref(), expressions(live).as_ref()))
}

fn labels(desired: Option<&Value>, live: Option<&Value>) -> Direction {
    let pairs = |side: Option<&Value>| -> Vec<Value> {
        let map = side.and_then(Value::as_object);
        map.into_iter()
            .flatten()
            .map(|(key, value)| Value::from(vec![Value::from(key.as_str()), value.clone()]))
            .collect()
    };
    let (desired, live) = (pairs(desired), pairs(live));
    Direction::between(held(&desired, &live, PartialEq::eq), held(&live, &desired, PartialEq::eq))
}
