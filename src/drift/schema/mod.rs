//! Schemas come from here: from an API server's OpenAPI documents, or from the copy that driftd carries.

pub mod kubernetes;
mod older;
mod openapi;

pub use openapi::{OpenApiError, parse};
