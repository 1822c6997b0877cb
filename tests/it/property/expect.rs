//! What must be said of a change: a plain walk over the object before and after it.

use serde_json::{Map, Value};

use super::openapi::Schema;

/// Path and change of a finding; `vanished` is what Git does not declare and nobody can miss.
pub type Place = (String, &'static str);

/// The annotation that kubectl keeps; a map of nothing else is none.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The annotation that the server writes anew at every write.
const COUNTED: &str = "deprecated.daemonset.template.generation";

/// What differs between `before`, which nobody has touched, and `after`, seen from what Git declares.
pub fn places(schema: Schema<'_>, desired: &Value, before: &Value, after: &Value) -> Vec<Place> {
    let mut walk = Walk { custom: schema.is_custom(), of: &after["kind"], found: Vec::new() };
    walk.values(Some(schema), "", Some(desired), before, after);
    walk.found.sort();
    walk.found
}

struct Walk<'a> {
    custom: bool,
    of: &'a Value,
    found: Vec<Place>,
}

const SERVER_METADATA: [&str; 6] =
    ["managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"];

impl Walk<'_> {
    fn values(
        &mut self,
        schema: Option<Schema<'_>>,
        path: &str,
        desired: Option<&Value>,
        before: &Value,
        after: &Value,
    ) {
        if before == after {
            return;
        }
        match (before, after) {
            (Value::Object(before), Value::Object(after)) if !schema.is_some_and(Schema::is_raw) => {
                self.fields(schema, path, desired, before, after);
            }
            (Value::Array(one), Value::Array(other))
                if ["spec.tolerations", "spec.taints"].contains(&path)
                    && only_lacks_of_the_clusters(path, one, other) => {}
            (Value::Array(one), Value::Array(other)) => {
                let keyed = schema.and_then(|schema| {
                    let by = |items: &[Value]| keyed(schema, items);
                    Some((by(one)?, by(other)?))
                });
                match keyed {
                    Some((one, other)) => {
                        self.elements(schema.and_then(Schema::items), path, schema, desired, &one, &other);
                    }
                    None => self.report(schema, path, desired, Some(after)),
                }
            }
            // A custom resource keeps the notation of an amount.
            _ if schema.is_some_and(Schema::is_quantity)
                && amount(before).is_some()
                && amount(before) == amount(after) => {}
            _ => self.report(schema, path, desired, Some(after)),
        }
    }

    fn fields(
        &mut self,
        schema: Option<Schema<'_>>,
        path: &str,
        desired: Option<&Value>,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) {
        let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            if (path.is_empty() && key == "status") || (path == "metadata" && SERVER_METADATA.contains(&key.as_str())) {
                continue;
            }
            let child = schema.and_then(|schema| schema.field(key));
            if path == "metadata.annotations" && (key == LAST_APPLIED || key == COUNTED && self.of == "DaemonSet") {
                continue;
            }
            if path.ends_with("metadata.labels") && self.of == "Job" && is_of_a_job(key) {
                continue;
            }
            let path = join(path, key);
            let desired = desired.and_then(|desired| desired.get(key));
            let is_kubectls =
                |value: &Value| path == "metadata.annotations" && all_keys(value, |key| key == LAST_APPLIED);
            let there = |value: &&Value| self.is_there(child, value) && !is_kubectls(value);
            let after = after.get(key).filter(there);
            // A Job gets the labels of its template only while it has none, and nothing is left of them afterwards.
            let gave_way = |labels: &Value| {
                let without = |labels: &Value| all_keys(labels, |key| !is_of_a_job(key));
                let is_of_jobs = self.of == "Job" && path == "metadata.labels" && all_keys(labels, is_of_a_job);
                is_of_jobs && after.is_some_and(without)
            };
            let before = before.get(key).filter(there).filter(|labels| !gave_way(labels));
            match (before, after) {
                (None, None) => {}
                (Some(before), Some(after)) => self.values(child, &path, desired, before, after),
                (_, after) => self.report(child, &path, desired, after),
            }
        }
    }

    fn elements(
        &mut self,
        item: Option<Schema<'_>>,
        path: &str,
        schema: Option<Schema<'_>>,
        desired: Option<&Value>,
        before: &[(String, Value)],
        after: &[(String, Value)],
    ) {
        let desired = desired.and_then(Value::as_array).and_then(|items| keyed(schema?, items)).unwrap_or_default();
        let at = |side: &[(String, Value)], key: &str| {
            side.iter().find(|(own, _)| own == key).map(|(_, value)| value.clone())
        };
        let mut keys: Vec<&String> = before.iter().chain(after).map(|(key, _)| key).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            let path = format!("{path}{key}");
            let desired = at(&desired, key);
            match (at(before, key), at(after, key)) {
                (Some(before), Some(after)) => self.values(item, &path, desired.as_ref(), &before, &after),
                (_, after) => self.report(item, &path, desired.as_ref(), after.as_ref()),
            }
        }
    }

    /// Whether a value is more than absence.
    fn is_there(&self, schema: Option<Schema<'_>>, value: &Value) -> bool {
        let kept = self.custom
            && schema.is_some_and(|schema| schema.is_custom() && !schema.is_open() && schema.raw.get("type").is_some());
        match value {
            Value::Null => false,
            Value::Array(items) => kept || !items.is_empty(),
            Value::Object(map) => {
                let is_struct = |schema: Schema<'_>| schema.values().is_none() && !schema.is_open();
                !map.is_empty() || kept || schema.is_some_and(is_struct)
            }
            _ => true,
        }
    }

    fn report(&mut self, schema: Option<Schema<'_>>, path: &str, desired: Option<&Value>, after: Option<&Value>) {
        let empty = |value: &&Value| match value {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty() && schema.is_none_or(|schema| schema.values().is_some()),
            _ => false,
        };
        let change = match (desired.filter(|value| !empty(value)), after.filter(|value| !empty(value))) {
            (Some(_), Some(_)) => "changed",
            (Some(_), None) => "removed",
            (None, Some(_)) => "added",
            (None, None) => "vanished",
        };
        self.found.push((path.to_owned(), change));
    }
}

/// A path one key further.
pub fn join(path: &str, key: &str) -> String {
    if key.is_empty() || key.contains(['.', '[', ']', '"']) {
        format!("{path}[{}]", Value::from(key))
    } else if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn all_keys(map: &Value, fits: impl Fn(&str) -> bool) -> bool {
    map.as_object().is_some_and(|map| map.keys().all(|key| fits(key)))
}

/// Labels by which a Job finds its Pods, and which are the Job's own where Git declares none.
fn is_of_a_job(label: &str) -> bool {
    matches!(label.strip_prefix("batch.kubernetes.io/").unwrap_or(label), "controller-uid" | "job-name")
}

/// An amount in thousandths; `None` for a notation that no case uses.
fn amount(value: &Value) -> Option<i64> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let end = text.find(|letter: char| !(letter.is_ascii_digit() || letter == '.')).unwrap_or(text.len());
    let (whole, rest) = text[..end].split_once('.').unwrap_or((&text[..end], ""));
    let thousandths = format!("{whole}{rest:0<3}").parse::<i64>().ok().filter(|_| rest.len() <= 3)?;
    match &text[end..] {
        "" => Some(thousandths),
        "m" => thousandths.checked_div(1000),
        "k" | "e3" => thousandths.checked_mul(1000),
        "Ki" => thousandths.checked_mul(1 << 10),
        "Mi" => thousandths.checked_mul(1 << 20),
        "Gi" => thousandths.checked_mul(1 << 30),
        _ => None,
    }
}

/// Whether a list differs by nothing but the order and the absence of what admission appended to it, and taints by
/// nothing but those that tell a node's condition.
fn only_lacks_of_the_clusters(path: &str, before: &[Value], after: &[Value]) -> bool {
    let is_the_clusters =
        |item: &&Value| item["key"].as_str().is_some_and(|key| key.starts_with("node.kubernetes.io/"));
    let own = |items: &[Value]| items.iter().filter(|item| !is_the_clusters(item)).cloned().collect::<Vec<_>>();
    let comes_and_goes = |item: &Value| path == "spec.taints" || before.contains(item);
    own(before) == own(after) && after.iter().filter(is_the_clusters).all(comes_and_goes)
}

/// The elements of a keyed list or set by the text of their step; `None` for an atomic list and for repeated keys.
pub fn keyed(schema: Schema<'_>, items: &[Value]) -> Option<Vec<(String, Value)>> {
    let bare = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let step = |item: &Value| match schema.keys() {
        Some(keys) => {
            let part = |key: &&str| {
                let default = || schema.items()?.field(key)?.raw.get("default").cloned();
                Some(format!("{key}={}", bare(&item.get(*key).cloned().or_else(default)?)))
            };
            Some(format!("[{}]", keys.iter().map(part).collect::<Option<Vec<_>>>()?.join(",")))
        }
        None if schema.is_set() => Some(format!("[{}]", bare(item))),
        None => None,
    };
    let keyed: Vec<(String, Value)> =
        items.iter().map(|item| Some((step(item)?, item.clone()))).collect::<Option<_>>()?;
    let mut keys: Vec<&String> = keyed.iter().map(|(key, _)| key).collect();
    keys.sort();
    keys.dedup();
    (keys.len() == keyed.len()).then_some(keyed)
}
