//! driftd.
pub mod yaml;
