//! A private folder for one run of a renderer: the files that it needs, an empty home, nothing else.

use std::ffi::OsString;
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use tempfile::TempDir;

use crate::git::SourceFile;

/// A folder that only driftd's own user may enter, gone with everything in it when dropped.
#[derive(Debug)]
pub(super) struct Workspace {
    folder: TempDir,
}

/// What lies in a workspace.
const FOLDERS: [&str; 5] = ["tree", "home", "tmp", "bin", "aside"];

impl Workspace {
    /// An empty one.
    pub(super) fn new() -> io::Result<Self> {
        let private = Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix("driftd-render-").permissions(private).tempdir()?;
        for name in FOLDERS {
            DirBuilder::new().mode(0o700).create(folder.path().join(name))?;
        }
        Ok(Self { folder })
    }

    /// The repository's root, as far as it is there.
    pub(super) fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    /// Writes files of the repository to their places.
    pub(super) fn fill<'f>(&self, files: impl IntoIterator<Item = &'f SourceFile>) -> io::Result<()> {
        let tree = self.tree();
        for file in files {
            let path = Path::new(&*file.path);
            if !is_plain(path) {
                return Err(io::Error::other(format!(
                    "the repository holds a file of the name {:?}, which leads out of it",
                    &*file.path
                )));
            }
            let target = tree.join(path);
            if let Some(parent) = target.parent() {
                DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
            }
            write_new(&target, &file.bytes)?;
        }
        Ok(())
    }

    /// Writes a file that is none of the repository's.
    pub(super) fn put_aside(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let target = self.folder.path().join("aside").join(name);
        write_new(&target, bytes)?;
        Ok(target)
    }

    /// Where files lie that are none of the repository's.
    pub(super) fn aside(&self) -> PathBuf {
        self.folder.path().join("aside")
    }

    /// Adds text to the end of a file of the repository.
    pub(super) fn append(&self, path: &str, text: &str) -> io::Result<()> {
        OpenOptions::new().append(true).open(self.tree().join(path))?.write_all(text.as_bytes())
    }

    /// The variables that keep a child inside.
    pub(super) fn variables(&self) -> Vec<(OsString, OsString)> {
        let place = |name: &str| self.folder.path().join(name).into_os_string();
        [("HOME", place("home")), ("TMPDIR", place("tmp")), ("PATH", place("bin")), ("TZ", "UTC".into())]
            .map(|(name, value)| (name.into(), value))
            .into()
    }
}

/// Whether a path only goes down.
fn is_plain(path: &Path) -> bool {
    path.components().count() > 0 && path.components().all(|part| matches!(part, Component::Normal(_)))
}

/// A name that is there already stays as it is: two entries of one name are an attack, not a file.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn file(path: &str) -> SourceFile {
        SourceFile { path: path.into(), bytes: b"x".to_vec() }
    }

    #[test]
    fn it_is_private_and_leaves_nothing_behind() {
        let workspace = Workspace::new().unwrap();
        workspace.fill(&[file("a/b.yaml"), file("a/c d.yaml")]).unwrap();
        let folder = workspace.folder.path().to_owned();
        assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read(workspace.tree().join("a/c d.yaml")).unwrap(), b"x");
        assert_eq!(workspace.tree().join("a/b.yaml").metadata().unwrap().permissions().mode() & 0o777, 0o600);
        drop(workspace);
        assert!(!folder.exists());
    }

    #[test]
    fn names_that_lead_out_of_the_repository_are_refused() {
        let workspace = Workspace::new().unwrap();
        for name in ["../escaped", "/tmp/driftd-escaped", "a/../../escaped", "..", ""] {
            let error = workspace.fill(&[file(name)]).unwrap_err();
            assert!(error.to_string().contains("leads out of it"), "{name}: {error}");
        }
        assert!(workspace.fill(&[file("twice"), file("twice")]).is_err());
    }
}
