//! Git repositories: fetched into bare mirrors where they are remote, and read from the object database without a
//! working copy.

mod advertisement;
mod askpass;
mod backoff;
mod earlier;
mod error;
mod fault;
mod graph;
mod mirror;
mod read;
mod references;
mod repositories;
mod secret;
mod session;
mod submodule;
mod transport;

pub use askpass::answer as answer_ssh;
pub use earlier::{EarlierVersion, ancestors, earlier};
pub use error::GitError;
pub use fault::Fault;
pub use graph::{CommitGraph, Entry, EntryKind, ObjectId};
pub use read::{Fetch, SourceFile, SourceTree, StandsFor, Unread, read};
pub use references::earlier_releases;
pub use repositories::{Checkout, Repositories, Stale, Tip};

#[cfg(test)]
mod tests;
