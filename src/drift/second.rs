//! The second opinion set against the first: where the API server's dry-run and the comparison disagree on a declared
//! field.

use serde_json::Value;

use super::model::{Change, DRY_RUN_MANAGER, Difference, FieldPath, Finding, Live, PathStep};

/// A declared field that differs for one of the two and not for the other.
#[derive(Debug, PartialEq)]
pub struct Dissent<'a> {
    /// Where in the object.
    pub path: FieldPath,
    /// What the comparison finds.
    pub local: Option<Change>,
    /// What an apply would find.
    pub server: Option<Change>,
    /// What the cluster has.
    pub live: Option<&'a Value>,
    /// What an apply would leave.
    pub applied: Option<&'a Value>,
}

/// Where the two disagree, ordered by path.
///
/// `findings` are those of the comparison; `differences` are those between `answer`, the object as an apply would
/// leave it, and `live`. Which fields Git declares is what the answer says that the dry-run's manager owns: a field
/// that Git does not declare is nothing a dry-run can judge.
#[must_use]
pub fn dissents<'a>(
    findings: &[Finding],
    differences: &[Difference<'a>],
    answer: &'a Live,
    live: &'a Live,
) -> Vec<Dissent<'a>> {
    let declared = Declared::of(answer);
    let ours: Vec<&Finding> = findings.iter().filter(|finding| finding.change != Change::Added).collect();
    let theirs: Vec<&Difference<'a>> = differences.iter().filter(|other| declared.has(&other.path)).collect();
    let only_theirs = theirs.iter().filter(|other| !ours.iter().any(|one| overlap(&one.path, &other.path)));
    let only_ours = ours.iter().filter(|one| !theirs.iter().any(|other| overlap(&one.path, &other.path)));
    let mut dissents: Vec<Dissent<'a>> = only_theirs
        .map(|other| Dissent {
            path: other.path.clone(),
            local: None,
            server: Some(other.change),
            live: other.live,
            applied: other.desired,
        })
        .chain(only_ours.map(|one| Dissent {
            path: one.path.clone(),
            local: Some(one.change),
            server: None,
            live: one.path.find_in(&live.content),
            applied: one.path.find_in(&answer.content),
        }))
        .collect();
    dissents.sort_by_cached_key(|dissent| dissent.path.to_string());
    dissents
}

/// Whether one field holds the other: the two may tell of the same difference at another depth.
fn overlap(one: &FieldPath, other: &FieldPath) -> bool {
    one.steps().iter().zip(other.steps()).all(|(one, other)| one == other)
}

/// The fields that the dry-run's own entry in `managedFields` names.
struct Declared<'a> {
    answer: &'a Live,
}

impl<'a> Declared<'a> {
    const fn of(answer: &'a Live) -> Self {
        Self { answer }
    }

    fn has(&self, path: &FieldPath) -> bool {
        let writers = self.answer.writers().unwrap_or_default();
        let own = || writers.iter().filter(|writer| writer.manager.name == DRY_RUN_MANAGER);
        own().any(|writer| writer.fields.touches(path.steps(), |_| true))
            || self.string_data(path).is_some_and(|steps| own().any(|writer| writer.fields.touches(&steps, |_| true)))
    }

    /// What a Secret says under `stringData` is compared under `data`, and owned where it is said.
    fn string_data(&self, path: &FieldPath) -> Option<Vec<PathStep>> {
        let [PathStep::Key(first), below @ ..] = path.steps() else { return None };
        let kind = &self.answer.key.type_key;
        if first != "data" || kind.kind != "Secret" || !kind.group.is_empty() {
            return None;
        }
        Some([PathStep::Key("stringData".to_owned())].into_iter().chain(below.iter().cloned()).collect())
    }
}

#[cfg(test)]
mod tests;
