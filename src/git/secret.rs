//! Credentials on their way from a file to a server; nothing here can be shown.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::fault::Fault;
use crate::config::Credentials;

/// What is sent as user where only a token is configured; forges take any name there.
const TOKEN_USER: &str = "x-access-token";

/// What a server is shown, read from its files at this moment.
#[derive(Default)]
pub(super) struct Secrets {
    /// The value of an `Authorization` header.
    pub authorization: Option<String>,
    /// Texts that nobody may see.
    hidden: Vec<String>,
}

impl Secrets {
    /// Reads what `credentials` names; the ssh files are read by ssh itself.
    pub fn read(credentials: &Credentials) -> Result<Self, Fault> {
        let read = |key, file: &Option<PathBuf>| file.as_deref().map(|file| text(key, file)).transpose();
        let user = read("usernameFile", &credentials.username_file)?;
        let password = match read("passwordFile", &credentials.password_file)? {
            Some(password) => Some(password),
            None => read("tokenFile", &credentials.token_file)?,
        };
        if let Some(token) = read("bearerTokenFile", &credentials.bearer_token_file)? {
            return Ok(Self { authorization: Some(format!("Bearer {token}")), hidden: vec![token] });
        }
        let Some(password) = password else { return Ok(Self::default()) };
        let user = user.unwrap_or_else(|| TOKEN_USER.to_owned());
        let encoded = STANDARD.encode(format!("{user}:{password}"));
        Ok(Self { authorization: Some(format!("Basic {encoded}")), hidden: vec![encoded, password] })
    }

    /// `text` as it may be shown: one line without credentials and control characters.
    pub fn clean(&self, text: &str) -> String {
        let mut clean: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        for hidden in self.hidden.iter().filter(|hidden| !hidden.is_empty()) {
            clean = clean.replace(hidden, "***");
        }
        clean
    }
}

/// The text of a file without the line's end.
fn text(key: &'static str, file: &Path) -> Result<String, Fault> {
    let wrong = |message: String| Fault::File { key, file: file.display().to_string(), message };
    let bytes = fs::read(file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("is no text".to_owned()))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(wrong("is empty".to_owned())),
        line if line.contains(['\r', '\n']) => Err(wrong("holds several lines; keep the one that counts".to_owned())),
        line => Ok(line.to_owned()),
    }
}

/// What tells that a file of credentials was replaced: when it was written, and its length.
pub(super) type Fingerprint = Vec<Option<(SystemTime, u64)>>;

/// The fingerprint of every file that a fetch depends on.
pub(super) fn fingerprint(credentials: &Credentials, ca_file: Option<&Path>) -> Fingerprint {
    let Credentials {
        username_file,
        password_file,
        token_file,
        bearer_token_file,
        ssh_key_file,
        ssh_passphrase_file,
        known_hosts_file,
    } = credentials;
    [username_file, password_file, token_file, bearer_token_file, ssh_key_file, ssh_passphrase_file, known_hosts_file]
        .into_iter()
        .map(Option::as_deref)
        .chain([ca_file])
        .map(|file| {
            let metadata = fs::metadata(file?).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
        .collect()
}
