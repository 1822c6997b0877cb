//! The integration tests: everything that needs a real API server, Git, or another program.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "tests speak to the person who runs them")]

mod agreement;
mod cli;
mod controlplane;
mod daemon;
mod facts;
mod fixture;
mod git;
mod promotion;
mod property;
mod render;
mod rules;
mod ship;
mod sources;
mod trust;
mod watch;
mod yaml;
mod yaml_fuzz;
