//! The `driftd` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(driftd::cli::report_panic));
    driftd::cli::main(std::env::args_os()).into()
}
