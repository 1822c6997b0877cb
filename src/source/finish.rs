//! What a deployer does to rendered objects before it applies them.

use serde_json::{Map, Value};

use crate::drift::model::{Desired, Packed};

/// What a deployer does to rendered objects before it applies them.
#[derive(Debug, Clone, Default)]
pub struct Finish {
    /// Which objects it does not keep in the cluster.
    pub leave_out: LeaveOut,
    /// On every object, in place of its own.
    pub labels: Map<String, Value>,
    /// On every object, in place of its own.
    pub annotations: Map<String, Value>,
    /// Objects of the deployer's own, unless the rendered ones have them.
    pub objects: Vec<Desired>,
}

/// Which rendered objects are not kept in the cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LeaveOut {
    /// None.
    #[default]
    Nothing,
    /// Hooks of Argo CD and Helm, and what Argo CD skips.
    Hooks,
}

const ARGO_CD_HOOK: &str = "argocd.argoproj.io/hook";
const HELM_HOOK: &str = "helm.sh/hook";
/// Helm 2's mark of definitions, which are no hooks.
const CRD_INSTALL: &str = "crd-install";

impl Finish {
    /// The objects as they are applied; tells how many are not.
    #[must_use]
    pub fn apply(&self, rendered: Vec<Packed>) -> (Vec<Packed>, usize) {
        if self.leave_out == LeaveOut::Nothing && self.labels.is_empty() && self.annotations.is_empty() {
            return (self.with_own(rendered), 0);
        }
        let before = rendered.len();
        let whole = rendered.iter().map(Packed::unpack).filter(|object| !self.leaves_out(object));
        let objects: Vec<Packed> = whole
            .map(|mut object| {
                overlay(&mut object.content, "labels", &self.labels);
                overlay(&mut object.content, "annotations", &self.annotations);
                object.pack()
            })
            .collect();
        let left_out = before - objects.len();
        (self.with_own(objects), left_out)
    }

    fn with_own(&self, mut objects: Vec<Packed>) -> Vec<Packed> {
        let is_there = |own: &Desired| objects.iter().any(|object| object.key == own.key);
        let own: Vec<Packed> = self.objects.iter().filter(|own| !is_there(own)).map(|own| own.clone().pack()).collect();
        objects.extend(own);
        objects
    }

    /// Everything that the outcome depends on.
    #[must_use]
    pub fn key(&self) -> String {
        let own: Vec<&Value> = self.objects.iter().map(|object| &object.content).collect();
        format!("{:?} {:?} {:?} {own:?}", self.leave_out, self.labels, self.annotations)
    }

    fn leaves_out(&self, object: &Desired) -> bool {
        let says = |place: &str, key: &str| object.content.get("metadata")?.get(place)?.get(key)?.as_str();
        match self.leave_out {
            LeaveOut::Nothing => false,
            LeaveOut::Hooks => {
                says("annotations", ARGO_CD_HOOK).is_some()
                    || says("annotations", HELM_HOOK).is_some_and(|hook| hook != CRD_INSTALL)
            }
        }
    }
}

fn overlay(content: &mut Value, key: &str, over: &Map<String, Value>) {
    if over.is_empty() {
        return;
    }
    let Some(metadata) = content.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let entry = metadata.entry(key).or_insert(Value::Null);
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    if let Value::Object(map) = entry {
        map.extend(over.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::drift::model::{Declared, Position, Redactor};

    fn object(name: &str, annotations: &Value) -> Desired {
        let content =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "annotations": annotations}});
        let declared = Declared::new(content, &Redactor::new(&[0; 32])).unwrap();
        Desired::rendered(declared, Position { file: "a.yaml".into(), line: 1 })
    }

    fn kept(leave_out: LeaveOut, annotations: &Value) -> usize {
        let finish = Finish { leave_out, ..Finish::default() };
        let (objects, left_out) = finish.apply(vec![object("a", annotations).pack()]);
        assert_eq!(objects.len() + left_out, 1);
        objects.len()
    }

    #[test]
    fn hooks_are_left_out() {
        for (annotations, expected) in [
            (json!({}), 1),
            (json!({"argocd.argoproj.io/hook": "PreSync"}), 0),
            (json!({"argocd.argoproj.io/hook": "Skip"}), 0),
            (json!({"helm.sh/hook": "test"}), 0),
            (json!({"helm.sh/hook": "crd-install"}), 1),
        ] {
            assert_eq!(kept(LeaveOut::Hooks, &annotations), expected, "{annotations}");
            assert_eq!(kept(LeaveOut::Nothing, &annotations), 1);
        }
    }

    #[test]
    fn common_metadata_wins_and_own_objects_stand_behind_rendered_ones() {
        let map = |value: Value| value.as_object().cloned().unwrap();
        let finish = Finish {
            labels: map(json!({"team": "a"})),
            annotations: map(json!({"note": "new"})),
            objects: vec![object("a", &json!({"own": "1"})), object("b", &json!({}))],
            ..Finish::default()
        };
        let (objects, _) = finish.apply(vec![object("a", &json!({"note": "old", "kept": "1"})).pack()]);
        let objects: Vec<Desired> = objects.iter().map(Packed::unpack).collect();
        assert_eq!(objects.len(), 2, "the rendered object stands, the other is added");
        assert_eq!(objects[0].content["metadata"]["labels"], json!({"team": "a"}));
        assert_eq!(objects[0].content["metadata"]["annotations"], json!({"note": "new", "kept": "1"}));
    }
}
