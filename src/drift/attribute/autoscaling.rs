//! Autoscalers that live beside an object, and which of its fields are theirs to set.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use serde_json::Value;

use crate::drift::model::{KindKey, Live, ObjectKey, PathStep, TypeKey};

/// The modes of a `VerticalPodAutoscaler` in which it sets requests and limits by itself.
///
/// Rule: `k8s.io/autoscaler`, `vertical-pod-autoscaler/pkg/apis/autoscaling.k8s.io/v1/types.go`, `UpdateMode`; absent
/// is `Auto`.
const VERTICAL_MODES: [&str; 3] = ["Auto", "Recreate", "InPlaceOrRecreate"];

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
    /// From a `HorizontalPodAutoscaler`'s smallest to its largest number of replicas.
    replicas: Vec<RangeInclusive<i64>>,
    /// A `VerticalPodAutoscaler` sets requests and limits.
    resources: bool,
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

    fn vertical(&mut self, live: &Live) {
        let spec = &live.content["spec"];
        let mode = spec["updatePolicy"]["updateMode"].as_str().unwrap_or("Auto");
        if let Some(target) = target(live, &spec["targetRef"])
            && VERTICAL_MODES.contains(&mode)
        {
            self.scaled.entry(target).or_default().resources = true;
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
        let below = steps.get(at + 3);
        self.resources
            && below.is_none_or(|step| matches!(step, PathStep::Key(key) if key == "requests" || key == "limits"))
    }
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
