//! What a file was before: its earlier versions on a branch, newest first.

use std::path::Path;

use git2::{Commit, Oid};

use super::GitError;
use super::read::open;

/// A file as an earlier commit had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierVersion {
    /// The newest commit that has this version.
    pub revision: String,
    /// How many commits, along first parents, lie between it and where the search began.
    pub commits_behind: u32,
    /// The content.
    pub bytes: Vec<u8>,
}

/// The versions of `file` before that of `revision`, along first parents, at most `limit` commits back.
///
/// # Errors
/// The repository cannot be read or lacks the commit.
pub fn earlier(location: &Path, revision: &str, file: &str, limit: u32) -> Result<Vec<EarlierVersion>, GitError> {
    let repository = open(location)?;
    let failed = |source: git2::Error| GitError::read(location, &source);
    let mut commit = Oid::from_str(revision).and_then(|id| repository.find_commit(id)).map_err(failed)?;
    let mut last = blob_of(&commit, file);
    let mut versions = Vec::new();
    for commits_behind in 1..=limit {
        let Ok(parent) = commit.parent(0) else { break };
        let blob = blob_of(&parent, file);
        if blob != last {
            if let Some(id) = blob {
                let bytes = repository.find_blob(id).map_err(failed)?.content().to_vec();
                versions.push(EarlierVersion { revision: parent.id().to_string(), commits_behind, bytes });
            }
            last = blob;
        }
        commit = parent;
    }
    Ok(versions)
}

fn blob_of(commit: &Commit<'_>, file: &str) -> Option<Oid> {
    Some(commit.tree().ok()?.get_path(Path::new(file)).ok()?.id())
}
