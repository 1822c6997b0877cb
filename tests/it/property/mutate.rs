//! Random changes: of what lives, which must be found, and of Git's words, which mean the same.

use serde_json::{Value, json};

use super::generate::{element_of, value_of};
use super::openapi::Schema;
use super::random::Random;

/// A place that can change.
struct Site<'a> {
    pointer: String,
    schema: Option<Schema<'a>>,
}

const LAST_APPLIED: &str = "kubectl.kubernetes.io~1last-applied-configuration";

/// Fields by which an object is found, and those that only the server writes.
fn is_fixed(pointer: &str) -> bool {
    let mut parts = pointer.split('/').skip(1);
    match (parts.next(), parts.next()) {
        (Some("apiVersion" | "kind" | "status"), _) => true,
        (Some("metadata"), Some(field)) => {
            !matches!(field, "labels" | "annotations") || pointer.ends_with(LAST_APPLIED)
        }
        _ => false,
    }
}

fn sites<'a>(schema: Option<Schema<'a>>, value: &Value, at: &str, found: &mut Vec<Site<'a>>) {
    if is_fixed(at) {
        return;
    }
    found.push(Site { pointer: at.to_owned(), schema });
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key_pointer = key.replace('~', "~0").replace('/', "~1");
                let below = schema.and_then(|schema| schema.field(key));
                sites(below, value, &format!("{at}/{key_pointer}"), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                sites(schema.and_then(Schema::items), value, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// Whether somebody may set the field with an effect.
fn is_open(schema: Schema<'_>, key: &str) -> bool {
    // A default for all Pods would act on other cases.
    key != "globalDefault" && (!schema.name.ends_with(".v1.ObjectMeta") || matches!(key, "labels" | "annotations"))
}

/// What stands at a place: each sort is changed as often as the others, however many places there are of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Scalar,
    Struct,
    Map,
    Keyed,
    Set,
    Atomic,
    Element,
}

fn sort(site: &Site<'_>, value: &Value) -> Sort {
    let in_a_list = site.pointer.rsplit('/').next().is_some_and(|last| last.parse::<usize>().is_ok());
    match (value, site.schema) {
        (Value::Object(_), _) if in_a_list => Sort::Element,
        (Value::Object(_), Some(schema)) if schema.values().is_some() => Sort::Map,
        (Value::Object(_), _) => Sort::Struct,
        (Value::Array(_), Some(schema)) if schema.keys().is_some() => Sort::Keyed,
        (Value::Array(_), Some(schema)) if schema.is_set() => Sort::Set,
        (Value::Array(_), _) => Sort::Atomic,
        _ => Sort::Scalar,
    }
}

/// Changes one thing; false where the place allows none.
pub fn mutate(schema: Schema<'_>, object: &mut Value, random: &mut Random) -> bool {
    let mut found = Vec::new();
    sites(Some(schema), object, "", &mut found);
    let of = |site: &Site<'_>| object.pointer(&site.pointer).map(|value| sort(site, value));
    let mut sorts: Vec<Sort> = found.iter().filter_map(of).collect();
    sorts.sort_unstable();
    sorts.dedup();
    let wanted = Some(*random.one(&sorts));
    let fitting: Vec<&Site<'_>> = found.iter().filter(|site| of(site) == wanted).collect();
    let site = *random.one(&fitting);
    if !site.pointer.is_empty() && random.chance(20) {
        return take_away(object, &site.pointer);
    }
    let Some(value) = object.pointer_mut(&site.pointer) else { return false };
    match value {
        Value::Object(map) => {
            let field = match site.schema {
                Some(schema) if schema.values().is_some() => {
                    schema.values().map(|values| ("x.example/new".to_owned(), values))
                }
                Some(schema) => {
                    let absent: Vec<_> =
                        schema.fields().filter(|(key, _)| !map.contains_key(*key) && is_open(schema, key)).collect();
                    (!absent.is_empty()).then(|| random.one(&absent)).map(|(key, schema)| ((*key).to_owned(), *schema))
                }
                None => {
                    map.insert("new".to_owned(), json!("word"));
                    return true;
                }
            };
            let Some((key, schema)) = field else { return false };
            let pointer = format!("{}/{key}", site.pointer);
            if is_fixed(&pointer) {
                return false;
            }
            let new = value_of(schema, &key, random, 4);
            map.insert(key, new);
        }
        Value::Array(items) => {
            let Some((list, item)) = site.schema.and_then(|list| Some((list, list.items()?))) else { return false };
            let new = element_of(list, item, "item", random, 4);
            let same = |old: &Value, key: &&str| old.get(*key) == new.get(*key);
            let keyed = list.keys();
            if items.iter().any(|old| keyed.as_ref().map_or(*old == new, |keys| keys.iter().all(|key| same(old, key))))
            {
                return false;
            }
            items.push(new);
        }
        Value::String(text) => {
            let words = site.schema.and_then(|schema| schema.raw["enum"].as_array());
            *text = match words {
                Some(words) => random.one(words).as_str().unwrap_or_default().to_owned(),
                None if site.schema.is_some_and(Schema::is_quantity) => "7".to_owned(),
                None if site.pointer.ends_with("/caBundle") => format!("{}Cg==", text.trim_end_matches("Cg==")),
                None if site.schema.is_some_and(|schema| schema.raw["format"] == "byte") => "Y2hhbmdlZA==".to_owned(),
                None => format!("{text}x"),
            };
        }
        Value::Number(number) => *value = json!(number.as_i64().unwrap_or(0) + 1),
        Value::Bool(flag) => *value = json!(!*flag),
        Value::Null => return false,
    }
    true
}

fn take_away(object: &mut Value, pointer: &str) -> bool {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return false };
    match object.pointer_mut(parent) {
        Some(Value::Object(map)) => map.remove(&key.replace("~1", "/").replace("~0", "~")).is_some(),
        Some(Value::Array(items)) => key.parse().is_ok_and(|index: usize| {
            items.remove(index);
            true
        }),
        _ => false,
    }
}

/// Git's words written otherwise: quantities in another notation, keyed lists in another order, and what the server
/// filled in spelled out.
pub fn reword(schema: Schema<'_>, desired: &mut Value, live: &Value, random: &mut Random) {
    reword_below(Some(schema), desired, live, "", random);
}

fn reword_below(schema: Option<Schema<'_>>, desired: &mut Value, live: &Value, at: &str, random: &mut Random) {
    let Some(schema) = schema else { return };
    match desired {
        Value::Object(map) if !schema.is_raw() => {
            for (key, value) in map.iter_mut() {
                let live = live.get(key).unwrap_or(&Value::Null);
                reword_below(schema.field(key), value, live, &format!("{at}/{key}"), random);
            }
            let Some(lives) = live.as_object().filter(|_| !at.starts_with("/metadata") && schema.values().is_none())
            else {
                return;
            };
            for (key, value) in lives {
                let fixed = is_fixed(&format!("{at}/{key}")) || key == "metadata";
                if !fixed && !map.contains_key(key) && random.chance(40) {
                    map.insert(key.clone(), value.clone());
                }
            }
        }
        Value::Array(items) => {
            let same_length = live.as_array().is_some_and(|live| live.len() == items.len());
            for (index, item) in items.iter_mut().enumerate() {
                let live = if same_length { &live[index] } else { &Value::Null };
                reword_below(schema.items(), item, live, &format!("{at}/{index}"), random);
            }
            let lacks_a_key = |item: &Value| {
                let lacks = |key: &&str| item.get(*key).is_none_or(|value| *value == "" || value.is_null());
                schema
                    .keys()
                    .into_iter()
                    .flatten()
                    .any(|key| lacks(&key) && schema.items().is_some_and(|item| item.default_of(key).is_none()))
            };
            // Without its keys an element is found by its place alone.
            if schema.keys().is_some() && !items.iter().any(lacks_a_key) || schema.is_set() {
                random.shuffle(items);
            }
        }
        Value::String(text) if schema.is_quantity() => {
            let other = match text.as_str() {
                "1" => "1000m",
                "1Gi" => "1024Mi",
                "1.5Gi" => "1536Mi",
                "500m" => "0.5",
                "2k" => "2000",
                "128Mi" => "131072Ki",
                other => other,
            };
            *text = other.to_owned();
        }
        _ => {}
    }
}
