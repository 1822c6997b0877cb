//! What the objects of Argo CD say of environments, in the words in which driftd renders them.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod argo;
mod field;
mod finish;
mod ignore;
mod setting;

use std::sync::Arc;

use crate::config::{Environment, Reference, Repository};
use crate::drift::ignore::IgnoreRule;
use crate::drift::model::Gap;

pub use finish::{Finish, LeaveOut};
pub use setting::Setting;

/// What an object of a deployer comes to.
#[derive(Debug, Clone, Default)]
pub struct Described {
    /// What is rendered, in this order; nothing where a field that has a say in it is not honoured.
    pub parts: Vec<DescribedPart>,
    /// For objects that name no namespace.
    pub namespace: Option<String>,
    /// Which findings the deployer was told to live with.
    pub ignore: Vec<IgnoreRule>,
    /// What the deployer does to rendered objects.
    pub finish: Finish,
    /// Every field that is not honoured, and everything that is not there.
    pub gaps: Vec<Gap>,
}

/// One source of what is rendered.
#[derive(Debug, Clone)]
pub struct DescribedPart {
    /// From where, by what, and told what.
    pub environment: Arc<Environment>,
    /// Files from elsewhere that it needs.
    pub borrowed: Vec<Borrowed>,
}

/// A file of another repository or revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Borrowed {
    /// Where it lies.
    pub repository: Arc<Repository>,
    /// At which revision.
    pub reference: Reference,
    /// Relative to that repository's root.
    pub path: String,
    /// What the renderer's settings call it.
    pub name: String,
}
