//! The promotions alone: as a table for people, as JSON for scripts.

use std::io::{self, Write};

use anstyle::Style;
use jiff::Timestamp;
use serde::Serialize;

use super::SCHEMA_VERSION;
use super::text::{BOLD, DIM, GREEN, RED, REVISION, YELLOW, count, escape, span, write_gap};
use crate::drift::promotion::{CommitNote, Promotion, PromotionState};

/// The promotions as `driftd promotion -o json` prints them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: u32,
    promotions: &'a [Promotion],
}

/// Writes the promotions as indented JSON with a newline at its end.
///
/// # Errors
/// What `out` answers.
pub fn json(promotions: &[Promotion], out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Document { schema_version: SCHEMA_VERSION, promotions })?;
    out.write_all(b"\n")
}

/// Writes a table with a line for each edge, and below it what somebody has to look at. Ages are relative to `now`.
///
/// # Errors
/// What `out` answers.
pub fn table(promotions: &[Promotion], now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    if promotions.is_empty() {
        return writeln!(out, "no environment is promoted from another; name one with `promotedFrom`");
    }
    let head = [
        "ENVIRONMENT",
        "PROMOTED FROM",
        "STATE",
        "AHEAD",
        "BEHIND",
        "FAST-FORWARD",
        "OLDEST PENDING",
        "HOTFIXES",
        "ROLLED BACK",
        "UNTESTED",
    ];
    let rows: Vec<[String; 10]> = promotions.iter().map(|promotion| row(promotion, now)).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].len()]).max().unwrap_or(0)
    };
    for (column, title) in head.iter().enumerate() {
        write!(out, "{DIM}{title:<width$}{DIM:#}  ", width = width(column))?;
    }
    writeln!(out)?;
    for (promotion, row) in promotions.iter().zip(&rows) {
        for (column, cell) in row.iter().enumerate() {
            let style = if column == 2 { style_of(promotion.state) } else { Style::new() };
            write!(out, "{style}{cell:<width$}{style:#}  ", width = width(column))?;
        }
        writeln!(out)?;
    }
    promotions.iter().try_for_each(|promotion| details(promotion, now, out))
}

fn row(promotion: &Promotion, now: Timestamp) -> [String; 10] {
    let known = |number: Option<usize>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let listed = |commits: &[CommitNote]| match promotion.state {
        PromotionState::Unknown => "?".to_owned(),
        _ => commits.len().to_string(),
    };
    let yes_or_no = promotion.fast_forward.map_or("?", |fast_forward| if fast_forward { "yes" } else { "no" });
    [
        escape(&promotion.environment),
        escape(&promotion.promoted_from),
        promotion.state.to_string(),
        known(promotion.ahead),
        known(promotion.behind),
        yes_or_no.to_owned(),
        promotion.oldest_pending.as_ref().map_or_else(|| "-".to_owned(), |oldest| span(oldest.committed_at, now)),
        listed(&promotion.hotfixes),
        listed(&promotion.rolled_back),
        listed(&promotion.untested),
    ]
}

fn details(promotion: &Promotion, now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    let oldest: Vec<CommitNote> = promotion.oldest_pending.iter().cloned().collect();
    let parts = [
        ("hotfix", RED, &promotion.hotfixes),
        ("untested", RED, &promotion.untested),
        ("rolled back", YELLOW, &promotion.rolled_back),
        ("pending", DIM, &oldest),
    ];
    if parts.iter().all(|(_, _, commits)| commits.is_empty()) && promotion.gaps.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{BOLD}{}{BOLD:#}", escape(&promotion.environment))?;
    for (word, style, commits) in parts {
        for commit in commits {
            let revision = commit.revision.to_string();
            writeln!(
                out,
                "  {style}{word:<11}{style:#}  {} {}  {DIM}{}, {}{DIM:#}",
                &revision[..REVISION],
                escape(&commit.subject),
                escape(&commit.author),
                span(commit.committed_at, now)
            )?;
        }
    }
    promotion.gaps.iter().try_for_each(|gap| write_gap(gap, out))?;
    if promotion.recorded_since.is_none() && promotion.state != PromotionState::Unknown {
        writeln!(out, "  {DIM}what these branches had before is known only as far as Git's own history tells{DIM:#}")?;
    }
    Ok(())
}

/// `prod-eu ← staging-eu: diverged, 1 ahead, 3 behind, 1 hotfix`.
pub(super) fn line(promotion: &Promotion, out: &mut dyn Write) -> io::Result<()> {
    let style = style_of(promotion.state);
    let (own, other) = (escape(&promotion.environment), escape(&promotion.promoted_from));
    write!(out, "{BOLD}{own}{BOLD:#} ← {other}: {style}{}{style:#}", promotion.state)?;
    let counts = [
        (promotion.ahead.unwrap_or(0), "commit", "ahead"),
        (promotion.behind.unwrap_or(0), "commit", "behind"),
        (promotion.hotfixes.len(), "commit", "never brought back"),
        (promotion.rolled_back.len(), "commit", "rolled back"),
        (promotion.untested.len(), "revision", "never tested there"),
    ];
    for (number, noun, word) in counts.into_iter().filter(|(number, ..)| *number > 0) {
        write!(out, ", {} {word}", count(number, noun))?;
    }
    for gap in &promotion.gaps {
        write!(out, "; {}", escape(&gap.message))?;
    }
    writeln!(out)
}

const fn style_of(state: PromotionState) -> Style {
    match state {
        PromotionState::InStep => GREEN,
        PromotionState::Behind => Style::new(),
        PromotionState::Unknown => YELLOW,
        PromotionState::Diverged => RED,
    }
}
