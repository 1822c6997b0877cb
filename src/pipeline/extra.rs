//! Live objects that Git should declare and does not: looked for where the environment's deployer left its mark, and
//! counted.

use std::collections::{BTreeSet, HashSet};

use crate::drift::extras::{Counted, Extras, Mark, NamespaceCoverage, Sighting, coverage, extras, is_marked};
use crate::drift::model::{Declarations, Gap, Live, ObjectKey, Stage};
use crate::live::{Listing, Source, Survey};

use super::Seen;

/// What was found beside the declared objects.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// The extra objects of the environment.
    pub extra: Vec<Live>,
    /// How much of each of its namespaces Git declares.
    pub coverage: Vec<NamespaceCoverage>,
}

/// Looks beside the declared objects; finds nothing while not everything that Git declares could be read.
pub(super) async fn look(
    which: Extras,
    source: &Source,
    declared: &Declarations,
    listing: &Listing<Seen>,
    gaps: &[Gap],
) -> Beside {
    let unread = |gap: &Gap| matches!(gap.stage, Stage::Git | Stage::Render | Stage::Parse);
    if gaps.iter().any(unread) {
        return Beside::default();
    }
    let seen = declared.keys().filter_map(|key| listing.get(key));
    let marks: BTreeSet<Mark> = match which {
        Extras::Off => BTreeSet::new(),
        Extras::Tracked | Extras::Namespace => seen.flat_map(|seen| &seen.marks).cloned().collect(),
    };
    let namespaces: BTreeSet<String> = match which {
        Extras::Namespace => declared.keys().filter_map(|key| key.namespace.clone()).collect(),
        Extras::Tracked | Extras::Off => BTreeSet::new(),
    };
    let surveys = surveys(&marks, &namespaces);
    let mut lives = Vec::new();
    for survey in &surveys {
        lives.extend(source.survey(survey).await);
    }
    let mut seen = HashSet::new();
    lives.retain(|live| seen.insert(live.key.identity()));
    let ours = |live: &&Live| {
        is_marked(live, &marks) || live.key.namespace.as_ref().is_some_and(|namespace| namespaces.contains(namespace))
    };
    let keys: Vec<&ObjectKey> = declared.keys().collect();
    // A survey without a selector has seen every kind in the environment's namespaces.
    let all = surveys.iter().any(|survey| survey.selector.is_empty());
    let kinds = if all { Counted::All } else { Counted::Declared };
    // Files hold more than was asked for.
    let listed = listing.objects().filter(|seen| listing.is_complete_for(&seen.key)).map(Seen::sighting);
    let coverage = coverage(&keys, listed.chain(lives.iter().map(Sighting::from)), kinds);
    let extra = extras(&keys, lives.iter().filter(ours)).into_iter().cloned().collect();
    Beside { extra, coverage }
}

/// What must be listed: by label where the marks are labels, everything where one is an annotation.
fn surveys(marks: &BTreeSet<Mark>, namespaces: &BTreeSet<String>) -> Vec<Survey> {
    let mut surveys = Vec::new();
    if marks.iter().any(|mark| matches!(mark, Mark::Annotation(..))) {
        surveys.push(Survey::default());
    } else {
        surveys.extend(marks.iter().filter_map(|mark| match mark {
            Mark::Label(key, value) => Some(Survey { namespaces: None, selector: format!("{key}={value}") }),
            Mark::Annotation(..) => None,
        }));
    }
    if !namespaces.is_empty() {
        surveys.push(Survey { namespaces: Some(namespaces.clone()), selector: String::new() });
    }
    surveys
}
