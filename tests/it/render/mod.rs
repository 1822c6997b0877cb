//! Renderers: that they make what the official programs make, that nothing is rendered twice, and that a repository
//! which means harm gets nothing done.

mod attacks;
mod cluster;
mod equality;
mod fleet;
mod limits;
mod remote;
mod settings;
mod site;
mod trees;
mod variation;

pub use remote::tea;
pub use site::official;
pub use trees::{CHART, KUSTOMIZATION};
