//! A configuration on disk that may change while it is in force.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{Config, ConfigError, Strategy};

/// Where a configuration lies, and what the command line says beside it.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    path: PathBuf,
    strategy: Option<Strategy>,
}

/// What the file held at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigText(Vec<u8>);

impl ConfigFile {
    /// The file at `path`; `strategy` stands for whatever it says of that.
    #[must_use]
    pub const fn new(path: PathBuf, strategy: Option<Strategy>) -> Self {
        Self { path, strategy }
    }

    /// What it holds now.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&self) -> Result<ConfigText, ConfigError> {
        let read = fs::read(&self.path).map(ConfigText);
        read.map_err(|source| ConfigError::Read { file: self.path.display().to_string(), source })
    }

    /// The settings in `text`; relative paths in it start at the file's folder.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(&self, text: &ConfigText) -> Result<Config, ConfigError> {
        let folder = self.path.parent().unwrap_or_else(|| Path::new(""));
        let config = Config::parse(&text.0, &self.path.display().to_string(), folder)?;
        Ok(match self.strategy {
            Some(strategy) => config.with_strategy(strategy),
            None => config,
        })
    }

    /// The settings that it holds now.
    ///
    /// # Errors
    /// It cannot be read, or everything that is wrong with it.
    pub fn load(&self) -> Result<Config, ConfigError> {
        self.parse(&self.read()?)
    }
}

impl ConfigText {
    /// A number that differs where the text differs: the first 48 bits of its SHA-256, which a sample holds exactly.
    #[must_use]
    pub fn digest(&self) -> u64 {
        Sha256::digest(&self.0).iter().take(6).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}
