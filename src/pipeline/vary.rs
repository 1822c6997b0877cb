//! Drift told from chance: what a second rendering of the same commit does not confirm is no drift.

use std::collections::{BTreeSet, HashMap};

use crate::drift::model::{
    Assessment, Desired, Finding, Gap, GapReason, KindKey, ObjectAssessment, ObjectKey, Packed, Scope, Stage, State,
    Warning,
};
use crate::render::Rendered;

use super::{Evidence, Seen};

/// Where an object would be drift although it would have another name the next time.
type Place = (KindKey, Option<String>);

/// Takes away what `second` does not say as well: fields become warnings, objects of another name gaps.
pub(super) fn confirm(assessment: &mut Assessment, second: &Rendered, evidence: &Evidence) {
    if !second.gaps.is_empty() {
        // Nothing is known of a rendering that failed: its gaps are told, and the drift stands.
        assessment.gaps.extend(second.gaps.iter().cloned());
        return;
    }
    let second = ByName::new(second);
    let mut renamed: BTreeSet<Place> = BTreeSet::new();
    for object in assessment.objects.iter_mut().filter(|object| object.state.is_drift()) {
        let again = second.get(&object.key);
        match (object.state, again) {
            (State::Modified, again) => {
                let live = evidence.live.get(&object.key).and_then(Seen::whole);
                let (standing, readings) = (&evidence.standing, &evidence.second.readings);
                let again = again.as_ref().zip(live);
                let still = again.map(|(again, live)| standing.findings(again, live, readings));
                let still = still.unwrap_or_default();
                keep_confirmed(object, &still);
            }
            (State::Missing, None) => {
                assessment.gaps.push(another_name(object));
                renamed.insert((object.key.type_key.kind_key(), object.key.namespace.clone()));
                *object = ObjectAssessment { category: None, severity: None, origin: None, ..object.clone() };
                object.state = State::Unknown;
            }
            _ => {}
        }
    }
    // The live object of such a name was made by an earlier rendering: nothing tells it from an extra one.
    assessment.objects.retain(|object| {
        let place = (object.key.type_key.kind_key(), object.key.namespace.clone());
        object.state != State::Extra || !renamed.contains(&place)
    });
}

/// The objects of a rendering, to be looked up as the cluster knows them.
pub(super) struct ByName<'r>(HashMap<(KindKey, &'r str), Vec<&'r Packed>>);

impl<'r> ByName<'r> {
    pub(super) fn new(rendered: &'r Rendered) -> Self {
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        for object in &rendered.objects {
            by_name.entry((object.key.type_key.kind_key(), &*object.key.name)).or_default().push(object);
        }
        Self(by_name)
    }

    /// The object as this rendering declares it, in its namespace.
    pub(super) fn get(&self, key: &ObjectKey) -> Option<Desired> {
        let same = |object: &&&Packed| object.key.namespace.is_none() || object.key.namespace == key.namespace;
        let found = self.0.get(&(key.type_key.kind_key(), key.name.as_str()))?.iter().find(same)?;
        let mut found = (*found).clone();
        match &key.namespace {
            Some(namespace) => found.place(Scope::Namespaced, namespace),
            None => found.place(Scope::Cluster, ""),
        }
        Some(found.unpack())
    }
}

fn keep_confirmed(object: &mut ObjectAssessment, still: &[Finding]) {
    let confirmed =
        |finding: &Finding| still.iter().any(|other| other.id == finding.id && other.desired == finding.desired);
    let (kept, taken): (Vec<_>, Vec<_>) = std::mem::take(&mut object.findings).into_iter().partition(confirmed);
    object.findings = kept;
    for finding in taken {
        let Some(source) = finding.source.or_else(|| object.source.clone()) else { continue };
        object.warnings.push(Warning {
            message: "non-deterministic render: two renderings of this commit differ here, so it cannot be compared; \
                      take the random value or the time out of the template"
                .to_owned(),
            path: finding.path,
            source,
        });
    }
    object.warnings.sort_by_cached_key(|warning| warning.path.to_string());
    object.settle();
}

fn another_name(object: &ObjectAssessment) -> Gap {
    Gap {
        stage: Stage::Render,
        scope: object.key.to_string(),
        reason: GapReason::Malformed,
        message: format!(
            "non-deterministic render: each rendering of this commit gives {} another name, so it cannot be compared; \
             take the random value or the time out of its name",
            object.key.type_key.kind
        ),
        source: object.source.clone(),
    }
}
