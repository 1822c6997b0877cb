//! What ignore rules hide, and which of them hide nothing.

use std::io::{self, Write};

use super::{DIM, Listing, YELLOW, count, escape};
use crate::drift::ignore::{Ignored, RuleUse};

/// Writes a line for each rule that hides something or has expired; with all, also for those that are unused.
pub(super) fn write(ignored: &Ignored, listing: Listing, out: &mut dyn Write) -> io::Result<()> {
    for rule in &ignored.suppressed {
        let hidden = count(rule.findings, "finding");
        writeln!(out, "  {DIM}suppressed  {hidden} by {}{DIM:#}", told(rule))?;
    }
    for rule in &ignored.expired_rules {
        let end = rule.expires.map(|end| end.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
        writeln!(out, "  {YELLOW}expired{YELLOW:#}     {} hides nothing since {end}", told(rule))?;
    }
    let unused = ignored.unused_rules.iter().filter(|_| listing == Listing::All);
    for rule in unused {
        writeln!(out, "  {DIM}unused      {}{DIM:#}", told(rule))?;
    }
    Ok(())
}

/// `ignore[0]: scaled by KEDA (platform-team)`.
fn told(rule: &RuleUse) -> String {
    let reason = rule.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let owner = rule.owner.as_ref().map(|owner| format!(" ({owner})")).unwrap_or_default();
    escape(&format!("{}{reason}{owner}", rule.rule))
}
