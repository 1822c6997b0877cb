//! driftd tells whether what runs on Kubernetes is what Git says.

pub mod board;
pub mod config;
pub mod daemon;
pub mod drift;
pub mod http;
pub mod metrics;
pub mod pipeline;
pub mod report;
