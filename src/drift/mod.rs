//! The pure heart: what Git declares and what lives in, what differs and who did it out.

pub mod model;
