//! RBAC: what roles grant, and to whom.

use serde_json::Value;

use super::{Direction, Held, Subject, by_items, held, items};

/// A field of a role or a binding.
pub(super) fn direction(kind: &str, names: &[&str], subject: &Subject<'_>) -> Direction {
    let (desired, live) = (subject.desired, subject.live);
    match (kind, names) {
        ("Role" | "ClusterRole", ["rules"]) => rules(items(desired), items(live)),
        ("ClusterRole", ["aggregationRule"]) => by_items(selectors(desired), selectors(live)),
        ("ClusterRole", ["aggregationRule", "clusterRoleSelectors"]) => by_items(desired, live),
        ("ClusterRole", ["metadata", "labels", names @ ..]) => aggregated(names, desired, live),
        ("RoleBinding" | "ClusterRoleBinding", ["subjects"]) => {
            let (desired, live) = (items(desired), items(live));
            Direction::between(held(desired, live, same_subject), held(live, desired, same_subject))
        }
        ("RoleBinding" | "ClusterRoleBinding", ["roleRef", "name"]) => {
            let all = |side: Option<&Value>| u8::from(side.and_then(Value::as_str) == Some("cluster-admin"));
            Direction::by_rank(all(desired), all(live))
        }
        _ => Direction::Unclear,
    }
}

fn selectors(rule: Option<&Value>) -> Option<&Value> {
    rule?.get("clusterRoleSelectors")
}

/// Labels by which a role's rules become part of another: one of them, or all labels of the role.
fn aggregated(names: &[&str], desired: Option<&Value>, live: Option<&Value>) -> Direction {
    let aggregates = |key: &str| key.starts_with("rbac.authorization.k8s.io/aggregate-to-");
    let rank = |side: Option<&Value>| u8::from(side.and_then(Value::as_str) == Some("true"));
    match names {
        [key] if aggregates(key) => Direction::by_rank(rank(desired), rank(live)),
        [] => {
            let sides = [desired, live].map(|side| side.and_then(Value::as_object));
            let keys = sides.into_iter().flatten().flat_map(|labels| labels.keys()).filter(|key| aggregates(key));
            let of = |side: Option<&Value>, key: &str| rank(side.and_then(|labels| labels.get(key)));
            keys.fold(Direction::Unclear, |all, key| all.and(Direction::by_rank(of(desired, key), of(live, key))))
        }
        _ => Direction::Unclear,
    }
}

/// The group of a subject follows its kind.
fn same_subject(one: &Value, other: &Value) -> bool {
    ["kind", "name", "namespace"].iter().all(|field| one.get(field) == other.get(field))
}

/// One thing that a rule allows: group, resource and verb, or a URL and a verb; a name where only that is allowed.
struct Grant<'a> {
    group: &'a str,
    resource: &'a str,
    verb: &'a str,
    name: Option<&'a str>,
    is_url: bool,
}

/// What is granted counts, not how rules are cut.
fn rules(desired: &[Value], live: &[Value]) -> Direction {
    let all_in = |outer: &[Value], inner: &[Value]| {
        let allowed: Vec<Grant<'_>> = outer.iter().flat_map(grants).collect();
        let within = inner.iter().flat_map(grants).all(|grant| allowed.iter().any(|outer| outer.holds(&grant)));
        if within { Held::All } else { Held::Some }
    };
    Direction::between(all_in(desired, live), all_in(live, desired))
}

fn grants(rule: &Value) -> Vec<Grant<'_>> {
    let words = |field: &str| items(rule.get(field)).iter().filter_map(Value::as_str).collect::<Vec<_>>();
    let names = words("resourceNames");
    let names: Vec<Option<&str>> = if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
    let mut grants = Vec::new();
    for verb in words("verbs") {
        for group in words("apiGroups") {
            for resource in words("resources") {
                grants.extend(names.iter().map(|name| Grant { group, resource, verb, name: *name, is_url: false }));
            }
        }
        let url = |resource| Grant { group: "", resource, verb, name: None, is_url: true };
        grants.extend(words("nonResourceURLs").into_iter().map(url));
    }
    grants
}

impl Grant<'_> {
    /// Rule: `pkg/apis/rbac/v1/evaluation_helpers.go`.
    fn holds(&self, inner: &Self) -> bool {
        let any = |outer: &str, inner: &str| outer == "*" || outer == inner;
        let resource = if self.is_url {
            let start = self.resource.strip_suffix('*');
            start.map_or(self.resource == inner.resource, |start| inner.resource.starts_with(start))
        } else {
            let subresource = self.resource.strip_prefix('*').filter(|rest| rest.starts_with('/'));
            any(self.resource, inner.resource) || subresource.is_some_and(|rest| inner.resource.ends_with(rest))
        };
        self.is_url == inner.is_url
            && resource
            && any(self.group, inner.group)
            && any(self.verb, inner.verb)
            && (self.name.is_none() || self.name == inner.name)
    }
}
