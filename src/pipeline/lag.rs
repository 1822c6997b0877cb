//! Deployment lag told from tampering: drift that equals what an earlier commit declared.

use std::collections::HashMap;
use std::sync::Arc;

use crate::drift::model::{Desired, Finding, Live, ObjectAssessment, Origin, Packed, Position, Redactor, Scope, State};
use crate::git::{self, EarlierVersion};
use crate::manifest;

use super::renders::{Earlier, Tip};
use super::vary::ByName;
use super::{Evidence, Seen};

/// How many commits are looked back at.
const COMMITS: u32 = 100;
/// How many objects of a scan are looked up; a wrong branch drifts everywhere and needs no history to be seen.
const OBJECTS: usize = 200;

/// Looks each modified object up in the earlier commits of its file; one that was rendered in `renderings` of earlier
/// commits, as an earlier version of a template or of a base is no declaration.
///
/// Where all its drifted fields equal an earlier declaration, every finding says how many commits behind it is, and
/// those that no person and no controller wrote become `outdated`.
pub(super) fn attribute_lag(
    objects: &mut [ObjectAssessment],
    tip: &Tip,
    renderings: &[Earlier],
    evidence: &Evidence,
    redactor: &Redactor,
) {
    let renderings: Vec<_> = renderings.iter().map(|earlier| (earlier, ByName::new(&earlier.rendered))).collect();
    let mut versions: HashMap<Arc<str>, Vec<EarlierVersion>> = HashMap::new();
    let is_lag =
        |object: &&mut ObjectAssessment| object.state == State::Modified && of_template(&object.findings).count() > 0;
    for object in objects.iter_mut().filter(is_lag).take(OBJECTS) {
        let Some(desired) = evidence.standing.declared().get(&object.key) else { continue };
        let Some(live) = evidence.live.get(&object.key).and_then(Seen::whole) else { continue };
        let explains = |old: &Desired| explains(old, &object.findings, live, evidence);
        let behind = if desired.is_verbatim() {
            let file = &desired.source.file;
            let earlier = versions.entry(Arc::clone(file)).or_insert_with(|| {
                // A file whose history cannot be read leaves its drift unexplained, never hidden.
                git::earlier(&tip.location, &tip.revision, file, COMMITS).unwrap_or_default()
            });
            let same = |version: &&EarlierVersion| {
                old_declaration(version, desired, redactor).is_some_and(|old| explains(&old))
            };
            earlier.iter().find(same).map(|version| (version.commits_behind, version.revision.clone()))
        } else {
            let same =
                |(_, objects): &&(&Earlier, ByName<'_>)| objects.get(&desired.key).is_some_and(|old| explains(&old));
            renderings.iter().find(same).map(|(earlier, _)| (earlier.commits_behind, earlier.revision.clone()))
        };
        if let Some((commits_behind, revision)) = behind {
            mark(object, commits_behind, &revision);
        }
    }
}

/// The object as an earlier version of its file declared it.
fn old_declaration(version: &EarlierVersion, desired: &Packed, redactor: &Redactor) -> Option<Desired> {
    let key = &desired.key;
    let found = manifest::objects(&desired.source.file, &version.bytes, redactor).into_iter().flatten().find(|found| {
        let own = &found.0.key;
        own.type_key == key.type_key
            && own.name == key.name
            && (own.namespace.is_none() || own.namespace == key.namespace)
    });
    let (declared, position, lines) = found?;
    let source = Position { line: position.line, ..desired.source.clone() };
    let mut old = Desired::new(declared, source, &lines).pack();
    match &key.namespace {
        Some(namespace) => old.place(Scope::Namespaced, namespace),
        None => old.place(Scope::Cluster, ""),
    }
    Some(old.unpack())
}

/// Whether none of the drifted fields would drift from the old declaration.
fn explains(old: &Desired, findings: &[Finding], live: &Live, evidence: &Evidence) -> bool {
    let still = evidence.standing.findings(old, live, &evidence.second.readings);
    of_template(findings).all(|finding| {
        let own = finding.path.steps();
        !still.iter().any(|other| {
            let other = other.path.steps();
            own.iter().zip(other).all(|(own, other)| own == other)
        })
    })
}

/// What an earlier declaration can explain: not what Pods run beside what their template says.
fn of_template(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|finding| finding.pods.is_none())
}

fn mark(object: &mut ObjectAssessment, commits_behind: u32, revision: &str) {
    for finding in object.findings.iter_mut().filter(|finding| finding.pods.is_none()) {
        finding.commits_behind = Some(commits_behind);
        finding.revision = Some(revision.to_owned());
        if matches!(finding.origin, Origin::Unknown | Origin::Stale) {
            finding.origin = Origin::Outdated;
        }
    }
    object.origin = object.worst().map(|worst| worst.origin);
}
