//! A repository of the configuration: where it lies, and how it is reached.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::address::{self, Address};
use super::cursor::{Cursor, Noted, Section};
use super::parse::duration_of_at_least;
use super::{Credentials, Proxy, Repository};

/// How long a server may stay silent.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a whole fetch may take: enough for the first one of a history of some gigabytes.
pub(super) const FETCH_TIMEOUT: Duration = Duration::from_mins(15);
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);

/// Reads everything but the name.
pub(super) fn read(section: &Section<'_>, folder: &Path) -> Result<Unnamed, Noted> {
    let section =
        section.cursor.section(&["name", "url", "credentials", "caFile", "proxy", "idleTimeout", "fetchTimeout"])?;
    let address = section
        .require("url", "name the repository's https or ssh URL, its path or a `file://` URL")
        .and_then(|cursor| address::read(&cursor, folder));
    let credentials = section.optional("credentials", |cursor| read_credentials(cursor, folder));
    let ca_file = section.optional("caFile", |cursor| file(cursor, folder));
    let proxy = section.optional("proxy", read_proxy);
    let idle = section.optional("idleTimeout", |cursor| duration_of_at_least(cursor, SHORTEST_TIMEOUT));
    let fetch = section.optional("fetchTimeout", |cursor| duration_of_at_least(cursor, SHORTEST_TIMEOUT));
    let repository = Unnamed {
        address: address?,
        credentials: credentials?.unwrap_or_default(),
        ca_file: ca_file?,
        proxy: proxy?.unwrap_or(Proxy::Environment),
        idle_timeout: idle?.unwrap_or(IDLE_TIMEOUT),
        fetch_timeout: fetch?.unwrap_or(FETCH_TIMEOUT),
    };
    fits(&section, &repository)?;
    Ok(repository)
}

/// A repository whose name has not been read yet.
pub(super) struct Unnamed {
    address: Address,
    credentials: Credentials,
    ca_file: Option<PathBuf>,
    proxy: Proxy,
    idle_timeout: Duration,
    fetch_timeout: Duration,
}

impl Unnamed {
    pub(super) fn named(self, name: String) -> Repository {
        let Self { address, credentials, ca_file, proxy, idle_timeout, fetch_timeout } = self;
        Repository { name, address, credentials, ca_file, proxy, idle_timeout, fetch_timeout }
    }
}

fn file(cursor: &Cursor<'_>, folder: &Path) -> Result<PathBuf, Noted> {
    Ok(folder.join(cursor.text()?))
}

fn read_credentials(cursor: &Cursor<'_>, folder: &Path) -> Result<Credentials, Noted> {
    let section = cursor.section(&[
        "usernameFile",
        "passwordFile",
        "tokenFile",
        "bearerTokenFile",
        "sshKeyFile",
        "sshPassphraseFile",
        "knownHostsFile",
    ])?;
    let read = |key| section.optional(key, |cursor| file(cursor, folder));
    let (username, password, token) = (read("usernameFile"), read("passwordFile"), read("tokenFile"));
    let bearer = read("bearerTokenFile");
    let (key, passphrase, known_hosts) = (read("sshKeyFile"), read("sshPassphraseFile"), read("knownHostsFile"));
    let credentials = Credentials {
        username_file: username?,
        password_file: password?,
        token_file: token?,
        bearer_token_file: bearer?,
        ssh_key_file: key?,
        ssh_passphrase_file: passphrase?,
        known_hosts_file: known_hosts?,
    };
    let basic = credentials.username_file.is_some() || credentials.password_file.is_some();
    match &credentials {
        Credentials { bearer_token_file: Some(_), token_file, .. } if basic || token_file.is_some() => {
            Err(section.cursor.note(
                "has a bearer token and another login",
                "keep `bearerTokenFile`, or what the server takes otherwise",
            ))
        }
        Credentials { password_file: Some(_), token_file: Some(_), .. } => {
            Err(section.cursor.note("has both a password and a token", "keep `passwordFile` or `tokenFile`"))
        }
        Credentials { password_file: Some(_), username_file: None, .. } => {
            Err(section.cursor.note("has a password without a user name", "add `usernameFile`"))
        }
        Credentials { username_file: Some(_), password_file: None, token_file: None, .. } => {
            Err(section.cursor.note("has a user name without a password", "add `passwordFile` or `tokenFile`"))
        }
        Credentials { ssh_passphrase_file: Some(_), ssh_key_file: None, .. } => {
            Err(section.cursor.note("has a passphrase without its key", "add `sshKeyFile`"))
        }
        _ => Ok(credentials),
    }
}

fn read_proxy(cursor: &Cursor<'_>) -> Result<Proxy, Noted> {
    let text = cursor.text()?;
    if text == "none" {
        return Ok(Proxy::Direct);
    }
    let hint = "write `http://HOST:PORT` or `https://HOST:PORT`, or `none` to use no proxy at all";
    let (scheme, authority) = text.split_once("://").unwrap_or(("", text));
    if scheme.starts_with("socks") {
        return Err(cursor.note("is a SOCKS proxy, which is not supported", hint));
    }
    if !matches!(scheme, "http" | "https") {
        return Err(cursor.note("is no http or https proxy", hint));
    }
    if authority.contains('@') {
        let hint = "set the variable HTTPS_PROXY in driftd's environment instead, which may hold a user and a password";
        return Err(cursor.note("holds a user or a password", hint));
    }
    if address::authority(authority.trim_end_matches('/')).is_none() {
        return Err(cursor.note("names no host", hint));
    }
    Ok(Proxy::At(text.trim_end_matches('/').to_owned()))
}

/// Credentials and settings that the address cannot use are mistakes, not spare parts.
fn fits(section: &Section<'_>, repository: &Unnamed) -> Result<(), Noted> {
    let credentials = &repository.credentials;
    let basic = credentials.password_file.is_some()
        || credentials.token_file.is_some()
        || credentials.bearer_token_file.is_some();
    let ssh = credentials.ssh_key_file.is_some() || credentials.known_hosts_file.is_some();
    let wrong = |key: &str, message: &str, hint: &str| {
        let cursor = section.get(key);
        Err(cursor.as_ref().unwrap_or(&section.cursor).note(message, hint))
    };
    let http = match &repository.address {
        Address::Http { .. } => true,
        Address::Ssh { .. } | Address::Local(_) => false,
    };
    match &repository.address {
        Address::Local(_) if section.has("credentials") => {
            wrong("credentials", "a repository of this machine needs no credentials", "leave the key out")
        }
        Address::Http { .. } if ssh => wrong(
            "credentials",
            "ssh keys are of no use to an https URL",
            "name `usernameFile` and `passwordFile`, or `tokenFile`",
        ),
        Address::Http { url } if basic && url.starts_with("http://") => {
            wrong("url", "would send the credentials unencrypted", "use the repository's https URL")
        }
        Address::Ssh { .. } if basic => wrong(
            "credentials",
            "passwords and tokens are of no use to an ssh URL",
            "name `sshKeyFile` and `knownHostsFile`",
        ),
        _ if !http && section.has("caFile") => wrong("caFile", "is for https URLs only", "leave the key out"),
        _ if !http && section.has("proxy") => wrong(
            "proxy",
            "is for https URLs only",
            "leave the key out; for ssh a ProxyCommand or ProxyJump in ssh's own configuration does the same",
        ),
        _ => Ok(()),
    }
}
