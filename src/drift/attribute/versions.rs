//! Fields that an author's entry calls otherwise: as they are at another version, or as they were written.

use std::sync::Arc;

use serde_json::Value;

use super::find;
use crate::drift::model::{ListType, Live, NodeId, PathStep, Schema, Shape, Writer};

/// API version, a path from the object's root, and the field of `spec` that it is at `autoscaling/v2`.
///
/// Rule: `pkg/apis/autoscaling/v1/conversion.go`.
const RENAMED: [(&str, &[&str], &str); 3] = [
    ("autoscaling/v1", &["spec", "targetCPUUtilizationPercentage"], "metrics"),
    ("autoscaling/v1", &["metadata", "annotations", "autoscaling.alpha.kubernetes.io/metrics"], "metrics"),
    ("autoscaling/v1", &["metadata", "annotations", "autoscaling.alpha.kubernetes.io/behavior"], "behavior"),
];

/// Whether `writer` owns the field at `steps` of a `HorizontalPodAutoscaler` under its name at the writer's version.
pub(super) fn owns_renamed(writer: &Writer, steps: &[PathStep]) -> bool {
    let [PathStep::Key(spec), PathStep::Key(field), ..] = steps else { return false };
    let key = |name: &&str| PathStep::Key((*name).to_owned());
    RENAMED.iter().any(|(api_version, elsewhere, own)| {
        writer.api_version == *api_version
            && spec == "spec"
            && field == own
            && writer.fields.names(&elsewhere.iter().map(key).collect::<Vec<_>>())
    })
}

/// Whether `writer` owns a Secret's key by having written it under `stringData`.
///
/// Rule: `pkg/apis/core/v1/conversion.go`, `Convert_v1_Secret_To_core_Secret`.
pub(super) fn owns_as_text(live: &Value, writer: &Writer, steps: &[PathStep]) -> bool {
    match steps {
        [PathStep::Key(data), key @ PathStep::Key(_)] if data == "data" && live["kind"] == "Secret" => {
            writer.fields.names(&[PathStep::Key("stringData".to_owned()), key.clone()])
        }
        _ => false,
    }
}

/// A live object as the server tells it at another version than the one that Git declares.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The object, its key at that version.
    pub live: Live,
    /// The shapes of its kind at that version.
    pub schema: Arc<Schema>,
}

/// What of a [`Reading`] has no counterpart of the same name and value.
pub(super) struct Translation<'a> {
    pub api_version: String,
    reading: &'a Value,
    live: &'a Value,
    renamed: Vec<(Vec<PathStep>, &'a Value)>,
}

impl<'a> Translation<'a> {
    pub fn new(reading: &'a Reading, live: &'a Value) -> Self {
        let type_key = &reading.live.key.type_key;
        let root = reading.schema.root(type_key);
        let mut renamed = Vec::new();
        leaves(&reading.schema, root, &reading.live.content, &mut Vec::new(), &mut |steps, value| {
            if !is_metadata(steps) && find(live, steps) != Some(value) {
                renamed.push((steps.to_vec(), value));
            }
        });
        Self { api_version: type_key.api_version(), reading: &reading.live.content, live, renamed }
    }

    /// What the field at `steps` is called at the other version: the same where it has the same value there, else what
    /// is most alike among the fields that only the other version has.
    pub fn names(&self, steps: &[PathStep]) -> Vec<Vec<PathStep>> {
        let (own, other) = (find(self.live, steps), find(self.reading, steps));
        let is_container = matches!((own, other), (Some(Value::Object(_)), Some(Value::Object(_))));
        let Some(value) = own.filter(|_| !(is_metadata(steps) || is_container || own == other)) else {
            return vec![steps.to_vec()];
        };
        let likeness = |(path, elsewhere): &(Vec<PathStep>, &Value)| {
            let alike = same_value(value, elsewhere) + same_name(steps, path);
            let way = steps.iter().zip(path).take_while(|(own, other)| own == other).count();
            (alike > 0).then_some((alike, way))
        };
        let most = self.renamed.iter().filter_map(likeness).max();
        let alike = self.renamed.iter().filter(|renamed| most.is_some() && likeness(renamed) == most);
        alike.map(|(path, _)| path.clone()).collect()
    }
}

fn is_metadata(steps: &[PathStep]) -> bool {
    matches!(steps.first(), Some(PathStep::Key(key)) if ["apiVersion", "kind", "metadata"].contains(&key.as_str()))
}

/// Every leaf below a value, lists that are one value as a whole.
fn leaves<'v>(
    schema: &Schema,
    node: NodeId,
    value: &'v Value,
    steps: &mut Vec<PathStep>,
    found: &mut impl FnMut(&[PathStep], &'v Value),
) {
    let children: Vec<(PathStep, NodeId, &Value)> = match (schema.shape_of(node, value), value) {
        (Shape::List { item, list_type: ListType::Map(keys) }, Value::Array(items)) => {
            let keyed = |element| Some((schema.element_key(*item, keys, element)?, *item, element));
            items.iter().map(keyed).collect::<Option<_>>().unwrap_or_default()
        }
        (shape, Value::Object(map)) => {
            let of = |key: &str| match shape {
                Shape::Struct(shape) => shape.node(key),
                Shape::Map(of) => *of,
                _ => Schema::ANY,
            };
            map.iter().map(|(key, value)| (PathStep::Key(key.clone()), of(key), value)).collect()
        }
        _ => Vec::new(),
    };
    if children.is_empty() {
        found(steps, value);
    }
    for (step, node, value) in children {
        steps.push(step);
        leaves(schema, node, value, steps, found);
        steps.pop();
    }
}

/// 3 where two values say the same, 1 where one holds what the other says.
fn same_value(own: &Value, other: &Value) -> u8 {
    let (own, other) = (scalars(own), scalars(other));
    if own == other {
        return 3;
    }
    let held = |own: &String| other.iter().any(|other| own.contains(other.as_str()) || other.contains(own.as_str()));
    u8::from(own.iter().any(held))
}

/// 2 where two fields have the same name, 1 where one name holds the other.
fn same_name(own: &[PathStep], other: &[PathStep]) -> u8 {
    let last = |steps: &[PathStep]| {
        steps.iter().rev().find_map(|step| match step {
            PathStep::Key(key) => Some(key.to_lowercase()),
            _ => None,
        })
    };
    match (last(own), last(other)) {
        (Some(own), Some(other)) if own == other => 2,
        (Some(own), Some(other)) => u8::from(own.contains(&other) || other.contains(&own)),
        _ => 0,
    }
}

/// The scalars of a value as text, empty ones left out.
fn scalars(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().flat_map(scalars).collect(),
        Value::Object(map) => map.values().flat_map(scalars).collect(),
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()).into_iter().collect(),
        scalar => vec![scalar.to_string()],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::drift::model::{Declared, Redactor};

    fn names(live: &Value, elsewhere: &Value, path: &[&str]) -> Vec<String> {
        let object = |version: &str, spec: &Value| json!({"apiVersion": format!("example.org/{version}"), "kind": "Widget", "metadata": {"name": "w"}, "spec": spec});
        let reading = Declared::new(object("v2", elsewhere), &Redactor::new(&[0; 32])).unwrap();
        let reading = Reading { live: reading.into(), schema: Arc::default() };
        let live = object("v1", live);
        let steps: Vec<PathStep> = path.iter().map(|key| PathStep::Key((*key).to_owned())).collect();
        let join = |steps: Vec<PathStep>| crate::drift::model::FieldPath::from(steps).to_string();
        Translation::new(&reading, &live).names(&steps).into_iter().map(join).collect()
    }

    #[test]
    fn a_field_of_the_same_name_and_value_is_the_same() {
        assert_eq!(names(&json!({"a": 1}), &json!({"a": 1, "b": 1}), &["spec", "a"]), ["spec.a"]);
        assert_eq!(names(&json!({"a": {"x": 1}}), &json!({"a": {"y": 1}}), &["spec", "a"]), ["spec.a"]);
    }

    #[test]
    fn a_renamed_field_is_found_by_its_value() {
        let elsewhere = json!({"replicas": 3, "image": "nginx:1", "deep": {"size": 4}});
        let live = json!({"count": 3, "image": "nginx:1", "extent": 4});
        assert_eq!(names(&live, &elsewhere, &["spec", "count"]), ["spec.replicas"]);
        assert_eq!(names(&live, &elsewhere, &["spec", "extent"]), ["spec.deep.size"]);
    }

    #[test]
    fn names_that_change_places_are_told_apart_by_their_values() {
        assert_eq!(names(&json!({"a": "x", "b": "y"}), &json!({"a": "y", "b": "x"}), &["spec", "b"]), ["spec.a"]);
    }

    #[test]
    fn a_field_that_another_version_splits_is_each_of_its_parts() {
        let (joined, split) = (json!({"hostPort": "localhost:8080"}), json!({"host": "localhost", "port": "8080"}));
        assert_eq!(names(&split, &joined, &["spec", "host"]), ["spec.hostPort"]);
        assert_eq!(names(&split, &joined, &["spec", "port"]), ["spec.hostPort"]);
        assert_eq!(names(&joined, &split, &["spec", "hostPort"]), ["spec.host", "spec.port"]);
    }

    #[test]
    fn a_field_written_in_another_notation_is_the_same() {
        let (live, elsewhere) = (json!({"size": "5Gi", "x": true}), json!({"size": 5, "y": true}));
        assert_eq!(names(&live, &elsewhere, &["spec", "size"]), ["spec.size"]);
    }

    #[test]
    fn a_field_that_is_like_no_other_is_nobodys() {
        assert_eq!(names(&json!({"mode": "simple"}), &json!({"legacy": true}), &["spec", "mode"]), [""; 0]);
    }
}
