//! The exit codes, in one place.

use std::process::ExitCode;

use crate::report::Verdict;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything was compared and nothing drifts, or whatever else was asked for is done.
    Success = 0,
    /// Drift was found.
    Drift = 1,
    /// Wrong usage or configuration; nothing was compared.
    Usage = 2,
    /// No drift was found, but not everything could be compared.
    Incomplete = 3,
    /// A bug in driftd; also what a panic of the main thread ends with.
    Bug = 101,
    /// Interrupted by Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::InSync | Verdict::Tolerated => Self::Success,
            Verdict::Drift => Self::Drift,
            Verdict::Incomplete => Self::Incomplete,
        }
    }
}
