//! What is wrong with a configuration: every problem at once, each with its place and what to do.

use std::fmt;
use std::io;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {file}: {source}")]
    Read {
        /// As it was named.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// The file can be read and is wrong.
    #[error(transparent)]
    Invalid(#[from] Problems),
}

/// Everything that is wrong with one file, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems {
    /// As it was named.
    pub file: String,
    /// At least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong. Holds names of the file, never a value that could be a credential.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Counted from 1.
    pub line: u32,
    /// The key: `environments[2].cluster`; empty for the file as a whole.
    pub path: String,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.problems.len() == 1 { "" } else { "s" };
        write!(f, "the configuration has {} problem{plural}", self.problems.len())?;
        for problem in &self.problems {
            let colon = if problem.path.is_empty() { "" } else { ": " };
            write!(f, "\n{}:{}: {}{colon}{}", self.file, problem.line, problem.path, problem.message)?;
            write!(f, "\n    {}", problem.hint)?;
        }
        Ok(())
    }
}
