//! The samples of one environment's promotion.

use super::environment::Lines;
use super::family::{
    PROMOTION_COMMITS, PROMOTION_FAST_FORWARD, PROMOTION_HOTFIXES, PROMOTION_OLDEST_PENDING, PROMOTION_STATE,
    PROMOTION_UNTESTED,
};
use super::text::seconds;
use crate::drift::promotion::{Promotion, PromotionState};

/// The samples of the family that `out` is about; what is not known has none.
pub(super) fn samples(out: &mut Lines<'_>, promotion: &Promotion) {
    let from = promotion.promoted_from.as_str();
    let is_known = promotion.state != PromotionState::Unknown;
    match *out.family {
        PROMOTION_COMMITS => {
            for (direction, commits) in [("ahead", promotion.ahead), ("behind", promotion.behind)] {
                if let Some(commits) = commits {
                    out.add(&[from, direction], commits);
                }
            }
        }
        PROMOTION_FAST_FORWARD => {
            if let Some(fast_forward) = promotion.fast_forward {
                out.add(&[from], u8::from(fast_forward));
            }
        }
        PROMOTION_STATE => {
            for state in PromotionState::ALL {
                out.add(&[from, &state.as_str().replace('-', "_")], u8::from(state == promotion.state));
            }
        }
        PROMOTION_OLDEST_PENDING => {
            if let Some(oldest) = &promotion.oldest_pending {
                out.add(&[from], seconds(oldest.committed_at));
            }
        }
        PROMOTION_HOTFIXES if is_known => out.add(&[from], promotion.hotfixes.len()),
        PROMOTION_UNTESTED if is_known => out.add(&[from], promotion.untested.len()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::environment::{Observed, samples};
    use super::super::family::FAMILIES;
    use super::*;
    use crate::drift::promotion::{CommitId, CommitNote};

    fn written(promotion: &Promotion) -> Vec<String> {
        let errors = BTreeMap::new();
        let observed = Observed {
            name: "prod",
            repository: "r",
            branch: "prod",
            cluster: "c",
            revision: None,
            standing: None,
            last_scan: None,
            last_success: None,
            errors: &errors,
            events: &BTreeMap::new(),
            promotion: Some(promotion),
        };
        let all: String = FAMILIES
            .iter()
            .filter(|family| family.name.starts_with("driftd_promotion_"))
            .map(|family| samples(family, &observed))
            .collect();
        all.lines().map(|line| line.replace("environment=\"prod\",promoted_from=\"staging\"", "…")).collect()
    }

    #[test]
    fn a_known_promotion_has_every_series() {
        let note = CommitNote {
            revision: CommitId([1; 20]),
            subject: "s".into(),
            author: "a".into(),
            committed_at: "2026-11-21T10:00:00Z".parse().unwrap(),
        };
        let promotion = Promotion {
            state: PromotionState::Diverged,
            fast_forward: Some(false),
            ahead: Some(1),
            behind: Some(3),
            oldest_pending: Some(note.clone()),
            hotfixes: vec![note],
            ..Promotion::unknown("prod", "staging", Vec::new())
        };
        assert_eq!(
            written(&promotion),
            [
                "driftd_promotion_commits{…,direction=\"ahead\"} 1",
                "driftd_promotion_commits{…,direction=\"behind\"} 3",
                "driftd_promotion_fast_forward{…} 0",
                "driftd_promotion_state{…,state=\"in_step\"} 0",
                "driftd_promotion_state{…,state=\"behind\"} 0",
                "driftd_promotion_state{…,state=\"diverged\"} 1",
                "driftd_promotion_state{…,state=\"unknown\"} 0",
                "driftd_promotion_oldest_pending_timestamp_seconds{…} 1795255200",
                "driftd_promotion_hotfix_commits{…} 1",
                "driftd_promotion_untested_combinations{…} 0",
            ]
        );
    }

    #[test]
    fn an_unknown_promotion_claims_nothing() {
        assert_eq!(
            written(&Promotion::unknown("prod", "staging", Vec::new())),
            [
                "driftd_promotion_state{…,state=\"in_step\"} 0",
                "driftd_promotion_state{…,state=\"behind\"} 0",
                "driftd_promotion_state{…,state=\"diverged\"} 0",
                "driftd_promotion_state{…,state=\"unknown\"} 1",
            ]
        );
    }
}
