//! From two branches to the word on their promotion.

use jiff::Timestamp;

use super::ahead::{self, Ledger, Pair, Standing, standings, unshared};
use super::graph::Commits;
use super::{CommitId, CommitNote, Evidence, Graph, Promotion, PromotionState};
use crate::drift::model::Gap;

/// An environment and the one that it is promoted from, each by the tip of its branch.
#[derive(Debug, Clone)]
pub struct Edge<'a> {
    /// The environment.
    pub environment: &'a str,
    /// The environment that comes before it.
    pub promoted_from: &'a str,
    /// The tip of the environment's branch.
    pub target: CommitId,
    /// The tip of the other's.
    pub source: CommitId,
    /// Earlier tips of the environment's branch.
    pub target_seen: &'a [CommitId],
    /// Earlier tips of the other branch.
    pub source_seen: &'a [CommitId],
    /// Since when tips of both are recorded, where they were before.
    pub recorded_since: Option<Timestamp>,
    /// The branch into which this release branch is merged back, where there is one.
    pub master: Option<CommitId>,
    /// Release branches that came before.
    pub earlier: &'a [Release],
}

/// A release branch that came before the one that the environment follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its tip.
    pub tip: CommitId,
    /// The tips of newer release branches and of the branch into which it is merged back.
    pub homes: Vec<CommitId>,
}

/// Judges an edge. Never fails: what could not be known makes it unknown and says why.
pub fn judge(edge: &Edge<'_>, graph: &Graph, evidence: &mut impl Evidence) -> Promotion {
    let own = graph.reachable(&[edge.target]);
    let source = graph.reachable(&[edge.source]);
    let (ahead, behind) = (own.difference(&source).count(), source.difference(&own).count());
    let mut promotion = Promotion {
        fast_forward: Some(ahead == 0),
        ahead: Some(ahead),
        behind: Some(behind),
        recorded_since: edge.recorded_since,
        ..Promotion::unknown(edge.environment, edge.promoted_from, Vec::new())
    };
    let judgement = Judgement { edge, graph, own: &own };
    if let Err(gap) = judgement.fill(&mut promotion, evidence) {
        promotion.state = PromotionState::Unknown;
        promotion.gaps.push(gap);
    }
    promotion
}

struct Judgement<'a> {
    edge: &'a Edge<'a>,
    graph: &'a Graph,
    /// Everything that the target reaches.
    own: &'a Commits,
}

impl Judgement<'_> {
    fn fill(&self, promotion: &mut Promotion, evidence: &mut impl Evidence) -> Result<(), Gap> {
        let Edge { target, source, .. } = *self.edge;
        let is_ahead = !self.graph.reachable(&[source]).contains(&target);
        promotion.rolled_back = self.notes(self.rolled_back(evidence)?);
        let in_step = target == source || evidence.in_step(target, source)?;
        promotion.hotfixes = self.notes(self.hotfixes(evidence)?);
        promotion.untested = self.notes(self.untested(evidence)?);
        if !in_step {
            promotion.oldest_pending = self.oldest_pending(evidence)?;
        }
        promotion.state = match (in_step, is_ahead) {
            (true, _) => PromotionState::InStep,
            (false, false) => PromotionState::Behind,
            (false, true) => PromotionState::Diverged,
        };
        Ok(())
    }

    fn notes(&self, commits: Vec<CommitId>) -> Vec<CommitNote> {
        commits.into_iter().filter_map(|id| self.graph.note(id)).collect()
    }

    /// What the environment before never had, what was not merged back, and what earlier releases left behind.
    fn hotfixes(&self, evidence: &mut impl Evidence) -> Result<Vec<CommitId>, Gap> {
        let Edge { target, source, source_seen, master, .. } = *self.edge;
        let mut found = unshared(self.graph, target, source, source_seen, evidence)?;
        if let Some(master) = master {
            found.extend(unshared(self.graph, target, master, &[], evidence)?);
        }
        for Release { tip, homes } in self.edge.earlier {
            let mut left = unshared(self.graph, *tip, target, &[], evidence)?;
            for home in homes.iter().chain([&source]) {
                if left.is_empty() {
                    break;
                }
                let missing = unshared(self.graph, *tip, *home, &[], evidence)?;
                left.retain(|id| missing.contains(id));
            }
            found.extend(left);
        }
        let found: Commits = found.into_iter().collect();
        Ok(self.graph.without(&found, &Commits::new()))
    }

    /// The tip, where what it renders never stood on the environment before.
    fn untested(&self, evidence: &mut impl Evidence) -> Result<Vec<CommitId>, Gap> {
        let Edge { target, source, source_seen, .. } = *self.edge;
        let mut tips = source_seen.to_vec();
        tips.push(source);
        let stood = self.graph.reachable(&tips);
        if stood.contains(&target) {
            return Ok(Vec::new());
        }
        let wanted = evidence.digest(target)?;
        // The newest first: what is on its way stood there lately. What cannot be rendered is no witness.
        let mut candidates = self.graph.without(&stood, &Commits::new());
        candidates.reverse();
        let tested = candidates.into_iter().any(|id| evidence.digest(id).is_ok_and(|digest| digest == wanted));
        Ok(if tested { Vec::new() } else { vec![target] })
    }

    /// The oldest commit of the other branch whose change this one has not got otherwise.
    fn oldest_pending(&self, evidence: &mut impl Evidence) -> Result<Option<CommitNote>, Gap> {
        let Edge { target, source, target_seen, .. } = *self.edge;
        let pair = Pair { tip: source, other: target, other_seen: target_seen };
        let fast_forward = self.graph.reachable(&[source]).contains(&target);
        let pending: Vec<(CommitId, Standing)> = if fast_forward {
            // Nothing can have come another way.
            let all = self.graph.without(&self.graph.reachable(&[source]), self.own);
            all.into_iter().map(|id| (id, Standing::Own)).collect()
        } else {
            standings(self.graph, pair, evidence)?
        };
        let oldest = |wanted: fn(Standing) -> bool| {
            let notes = pending.iter().filter(|(_, standing)| wanted(*standing));
            notes.filter_map(|(id, _)| self.graph.note(*id)).min_by_key(|note| note.committed_at)
        };
        // A merge that Git makes by itself brings nothing but the commits that it merges.
        let waits = |standing| matches!(standing, Standing::Own | Standing::NoEffect);
        Ok(oldest(waits).or_else(|| oldest(|standing| standing == Standing::Automatic)))
    }

    /// What the branch had at an earlier tip and has neither as a commit nor as a patch today.
    fn rolled_back(&self, evidence: &mut impl Evidence) -> Result<Vec<CommitId>, Gap> {
        let had = self.graph.reachable(self.edge.target_seen);
        let lost = self.graph.without(&had, self.own);
        if lost.is_empty() {
            return Ok(lost);
        }
        let mut gone = Commits::new();
        for &id in &lost {
            if !self.is_back(id, evidence)? {
                gone.insert(id);
            }
        }
        // A merge went away with what it merged; one that a rebase flattened did not.
        let merges_too = !gone.is_empty();
        Ok(lost.into_iter().filter(|id| gone.contains(id) || (merges_too && self.graph.is_merge(*id))).collect())
    }

    /// Whether what a lost commit changed is on the branch all the same, by commits that do not come before it.
    fn is_back(&self, lost: CommitId, evidence: &mut impl Evidence) -> Result<bool, Gap> {
        let others = self.graph.without(self.own, &self.graph.reachable(&[lost]));
        if let Some(patch) = evidence.patch(lost)?
            && ahead::patches_of(&others, evidence)?.contains_key(&patch)
        {
            return Ok(true);
        }
        let Ok(change) = ahead::change_of(self.graph, lost, evidence) else { return Ok(false) };
        if self.graph.is_merge(lost) && (change.is_empty() || evidence.is_automatic(lost).unwrap_or(false)) {
            // It brought nothing but the commits that it merged.
            return Ok(true);
        }
        let changes: Vec<_> =
            others.iter().filter_map(|id| ahead::first_parent_change(self.graph, *id, evidence).ok()).collect();
        Ok(!change.is_empty() && Ledger::of(changes.iter()).holds_all(&change))
    }
}
