//! driftd tells whether what runs on Kubernetes is what Git says.

pub mod config;
pub mod drift;
pub mod pipeline;
pub mod report;
pub mod yaml;
