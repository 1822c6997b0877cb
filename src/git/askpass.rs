//! The passphrase of an ssh key, given to ssh by this very program: ssh runs it and reads what it prints.

use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

/// Names the file of the passphrase, in the environment of ssh alone.
const VARIABLE: &str = "DRIFTD_SSH_PASSPHRASE_FILE";

/// Has ssh ask this program for the passphrase in `file`.
///
/// # Errors
/// The path of this program is not known.
pub(super) fn answers(ssh: &mut Command, file: &Path) -> io::Result<()> {
    ssh.env("SSH_ASKPASS", std::env::current_exe()?).env("SSH_ASKPASS_REQUIRE", "force").env(VARIABLE, file);
    Ok(())
}

/// Prints the passphrase, where ssh has started this program to ask for it.
///
/// `None` where nobody asks.
pub fn answer() -> Option<io::Result<()>> {
    let file = std::env::var_os(VARIABLE)?;
    Some(std::fs::read(file).and_then(|text| io::stdout().write_all(&text)))
}
