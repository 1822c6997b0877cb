//! The history of a repository as a value, and what of its trees and changes is asked for afterwards.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::{Delta, Diff, DiffLineType, DiffOptions, MergeOptions, ObjectType, Oid, Repository, Tree};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::GitError;
use super::read::{SYMLINK, open};
use crate::drift::promotion::{Commit, CommitId, Graph, PatchId};

/// The name of a tree or blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId([u8; 20]);

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the folder.
    pub name: String,
    /// What it holds.
    pub id: ObjectId,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A folder.
    Folder,
    /// A plain file.
    File,
    /// A symbolic link or a submodule.
    Other,
}

/// A repository that is open to be asked about its history. Nothing is ever written to it.
pub struct CommitGraph {
    repository: Repository,
    location: PathBuf,
    patches: HashMap<CommitId, Option<PatchId>>,
}

impl CommitGraph {
    /// Opens the repository at `location`.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open(location: &Path) -> Result<Self, GitError> {
        let repository = open(location)?;
        let failed = |source: git2::Error| GitError::read(location, &source);
        // Merges are tried out in memory: what they make never reaches the repository.
        repository.odb().and_then(|objects| objects.add_new_mempack_backend(1000).map(drop)).map_err(failed)?;
        Ok(Self { repository, location: location.to_owned(), patches: HashMap::new() })
    }

    /// Every branch by its name without `refs/heads/` or the remote's, and where it stands.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn branches(&self) -> Result<Vec<(String, CommitId)>, GitError> {
        let mut found = std::collections::BTreeMap::new();
        for prefix in ["refs/remotes/origin/", "refs/heads/"] {
            let references =
                self.repository.references_glob(&format!("{prefix}*")).map_err(|source| self.failed(&source))?;
            for reference in references.flatten() {
                let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
                if let (Some(name), Ok(commit)) = (name.strip_prefix(prefix), reference.peel_to_commit()) {
                    found.insert(name.to_owned(), commit_id(commit.id()));
                }
            }
        }
        Ok(found.into_iter().collect())
    }

    /// Everything that `tips` reach. Tips that the repository no longer holds reach nothing.
    ///
    /// # Errors
    /// A commit of the history cannot be read.
    pub fn history(&self, tips: impl IntoIterator<Item = CommitId>) -> Result<Graph, GitError> {
        let mut graph = Graph::default();
        let mut open: Vec<CommitId> = tips.into_iter().filter(|tip| self.find_commit(*tip).is_ok()).collect();
        while let Some(id) = open.pop() {
            if graph.contains(id) {
                continue;
            }
            let commit = match self.find_commit(id) {
                Ok(commit) => commit,
                // Here a shallow clone ends.
                Err(_) if self.repository.is_shallow() => continue,
                Err(source) => return Err(self.failed(&source)),
            };
            let commit = read_commit(&commit);
            open.extend(&commit.parents);
            graph.insert(id, commit);
        }
        Ok(graph)
    }

    /// What a commit changes against its parent, or against nothing; none for a merge.
    ///
    /// Rule: `patch-ids.c` of Git, as `git cherry` uses it: no renames, whitespace is left out of lines, the place of a
    /// hunk too, and a binary file is known by its names before and after.
    ///
    /// # Errors
    /// The commit cannot be read.
    pub fn patch(&mut self, id: CommitId) -> Result<Option<PatchId>, GitError> {
        if let Some(known) = self.patches.get(&id) {
            return Ok(*known);
        }
        let patch = self.read_patch(id).map_err(|source| self.failed(&source))?;
        self.patches.insert(id, patch);
        Ok(patch)
    }

    fn read_patch(&self, id: CommitId) -> Result<Option<PatchId>, git2::Error> {
        let commit = self.find_commit(id)?;
        if commit.parent_count() > 1 {
            return Ok(None);
        }
        let before = commit.parents().next().map(|parent| parent.tree()).transpose()?;
        let mut options = DiffOptions::new();
        options.context_lines(3).indent_heuristic(true);
        let diff = self.repository.diff_tree_to_tree(before.as_ref(), Some(&commit.tree()?), Some(&mut options))?;
        patch_of(&diff).map(Some)
    }

    /// The tree of a commit.
    ///
    /// # Errors
    /// The commit cannot be read.
    pub fn tree(&self, id: CommitId) -> Result<ObjectId, GitError> {
        let commit = self.find_commit(id).map_err(|source| self.failed(&source))?;
        Ok(object_id(commit.tree_id()))
    }

    /// What Git makes of the two parents of a merge by itself; none where there are not two, or where they conflict.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn automatic_merge(&self, merge: CommitId) -> Result<Option<ObjectId>, GitError> {
        let try_out = || -> Result<Option<ObjectId>, git2::Error> {
            let merge = self.find_commit(merge)?;
            if merge.parent_count() != 2 {
                return Ok(None);
            }
            let (ours, theirs) = (merge.parent(0)?, merge.parent(1)?);
            let mut index = self.repository.merge_commits(&ours, &theirs, Some(&MergeOptions::new()))?;
            if index.has_conflicts() {
                return Ok(None);
            }
            index.write_tree_to(&self.repository).map(|tree| Some(object_id(tree)))
        };
        try_out().map_err(|source| self.failed(&source))
    }

    /// The entries of a folder, in Git's order.
    ///
    /// # Errors
    /// The tree cannot be read.
    pub fn entries(&self, tree: ObjectId) -> Result<Vec<Entry>, GitError> {
        let tree = self.find_tree(tree)?;
        Ok(tree.iter().map(|entry| entry_of(&entry)).collect())
    }

    /// What stands at `path` below a tree; none where nothing does.
    ///
    /// # Errors
    /// The tree cannot be read.
    pub fn entry(&self, tree: ObjectId, path: &str) -> Result<Option<Entry>, GitError> {
        let tree = self.find_tree(tree)?;
        match tree.get_path(Path::new(path)) {
            Ok(entry) => Ok(Some(entry_of(&entry))),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// The blob cannot be read.
    pub fn blob(&self, id: ObjectId) -> Result<Arc<[u8]>, GitError> {
        let blob = self.repository.find_blob(Oid::from_bytes(&id.0).map_err(|source| self.failed(&source))?);
        blob.map(|blob| blob.content().into()).map_err(|source| self.failed(&source))
    }

    fn find_commit(&self, id: CommitId) -> Result<git2::Commit<'_>, git2::Error> {
        self.repository.find_commit(Oid::from_bytes(&id.0)?)
    }

    fn find_tree(&self, id: ObjectId) -> Result<Tree<'_>, GitError> {
        let tree = Oid::from_bytes(&id.0).and_then(|id| self.repository.find_tree(id));
        tree.map_err(|source| self.failed(&source))
    }

    fn failed(&self, source: &git2::Error) -> GitError {
        GitError::read(&self.location, source)
    }
}

fn read_commit(commit: &git2::Commit<'_>) -> Commit {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Commit {
        parents: commit.parent_ids().map(commit_id).collect(),
        committed_at: Timestamp::from_second(commit.time().seconds()).unwrap_or(Timestamp::UNIX_EPOCH),
        author: text(commit.author().name_bytes()),
        subject: text(commit.summary_bytes().unwrap_or_default()),
    }
}

fn entry_of(entry: &git2::TreeEntry<'_>) -> Entry {
    let kind = match entry.kind() {
        Some(ObjectType::Tree) => EntryKind::Folder,
        Some(ObjectType::Blob) if entry.filemode() != SYMLINK => EntryKind::File,
        _ => EntryKind::Other,
    };
    Entry { name: String::from_utf8_lossy(entry.name_bytes()).into_owned(), id: object_id(entry.id()), kind }
}

/// The hash of a change: of each file its name, whether it came or went, and its lines without whitespace.
fn patch_of(diff: &Diff<'_>) -> Result<PatchId, git2::Error> {
    let hash = std::cell::RefCell::new(Sha256::new());
    diff.foreach(
        &mut |delta, _| {
            let mut hash = hash.borrow_mut();
            hash.update(b"\0file\0");
            hash.update(without_space(delta.new_file().path_bytes().unwrap_or_default()));
            match delta.status() {
                Delta::Added => hash.update(format!("\0new{:o}", u32::from(delta.new_file().mode()))),
                Delta::Deleted => hash.update(format!("\0gone{:o}", u32::from(delta.old_file().mode()))),
                _ => {}
            }
            true
        },
        Some(&mut |delta, _| {
            let mut hash = hash.borrow_mut();
            hash.update(b"\0binary\0");
            hash.update(delta.old_file().id().as_bytes());
            hash.update(delta.new_file().id().as_bytes());
            true
        }),
        None,
        Some(&mut |_, _, line| {
            let mut hash = hash.borrow_mut();
            let origin: &[u8] = match line.origin_value() {
                DiffLineType::Context => b" ",
                DiffLineType::Addition => b"+",
                DiffLineType::Deletion => b"-",
                _ => return true,
            };
            hash.update(origin);
            hash.update(without_space(line.content()));
            true
        }),
    )?;
    Ok(PatchId(hash.into_inner().finalize().into()))
}

/// Rule: `remove_space` of Git's `diff.c`, whose `isspace` knows these four.
fn without_space(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).collect()
}

pub(super) fn commit_id(id: Oid) -> CommitId {
    CommitId(bytes(id))
}

fn object_id(id: Oid) -> ObjectId {
    ObjectId(bytes(id))
}

fn bytes(id: Oid) -> [u8; 20] {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(id.as_bytes());
    bytes
}
