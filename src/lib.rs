//! driftd tells whether what runs on Kubernetes is what Git says.

pub mod check;
pub mod cli;
pub mod config;
pub mod drift;
pub mod pipeline;
pub mod report;
pub mod yaml;
