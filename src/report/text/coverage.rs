//! How much of each namespace Git declares.

use std::io::{self, Write};

use super::{DIM, Listing, count, escape};
use crate::drift::extras::{Counted, NamespaceCoverage};

/// Writes a line for each namespace where everything is asked for.
pub(super) fn write(coverage: &[NamespaceCoverage], listing: Listing, out: &mut dyn Write) -> io::Result<()> {
    for of in coverage.iter().filter(|_| listing == Listing::All) {
        let all = count(of.declared + of.undeclared, "object");
        let kinds = match of.kinds {
            Counted::All => "",
            Counted::Declared => " of the kinds that it declares there",
        };
        let namespace = escape(&of.namespace);
        writeln!(out, "  {DIM}coverage    namespace {namespace}: Git declares {} of {all}{kinds}{DIM:#}", of.declared)?;
    }
    Ok(())
}
