//! driftd.
