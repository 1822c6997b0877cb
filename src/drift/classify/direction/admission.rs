//! Admission webhooks and policies: what is looked at before it is let in, and what is refused.

use serde_json::Value;

use super::selector::guarding;
use super::{Direction, Held, Subject, by_items, held, items};
use crate::drift::model::{Change, PathStep};

/// A field of an admission configuration, policy or binding.
pub(super) fn direction(kind: &str, names: &[&str], subject: &Subject<'_>) -> Direction {
    let (desired, live) = (subject.desired, subject.live);
    let by = |loose: &str| {
        let rank = |value: Option<&Value>| u8::from(value.and_then(Value::as_str) == Some(loose));
        Direction::by_rank(rank(desired), rank(live))
    };
    let is_element = matches!(subject.path.steps().last(), Some(PathStep::Element(_)));
    match names {
        ["webhooks"] => webhooks(kind, subject.change),
        ["spec", "matchResources"] => by_presence(subject.change),
        [.., "failurePolicy"] => by("Ignore"),
        [.., "matchPolicy"] => by("Exact"),
        [.., "parameterNotFoundAction"] => by("Allow"),
        [.., "validationActions" | "validations"] => by_items(desired, live).reversed(),
        // A binding without rules of its own is about everything that its policy is about.
        ["spec", "matchResources", "resourceRules"] if desired.is_none() || live.is_none() => {
            by_presence(subject.change)
        }
        [.., "rules" | "resourceRules"] => {
            let (desired, live) = (items(desired), items(live));
            Direction::between(held(desired, live, intercepts), held(live, desired, intercepts)).reversed()
        }
        [.., "excludeResourceRules"] => {
            let (desired, live) = (items(desired), items(live));
            Direction::between(held(desired, live, intercepts), held(live, desired, intercepts))
        }
        // A condition more is a request less that is looked at.
        [.., "matchConditions"] if is_element || desired.is_none() || live.is_none() => by_presence(subject.change),
        names => match names.iter().position(|name| ["namespaceSelector", "objectSelector"].contains(name)) {
            Some(at) => guarding(&names[at..], subject),
            None => Direction::Unclear,
        },
    }
}

/// A webhook more that validates refuses more; what one that mutates does nobody can tell.
fn webhooks(kind: &str, change: Change) -> Direction {
    match change {
        Change::Removed => Direction::Looser,
        Change::Added if kind == "ValidatingWebhookConfiguration" => Direction::Tighter,
        Change::Added | Change::Changed => Direction::Unclear,
    }
}

/// Of what narrows the view, more is looser.
const fn by_presence(change: Change) -> Direction {
    match change {
        Change::Added => Direction::Looser,
        Change::Removed => Direction::Tighter,
        Change::Changed => Direction::Unclear,
    }
}

/// Whether the rule `outer` sees everything that `inner` does.
fn intercepts(outer: &Value, inner: &Value) -> bool {
    let scope = |rule: &Value| rule.get("scope").and_then(Value::as_str).unwrap_or("*").to_owned();
    let (named, also) = (items(outer.get("resourceNames")), items(inner.get("resourceNames")));
    ["apiGroups", "apiVersions", "resources", "operations"].iter().all(|field| field_within(field, outer, inner))
        && (scope(outer) == "*" || scope(outer) == scope(inner))
        && (named.is_empty() || !also.is_empty() && held(named, also, PartialEq::eq) == Held::All)
}

fn field_within(field: &str, outer: &Value, inner: &Value) -> bool {
    let (outer, inner) = (items(outer.get(field)), items(inner.get(field)));
    outer.iter().any(|item| item == "*" || item == "*/*") || inner.iter().all(|item| outer.contains(item))
}
