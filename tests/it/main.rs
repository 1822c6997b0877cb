//! Integration tests: one binary, one module a subject.

mod yaml;
mod yaml_fuzz;
