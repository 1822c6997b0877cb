//! Tells the binary which compiler made it, for `driftd_build_info` and `/version`.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=DRIFTD_REVISION");
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version =
        Command::new(rustc).arg("--version").output().ok().and_then(|output| String::from_utf8(output.stdout).ok());
    // "rustc 1.95.0 (… )": the second word.
    let version = version.as_deref().and_then(|line| line.split_whitespace().nth(1)).unwrap_or("unknown");
    println!("cargo:rustc-env=DRIFTD_RUSTC={version}");
}
