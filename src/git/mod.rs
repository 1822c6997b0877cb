//! A branch of a Git repository as files, read from the object database without a working copy.

mod earlier;
mod error;
mod graph;

use std::path::Path;
use std::sync::Arc;

use git2::{Commit, ObjectType, Oid, Repository, Tree, TreeEntry};

pub use earlier::{EarlierVersion, earlier};
pub use error::GitError;
pub use graph::{CommitGraph, Entry, EntryKind, ObjectId};

/// The files of one commit below the wanted paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTree {
    /// The commit, 40 hex digits.
    pub revision: String,
    /// Ordered by the wanted paths, then by name.
    pub files: Vec<SourceFile>,
    /// Entries that are no plain file and are not followed: symbolic links and submodules.
    pub unread: Vec<Arc<str>>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Relative to the repository's root, with `/`.
    pub path: Arc<str>,
    /// As stored.
    pub bytes: Vec<u8>,
}

/// The mode of a symbolic link in a tree.
const SYMLINK: i32 = 0o120_000;

/// Reads `branch` (also a tag or a commit) of the repository at `location`, below each of `paths`.
///
/// A path may be a folder or a file; `""` is the root.
///
/// # Errors
/// The repository, the branch or a path does not exist, or the repository cannot be read.
pub fn read(location: &Path, branch: &str, paths: &[String]) -> Result<SourceTree, GitError> {
    let repository = open(location)?;
    let commit = resolve(&repository, location, branch)?;
    let revision = commit.id().to_string();
    let tree = commit.tree().map_err(|source| GitError::read(location, &source))?;
    let mut reader = Reader { repository: &repository, location, files: Vec::new(), unread: Vec::new() };
    for path in paths {
        reader.path(&tree, path.trim_matches('/'), branch, &revision)?;
    }
    let Reader { files, unread, .. } = reader;
    Ok(SourceTree { revision, files, unread })
}

/// The repository at or around `location`: a bare one, a working copy or its `.git`.
fn open(location: &Path) -> Result<Repository, GitError> {
    if !location.exists() {
        return Err(GitError::NoRepository { location: location.to_owned() });
    }
    Repository::open(location).map_err(|source| match source.code() {
        git2::ErrorCode::NotFound => GitError::NoRepository { location: location.to_owned() },
        _ => GitError::read(location, &source),
    })
}

/// A branch, else a remote-tracking one, else a tag, else a commit.
fn resolve<'r>(repository: &'r Repository, location: &Path, branch: &str) -> Result<Commit<'r>, GitError> {
    let names =
        [format!("refs/heads/{branch}"), format!("refs/remotes/origin/{branch}"), format!("refs/tags/{branch}")];
    for name in names {
        if let Ok(reference) = repository.find_reference(&name) {
            return reference.peel_to_commit().map_err(|source| GitError::read(location, &source));
        }
    }
    if branch.len() == 40
        && let Ok(commit) = Oid::from_str(branch).and_then(|id| repository.find_commit(id))
    {
        return Ok(commit);
    }
    Err(GitError::NoBranch { branch: branch.to_owned(), known: branches(repository) })
}

fn branches(repository: &Repository) -> Vec<String> {
    let Ok(branches) = repository.branches(Some(git2::BranchType::Local)) else { return Vec::new() };
    let mut names: Vec<String> =
        branches.flatten().filter_map(|(branch, _)| Some(branch.name().ok()??.to_owned())).collect();
    names.sort();
    names
}

struct Reader<'r> {
    repository: &'r Repository,
    location: &'r Path,
    files: Vec<SourceFile>,
    unread: Vec<Arc<str>>,
}

impl Reader<'_> {
    fn path(&mut self, root: &Tree<'_>, path: &str, branch: &str, revision: &str) -> Result<(), GitError> {
        if path.is_empty() {
            return self.tree(root, "");
        }
        let entry = root.get_path(Path::new(path)).map_err(|_| GitError::NoPath {
            path: path.to_owned(),
            branch: branch.to_owned(),
            revision: revision.to_owned(),
        })?;
        self.entry(&entry, path)
    }

    fn tree(&mut self, tree: &Tree<'_>, prefix: &str) -> Result<(), GitError> {
        for entry in tree {
            let name = String::from_utf8_lossy(entry.name_bytes());
            let path = if prefix.is_empty() { name.into_owned() } else { format!("{prefix}/{name}") };
            self.entry(&entry, &path)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &TreeEntry<'_>, path: &str) -> Result<(), GitError> {
        let failed = |source: git2::Error| GitError::read(self.location, &source);
        match entry.kind() {
            Some(ObjectType::Tree) => {
                let tree = self.repository.find_tree(entry.id()).map_err(failed)?;
                self.tree(&tree, path)
            }
            Some(ObjectType::Blob) if entry.filemode() != SYMLINK => {
                let blob = self.repository.find_blob(entry.id()).map_err(failed)?;
                self.files.push(SourceFile { path: path.into(), bytes: blob.content().to_vec() });
                Ok(())
            }
            _ => {
                self.unread.push(path.into());
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
