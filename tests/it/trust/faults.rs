//! What cannot be known is said, with its cause and what to do, and never looks like health.
