//! Deployment lag told from tampering: drift that equals what an earlier commit declared.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::drift::model::{Desired, Finding, Live, ObjectAssessment, Origin, Position, Redactor, Scope, State};
use crate::drift::normalise;
use crate::git::{self, EarlierVersion};
use crate::manifest;

use super::{Evidence, Rules, evaluate};

/// How many commits are looked back at.
const COMMITS: u32 = 100;
/// How many objects of a scan are looked up; a wrong branch drifts everywhere and needs no history to be seen.
const OBJECTS: usize = 200;

/// Where the branch stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tip<'a> {
    pub location: &'a Path,
    pub revision: &'a str,
}

/// Looks each modified object up in the earlier commits of its file.
///
/// Where all its drifted fields equal an earlier declaration, every finding says how many commits behind it is, and
/// those that no person and no controller wrote become `outdated`.
pub(super) fn attribute_lag(
    objects: &mut [ObjectAssessment],
    tip: Tip<'_>,
    evidence: &Evidence,
    environment: &str,
    rules: &Rules,
    redactor: &Redactor,
) {
    let declared: HashMap<_, &Desired> =
        evidence.desired.iter().map(|desired| (desired.key.identity(), desired)).collect();
    let mut versions: HashMap<Arc<str>, Vec<EarlierVersion>> = HashMap::new();
    let is_lag =
        |object: &&mut ObjectAssessment| object.state == State::Modified && of_template(&object.findings).count() > 0;
    for object in objects.iter_mut().filter(is_lag).take(OBJECTS) {
        let Some(desired) = declared.get(&object.key.identity()) else { continue };
        let Some(live) = evidence.live.get(&object.key) else { continue };
        let file = &desired.source.file;
        let earlier = versions.entry(Arc::clone(file)).or_insert_with(|| {
            // A file whose history cannot be read leaves its drift unexplained, never hidden.
            git::earlier(tip.location, tip.revision, file, COMMITS).unwrap_or_default()
        });
        let behind = earlier.iter().find(|version| {
            let old = old_declaration(version, desired, redactor);
            old.is_some_and(|old| explains(&old, &object.findings, live, evidence, environment, rules))
        });
        if let Some(version) = behind {
            mark(object, version);
        }
    }
}

/// The object as an earlier version of its file declared it.
fn old_declaration(version: &EarlierVersion, desired: &Desired, redactor: &Redactor) -> Option<Desired> {
    let key = &desired.key;
    let found = manifest::objects(&desired.source.file, &version.bytes, redactor).into_iter().flatten().find(|found| {
        let own = &found.0.key;
        own.type_key == key.type_key
            && own.name == key.name
            && (own.namespace.is_none() || own.namespace == key.namespace)
    });
    let (declared, position, lines) = found?;
    let mut old = Desired::new(declared, Position { line: position.line, ..desired.source.clone() }, lines);
    match &key.namespace {
        Some(namespace) => normalise::place(&mut old, Scope::Namespaced, namespace),
        None => normalise::place(&mut old, Scope::Cluster, ""),
    }
    Some(old)
}

/// Whether none of the drifted fields would drift from the old declaration.
fn explains(
    old: &Desired,
    findings: &[Finding],
    live: &Live,
    evidence: &Evidence,
    environment: &str,
    rules: &Rules,
) -> bool {
    let still = evaluate::findings(old, live, evidence, environment, rules);
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

fn mark(object: &mut ObjectAssessment, version: &EarlierVersion) {
    for finding in object.findings.iter_mut().filter(|finding| finding.pods.is_none()) {
        finding.commits_behind = Some(version.commits_behind);
        finding.revision = Some(version.revision.clone());
        if matches!(finding.origin, Origin::Unknown | Origin::Stale) {
            finding.origin = Origin::Outdated;
        }
    }
    object.origin = object.worst().map(|worst| worst.origin);
}
