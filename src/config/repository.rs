//! Where a repository lies: a path or a `file://` URL.

use std::path::{Path, PathBuf};

use super::cursor::{Cursor, Noted};

/// Reads a repository's address. The address is never quoted: it may hold a password.
pub(super) fn path(cursor: &Cursor<'_>, folder: &Path) -> Result<PathBuf, Noted> {
    let text = cursor.text()?;
    let hint = "clone or mirror it to this machine and name its path or a `file://` URL";
    match text.split_once("://") {
        Some(("file", rest)) => local(rest).ok_or_else(|| {
            cursor.note(
                "is no `file://` URL of this machine",
                "write `file://` and an absolute path: `file:///srv/git/platform.git`",
            )
        }),
        Some((scheme @ ("https" | "http" | "ssh" | "git" | "git+ssh"), _)) => {
            Err(cursor
                .note(format!("{scheme} repositories are not supported yet, nor is any other over a network"), hint))
        }
        Some(_) => Err(cursor.note("has a scheme that is not known; https and ssh are not supported yet either", hint)),
        None if is_scp_like(text) => {
            Err(cursor.note("ssh repositories are not supported yet, nor is any other over a network", hint))
        }
        None => Ok(folder.join(text)),
    }
}

/// `host:path`, as git takes it: a colon before the first slash.
fn is_scp_like(text: &str) -> bool {
    text.split('/').next().is_some_and(|first| first.contains(':'))
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
