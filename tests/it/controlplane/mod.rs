//! The test control plane itself: that it is real, that its parts work, and that it leaves nothing
//! behind.

mod access;
mod build;
mod cleanup;
mod cluster;
mod deploy;
mod life;
mod promtool;
