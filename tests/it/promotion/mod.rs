//! The promotion of environment branches, on repositories made by plain git commands.

mod command;
mod config;
mod cost;
mod flows;
mod histories;
mod odd;
mod remembered;
mod rendered;
mod sandbox;
