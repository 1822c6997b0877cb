//! Who may read what is served, and over what: the `web.config` file that exporters for Prometheus share.
//!
//! Format: <https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md>

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::cursor::{Cursor, Noted, Notes, Section};
use super::error::{ConfigError, Problems};
use super::parse::only_document;

/// The file as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebConfig {
    /// Absent where it is plain HTTP.
    pub tls: Option<Tls>,
    /// The bcrypt hash of each user's password; empty where nobody is asked.
    pub users: BTreeMap<String, String>,
}

/// How connections are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The server's certificate and those between it and its authority, PEM.
    pub cert_file: PathBuf,
    /// Its key, PEM.
    pub key_file: PathBuf,
    /// Whether clients show one of their own.
    pub clients: Clients,
    /// The versions that are spoken.
    pub versions: Versions,
}

/// Whether clients show a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clients {
    /// They are not asked.
    Unasked,
    /// They may; then one of these authorities vouches for it.
    Optional(PathBuf),
    /// They must, and one of these authorities vouches for it.
    Required(PathBuf),
}

/// The versions of TLS that are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// 1.2 and 1.3.
    All,
    /// 1.2 alone.
    Only12,
    /// 1.3 alone.
    Only13,
}

impl WebConfig {
    /// Reads and checks a file; relative paths in it start at its folder.
    ///
    /// # Errors
    /// It cannot be read, or everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = fs::read(path).map_err(|source| ConfigError::Read { file: file.clone(), source })?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        Ok(parse(&text, &file, folder)?)
    }
}

fn parse(text: &[u8], file: &str, folder: &Path) -> Result<WebConfig, Problems> {
    let wrong = |problems| Problems { file: file.to_owned(), problems };
    let document = only_document(text, "name `tls_server_config`, `basic_auth_users` or both").map_err(wrong)?;
    let notes = Notes::new(&document.lines);
    let read = read(&Cursor::root(&document.value, &notes), folder);
    let problems = notes.into_problems();
    match read {
        Ok(read) if problems.is_empty() => Ok(read),
        _ => Err(wrong(problems)),
    }
}

fn read(root: &Cursor<'_>, folder: &Path) -> Result<WebConfig, Noted> {
    let file = root.section(&["tls_server_config", "basic_auth_users", "http_server_config", "rate_limit"])?;
    let tls = file.optional("tls_server_config", |cursor| read_tls(cursor, folder));
    let users = file.optional("basic_auth_users", read_users);
    let http = file.optional("http_server_config", |cursor| {
        let section = cursor.section(&["http2", "headers"])?;
        let http2 = section.optional("http2", |cursor| {
            let note = || cursor.note("is not supported: HTTP/1.1 is spoken", "write `http2: false` or leave it out");
            if cursor.is_false() { Ok(()) } else { Err(note()) }
        });
        unsupported(&section, &["headers"], "driftd sets the strictest headers itself").and(http2)
    });
    let rate = unsupported(&file, &["rate_limit"], "connections are limited in number instead");
    http.and(rate.map(Some))?;
    Ok(WebConfig { tls: tls?, users: users?.unwrap_or_default() })
}

/// What the format knows and driftd does not do is an error: a setting for security that is silently left out is worse.
fn unsupported(section: &Section<'_>, keys: &[&str], instead: &str) -> Result<(), Noted> {
    let notes = keys.iter().filter_map(|key| section.get(key));
    let notes: Vec<Noted> =
        notes.map(|cursor| cursor.note("is not supported", format!("leave the key out: {instead}"))).collect();
    notes.into_iter().next().map_or(Ok(()), Err)
}

fn read_tls(cursor: &Cursor<'_>, folder: &Path) -> Result<Tls, Noted> {
    let section = cursor.section(&[
        "cert_file",
        "key_file",
        "cert",
        "key",
        "client_auth_type",
        "client_ca_file",
        "client_ca",
        "client_allowed_sans",
        "min_version",
        "max_version",
        "cipher_suites",
        "prefer_server_cipher_suites",
        "curve_preferences",
    ])?;
    let inline = unsupported(&section, &["cert", "key", "client_ca"], "name a file, which may then be rotated");
    let choices = ["cipher_suites", "prefer_server_cipher_suites", "curve_preferences"];
    let choices = unsupported(&section, &choices, "every suite and curve that is spoken is a strong one");
    let names = unsupported(&section, &["client_allowed_sans"], "name an authority for these clients alone");
    let path = |cursor: &Cursor<'_>| Ok(folder.join(cursor.text()?));
    let cert_file = section.require("cert_file", "name the file of the certificate, PEM").and_then(|at| path(&at));
    let key_file = section.require("key_file", "name the file of its key, PEM").and_then(|at| path(&at));
    let authorities = section.optional("client_ca_file", path);
    let clients = read_clients(&section, authorities);
    let versions = read_versions(&section);
    inline.and(choices).and(names)?;
    Ok(Tls { cert_file: cert_file?, key_file: key_file?, clients: clients?, versions: versions? })
}

fn read_clients(section: &Section<'_>, authorities: Result<Option<PathBuf>, Noted>) -> Result<Clients, Noted> {
    let kind = section.get("client_auth_type");
    let text = kind.as_ref().map_or(Ok("NoClientCert"), Cursor::text)?;
    let hint = "name the file of the authorities that vouch for clients";
    let authorities = |wanted: &str| match authorities? {
        Some(file) => Ok(file),
        None => Err(section.missing("client_ca_file", &format!("{hint}: `{wanted}` needs it"))),
    };
    match (text, &kind) {
        ("NoClientCert", _) if section.has("client_ca_file") => Err(section.cursor.note(
            "has authorities for clients that are not asked",
            "write `client_auth_type: RequireAndVerifyClientCert`, or leave `client_ca_file` out",
        )),
        ("NoClientCert", _) | (_, None) => Ok(Clients::Unasked),
        ("VerifyClientCertIfGiven", _) => authorities(text).map(Clients::Optional),
        ("RequireAndVerifyClientCert", _) => authorities(text).map(Clients::Required),
        (_, Some(kind)) => Err(kind.note(
            "is not supported",
            "use `NoClientCert`, `VerifyClientCertIfGiven` or `RequireAndVerifyClientCert`: \
             a certificate that nobody verifies proves nothing",
        )),
    }
}

fn read_versions(section: &Section<'_>) -> Result<Versions, Noted> {
    let version = |key| {
        section.optional(key, |cursor| match cursor.text()? {
            "TLS12" => Ok(12),
            "TLS13" => Ok(13),
            "TLS10" | "TLS11" => Err(cursor.note("is not spoken any more", "use `TLS12` or `TLS13`")),
            _ => Err(cursor.note("is no version of TLS", "use `TLS12` or `TLS13`")),
        })
    };
    let (least, most) = (version("min_version"), version("max_version"));
    match (least?.unwrap_or(12), most?.unwrap_or(13)) {
        (12, 13) => Ok(Versions::All),
        (12, 12) => Ok(Versions::Only12),
        (13, 13) => Ok(Versions::Only13),
        _ => Err(section.cursor.note("allows no version of TLS", "leave out `min_version` and `max_version`")),
    }
}

fn read_users(cursor: &Cursor<'_>) -> Result<BTreeMap<String, String>, Noted> {
    let hint = "write each user and behind it the bcrypt hash of its password, as `htpasswd -nBC 10 USER` prints it";
    let section = cursor.mapping(hint)?;
    let each = section.entries().map(|(name, hash)| {
        if name.is_empty() || name.contains(':') {
            return Err(hash.note("is no user name", "use a name that is not empty and holds no colon"));
        }
        let text = hash.text()?;
        // Never quoted: it may be the password itself.
        if is_bcrypt(text) { Ok((name.clone(), text.to_owned())) } else { Err(hash.note("is no bcrypt hash", hint)) }
    });
    let each: Vec<Result<_, Noted>> = each.collect();
    each.into_iter().collect()
}

/// `$2y$10$`, then 22 characters of salt and 31 of digest.
fn is_bcrypt(text: &str) -> bool {
    let parts: Vec<&str> = text.split('$').collect();
    let ["", "2a" | "2b" | "2y", cost, digest] = parts.as_slice() else { return false };
    let alphabet = |character: char| character.is_ascii_alphanumeric() || "./".contains(character);
    cost.len() == 2
        && cost.parse::<u32>().is_ok_and(|cost| (4..=31).contains(&cost))
        && digest.len() == 53
        && digest.chars().all(alphabet)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";

    fn read(text: &str) -> Result<WebConfig, String> {
        parse(text.as_bytes(), "web.yaml", Path::new("/etc/web")).map_err(|problems| problems.to_string())
    }

    #[test]
    fn what_is_supported_is_read() {
        let text = format!(
            "tls_server_config:\n  cert_file: tls.crt\n  key_file: /run/tls.key\n  min_version: TLS13\n  \
             client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\nhttp_server_config: {{http2: false}}\n\
             basic_auth_users:\n  prometheus: {HASH}\n"
        );
        let tls = Tls {
            cert_file: "/etc/web/tls.crt".into(),
            key_file: "/run/tls.key".into(),
            clients: Clients::Required("/etc/web/ca.crt".into()),
            versions: Versions::Only13,
        };
        let users = BTreeMap::from([("prometheus".to_owned(), HASH.to_owned())]);
        assert_eq!(read(&text), Ok(WebConfig { tls: Some(tls), users }));
    }

    #[test]
    fn what_is_wrong_or_not_supported_is_told_at_its_line_and_no_password_is_quoted() {
        let text = "tls_server_config:\n  cert_file: tls.crt\n  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n  \
                    client_auth_type: RequireAnyClientCert\n  max_version: TLS11\n  key_fil: a\n\
                    http_server_config:\n  http2: true\n  headers: {X-Frame-Options: deny}\n\
                    basic_auth_users:\n  prometheus: swordfish\nrate_limit: {burst: 1}\n";
        let told = read(text).unwrap_err();
        for part in [
            "web.yaml:3: tls_server_config.cipher_suites: is not supported",
            "web.yaml:4: tls_server_config.client_auth_type: is not supported",
            "web.yaml:5: tls_server_config.max_version: is not spoken any more",
            "tls_server_config.key_fil: unknown key",
            "tls_server_config.key_file: is missing",
            "web.yaml:8: http_server_config.http2: is not supported",
            "web.yaml:9: http_server_config.headers: is not supported",
            "web.yaml:11: basic_auth_users.prometheus: is no bcrypt hash",
            "web.yaml:12: rate_limit: is not supported",
        ] {
            assert!(told.contains(part), "no {part:?} in {told}");
        }
        assert!(!told.contains("swordfish"));
        assert!(read("").unwrap_err().contains("name `tls_server_config`"));
        assert!(
            read("tls_server_config: {cert_file: a, key_file: b, min_version: TLS13, max_version: TLS12}").is_err()
        );
        assert!(read("tls_server_config: {cert_file: a, key_file: b, client_ca_file: c}").is_err());
        assert!(
            read("tls_server_config: {cert_file: a, key_file: b, client_auth_type: VerifyClientCertIfGiven}").is_err()
        );
    }

    #[test]
    fn only_whole_hashes_are_taken() {
        assert!(is_bcrypt(HASH));
        for wrong in [&HASH[..59], "$2y$40$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG", "{SHA}x", "$1$a$b"] {
            assert!(!is_bcrypt(wrong), "{wrong}");
        }
    }
}
