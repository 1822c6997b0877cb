//! Network policies and Services: what may be reached, and from where.

use serde_json::Value;

use super::selector::{guarding, holds_block, within};
use super::{Direction, Held, Subject, by_items, held, items};

/// A field below `spec` of a network policy.
pub(super) fn policy(names: &[&str], subject: &Subject<'_>) -> Direction {
    let (desired, live) = (subject.desired, subject.live);
    match names {
        ["policyTypes"] => by_items(desired, live).reversed(),
        ["ingress" | "egress"] => {
            let (desired, live) = (items(desired), items(live));
            Direction::between(held(desired, live, traffic_within), held(live, desired, traffic_within))
        }
        ["podSelector", ..] => guarding(names, subject),
        _ => Direction::Unclear,
    }
}

/// Whether the rule `inner` lets nothing through that `outer` does not.
fn traffic_within(outer: &Value, inner: &Value) -> bool {
    ["from", "to"].iter().all(|field| open_list(field, outer, inner, &peer_within))
        && open_list("ports", outer, inner, &port_within)
}

/// Whether `inner` is within `outer` in a list of which none means all.
fn open_list(field: &str, outer: &Value, inner: &Value, fits: &dyn Fn(&Value, &Value) -> bool) -> bool {
    let (outer, inner) = (items(outer.get(field)), items(inner.get(field)));
    outer.is_empty() || (!inner.is_empty() && held(outer, inner, fits) == Held::All)
}

fn peer_within(outer: &Value, inner: &Value) -> bool {
    match (outer.get("ipBlock"), inner.get("ipBlock")) {
        (Some(outer), Some(inner)) => block_within(outer, inner),
        (None, None) => {
            // Without a selector of namespaces a peer is of the policy's own, without one of Pods it is any.
            let namespaces = match (outer.get("namespaceSelector"), inner.get("namespaceSelector")) {
                (Some(outer), Some(inner)) => within(outer, inner),
                (outer, inner) => outer == inner,
            };
            let pods = match (outer.get("podSelector"), inner.get("podSelector")) {
                (None, _) => true,
                (Some(outer), inner) => within(outer, inner.unwrap_or(&Value::Null)),
            };
            namespaces && pods
        }
        _ => false,
    }
}

fn block_within(outer: &Value, inner: &Value) -> bool {
    let (Some(wide), Some(narrow)) = (outer.get("cidr"), inner.get("cidr")) else { return false };
    let also = items(inner.get("except"));
    // What the outer block leaves out must be left out of the inner one, or lie outside of it.
    let left_out = |hole: &Value| also.iter().any(|other| holds_block(other, hole));
    let apart = |hole: &Value| !holds_block(hole, narrow) && !holds_block(narrow, hole);
    holds_block(wide, narrow) && items(outer.get("except")).iter().all(|hole| left_out(hole) || apart(hole))
}

fn port_within(outer: &Value, inner: &Value) -> bool {
    let protocol = |port: &Value| port.get("protocol").and_then(Value::as_str).unwrap_or("TCP").to_owned();
    let range = |port: &Value| {
        let first = port.get("port").and_then(Value::as_i64)?;
        Some((first, port.get("endPort").and_then(Value::as_i64).unwrap_or(first)))
    };
    let ports = match (range(outer), range(inner)) {
        (Some((first, last)), Some((from, to))) => first <= from && to <= last,
        _ => outer.get("port").is_none() || outer.get("port") == inner.get("port"),
    };
    protocol(outer) == protocol(inner) && ports
}

/// A field below `spec` of a Service.
pub(super) fn service(names: &[&str], subject: &Subject<'_>) -> Direction {
    let (desired, live) = (subject.desired, subject.live);
    match names {
        ["type"] => Direction::by_rank(exposure(desired), exposure(live)),
        ["externalIPs"] => by_items(desired, live),
        ["loadBalancerSourceRanges"] => sources(items(desired), items(live)),
        _ => Direction::Unclear,
    }
}

/// Rank of a Service's type by who can reach it.
fn exposure(service_type: Option<&Value>) -> u8 {
    match service_type.and_then(Value::as_str) {
        Some("NodePort") => 1,
        Some("LoadBalancer") => 2,
        _ => 0,
    }
}

/// None means every source.
fn sources(desired: &[Value], live: &[Value]) -> Direction {
    match (desired, live) {
        ([], []) => Direction::Unclear,
        ([], _) => Direction::Tighter,
        (_, []) => Direction::Looser,
        _ => Direction::between(held(desired, live, holds_block), held(live, desired, holds_block)),
    }
}
