//! driftd tells whether what runs on Kubernetes is what Git says.

pub mod board;
pub mod check;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod demo;
pub mod drift;
pub mod git;
pub mod http;
pub mod live;
pub mod manifest;
pub mod metrics;
pub mod pipeline;
pub mod render;
pub mod report;
pub mod source;
pub mod store;
pub mod yaml;
