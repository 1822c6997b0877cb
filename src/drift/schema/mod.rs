//! Schemas come from here: from an API server's OpenAPI documents, from definitions of custom resources, or from the
//! copy that driftd carries.

mod definitions;
pub mod kubernetes;
mod older;
mod openapi;

pub use definitions::Definitions;
pub use openapi::{OpenApiError, parse};
