//! driftd tells whether what runs on Kubernetes is what Git says.

pub mod check;
pub mod cli;
pub mod config;
pub mod drift;
pub mod git;
pub mod live;
pub mod manifest;
pub mod pipeline;
pub mod render;
pub mod report;
pub mod yaml;
