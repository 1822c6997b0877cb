//! The pure heart: what Git declares and what lives in, what differs and who did it out.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod attribute;
pub mod classify;
pub mod compare;
pub mod extras;
pub mod history;
pub mod ignore;
pub mod model;
pub mod normalise;
pub mod promotion;
pub mod rollout;
pub mod schema;
pub mod second;
