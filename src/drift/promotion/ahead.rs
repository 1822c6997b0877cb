//! What the commits of one branch mean to another that lacks them.

use std::collections::{HashMap, HashSet};

use super::change::{Change, Held, Leaf};
use super::graph::Commits;
use super::{CommitId, Evidence, Graph, PatchId};
use crate::drift::model::Gap;

/// What a commit that the other branch lacks means to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The other branch has a commit with the same patch.
    PatchEqual,
    /// The other branch had a commit with the same patch and took it back.
    Undone,
    /// It changes nothing that is rendered.
    NoEffect,
    /// A merge that Git would make by itself.
    Automatic,
    /// The other branch has or once had its change, or its own branch took it back.
    Had,
    /// The other branch never had it.
    Own,
}

/// Two branches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'a> {
    /// The branch whose commits are judged.
    pub tip: CommitId,
    /// The branch that lacks them.
    pub other: CommitId,
    /// Earlier tips of the other branch.
    pub other_seen: &'a [CommitId],
}

/// The commits of `tip` whose change `other` never had or has undone, oldest first.
///
/// # Errors
/// A tip or a common ancestor cannot be read or rendered.
pub fn unshared(
    graph: &Graph,
    tip: CommitId,
    other: CommitId,
    other_seen: &[CommitId],
    evidence: &mut impl Evidence,
) -> Result<Vec<CommitId>, Gap> {
    let all = standings(graph, Pair { tip, other, other_seen }, evidence)?;
    Ok(all.into_iter().filter(|(_, standing)| standing.is_missing()).map(|(id, _)| id).collect())
}

impl Standing {
    const fn is_missing(self) -> bool {
        matches!(self, Self::Own | Self::Undone)
    }
}

/// Every commit of `pair.tip` that the other branch lacks, oldest first, and what it means.
pub(super) fn standings(
    graph: &Graph,
    pair: Pair<'_>,
    evidence: &mut impl Evidence,
) -> Result<Vec<(CommitId, Standing)>, Gap> {
    let own = graph.reachable(&[pair.tip]);
    let current = graph.reachable(&[pair.other]);
    let ahead = graph.without(&own, &current);
    if ahead.is_empty() {
        return Ok(Vec::new());
    }
    let mut past_tips = pair.other_seen.to_vec();
    past_tips.push(pair.other);
    let side = graph.without(&graph.reachable(&past_tips), &own);
    let patches = patches_of(&side, evidence)?;
    let own_changes: Vec<_> = ahead.iter().map(|id| change_of(graph, *id, evidence)).collect();
    let known = Known {
        between: evidence.change(Some(pair.tip), Some(pair.other))?,
        since: since_bases(graph, pair.tip, (&own, &current), evidence)?,
        made_here: Ledger::of(own_changes.iter().flatten()),
        made_there: Ledger::of(
            side.iter().filter_map(|id| first_parent_change(graph, *id, evidence).ok()).collect::<Vec<_>>().iter(),
        ),
    };
    let fates = fates(&own_changes);
    let mut found = Vec::with_capacity(ahead.len());
    for ((id, change), fates) in ahead.into_iter().zip(own_changes).zip(&fates) {
        let equal = evidence.patch(id)?.and_then(|patch| patches.get(&patch));
        let standing = match (equal, change) {
            (Some(equal), _) if any_stands(graph, equal, pair.other, evidence) => Standing::PatchEqual,
            (_, Ok(change)) if change.is_empty() && graph.is_merge(id) => Standing::Automatic,
            (_, Ok(change)) if change.is_empty() => Standing::NoEffect,
            (_, Ok(_)) if graph.is_merge(id) && evidence.is_automatic(id).unwrap_or(false) => Standing::Automatic,
            (_, Ok(change)) if known.covers_all(&change, fates) => Standing::Had,
            (Some(_), _) => Standing::Undone,
            // What cannot be rendered is not known to be without effect.
            _ => Standing::Own,
        };
        found.push((id, standing));
    }
    Ok(found)
}

/// Which commits of a branch have which patch.
pub(super) fn patches_of(
    commits: &[CommitId],
    evidence: &mut impl Evidence,
) -> Result<HashMap<PatchId, Vec<CommitId>>, Gap> {
    let mut patches: HashMap<PatchId, Vec<CommitId>> = HashMap::new();
    for &id in commits {
        if let Some(patch) = evidence.patch(id)? {
            patches.entry(patch).or_default().push(id);
        }
    }
    Ok(patches)
}

/// Whether one of `commits` was not undone on the way to `tip`.
fn any_stands(graph: &Graph, commits: &[CommitId], tip: CommitId, evidence: &mut impl Evidence) -> bool {
    commits.iter().any(|id| {
        let Ok(change) = first_parent_change(graph, *id, evidence) else { return true };
        evidence.change(Some(*id), Some(tip)).is_ok_and(|since| !change.is_undone(&since))
    })
}

/// What differs between a tip and each of the best common ancestors; the empty rendering where there is none.
fn since_bases(
    graph: &Graph,
    tip: CommitId,
    (own, other): (&Commits, &Commits),
    evidence: &mut impl Evidence,
) -> Result<Vec<Change>, Gap> {
    let bases = graph.merge_bases(own, other);
    if bases.is_empty() {
        return Ok(vec![evidence.change(Some(tip), None)?]);
    }
    bases.into_iter().map(|base| evidence.change(Some(tip), Some(base))).collect()
}

/// What a commit changes against its first parent, or against nothing.
pub(super) fn first_parent_change(graph: &Graph, id: CommitId, evidence: &mut impl Evidence) -> Result<Change, Gap> {
    evidence.change(graph.parents(id).first().copied(), Some(id))
}

/// What a commit itself brings: of a merge, what does not follow from its parents.
pub(super) fn change_of(graph: &Graph, id: CommitId, evidence: &mut impl Evidence) -> Result<Change, Gap> {
    let parents = graph.parents(id);
    let [first, others @ ..] = parents.as_slice() else { return first_parent_change(graph, id, evidence) };
    if others.is_empty() {
        return first_parent_change(graph, id, evidence);
    }
    let sides = parents.iter().map(|parent| evidence.change(Some(*parent), Some(id))).collect::<Result<Vec<_>, _>>()?;
    let reached = graph.reachable(&[*first]);
    let mut bases = Vec::new();
    for other in others {
        let found = graph.merge_bases(&reached, &graph.reachable(&[*other]));
        let found = if found.is_empty() { vec![None] } else { found.into_iter().map(Some).collect() };
        for base in found {
            bases.push(evidence.change(base, Some(id))?);
        }
    }
    Ok(resolution(&sides, &bases))
}

/// What a merge holds that does not follow from its parents, given how it differs from them and from their common
/// ancestors.
fn resolution(sides: &[Change], bases: &[Change]) -> Change {
    let mut brought = Change::default();
    let leaves: HashSet<Leaf> = sides.iter().flat_map(|side| side.0.keys().copied()).collect();
    for leaf in leaves {
        let Some(merged) = sides.iter().find_map(|side| side.after(leaf)) else { continue };
        let at = |change: &Change| change.before(leaf).unwrap_or(merged);
        let expected = |base: Held| {
            let mut changed: Vec<Held> = sides.iter().map(at).filter(|side| *side != base).collect();
            changed.dedup();
            match changed.as_slice() {
                [] => Some(base),
                [first, rest @ ..] => rest.iter().all(|other| other == first).then_some(*first),
            }
        };
        if bases.iter().all(|base| expected(at(base)) != Some(merged)) {
            let before = bases.iter().find_map(|base| expected(at(base))).unwrap_or_else(|| at(&sides[0]));
            brought.0.insert(leaf, (before, merged));
        }
    }
    brought
}

/// Every value that the commits of a branch gave to a leaf.
#[derive(Debug, Default)]
pub(super) struct Ledger(HashSet<(Leaf, Held)>);

impl Ledger {
    pub(super) fn of<'a>(changes: impl Iterator<Item = &'a Change>) -> Self {
        Self(changes.flat_map(|change| change.0.iter().map(|(leaf, (_, after))| (*leaf, *after))).collect())
    }

    pub(super) fn holds(&self, leaf: Leaf, value: Held) -> bool {
        self.0.contains(&(leaf, value))
    }

    /// Whether every part of a change was made by these commits, at once or one by one.
    pub(super) fn holds_all(&self, change: &Change) -> bool {
        change.0.iter().all(|(leaf, (_, after))| self.holds(*leaf, *after))
    }
}

/// What stands where, between a tip and the other branch.
struct Known {
    /// From the tip to the other.
    between: Change,
    /// From the tip back to each best common ancestor.
    since: Vec<Change>,
    /// By the commits that are judged.
    made_here: Ledger,
    /// By the commits that only the other branch has or had.
    made_there: Ledger,
}

impl Known {
    fn covers_all(&self, change: &Change, fates: &HashMap<Leaf, Fate>) -> bool {
        change.0.iter().all(|(leaf, (before, after))| self.covers(*leaf, *before, *after, fates.get(leaf)))
    }

    /// Whether the other branch misses nothing of what a commit made of one leaf.
    fn covers(&self, leaf: Leaf, before: Held, after: Held, fate: Option<&Fate>) -> bool {
        let (Some(here), Some(there)) = (self.between.before(leaf), self.between.after(leaf)) else {
            // Both branches hold the same.
            return true;
        };
        match fate {
            Some(Fate::TakenBack) => return true,
            // What undid something is missing only from a branch that still has what was undone.
            Some(Fate::Undoes(undone)) => return !undone.contains(&there),
            None => {}
        }
        let bases: Vec<Held> = self.since.iter().map(|since| since.after(leaf).unwrap_or(here)).collect();
        if bases.iter().all(|base| *base == here) {
            return after != here || !self.made_here.holds(leaf, there);
        }
        // What it had and set back to what it was is undone; what it developed further is not.
        let had = self.made_there.holds(leaf, after) && there != before;
        let superseded = self.made_there.holds(leaf, here);
        (had || superseded) && !bases.contains(&there)
    }
}

/// What became of one leaf of a commit on its own branch.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    /// A later commit set it back to what it was before.
    TakenBack,
    /// It set the leaf back to what it was before earlier commits, which had made it these values.
    Undoes(Vec<Held>),
}

/// For each change, oldest first, the leaves that another one of them took back, and those that took others back.
fn fates(changes: &[Result<Change, Gap>]) -> Vec<HashMap<Leaf, Fate>> {
    let mut fates = vec![HashMap::new(); changes.len()];
    let mut open: HashMap<Leaf, Vec<(usize, Held, Held)>> = HashMap::new();
    for (index, change) in changes.iter().enumerate() {
        for (leaf, (before, after)) in change.iter().flat_map(|change| &change.0) {
            let standing = open.entry(*leaf).or_default();
            let Some(chain) = chain_back(standing, *before, *after).filter(|chain| !chain.is_empty()) else {
                standing.push((index, *before, *after));
                continue;
            };
            fates[index].insert(*leaf, Fate::Undoes(chain.iter().map(|(_, _, made)| *made).collect()));
            for (undone, ..) in &chain {
                fates[*undone].insert(*leaf, Fate::TakenBack);
            }
            standing.retain(|entry| !chain.contains(entry));
        }
    }
    fates
}

/// The commits, latest first, that lead from `from` back to `to`: what the last of them made, the one before began with.
fn chain_back(standing: &[(usize, Held, Held)], from: Held, to: Held) -> Option<Vec<(usize, Held, Held)>> {
    let mut chain = Vec::new();
    let mut value = from;
    let mut end = standing.len();
    while value != to {
        end = standing[..end].iter().rposition(|(_, _, after)| *after == value)?;
        chain.push(standing[end]);
        value = standing[end].1;
    }
    Some(chain)
}
