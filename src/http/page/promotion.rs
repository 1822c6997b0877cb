//! The promotion strip: every environment and what waits, or went wrong, on its way from the one before.

use jiff::Timestamp;
use maud::{Markup, html};

use super::anchor;
use super::words::{ago, count, short};
use crate::drift::promotion::{CommitNote, Promotion, PromotionState};

/// So many commits of a kind are listed.
const MAX_COMMITS: usize = 10;

/// All promotions; nothing where no environment is promoted from another.
pub(super) fn strip(promotions: &[Promotion], now: Timestamp) -> Markup {
    html! {
        @if !promotions.is_empty() {
            section.promotions aria-label="Promotion" {
                h2 { "Promotion" }
                ul { @for promotion in promotions { li class=(class(promotion)) { (edge(promotion, now)) } } }
            }
        }
    }
}

const fn class(promotion: &Promotion) -> &'static str {
    match promotion.state {
        PromotionState::Diverged => "bad",
        PromotionState::Unknown => "warn",
        _ if !promotion.hotfixes.is_empty() || !promotion.untested.is_empty() => "bad",
        PromotionState::InStep => "good",
        PromotionState::Behind => "idle",
    }
}

fn edge(promotion: &Promotion, now: Timestamp) -> Markup {
    html! {
        p {
            span { (promotion.promoted_from) } " " span aria-label="is promoted to" { "→" } " "
            a href={ "#" (anchor(&promotion.environment)) } { b { (promotion.environment) } }
            " " span.tag { (promotion.state) }
            @if let Some(ahead) = promotion.ahead.filter(|ahead| *ahead > 0) { " " (ahead) " ahead" }
            @if let Some(behind) = promotion.behind.filter(|behind| *behind > 0) { " " (behind) " behind" }
        }
        @if let Some(oldest) = &promotion.oldest_pending {
            p.quiet { "oldest pending: " (commit(oldest)) ", " (ago(oldest.committed_at, now)) }
        }
        (commits("never brought back", &promotion.hotfixes))
        (commits("never tested there", &promotion.untested))
        (commits("rolled back", &promotion.rolled_back))
        @for gap in &promotion.gaps { p { "? " (gap.message) } }
    }
}

fn commits(word: &str, commits: &[CommitNote]) -> Markup {
    html! {
        @if !commits.is_empty() {
            details {
                summary { (count(commits.len(), "commit")) " " (word) }
                ul {
                    @for one in commits.iter().take(MAX_COMMITS) { li { (commit(one)) } }
                    @if commits.len() > MAX_COMMITS { li { "and " (commits.len() - MAX_COMMITS) " more in the report" } }
                }
            }
        }
    }
}

fn commit(commit: &CommitNote) -> Markup {
    let revision = commit.revision.to_string();
    html! { code title=(revision) { (short(&revision)) } " " (commit.subject) " " span.quiet { "(" (commit.author) ")" } }
}
