//! The key of the digests that stand for secret values: it outlives the process, so that they stay equal.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::file::beside;
use crate::config::Config;
use crate::drift::model::{Redactor, hex};

/// The least that a key file holds: as hex, 128 bits.
const LEAST: usize = 32;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The system gives no random numbers.
    #[error("the system gives no random numbers for the redaction key: {0}")]
    Random(getrandom::Error),
    /// The file cannot be read.
    #[error("cannot read `redactionKeyFile` {file}: {source}")]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What it holds can be guessed.
    #[error("`redactionKeyFile` {file} holds less than {LEAST} characters; fill it by `openssl rand -hex 32`")]
    Short {
        /// The file.
        file: PathBuf,
    },
}

/// A redactor under the key of this installation: that of `redactionKeyFile`, else that beside the state file, else one
/// for this run only.
///
/// # Errors
/// A key file that is named cannot be used, or the system gives no random numbers.
pub fn redactor(config: &Config) -> Result<Redactor, KeyError> {
    if let Some(file) = &config.redaction_key_file {
        let text = fs::read(file).map_err(|source| KeyError::Read { file: file.clone(), source })?;
        return read(&text).ok_or_else(|| KeyError::Short { file: file.clone() });
    }
    if let Some(state) = &config.state {
        let file = place(state);
        match fs::read(&file) {
            Ok(text) => {
                if let Some(redactor) = read(&text) {
                    return Ok(redactor);
                }
                tracing::warn!("the redaction key {} is cut off; this run takes another one", file.display());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!("cannot read the redaction key {}: {error}; this run takes another one", file.display());
            }
        }
    }
    random_redactor()
}

/// A redactor under a key of its own, for this run only.
///
/// # Errors
/// The system gives no random numbers.
pub fn random_redactor() -> Result<Redactor, KeyError> {
    Ok(Redactor::new(&random().map_err(KeyError::Random)?))
}

/// Sees to it that a key lies beside the state file. Without one the digests change with the next start, no more.
pub(super) fn provide(state: &Path) {
    let file = place(state);
    if fs::read(&file).is_ok_and(|text| read(&text).is_some()) {
        return;
    }
    if let Err(error) = write(&file) {
        tracing::warn!("cannot write the redaction key {}: {error}; digests change at each start", file.display());
    }
}

/// Written beside and renamed: a key is there as a whole or not at all. Temporary files are for their owner only.
fn write(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(new, "{}", hex(&random().map_err(io::Error::other)?))?;
    new.as_file().sync_all()?;
    new.persist(file)?;
    Ok(())
}

fn place(state: &Path) -> PathBuf {
    beside(state, ".key")
}

fn read(text: &[u8]) -> Option<Redactor> {
    let text = text.trim_ascii();
    (text.len() >= LEAST).then(|| Redactor::new(&Sha256::digest(text).into()))
}

fn random() -> Result<[u8; 32], getrandom::Error> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    Ok(key)
}
