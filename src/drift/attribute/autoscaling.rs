//! Autoscalers that live beside an object, and which of its fields are theirs to set.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use serde_json::{Value, json};

use crate::drift::model::{KindKey, Live, ObjectKey, PathStep, TypeKey};

/// The modes of a `VerticalPodAutoscaler` in which it sets requests and limits of what runs; `Initial` and `Off` never
/// touch it.
///
/// Rule: `k8s.io/autoscaler`, `vertical-pod-autoscaler/pkg/apis/autoscaling.k8s.io/v1/types.go`, `UpdateMode`; absent
/// is `Auto`.
const VERTICAL_MODES: [&str; 4] = ["Auto", "Recreate", "InPlaceOrRecreate", "InPlace"];

/// The annotation that holds the replicas of a `ScaledObject` at a number while it is paused.
///
/// Rule: `github.com/kedacore/keda`, `apis/keda/v1alpha1/scaledobject_types.go`, as are the defaults of its range.
const PAUSED_AT: &str = "autoscaling.keda.sh/paused-replicas";

/// An object that is scaled: namespace, kind and name.
type Target = (Option<String>, KindKey, String);

/// The autoscalers of a cluster, by what they scale.
#[derive(Debug, Clone, Default)]
pub struct Autoscalers {
    scaled: HashMap<Target, Scaled>,
}

/// What autoscalers may do to one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scaled {
    /// Every number of replicas that a `HorizontalPodAutoscaler` or a `ScaledObject` may bring about.
    replicas: Vec<RangeInclusive<i64>>,
    /// The container policies of each `VerticalPodAutoscaler` that sets requests and limits.
    resources: Vec<Value>,
}

impl Autoscalers {
    /// Reads all that are autoscalers, of any version, among `objects`.
    #[must_use]
    pub fn among<'a>(objects: impl IntoIterator<Item = &'a Live>) -> Self {
        let mut autoscalers = Self::default();
        for live in objects {
            let TypeKey { group, kind, .. } = &live.key.type_key;
            match (group.as_str(), kind.as_str()) {
                ("autoscaling", "HorizontalPodAutoscaler") => autoscalers.horizontal(live),
                ("autoscaling.k8s.io", "VerticalPodAutoscaler") => autoscalers.vertical(live),
                ("keda.sh", "ScaledObject") => autoscalers.event_driven(live),
                _ => {}
            }
        }
        autoscalers
    }

    /// What they may do to the object `key`.
    #[must_use]
    pub fn of(&self, key: &ObjectKey) -> Option<&Scaled> {
        self.scaled.get(&key_of(key))
    }

    fn horizontal(&mut self, live: &Live) {
        let spec = &live.content["spec"];
        let least = spec["minReplicas"].as_i64().unwrap_or(1);
        let (Some(most), Some(target)) = (spec["maxReplicas"].as_i64(), target(live, &spec["scaleTargetRef"])) else {
            return;
        };
        self.scaled.entry(target).or_default().replicas.push(least..=most);
    }

    /// KEDA scales between nothing and one by itself; the `HorizontalPodAutoscaler` that it makes does the rest.
    fn event_driven(&mut self, live: &Live) {
        let spec = &live.content["spec"];
        let number = |field: &str| spec[field].as_i64();
        let reference = &spec["scaleTargetRef"];
        let word = |field: &str, default: &str| reference[field].as_str().unwrap_or(default).to_owned();
        let named = json!({
            "apiVersion": word("apiVersion", "apps/v1"),
            "kind": word("kind", "Deployment"),
            "name": reference["name"],
        });
        let Some(target) = target(live, &named) else { return };
        let paused = &live.content["metadata"]["annotations"][PAUSED_AT];
        let replicas = &mut self.scaled.entry(target).or_default().replicas;
        if let Some(paused) = paused.as_str().and_then(|replicas| replicas.trim().parse::<i64>().ok()) {
            replicas.push(paused..=paused);
        } else {
            replicas.push(number("minReplicaCount").unwrap_or(0)..=number("maxReplicaCount").unwrap_or(100));
            replicas.extend(number("idleReplicaCount").map(|idle| idle..=idle));
        }
    }

    fn vertical(&mut self, live: &Live) {
        let spec = &live.content["spec"];
        let mode = spec["updatePolicy"]["updateMode"].as_str().unwrap_or("Auto");
        if let Some(target) = target(live, &spec["targetRef"])
            && VERTICAL_MODES.contains(&mode)
        {
            self.scaled.entry(target).or_default().resources.push(spec["resourcePolicy"]["containerPolicies"].clone());
        }
    }
}

impl Scaled {
    /// Whether `value` is a number of replicas to which an autoscaler may scale.
    pub(super) fn in_range(&self, steps: &[PathStep], value: Option<&Value>) -> bool {
        is_replicas(steps)
            && value
                .and_then(Value::as_i64)
                .is_some_and(|replicas| self.replicas.iter().any(|range| range.contains(&replicas)))
    }

    /// Whether the field is one that a `VerticalPodAutoscaler` sets.
    pub(super) fn owns_resources(&self, steps: &[PathStep]) -> bool {
        let resources = |window: &[PathStep]| {
            matches!(window, [PathStep::Key(containers), PathStep::Element(_), PathStep::Key(resources)]
                if containers == "containers" && resources == "resources")
        };
        let Some(at) = steps.windows(3).position(resources) else { return false };
        let list = match steps.get(at + 3) {
            None => "",
            Some(PathStep::Key(key)) if key == "requests" || key == "limits" => key,
            Some(_) => return false,
        };
        self.resources.iter().any(|policies| is_controlled(policies, &steps[at + 1], list))
    }
}

/// Whether the policies of a `VerticalPodAutoscaler` leave it the requests or limits of a container: that of the
/// container itself decides, else that of `*`.
fn is_controlled(policies: &Value, container: &PathStep, list: &str) -> bool {
    let name = match container {
        PathStep::Element(keys) => keys.iter().find_map(|(key, value)| (key == "name").then_some(value)),
        _ => None,
    };
    let of = |name: &Value| policies.as_array()?.iter().find(|policy| policy["containerName"] == *name);
    let Some(policy) = name.and_then(of).or_else(|| of(&Value::from("*"))) else { return true };
    policy["mode"] != "Off" && !(list == "limits" && policy["controlledValues"] == "RequestsOnly")
}

/// Whether `steps` lead to the number of replicas of an object that scales.
pub(super) fn is_replicas(steps: &[PathStep]) -> bool {
    matches!(steps, [PathStep::Key(spec), PathStep::Key(replicas)] if spec == "spec" && replicas == "replicas")
}

fn key_of(key: &ObjectKey) -> Target {
    (key.namespace.clone(), key.type_key.kind_key(), key.name.clone())
}

/// What a reference in the autoscaler `live` means, whatever version it names.
fn target(live: &Live, reference: &Value) -> Option<Target> {
    let kind = reference["kind"].as_str()?;
    let api_version = reference["apiVersion"].as_str().unwrap_or_default();
    let name = reference["name"].as_str()?.to_owned();
    Some((live.key.namespace.clone(), TypeKey::new(api_version, kind).kind_key(), name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::model::{Declared, Redactor};

    /// What the autoscaler does to Deployment web.
    fn scaled(api_version: &str, kind: &str, annotations: Value, spec: Value) -> Option<Scaled> {
        let metadata = json!({"name": "a", "namespace": "n", "annotations": annotations});
        let object = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec});
        let live = Live::from(Declared::new(object, &Redactor::new(&[0; 32])).unwrap());
        let web = TypeKey::new("apps/v1", "Deployment");
        let key = ObjectKey { type_key: web, namespace: Some("n".into()), name: "web".into() };
        Autoscalers::among([&live]).of(&key).cloned()
    }

    fn allowed(scaled: Option<&Scaled>) -> Vec<i64> {
        let steps = ["spec", "replicas"].map(|key| PathStep::Key(key.to_owned()));
        let in_range = |replicas: &i64| scaled.is_some_and(|of| of.in_range(&steps, Some(&json!(replicas))));
        (0..=101).filter(in_range).collect()
    }

    #[test]
    fn keda_scales_from_nothing_to_its_maximum() {
        let allowed = |annotations: Value, mut spec: Value| {
            spec["scaleTargetRef"] = json!({"name": "web"});
            allowed(scaled("keda.sh/v1alpha1", "ScaledObject", annotations, spec).as_ref())
        };
        assert_eq!(allowed(json!({}), json!({})), (0..=100).collect::<Vec<_>>());
        assert_eq!(allowed(json!({}), json!({"minReplicaCount": 0, "maxReplicaCount": 2})), [0, 1, 2]);
        assert_eq!(allowed(json!({}), json!({"minReplicaCount": 2, "maxReplicaCount": 3})), [2, 3]);
        assert_eq!(
            allowed(json!({}), json!({"minReplicaCount": 2, "maxReplicaCount": 3, "idleReplicaCount": 0})),
            [0, 2, 3]
        );
        let range = json!({"minReplicaCount": 2, "maxReplicaCount": 3});
        assert_eq!(allowed(json!({PAUSED_AT: "0"}), range.clone()), [0]);
        assert_eq!(allowed(json!({PAUSED_AT: "7"}), range.clone()), [7]);
        assert_eq!(allowed(json!({"autoscaling.keda.sh/paused": "true"}), range), [2, 3]);
    }

    #[test]
    fn keda_scales_what_its_reference_names() {
        let allowed = |target: Value| {
            allowed(scaled("keda.sh/v1alpha1", "ScaledObject", json!({}), json!({"scaleTargetRef": target})).as_ref())
        };
        assert!(!allowed(json!({"kind": "Deployment", "name": "web"})).is_empty());
        assert!(!allowed(json!({"apiVersion": "apps/v1", "name": "web"})).is_empty());
        for other in [json!({"kind": "StatefulSet", "name": "web"}), json!({"name": "api"}), json!({})] {
            assert!(allowed(other).is_empty());
        }
    }

    fn vertical(spec: &Value, container: &str, list: &str) -> bool {
        let mut spec = spec.clone();
        spec["targetRef"] = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
        let key = |key: &str| PathStep::Key(key.to_owned());
        let element = PathStep::Element(vec![("name".to_owned(), container.into())]);
        let steps = [key("spec"), key("containers"), element, key("resources"), key(list), key("cpu")];
        let scaled = scaled("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", json!({}), spec);
        scaled.is_some_and(|of| of.owns_resources(&steps))
    }

    #[test]
    fn a_vertical_autoscaler_owns_requests_and_limits_in_the_modes_in_which_it_acts() {
        let mode = |mode: &str| json!({"updatePolicy": {"updateMode": mode}});
        for acts in [json!({}), mode("Auto"), mode("Recreate"), mode("InPlaceOrRecreate")] {
            assert!(vertical(&acts, "web", "requests") && vertical(&acts, "web", "limits"), "{acts}");
            assert!(!vertical(&acts, "web", "claims"));
        }
        for looks_on in [mode("Initial"), mode("Off")] {
            assert!(!vertical(&looks_on, "web", "requests"), "{looks_on}");
        }
    }

    #[test]
    fn a_vertical_autoscaler_leaves_alone_what_its_policies_leave_alone() {
        let policies = |policies: Value| json!({"resourcePolicy": {"containerPolicies": policies}});
        let off = policies(json!([{"containerName": "proxy", "mode": "Off"}]));
        assert!(vertical(&off, "web", "requests") && !vertical(&off, "proxy", "requests"));
        let others = policies(json!([{"containerName": "*", "mode": "Off"}, {"containerName": "web", "mode": "Auto"}]));
        assert!(vertical(&others, "web", "requests") && !vertical(&others, "proxy", "requests"));
        let requests = policies(json!([{"containerName": "*", "controlledValues": "RequestsOnly"}]));
        assert!(vertical(&requests, "web", "requests") && !vertical(&requests, "web", "limits"));
    }
}
