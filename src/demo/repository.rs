//! The sample repository, commit by commit, as `demo/history.yaml` tells it.

use std::collections::BTreeMap;
use std::path::Path;

use git2::{Index, IndexEntry, IndexTime, Oid, Repository, Signature, Time};
use include_dir::Dir;
use jiff::Timestamp;
use serde::Deserialize;

use crate::yaml::{self, Budget};

/// Why the sample repository cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The history is not what it should be.
    #[error("demo/history.yaml: {0}")]
    History(String),
    /// Git refused something.
    #[error("cannot make the sample repository: {0}")]
    Git(#[from] git2::Error),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct History {
    commits: Vec<Commit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Commit {
    message: String,
    author: Author,
    at: Timestamp,
    #[serde(default)]
    adds: Vec<String>,
    #[serde(default)]
    edits: Vec<Edit>,
    #[serde(default)]
    branches: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Author {
    name: String,
    email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    files: Vec<String>,
    replace: String,
    with: String,
}

/// Makes a bare repository at `location` with every commit and branch of `history`.
pub(super) fn make(location: &Path, history: &str, first: &Dir<'_>) -> Result<(), DemoError> {
    let history = read(history)?;
    let mut files = BTreeMap::new();
    collect(first, &mut files);
    let mut later: BTreeMap<String, String> = BTreeMap::new();
    for path in history.commits.iter().flat_map(|commit| &commit.adds) {
        let content =
            files.remove(path).ok_or_else(|| DemoError::History(format!("adds {path}, which is not there")))?;
        later.insert(path.clone(), content);
    }
    let repository = Repository::init_bare(location)?;
    let mut parent = None;
    for commit in &history.commits {
        for path in &commit.adds {
            files.extend(later.remove_entry(path));
        }
        for edit in &commit.edits {
            apply(edit, &mut files)?;
        }
        let id = write(&repository, commit, &files, parent)?;
        for branch in &commit.branches {
            repository.reference(&format!("refs/heads/{branch}"), id, false, "the sample's history")?;
        }
        parent = Some(id);
    }
    repository.set_head("refs/heads/main")?;
    Ok(())
}

fn read(text: &str) -> Result<History, DemoError> {
    let document = yaml::documents(text.as_bytes(), &Budget::default()).into_iter().next();
    let document = document.ok_or_else(|| DemoError::History("is empty".to_owned()))?;
    let value = document.map_err(|error| DemoError::History(format!("line {}: {error}", error.line)))?.value;
    serde_json::from_value(value).map_err(|error| DemoError::History(error.to_string()))
}

fn collect(folder: &Dir<'_>, files: &mut BTreeMap<String, String>) {
    for file in folder.files() {
        if let Some(content) = file.contents_utf8() {
            files.insert(file.path().to_string_lossy().into_owned(), content.to_owned());
        }
    }
    folder.dirs().for_each(|folder| collect(folder, files));
}

fn apply(edit: &Edit, files: &mut BTreeMap<String, String>) -> Result<(), DemoError> {
    for path in &edit.files {
        let content = files.get_mut(path).filter(|content| content.contains(&edit.replace));
        let content = content.ok_or_else(|| DemoError::History(format!("{path} lacks {}", edit.replace)))?;
        *content = content.replace(&edit.replace, &edit.with);
    }
    Ok(())
}

fn write(
    repository: &Repository,
    commit: &Commit,
    files: &BTreeMap<String, String>,
    parent: Option<Oid>,
) -> Result<Oid, DemoError> {
    let mut index = Index::new()?;
    for (path, content) in files {
        index.add(&entry(path, repository.blob(content.as_bytes())?))?;
    }
    let tree = repository.find_tree(index.write_tree_to(repository)?)?;
    let time = Time::new(commit.at.as_second(), 0);
    let author = Signature::new(&commit.author.name, &commit.author.email, &time)?;
    let parent = parent.map(|id| repository.find_commit(id)).transpose()?;
    let parents: Vec<_> = parent.iter().collect();
    Ok(repository.commit(None, &author, &author, &format!("{}\n", commit.message), &tree, &parents)?)
}

fn entry(path: &str, id: Oid) -> IndexEntry {
    let zero = IndexTime::new(0, 0);
    IndexEntry {
        ctime: zero,
        mtime: zero,
        dev: 0,
        ino: 0,
        mode: 0o100_644,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_bytes().to_vec(),
    }
}
