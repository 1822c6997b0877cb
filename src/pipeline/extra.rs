//! Live objects that Git should declare and does not: looked for where the environment's deployer left its mark, and
//! counted.

use std::collections::{BTreeSet, HashSet};

use crate::drift::extras::{Counted, Extras, Mark, NamespaceCoverage, coverage, extras, is_marked, marks};
use crate::drift::model::{Desired, Gap, Live, ObjectKey, Stage};
use crate::live::{Listing, Source, Survey};

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
    desired: &[Desired],
    listing: &Listing,
    gaps: &[Gap],
) -> Beside {
    let unread = |gap: &Gap| matches!(gap.stage, Stage::Git | Stage::Render | Stage::Parse);
    if gaps.iter().any(unread) {
        return Beside::default();
    }
    let pairs = desired.iter().filter_map(|desired| Some((desired, listing.get(&desired.key)?)));
    let marks = if which == Extras::Off { BTreeSet::new() } else { marks(pairs) };
    let namespaces: BTreeSet<String> = match which {
        Extras::Namespace => desired.iter().filter_map(|desired| desired.key.namespace.clone()).collect(),
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
    let keys: Vec<&ObjectKey> = desired.iter().map(|desired| &desired.key).collect();
    // A survey without a selector has seen every kind in the environment's namespaces.
    let all = surveys.iter().any(|survey| survey.selector.is_empty());
    let kinds = if all { Counted::All } else { Counted::Declared };
    // Files hold more than was asked for.
    let listed = listing.objects().filter(|live| listing.is_complete_for(&live.key));
    let coverage = coverage(&keys, listed.chain(&lives), kinds);
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
