//! `HorizontalPodAutoscaler`s of older versions, told in the words of the version at which they are compared.

use serde_json::{Map, Value, json};

use super::Pointer;

/// The version at which every `HorizontalPodAutoscaler` is compared.
const COMPARED: &str = "autoscaling/v2";
/// Versions that say the same in other words.
const OLDER: [&str; 3] = ["autoscaling/v1", "autoscaling/v2beta1", "autoscaling/v2beta2"];
const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
/// Annotations in which v1 keeps what it has no fields for; the server drops them at every other version.
///
/// Rule: `pkg/apis/autoscaling/annotations.go`.
const ROUND_TRIP: [&str; 6] = [
    METRICS,
    BEHAVIOR,
    "autoscaling.alpha.kubernetes.io/current-metrics",
    "autoscaling.alpha.kubernetes.io/conditions",
    "autoscaling.alpha.kubernetes.io/scale-down-tolerance",
    "autoscaling.alpha.kubernetes.io/scale-up-tolerance",
];

/// Where a field stands as it is compared, and where Git wrote it.
pub(super) type Moved = (Pointer, Pointer);

/// Rewrites a `HorizontalPodAutoscaler` of any version to `autoscaling/v2` and tells what moved; other objects stay as
/// they are.
///
/// Rule: `pkg/apis/autoscaling/v1/conversion.go`.
pub(super) fn modernise(content: &mut Value) -> Vec<Moved> {
    let text = |key: &str| content.get(key).and_then(Value::as_str).unwrap_or_default();
    let api_version = text("apiVersion").to_owned();
    let is_older = OLDER.contains(&api_version.as_str());
    if text("kind") != "HorizontalPodAutoscaler" || !(is_older || api_version == COMPARED) {
        return Vec::new();
    }
    let annotations = take_round_trip(content);
    if is_older {
        content["apiVersion"] = COMPARED.into();
    }
    let Some(spec) = content.get_mut("spec").and_then(Value::as_object_mut) else { return Vec::new() };
    match api_version.as_str() {
        "autoscaling/v1" => of_v1(spec, &annotations),
        "autoscaling/v2beta1" => {
            if let Some(Value::Array(metrics)) = spec.get_mut("metrics") {
                for old in metrics {
                    *old = metric(old);
                }
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn take_round_trip(content: &mut Value) -> Map<String, Value> {
    let annotations = content.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
    let Some(Value::Object(annotations)) = annotations else { return Map::new() };
    ROUND_TRIP.iter().filter_map(|key| annotations.remove_entry(*key)).collect()
}

fn of_v1(spec: &mut Map<String, Value>, annotations: &Map<String, Value>) -> Vec<Moved> {
    let json = |key: &str| annotations.get(key)?.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let written = |key: &str| Pointer::root().key("metadata").key("annotations").key(key);
    let compared = |field: &str| Pointer::root().key("spec").key(field);
    let mut moved = Vec::new();
    let mut metrics: Vec<Value> =
        json(METRICS).as_ref().and_then(Value::as_array).into_iter().flatten().map(metric).collect();
    if !metrics.is_empty() {
        moved.push((compared("metrics"), written(METRICS)));
    }
    if let Some(percent) = spec.remove("targetCPUUtilizationPercentage").filter(|percent| !percent.is_null()) {
        let target = json!({"type": "Utilization", "averageUtilization": percent});
        metrics.push(json!({"type": "Resource", "resource": {"name": "cpu", "target": target}}));
        // Of two places the field is the one that a person looks for.
        moved.insert(0, (compared("metrics"), compared("targetCPUUtilizationPercentage")));
    }
    if !metrics.is_empty() {
        spec.insert("metrics".to_owned(), metrics.into());
    }
    if let Some(behavior) = json(BEHAVIOR).filter(Value::is_object) {
        spec.insert("behavior".to_owned(), lower_camel(behavior));
        moved.push((compared("behavior"), written(BEHAVIOR)));
    }
    moved
}

/// The annotation holds the server's internal type, whose fields begin with capitals.
fn lower_camel(value: Value) -> Value {
    match value {
        Value::Object(map) => map.into_iter().map(|(key, value)| (lower_first(&key), lower_camel(value))).collect(),
        Value::Array(items) => items.into_iter().map(lower_camel).collect(),
        scalar => scalar,
    }
}

fn lower_first(key: &str) -> String {
    let mut characters = key.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

/// A metric of v2beta1, or of v1's annotation, which has the same form.
fn metric(old: &Value) -> Value {
    let sources = old.as_object().into_iter().flatten();
    let rewritten = sources.map(|(key, source)| {
        let new = match key.as_str() {
            "resource" | "containerResource" => resource(source),
            "pods" => pods(source),
            "object" => object(source),
            "external" => external(source),
            _ => source.clone(),
        };
        (key.clone(), new)
    });
    rewritten.collect()
}

fn resource(old: &Value) -> Value {
    let (utilization, average) = (of(old, "targetAverageUtilization"), of(old, "targetAverageValue"));
    let kind = if utilization.is_some() { "Utilization" } else { "AverageValue" };
    let target = present([("averageUtilization", utilization), ("averageValue", average)], Some(kind));
    present([("name", of(old, "name")), ("container", of(old, "container")), ("target", Some(&target))], None)
}

fn pods(old: &Value) -> Value {
    let target = present([("averageValue", of(old, "targetAverageValue"))], Some("AverageValue"));
    present([("metric", Some(&named(old, "selector"))), ("target", Some(&target))], None)
}

fn object(old: &Value) -> Value {
    let (value, average) = (of(old, "targetValue"), of(old, "averageValue"));
    let kind = if average.is_some() { "AverageValue" } else { "Value" };
    // v1 cannot leave the value out: beside an average its zero says nothing.
    let says_nothing = |value: &&Value| average.is_some() && (value.as_str() == Some("0") || value.as_i64() == Some(0));
    let target =
        present([("value", value.filter(|value| !says_nothing(value))), ("averageValue", average)], Some(kind));
    let metric = named(old, "selector");
    present([("describedObject", of(old, "target")), ("metric", Some(&metric)), ("target", Some(&target))], None)
}

fn external(old: &Value) -> Value {
    let (value, average) = (of(old, "targetValue"), of(old, "targetAverageValue"));
    let kind = if value.is_some() { "Value" } else { "AverageValue" };
    let target = present([("value", value), ("averageValue", average)], Some(kind));
    present([("metric", Some(&named(old, "metricSelector"))), ("target", Some(&target))], None)
}

fn named(old: &Value, selector: &str) -> Value {
    present([("name", of(old, "metricName")), ("selector", of(old, selector))], None)
}

fn of<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    value.get(key).filter(|value| !value.is_null())
}

/// An object of those fields that have a value, and of a `type` where one is given.
fn present<const N: usize>(fields: [(&str, Option<&Value>); N], kind: Option<&str>) -> Value {
    let fields = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.clone())));
    kind.map(|kind| ("type".to_owned(), kind.into())).into_iter().chain(fields).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modern(api_version: &str, annotations: Value, spec: Value) -> (Value, Vec<String>) {
        let metadata = json!({"name": "web", "annotations": annotations});
        let mut content =
            json!({"apiVersion": api_version, "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec});
        let moved = modernise(&mut content);
        assert_eq!((&content["apiVersion"], &content["metadata"]["annotations"]), (&json!(COMPARED), &json!({})));
        (content["spec"].take(), moved.iter().map(|(compared, written)| format!("{compared} {written}")).collect())
    }

    const OLD: &str = r#"[
        {"type": "Resource", "resource": {"name": "memory", "targetAverageValue": "1Gi"}},
        {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "web", "targetAverageUtilization": 7}},
        {"type": "Pods", "pods": {"metricName": "hits", "targetAverageValue": "5"}},
        {"type": "Object", "object": {"target": {"kind": "Ingress", "name": "i"}, "metricName": "rate", "targetValue": "2"}},
        {"type": "Object", "object": {"target": {"kind": "Ingress", "name": "i"}, "metricName": "rate", "targetValue": "0", "averageValue": "3"}},
        {"type": "External", "external": {"metricName": "queue", "metricSelector": {"matchLabels": {"q": "x"}}, "targetAverageValue": "30"}}
    ]"#;

    fn new() -> Vec<Value> {
        let ingress = json!({"kind": "Ingress", "name": "i"});
        vec![
            json!({"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}}),
            json!({"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "web", "target": {"type": "Utilization", "averageUtilization": 7}}}),
            json!({"type": "Pods", "pods": {"metric": {"name": "hits"}, "target": {"type": "AverageValue", "averageValue": "5"}}}),
            json!({"type": "Object", "object": {"describedObject": ingress, "metric": {"name": "rate"}, "target": {"type": "Value", "value": "2"}}}),
            json!({"type": "Object", "object": {"describedObject": ingress, "metric": {"name": "rate"}, "target": {"type": "AverageValue", "averageValue": "3"}}}),
            json!({"type": "External", "external": {"metric": {"name": "queue", "selector": {"matchLabels": {"q": "x"}}}, "target": {"type": "AverageValue", "averageValue": "30"}}}),
        ]
    }

    #[test]
    fn v1_says_in_annotations_what_v2_has_fields_for() {
        let behavior = json!({"ScaleDown": {"StabilizationWindowSeconds": 60, "Policies": [{"Type": "Pods", "Value": 1, "PeriodSeconds": 9}]}});
        let annotations = json!({METRICS: OLD, BEHAVIOR: behavior.to_string(), ROUND_TRIP[2]: "[]"});
        let (spec, moved) =
            modern("autoscaling/v1", annotations, json!({"maxReplicas": 3, "targetCPUUtilizationPercentage": 50}));
        let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}});
        let behavior = json!({"scaleDown": {"stabilizationWindowSeconds": 60, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 9}]}});
        let metrics: Vec<Value> = new().into_iter().chain([cpu]).collect();
        assert_eq!(spec, json!({"maxReplicas": 3, "metrics": metrics, "behavior": behavior}));
        assert_eq!(
            moved,
            [
                "/spec/metrics /spec/targetCPUUtilizationPercentage",
                "/spec/metrics /metadata/annotations/autoscaling.alpha.kubernetes.io~1metrics",
                "/spec/behavior /metadata/annotations/autoscaling.alpha.kubernetes.io~1behavior",
            ]
        );
    }

    #[test]
    fn v2beta1_and_v2beta2_become_v2() {
        let old: Value = serde_json::from_str(OLD).unwrap();
        assert_eq!(modern("autoscaling/v2beta1", json!({}), json!({"metrics": old})).0["metrics"], json!(new()));
        assert_eq!(modern("autoscaling/v2beta2", json!({}), json!({"metrics": new()})).0["metrics"], json!(new()));
    }

    #[test]
    fn what_the_annotations_cannot_be_read_from_is_dropped_as_the_server_drops_it() {
        let (spec, moved) = modern("autoscaling/v1", json!({METRICS: "{", BEHAVIOR: "[]"}), json!({"maxReplicas": 3}));
        assert_eq!((spec, moved.len()), (json!({"maxReplicas": 3}), 0));
    }

    #[test]
    fn other_kinds_and_versions_stay_as_they_are() {
        for (api_version, kind) in [("autoscaling/v1", "Scale"), ("autoscaling/v3", "HorizontalPodAutoscaler")] {
            let before =
                json!({"apiVersion": api_version, "kind": kind, "spec": {"targetCPUUtilizationPercentage": 5}});
            let mut content = before.clone();
            assert_eq!((modernise(&mut content).len(), content), (0, before));
        }
    }
}
