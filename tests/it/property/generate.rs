//! Random manifests: hand-written minimal ones, with random optional fields grafted onto them.

use serde_json::{Map, Value, json};

use super::lost::lost;
use super::openapi::Schema;
use super::random::Random;
use super::scan::as_compared;
use crate::fixture::Api;

/// Fields that no manifest declares, and those that would act on other objects of the test: a default class for all
/// Pods, a webhook that converts what nobody serves, rules that are then a controller's.
const LEFT_OUT: [&str; 19] = [
    "apiVersion",
    "kind",
    "status",
    "name",
    "namespace",
    "generateName",
    "managedFields",
    "resourceVersion",
    "uid",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "ownerReferences",
    "finalizers",
    "globalDefault",
    "aggregationRule",
    "conversion",
];
/// Base64 that begins as a certificate does: anything else under `caBundle` is a placeholder.
const CERTIFICATE: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t";

/// How deep a grafted value goes.
const DEPTH: usize = 7;

/// Grafts random fields onto every struct of `object`; tells the pointers of what was grafted.
pub fn graft(schema: Schema<'_>, object: &mut Value, random: &mut Random, percent: usize) -> Vec<String> {
    let mut grafted = Vec::new();
    graft_below(schema, object, random, percent, "", &mut grafted);
    grafted
}

fn graft_below(
    schema: Schema<'_>,
    value: &mut Value,
    random: &mut Random,
    percent: usize,
    at: &str,
    grafted: &mut Vec<String>,
) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                if let Some(schema) = schema.field(key) {
                    graft_below(schema, value, random, percent, &format!("{at}/{}", escape(key)), grafted);
                }
            }
            for (key, field) in schema.fields() {
                if !LEFT_OUT.contains(&key)
                    && !is_metadata_of_a_template(schema, key)
                    && !is_of_the_request(schema, key)
                    && !map.contains_key(key)
                    && random.chance(percent)
                {
                    map.insert(key.to_owned(), value_of(field, key, random, 1));
                    grafted.push(format!("{at}/{}", escape(key)));
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.items() else { return };
            for (index, item) in items.iter_mut().enumerate() {
                graft_below(schema, item, random, percent, &format!("{at}/{index}"), grafted);
            }
        }
        _ => {}
    }
}

/// The fields of a template's metadata mean nothing but for labels and annotations.
fn is_metadata_of_a_template(schema: Schema<'_>, key: &str) -> bool {
    schema.name.ends_with(".v1.ObjectMeta") && !matches!(key, "labels" | "annotations")
}

/// The server writes who asked for a certificate over whatever is declared.
fn is_of_the_request(schema: Schema<'_>, key: &str) -> bool {
    schema.name.ends_with(".CertificateSigningRequestSpec") && ["extra", "groups", "uid", "username"].contains(&key)
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A random value of a field's schema.
pub fn value_of(schema: Schema<'_>, name: &str, random: &mut Random, depth: usize) -> Value {
    if schema.is_embedded() {
        return json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}});
    }
    if schema.is_quantity() {
        return (*random.one(&["1", "500m", "1.5Gi", "128Mi", "2k", "0", "0.5", "1000m", "1e3"])).into();
    }
    if schema.is_raw() || schema.is_open() {
        return json!({"a": {"b": [1, null, {}], "c": ""}, "k": random.below(9)});
    }
    if schema.is_int_or_string() {
        return if random.chance(50) { json!(1 + random.below(90)) } else { json!(*random.one(&["10%", "http"])) };
    }
    if let Some(words) = schema.raw["enum"].as_array() {
        return random.one(words).clone();
    }
    match schema.raw["type"].as_str() {
        Some("boolean") => random.chance(60).into(),
        Some("integer" | "number") => integer(name, random).into(),
        Some("string") => string(schema, name, random).into(),
        Some("array") => list(schema, name, random, depth),
        _ => structure(schema, random, depth),
    }
}

fn integer(name: &str, random: &mut Random) -> usize {
    match name {
        "nodePort" => 30000 + random.below(2000),
        name if name.to_lowercase().ends_with("port") => 1 + random.below(60000),
        "priority" => 0,
        name if name.to_lowercase().ends_with("mode") => *random.one(&[0, 0o400, 0o644]),
        _ if random.chance(15) => 0,
        _ => 1 + random.below(30),
    }
}

fn string(schema: Schema<'_>, name: &str, random: &mut Random) -> String {
    match schema.raw["format"].as_str() {
        Some("date-time") => return "2026-01-02T03:04:05Z".to_owned(),
        Some("byte") if name == "caBundle" => return CERTIFICATE.to_owned(),
        Some("byte") => return "Y2FuYXJ5LXByb3BlcnR5LTE=".to_owned(),
        _ => {}
    }
    let words: &[&str] = match name {
        "image" => &[
            "example/web:1",
            "example/web",
            "example/web:latest",
            "reg.example:5000/a/b@sha256:0123456789012345678901234567890123456789012345678901234567890123",
        ],
        "expression" => &["true", "1 == 1"],
        "operator" => &["In", "Exists", "DoesNotExist", "NotIn", "Equal", "Gt"],
        "topologyKey" => &["kubernetes.io/hostname", "topology.kubernetes.io/zone"],
        "apiGroup" => &["", "apps", "example.com", "rbac.authorization.k8s.io"],
        "cidr" => &["10.0.0.0/8", "0.0.0.0/0"],
        "ip" | "podIP" => &["10.1.2.3"],
        "hostnames" | "host" | "hostname" | "subdomain" => &["host", "example"],
        "schedule" => &["*/5 * * * *", "@daily"],
        "timeZone" => &["Etc/UTC", "Europe/Berlin"],
        name if name.to_lowercase().ends_with("path") => &["/x", "/var/lib/x", "x/y", "/"],
        name if name.to_lowercase().ends_with("policy") => &["Always", "IfNotPresent", "Never", "Retain"],
        _ if random.chance(6) => &[""],
        _ => &["a", "b-c", "word", "x1", "other"],
    };
    (*random.one(words)).to_owned()
}

fn list(schema: Schema<'_>, name: &str, random: &mut Random, depth: usize) -> Value {
    let Some(items) = schema.items() else { return json!([]) };
    let length = if random.chance(8) { 0 } else { 1 + random.below(2) };
    let mut made: Vec<Value> = Vec::new();
    for _ in 0..length {
        let new = element_of(schema, items, name, random, depth + 1);
        let keys = schema.keys();
        let clash = |old: &Value| match &keys {
            Some(keys) => keys.iter().all(|key| old[*key] == new[*key]),
            None => *old == new,
        };
        if !made.iter().any(clash) {
            made.push(new);
        }
    }
    made.into()
}

/// A random element of a list; one of a keyed list has its keys.
pub fn element_of(list: Schema<'_>, item: Schema<'_>, name: &str, random: &mut Random, depth: usize) -> Value {
    let mut element = value_of(item, name, random, depth);
    for key in list.keys().into_iter().flatten() {
        if let (Some(map), Some(schema)) = (element.as_object_mut(), item.field(key))
            && schema.raw.get("default").is_none_or(|default| *default == "")
        {
            map.entry(key).or_insert_with(|| value_of(schema, key, random, depth + 1));
        }
    }
    element
}

fn structure(schema: Schema<'_>, random: &mut Random, depth: usize) -> Value {
    let mut map = Map::new();
    if let Some(values) = schema.values() {
        for key in ["a", "b.example/c", "d"].iter().take(random.below(3)) {
            map.insert((*key).to_owned(), value_of(values, key, random, depth + 1));
        }
        return map.into();
    }
    let count = schema.fields().count().max(1);
    if schema.name.ends_with(".v1.ObjectMeta") {
        return json!({"labels": {"a": "b"}, "annotations": {"b.example/c": "text"}});
    }
    // A struct of many fields is mostly a choice between them.
    let percent = if depth >= DEPTH { 0 } else { (180 / count).clamp(6, 60) };
    for (key, field) in schema.fields() {
        if schema.requires(key) || random.chance(percent) {
            map.insert(key.to_owned(), value_of(field, key, random, depth + 1));
        }
    }
    map.into()
}

/// Asks the server, and takes away what it refuses until it accepts; an error where it never does.
///
/// `grafted` are the pointers of what may be taken away.
pub fn accepted(
    api: &Api,
    collection: &str,
    schema: Schema<'_>,
    mut object: Value,
    mut grafted: Vec<String>,
    random: &mut Random,
) -> Result<Value, String> {
    let mut last = String::new();
    for _ in 0..25 {
        let refused = match api.create(&format!("{collection}?dryRun=All"), &object, "tests") {
            Ok(stored) => {
                // Of what is dropped inside a value nobody can tell who did it.
                let inside =
                    lost(schema, &as_compared(&object), &stored).into_iter().filter(|lost| lost.inside_a_value);
                let dropped: Vec<String> =
                    inside.filter_map(|lost| culprit(&object, &grafted, &lost.pointer)).collect();
                if dropped.is_empty() {
                    return Ok(object);
                }
                dropped
            }
            Err(kube::Error::Api(status)) => {
                last.clone_from(&status.message);
                let causes = status.details.iter().flat_map(|details| &details.causes);
                let fields: Vec<String> = causes.map(|cause| pointer(&cause.field)).collect();
                let mut refused: Vec<String> =
                    fields.iter().filter_map(|field| culprit(&object, &grafted, field)).collect();
                if refused.is_empty() && !grafted.is_empty() {
                    refused.push(random.one(&grafted).clone());
                }
                refused
            }
            Err(error) => return Err(error.to_string()),
        };
        if refused.is_empty() {
            return Err(last);
        }
        for at in refused {
            remove(&mut object, &at);
            grafted.retain(|own| *own != at);
        }
    }
    Err(last)
}

/// `spec.ports[0].name` as a pointer.
fn pointer(field: &str) -> String {
    let mut pointer = String::new();
    for part in field.split(['.', '[']) {
        let part = part.trim_end_matches(']');
        pointer.push('/');
        pointer += &escape(part);
    }
    pointer
}

/// What to take away for a complaint about `field`: the graft above it, or the part of a graft that it names.
fn culprit(object: &Value, grafted: &[String], field: &str) -> Option<String> {
    let graft = grafted
        .iter()
        .filter(|graft| field == *graft || field.starts_with(&format!("{graft}/")))
        .max_by_key(|graft| graft.len());
    if let Some(graft) = graft {
        let mut deepest = field;
        while deepest.len() > graft.len() && object.pointer(deepest).is_none() {
            deepest = &deepest[..deepest.rfind('/')?];
        }
        // An element of a list keeps its place: the whole graft goes.
        let element = deepest.rsplit('/').next().is_some_and(|last| last.parse::<usize>().is_ok());
        let inner = deepest.len() > graft.len() && !element && deepest.len() * 2 > field.len();
        return Some(if inner && field.len().is_multiple_of(2) { deepest.to_owned() } else { graft.clone() });
    }
    // The complaint is about a field of the template: something grafted beside it is wrong.
    grafted.iter().find(|graft| graft.starts_with(field)).cloned()
}

fn remove(object: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    if let Some(Value::Object(map)) = object.pointer_mut(parent) {
        map.remove(&key.replace("~1", "/").replace("~0", "~"));
    }
}
