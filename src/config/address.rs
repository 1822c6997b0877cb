//! Where a repository lies: an https or ssh URL, a `file://` URL or a path.

use std::fmt;
use std::path::{Path, PathBuf};

use super::cursor::{Cursor, Noted};

/// Where a repository lies. Shown, it holds no user information but the user name of ssh.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// On this machine.
    Local(PathBuf),
    /// Behind `https://` or `http://`; without user information and without a slash at its end.
    Http {
        /// The whole URL.
        url: String,
    },
    /// Behind ssh.
    Ssh {
        /// The user to log in as; ssh's own choice where absent.
        user: Option<String>,
        /// A name or an address, without brackets.
        host: String,
        /// 22, or what ssh's configuration says, where absent.
        port: Option<u16>,
        /// As `git-upload-pack` gets it.
        path: String,
    },
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => write!(f, "{}", path.display()),
            Self::Http { url } => f.write_str(url),
            Self::Ssh { user, host, port, path } => {
                f.write_str("ssh://")?;
                if let Some(user) = user {
                    write!(f, "{user}@")?;
                }
                if host.contains(':') { write!(f, "[{host}]") } else { f.write_str(host) }?;
                if let Some(port) = port {
                    write!(f, ":{port}")?;
                }
                write!(f, "{}{path}", if path.starts_with('/') { "" } else { "/" })
            }
        }
    }
}

/// Why a text is no address, and what to do; the text is never quoted: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoAddress {
    /// What is wrong with it.
    pub message: &'static str,
    /// What to do.
    pub hint: &'static str,
}

impl Address {
    /// Reads an address as git does; relative paths start at `folder`.
    ///
    /// # Errors
    /// It is none, or holds user information.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, NoAddress> {
        match text.split_once("://") {
            Some(("file", rest)) => local(rest).map(Self::Local).ok_or(NoAddress {
                message: "is no `file://` URL of this machine",
                hint: "write `file://` and an absolute path: `file:///srv/git/platform.git`",
            }),
            Some((scheme @ ("https" | "http"), rest)) => http(scheme, rest),
            Some(("ssh" | "git+ssh" | "ssh+git", rest)) => {
                let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                // As with git, `ssh://host/~user/x` starts at that user's home.
                let path = if path.starts_with('~') { path.to_owned() } else { format!("/{path}") };
                ssh(authority, path)
            }
            Some(_) => Err(NoAddress {
                message: "has a scheme that is not known",
                hint: "use https or ssh, or the path of a clone on this machine",
            }),
            // `ext::…` is a program to git.
            None if text.split('/').next().is_some_and(|first| first.contains("::") && !first.starts_with('[')) => {
                Err(NoAddress {
                    message: "has a scheme that is not known",
                    hint: "use https or ssh, or the path of a clone on this machine",
                })
            }
            None => match scp_like(text) {
                Some((authority, path)) => ssh(authority, path.to_owned()),
                None => Ok(Self::Local(folder.join(text))),
            },
        }
    }

    /// Whether `other` lies on the same server, where the same credentials hold.
    #[must_use]
    pub fn is_on_the_server_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Http { url: one }, Self::Http { url: other }) => origin(one).eq_ignore_ascii_case(origin(other)),
            (
                Self::Ssh { user, host, port, .. },
                Self::Ssh { user: other_user, host: other_host, port: other_port, .. },
            ) => user == other_user && host.eq_ignore_ascii_case(other_host) && port == other_port,
            _ => false,
        }
    }

    /// Whether `url`, as a server writes it down itself, means the repository that lies here: by https or ssh, with or
    /// without a user, a port and `.git`.
    #[must_use]
    pub fn is_meant_by(&self, url: &str) -> bool {
        place(&self.to_string()).is_some_and(|own| place(url) == Some(own))
    }

    /// The address that `reference`, the URL of a submodule, means in a repository that lies here.
    ///
    /// # Errors
    /// It is none, or leads to a path of this machine.
    pub fn submodule(&self, reference: &str) -> Result<Self, NoAddress> {
        let local = NoAddress {
            message: "its URL is a path of this machine",
            hint: "give the submodule an https or ssh URL, or one relative to such",
        };
        if !(reference.starts_with("./") || reference.starts_with("../")) {
            return match Self::parse(reference, Path::new("/"))? {
                Self::Local(_) => Err(local),
                address => Ok(address),
            };
        }
        match self {
            Self::Local(_) => Err(local),
            Self::Http { url } => {
                let root = origin(url);
                let path = relative(&url[root.len()..], reference)?;
                Self::parse(&format!("{root}/{}", path.trim_start_matches('/')), Path::new("/"))
            }
            Self::Ssh { user, host, port, path } => Ok(Self::Ssh {
                user: user.clone(),
                host: host.clone(),
                port: *port,
                path: plain_path(relative(path, reference)?)?,
            }),
        }
    }
}

/// Reads a repository's address.
pub(super) fn read(cursor: &Cursor<'_>, folder: &Path) -> Result<Address, Noted> {
    let text = cursor.text()?;
    Address::parse(text, folder).map_err(|wrong| cursor.note(wrong.message, wrong.hint))
}

/// Host and path of a URL, as far as they tell one repository from another.
fn place(url: &str) -> Option<(String, Vec<String>)> {
    let (authority, path) = match url.split_once("://") {
        Some(("file", path)) => ("", path),
        Some((_, rest)) => rest.split_once('/')?,
        None => scp_like(url).unwrap_or(("", url)),
    };
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = if host.starts_with('[') { host } else { host.split(':').next()? };
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let parts = path.split('/').filter(|part| !part.is_empty());
    let host = host.to_lowercase();
    // Azure DevOps: `ssh.dev.azure.com/v3/ORGANISATION/PROJECT/NAME`, by https `…/ORGANISATION/PROJECT/_git/NAME`.
    let parts: Vec<String> = match host.strip_prefix("ssh.").unwrap_or(&host) {
        "dev.azure.com" => parts.filter(|part| !["v3", "_git"].contains(part)).map(str::to_lowercase).collect(),
        _ => parts.map(str::to_owned).collect(),
    };
    let host = if host == "ssh.dev.azure.com" { "dev.azure.com".to_owned() } else { host };
    Some((host, parts))
}

/// Scheme, host and port of a URL.
fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    url[start..].find('/').map_or(url, |slash| &url[..start + slash])
}

/// `path` with the steps of `reference` taken from it.
fn relative(path: &str, reference: &str) -> Result<String, NoAddress> {
    let mut path = path.trim_end_matches('/').to_owned();
    for step in reference.split('/').filter(|step| !step.is_empty() && *step != ".") {
        if step == ".." {
            let cut = path.rfind('/').or((!path.is_empty()).then_some(0)).ok_or(NoAddress {
                message: "its URL leads above the server's root",
                hint: "correct the submodule's relative URL",
            })?;
            path.truncate(cut);
        } else {
            path = if path.is_empty() && !reference.starts_with('/') {
                format!("/{step}")
            } else {
                format!("{path}/{step}")
            };
        }
    }
    Ok(path)
}

fn http(scheme: &str, rest: &str) -> Result<Address, NoAddress> {
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.contains('@') {
        return Err(NoAddress {
            message: "holds a user, a password or a token",
            hint: "take it out of the URL, into the files of `credentials`: `usernameFile` and `passwordFile`, or `tokenFile`",
        });
    }
    let is_clean = !path.contains(|c: char| c.is_whitespace() || c.is_control() || "?#\\\"<>".contains(c));
    if authority(host).is_none() || !is_clean || path.is_empty() {
        return Err(NoAddress {
            message: "is no URL of a repository",
            hint: "write `https://HOST/PATH`, blanks as `%20`, without `?` and `#`",
        });
    }
    Ok(Address::Http { url: format!("{scheme}://{host}/{}", path.trim_end_matches('/')) })
}

fn ssh(authority_text: &str, path: String) -> Result<Address, NoAddress> {
    let wrong = NoAddress {
        message: "is no ssh address of a repository",
        hint: "write `ssh://USER@HOST:PORT/PATH` or `USER@HOST:PATH`",
    };
    let (user, rest) = match authority_text.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, authority_text),
    };
    if user.is_some_and(|user| user.contains(':')) {
        return Err(NoAddress {
            message: "holds a password",
            hint: "take it out of the URL; ssh logs in with a key: `credentials.sshKeyFile`, or the agent",
        });
    }
    let is_user = |user: &str| user.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if user.is_some_and(|user| user.is_empty() || user.starts_with('-') || !is_user(user)) {
        return Err(wrong);
    }
    let (host, port) = authority(rest).ok_or(wrong)?;
    Ok(Address::Ssh { user: user.map(str::to_owned), host: host.to_owned(), port, path: plain_path(path)? })
}

/// A path that neither ssh nor `git-upload-pack` takes for anything else.
fn plain_path(path: String) -> Result<String, NoAddress> {
    if path.trim_matches('/').is_empty() || path.starts_with('-') || path.contains(char::is_control) {
        return Err(NoAddress {
            message: "names no repository behind the host",
            hint: "write `ssh://USER@HOST:PORT/PATH` or `USER@HOST:PATH`",
        });
    }
    Ok(path)
}

/// Host and port of `host`, `host:port` or `[address]:port`.
pub(super) fn authority(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if port.is_empty() { port } else { port.strip_prefix(':')? })
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let port = if port.is_empty() { None } else { Some(port.parse().ok().filter(|port| *port != 0)?) };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    (!host.is_empty() && !host.starts_with('-') && host.chars().all(allowed)).then_some((host, port))
}

/// `host:path`, as git takes it: a colon before the first slash.
fn scp_like(text: &str) -> Option<(&str, &str)> {
    let (before, path) = text.split_once(':')?;
    if let Some(rest) = text.strip_prefix('[') {
        let end = rest.find("]:")? + 1;
        return Some((&text[..=end], &text[end + 2..]));
    }
    (!before.contains('/')).then_some((before, path))
}

/// The path of a `file://` URL, `%xx` decoded as git does.
fn local(rest: &str) -> Option<PathBuf> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return None;
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut parts = path.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_own_name_of_a_repository_is_known() {
        let is_meant = |address: &str, url: &str| Address::parse(address, Path::new("/srv")).unwrap().is_meant_by(url);
        for url in [
            "https://git.example.org/team/platform.git",
            "https://git.example.org/team/platform",
            "https://user@GIT.example.org:8443/team/platform.git/",
            "git@git.example.org:team/platform.git",
            "ssh://git@git.example.org:2222/team/platform.git",
        ] {
            for address in ["https://git.example.org/team/platform.git", "ssh://git@git.example.org/team/platform"] {
                assert!(is_meant(address, url), "{address} {url}");
            }
            assert!(!is_meant("https://git.example.org/team/platform-docs", url));
            assert!(!is_meant("https://example.org/team/platform", url));
        }
        let https = "https://dev.azure.com/contoso/Trino%20Team/_git/platform";
        assert!(is_meant("git@ssh.dev.azure.com:v3/contoso/Trino%20Team/platform", https));
        assert!(is_meant("repositories/platform.git", "/srv/repositories/platform.git"));
        assert!(is_meant("/srv/platform", "file:///srv/platform"));
        assert!(!is_meant("https://git.example.org/team/platform", ""));
    }

    fn parse(text: &str) -> Result<Address, NoAddress> {
        Address::parse(text, Path::new("/etc/driftd"))
    }

    fn shown(text: &str) -> String {
        parse(text).map_or_else(|wrong| format!("! {}", wrong.message), |address| address.to_string())
    }

    #[test]
    fn every_form_of_an_address_is_read_as_git_reads_it() {
        for (text, expected) in [
            ("../platform.git", "/etc/driftd/../platform.git"),
            ("/srv/a b:c.git", "/srv/a b:c.git"),
            ("file:///srv/git/a%20b.git", "/srv/git/a b.git"),
            ("https://git.example.org/team/platform.git/", "https://git.example.org/team/platform.git"),
            ("https://[::1]:8443/p", "https://[::1]:8443/p"),
            ("ssh://git@git.example.org:2222/team/p.git", "ssh://git@git.example.org:2222/team/p.git"),
            ("ssh://[::1]:22/p", "ssh://[::1]:22/p"),
            ("git@git.example.org:team/p.git", "ssh://git@git.example.org/team/p.git"),
            ("ssh://host/~me/p.git", "ssh://host/~me/p.git"),
            ("https://git.example.org", "! is no URL of a repository"),
            ("https://git.example.org/a b", "! is no URL of a repository"),
            ("https://git.example.org:0/a", "! is no URL of a repository"),
            ("https://user:hunter2@git.example.org/a", "! holds a user, a password or a token"),
            ("https://ghp_token@git.example.org/a", "! holds a user, a password or a token"),
            ("ssh://git:hunter2@git.example.org/a", "! holds a password"),
            ("ssh://-oProxyCommand=x/a", "! is no ssh address of a repository"),
            ("ssh://-l@host/a", "! is no ssh address of a repository"),
            ("host:-upload", "! names no repository behind the host"),
            ("ssh://host/", "! names no repository behind the host"),
            ("file://elsewhere/x", "! is no `file://` URL of this machine"),
            ("ftp://host/x", "! has a scheme that is not known"),
            ("ext::sh -c id", "! has a scheme that is not known"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        let Ok(Address::Ssh { path, .. }) = parse("git@host:team/p.git") else { panic!("no ssh address") };
        assert_eq!(path, "team/p.git", "relative to the user's home");
    }

    #[test]
    fn a_submodule_lies_where_git_would_look_for_it() {
        let https = parse("https://git.example.org/team/platform.git").unwrap();
        let ssh = parse("git@git.example.org:team/platform.git").unwrap();
        let local = parse("/srv/git/platform.git").unwrap();
        let shown = |address: &Address, reference: &str| {
            address.submodule(reference).map_or_else(|wrong| format!("! {}", wrong.message), |found| found.to_string())
        };
        assert_eq!(shown(&https, "../base.git"), "https://git.example.org/team/base.git");
        assert_eq!(shown(&https, "../../other/base.git"), "https://git.example.org/other/base.git");
        assert_eq!(shown(&https, "./base.git"), "https://git.example.org/team/platform.git/base.git");
        assert_eq!(shown(&https, "https://else.example.org/b.git"), "https://else.example.org/b.git");
        assert_eq!(shown(&https, "../../../../x"), "! its URL leads above the server's root");
        assert_eq!(shown(&ssh, "../base.git"), "ssh://git@git.example.org/team/base.git");
        assert_eq!(shown(&https, "/etc/base.git"), "! its URL is a path of this machine");
        assert_eq!(shown(&https, "file:///etc/base.git"), "! its URL is a path of this machine");
        assert_eq!(shown(&local, "../base.git"), "! its URL is a path of this machine");
        assert!(https.submodule("../base.git").unwrap().is_on_the_server_of(&https));
        assert!(!parse("https://git.example.org:8443/x").unwrap().is_on_the_server_of(&https));
        assert!(!parse("https://git.example.org.evil/x").unwrap().is_on_the_server_of(&https));
        assert!(!parse("http://git.example.org/x").unwrap().is_on_the_server_of(&https));
    }
}
