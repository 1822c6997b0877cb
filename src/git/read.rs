//! The files of a commit, read from the object database; links are followed inside the repository only.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use git2::{ObjectType, Oid, Repository, Tree, TreeEntry};

use super::GitError;
use super::references::{References, Resolved};
use super::submodule::{self, Mounted, Submodules};
use crate::config::Reference;

/// The files of one commit below the wanted paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTree {
    /// The commit, 40 hex digits.
    pub revision: String,
    /// Ordered by the wanted paths, then by name. A file behind a link has the link's path.
    pub files: Vec<SourceFile>,
    /// What could not be read or was refused.
    pub unread: Vec<Unread>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Relative to the repository's root, with `/`.
    pub path: Arc<str>,
    /// As stored.
    pub bytes: Vec<u8>,
}

/// Reads paths of the repository at one commit.
pub type Fetch<'a> = &'a dyn Fn(&[String]) -> Result<SourceTree, GitError>;

/// An entry that was not read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unread {
    /// Relative to the repository's root, with `/`.
    pub path: Arc<str>,
    /// Whether it stands for one file or for what may be a folder.
    pub stands_for: StandsFor,
    /// Why, and what to do: a sentence that names it.
    pub why: String,
}

/// What an entry that was not read may have held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StandsFor {
    /// The content of this very file.
    File,
    /// Any number of files.
    Folder,
}

/// The mode of a symbolic link in a tree.
pub(super) const SYMLINK: i32 = 0o120_000;
/// How many links lie on the way to one file, as on Linux.
const LINKS: usize = 40;
/// How many entries may be reached through links, so that a few of them cannot make a tree without end.
const LINKED_ENTRIES: usize = 10_000;
/// How deep submodules lie in each other.
const DEPTH: usize = 5;
/// What a Git LFS pointer begins with, and the most that it holds.
const LFS: (&[u8], usize) = (b"version https://git-lfs.github.com/spec/", 1024);

/// Reads `branch` (also a tag or a commit) of the repository at `location`, below each of `paths`.
///
/// A path may be a folder or a file; `""` is the root. Submodules are left unread.
///
/// # Errors
/// The repository, the branch or a path does not exist, or the repository cannot be read.
pub fn read(location: &Path, branch: &str, paths: &[String]) -> Result<SourceTree, GitError> {
    let repository = open(location)?;
    let references = References::of(&repository).map_err(|source| GitError::read(location, &source))?;
    let resolved = references.resolve(&repository, &Reference::Branch(branch.to_owned()))?;
    tree(location, &resolved, paths, &submodule::None)
}

/// The repository at `location`: a bare one, a working copy or its `.git`.
pub(super) fn open(location: &Path) -> Result<Repository, GitError> {
    if !location.exists() {
        return Err(GitError::NoRepository { location: location.to_owned() });
    }
    Repository::open(location).map_err(|source| match source.code() {
        git2::ErrorCode::NotFound => GitError::NoRepository { location: location.to_owned() },
        _ => GitError::read(location, &source),
    })
}

/// Reads the commit that was found, below each of `paths`.
pub(super) fn tree(
    location: &Path,
    resolved: &Resolved,
    paths: &[String],
    submodules: &dyn Submodules,
) -> Result<SourceTree, GitError> {
    let failed = |source: git2::Error| GitError::read(location, &source);
    let repository = open(location)?;
    let root = repository.find_commit(resolved.commit).and_then(|commit| commit.tree()).map_err(failed)?;
    let mut reader = Reader { files: Vec::new(), unread: Vec::new(), linked: 0 };
    let mount = Mount::new(&repository, &root, "", submodules, 0);
    for path in paths {
        let path = path.trim_matches('/');
        match reader.wanted(&mount, path).map_err(failed)? {
            Ok(()) => {}
            Err(Stop::Missing) => {
                return Err(GitError::NoPath {
                    path: path.to_owned(),
                    reference: resolved.name.clone(),
                    revision: resolved.commit.to_string(),
                });
            }
            Err(Stop::Refused(why)) => return Err(GitError::Refused(format!("{path} {why}"))),
        }
    }
    Ok(SourceTree { revision: resolved.commit.to_string(), files: reader.files, unread: reader.unread })
}

/// A repository at its place in the tree: the main one at the root, a submodule where it belongs.
struct Mount<'m> {
    repository: &'m Repository,
    root: &'m Tree<'m>,
    /// The path of its root.
    at: &'m str,
    submodules: &'m dyn Submodules,
    depth: usize,
    /// Path → URL, of `.gitmodules`.
    urls: BTreeMap<String, String>,
}

impl<'m> Mount<'m> {
    fn new(
        repository: &'m Repository,
        root: &'m Tree<'m>,
        at: &'m str,
        submodules: &'m dyn Submodules,
        depth: usize,
    ) -> Self {
        let modules = root.get_name(".gitmodules").and_then(|entry| repository.find_blob(entry.id()).ok());
        let urls = modules.map(|blob| submodule::urls(&String::from_utf8_lossy(blob.content()))).unwrap_or_default();
        Self { repository, root, at, submodules, depth, urls }
    }

    /// The path in the whole tree.
    fn path(&self, inner: &str) -> String {
        joined(self.at, inner)
    }
}

/// What lies at the end of a path, links followed.
enum Found {
    /// With its real path in the mount.
    Folder(String, Oid),
    File(Oid),
    /// With its real path, its commit, and what is left of the path behind it.
    Submodule(String, Oid, String),
}

/// Why a path leads nowhere.
enum Stop {
    Missing,
    /// In words that follow the path.
    Refused(String),
}

struct Reader {
    files: Vec<SourceFile>,
    unread: Vec<Unread>,
    linked: usize,
}

/// How a folder was come to: the real paths of the folders above it, and whether a link led to it.
struct Way {
    above: Vec<String>,
    linked: bool,
}

impl Reader {
    fn wanted(&mut self, mount: &Mount<'_>, path: &str) -> Result<Result<(), Stop>, git2::Error> {
        match locate(mount, path)? {
            Ok(found) => self.found(mount, path, found, &mut Way { above: Vec::new(), linked: false }),
            Err(stop) => Ok(Err(stop)),
        }
    }

    /// Takes in what lies at `path`, a path in the mount.
    fn found(
        &mut self,
        mount: &Mount<'_>,
        path: &str,
        found: Found,
        way: &mut Way,
    ) -> Result<Result<(), Stop>, git2::Error> {
        match found {
            Found::File(id) => {
                let content = mount.repository.find_blob(id)?.content().to_vec();
                self.file(mount.path(path), content);
            }
            Found::Folder(real, id) => self.folder(mount, path, real, &mount.repository.find_tree(id)?, way)?,
            Found::Submodule(real, commit, rest) => return self.submodule(mount, path, &real, commit, &rest),
        }
        Ok(Ok(()))
    }

    fn file(&mut self, path: String, bytes: Vec<u8>) {
        if bytes.starts_with(LFS.0) && bytes.len() <= LFS.1 {
            let why = "is a Git LFS pointer: its content lies in LFS storage, which is not read; commit the file itself \
                       (git lfs migrate export)";
            return self.refuse(path, StandsFor::File, why);
        }
        self.files.push(SourceFile { path: path.into(), bytes });
    }

    fn refuse(&mut self, path: String, stands_for: StandsFor, why: &str) {
        self.unread.push(Unread { why: format!("{path} {why}"), path: path.into(), stands_for });
    }

    fn folder(
        &mut self,
        mount: &Mount<'_>,
        path: &str,
        real: String,
        tree: &Tree<'_>,
        way: &mut Way,
    ) -> Result<(), git2::Error> {
        way.above.push(real.clone());
        for entry in tree {
            let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
            let inner = joined(path, &name);
            if !is_safe(&name) {
                self.refuse(mount.path(&inner), StandsFor::Folder, "has a name that leads elsewhere; rename it");
                continue;
            }
            self.linked += usize::from(way.linked);
            self.entry(mount, &entry, &inner, joined(&real, &name), way)?;
        }
        way.above.pop();
        Ok(())
    }

    fn entry(
        &mut self,
        mount: &Mount<'_>,
        entry: &TreeEntry<'_>,
        path: &str,
        real: String,
        way: &mut Way,
    ) -> Result<(), git2::Error> {
        let taken = match entry.kind() {
            Some(ObjectType::Tree) => {
                let found = Found::Folder(real, entry.id());
                self.found(mount, path, found, way)?
            }
            Some(ObjectType::Blob) if entry.filemode() == SYMLINK => self.link(mount, path, &real, way)?,
            Some(ObjectType::Blob) => self.found(mount, path, Found::File(entry.id()), way)?,
            Some(ObjectType::Commit) => self.submodule(mount, path, &real, entry.id(), "")?,
            _ => Ok(()),
        };
        match taken {
            Ok(()) => {}
            Err(Stop::Missing) => {
                let why = "is a symbolic link to what is not in this commit; correct or remove it";
                self.refuse(mount.path(path), StandsFor::Folder, why);
            }
            Err(Stop::Refused(why)) => self.refuse(mount.path(path), StandsFor::Folder, &why),
        }
        Ok(())
    }

    fn link(
        &mut self,
        mount: &Mount<'_>,
        path: &str,
        real: &str,
        way: &mut Way,
    ) -> Result<Result<(), Stop>, git2::Error> {
        if self.linked > LINKED_ENTRIES {
            let why = "is a symbolic link among links that together lead to too many files; replace them by the files";
            return Ok(Err(Stop::Refused(why.to_owned())));
        }
        let found = match locate(mount, real)? {
            Ok(found) => found,
            Err(stop) => return Ok(Err(stop)),
        };
        if let Found::Folder(target, _) = &found
            && way
                .above
                .iter()
                .any(|above| above == target || target.is_empty() || above.starts_with(&format!("{target}/")))
        {
            return Ok(Err(Stop::Refused(LOOP.to_owned())));
        }
        let linked = std::mem::replace(&mut way.linked, true);
        let taken = self.found(mount, path, found, way);
        way.linked = linked;
        taken
    }

    fn submodule(
        &mut self,
        mount: &Mount<'_>,
        path: &str,
        real: &str,
        commit: Oid,
        rest: &str,
    ) -> Result<Result<(), Stop>, git2::Error> {
        let at = mount.path(path);
        let refused = |why: &str| {
            Ok(Err(Stop::Refused(format!(
                "is a submodule, which could not be followed: {why}; its files are not known"
            ))))
        };
        if mount.depth >= DEPTH {
            return refused("submodules lie too deep in each other");
        }
        let Some(url) = mount.urls.get(real) else { return refused("no URL in .gitmodules") };
        let Mounted { repository, submodules } = match mount.submodules.mount(url, commit) {
            Ok(mounted) => mounted,
            Err(why) => return refused(&why),
        };
        let root = repository.find_commit(commit)?.tree()?;
        // What is wanted lies at `rest` inside; it appears at `at`.
        let outside =
            at.strip_suffix(rest).filter(|_| !rest.is_empty()).map_or(at.as_str(), |at| at.trim_end_matches('/'));
        let inner = Mount::new(&repository, &root, outside, submodules.as_ref(), mount.depth + 1);
        self.wanted(&inner, rest)
    }
}

const LOOP: &str = "is a symbolic link that leads back to itself or to a folder around it; remove it";

/// Follows a path from the mount's root, link by link.
fn locate(mount: &Mount<'_>, path: &str) -> Result<Result<Found, Stop>, git2::Error> {
    let steps = |path: &str| path.split('/').map(str::to_owned).collect::<VecDeque<_>>();
    let mut ahead = steps(path);
    let mut folders = vec![(String::new(), mount.root.clone())];
    let mut links = 0;
    while let Some(step) = ahead.pop_front() {
        let Some((real, tree)) = folders.last() else { return Ok(Err(Stop::Missing)) };
        if step.is_empty() || step == "." {
            continue;
        }
        if step == ".." {
            folders.pop();
            if folders.is_empty() {
                return Ok(Err(Stop::Refused(OUTSIDE.to_owned())));
            }
            continue;
        }
        let Some(entry) = tree.get_name(&step).map(|entry| entry.to_owned()) else { return Ok(Err(Stop::Missing)) };
        let real = joined(real, &step);
        match entry.kind() {
            Some(ObjectType::Tree) => folders.push((real, mount.repository.find_tree(entry.id())?)),
            Some(ObjectType::Blob) if entry.filemode() == SYMLINK => {
                links += 1;
                if links > LINKS {
                    return Ok(Err(Stop::Refused(LOOP.to_owned())));
                }
                let blob = mount.repository.find_blob(entry.id())?;
                let target = String::from_utf8_lossy(blob.content()).into_owned();
                if target.starts_with('/') {
                    return Ok(Err(Stop::Refused(OUTSIDE.to_owned())));
                }
                let mut next = steps(&target);
                next.append(&mut ahead);
                ahead = next;
            }
            Some(ObjectType::Blob) if ahead.iter().all(String::is_empty) => return Ok(Ok(Found::File(entry.id()))),
            Some(ObjectType::Commit) => {
                let rest = Vec::from(ahead).join("/");
                return Ok(Ok(Found::Submodule(real, entry.id(), rest)));
            }
            _ => return Ok(Err(Stop::Missing)),
        }
    }
    Ok(folders.pop().map_or(Err(Stop::Missing), |(real, tree)| Ok(Found::Folder(real, tree.id()))))
}

const OUTSIDE: &str =
    "is a symbolic link that leads out of the repository, which is not followed; replace it by the file";

/// Whether a name stays in its folder wherever it is written; Git itself makes no other, but a server may send them.
fn is_safe(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']) && !name.eq_ignore_ascii_case(".git")
}

fn joined(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}
