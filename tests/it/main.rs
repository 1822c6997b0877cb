//! The integration tests: everything that needs a real API server, Git, or another program.

mod controlplane;
mod fixture;
mod trust;
mod yaml;
mod yaml_fuzz;
