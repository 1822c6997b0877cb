//! Integration tests: one binary, one module a subject.

mod cli;
mod yaml;
mod yaml_fuzz;
