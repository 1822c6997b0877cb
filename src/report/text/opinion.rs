//! The second opinion on an object: where the server's dry-run disagrees, or why it is not known.

use std::io::{self, Write};

use super::value::escape;
use super::{DIM, YELLOW, write_sides};
use crate::drift::model::{Change, Disagreement, Opinion, OpinionCounts};

pub(super) fn write(opinion: &Opinion, out: &mut dyn Write) -> io::Result<()> {
    match opinion {
        Opinion::Disagreements(disagreements) => disagreements.iter().try_for_each(|one| disagreement(one, out)),
        Opinion::ComparedLocally(withheld) => {
            let (reason, message) = (withheld.reason.as_str(), escape(&withheld.message));
            writeln!(out, "    {DIM}compared locally ({reason}): {message}{DIM:#}")
        }
    }
}

fn disagreement(one: &Disagreement, out: &mut dyn Write) -> io::Result<()> {
    let says = |change: Option<Change>| change.map_or("in sync", Change::as_str);
    let path = escape(&one.path.to_string());
    write!(out, "    {YELLOW}disputed{YELLOW:#} {path}  {DIM}driftd: {}, ", says(one.local))?;
    writeln!(out, "the server's dry-run: {}{DIM:#}", says(one.server))?;
    write_sides(one.applied.as_deref(), one.live.as_deref(), out)
}

/// `dry-run: 40 agree, 1 disputed, 2 compared locally`.
pub(super) fn counted(counts: &OpinionCounts) -> String {
    let OpinionCounts { agreed, disagreed, compared_locally } = counts;
    format!("dry-run: {agreed} agree, {disagreed} disputed, {compared_locally} compared locally")
}
