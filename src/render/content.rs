//! What an environment renders from any tree, as content that compares quickly; files and folders that trees share are
//! read once.

use std::collections::HashMap;
use std::sync::Arc;

use super::plain::other_renderer;
use super::sources::is_below;
use crate::drift::model::{Desired, Gap, Redactor, Stage};
use crate::drift::promotion::{Content, Fragment, Part};
use crate::git::{CommitGraph, Entry, EntryKind, GitError, ObjectId};
use crate::manifest::{is_manifest, objects};

/// Which part of a tree is rendered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct View {
    /// Folders or files below which an environment's manifests lie; `""` is the root.
    pub paths: Vec<String>,
    /// What is left out: the variants of environments.
    pub without: Vec<String>,
}

impl View {
    fn leaves_out(&self, path: &str) -> bool {
        self.without.iter().any(|variant| is_below(path, variant))
    }

    /// Whether something below `path` is left out.
    fn prunes(&self, path: &str) -> bool {
        self.without.iter().any(|variant| is_below(variant, path))
    }
}

/// The content of trees, as far as it was asked for. It holds hashes, never a value.
#[derive(Debug)]
pub struct Contents {
    redactor: Redactor,
    trees: HashMap<(ObjectId, View), Result<Content, Gap>>,
    /// Folders of which nothing is left out, by what they hold and where they lie.
    folders: HashMap<(ObjectId, String), Arc<Part>>,
    files: HashMap<(ObjectId, String), Arc<Part>>,
}

impl Contents {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(redactor: Redactor) -> Self {
        Self { redactor, trees: HashMap::new(), folders: HashMap::new(), files: HashMap::new() }
    }

    /// What `view` renders from a tree. A path that the tree lacks renders nothing.
    ///
    /// # Errors
    /// The tree cannot be read, or holds what this version cannot render.
    pub fn of(&mut self, git: &CommitGraph, tree: ObjectId, view: &View) -> Result<Content, Gap> {
        let key = (tree, view.clone());
        if let Some(known) = self.trees.get(&key) {
            return known.clone();
        }
        let content = self.render(git, tree, view);
        self.trees.insert(key, content.clone());
        content
    }

    fn render(&mut self, git: &CommitGraph, tree: ObjectId, view: &View) -> Result<Content, Gap> {
        let mut content = Content::default();
        for path in &view.paths {
            if path.is_empty() {
                content.push(self.folder(git, tree, path, view)?);
            } else if let Some(entry) = git.entry(tree, path).map_err(|error| unreadable(&error))? {
                self.add(git, &entry, path, view, &mut content)?;
            }
        }
        Ok(content)
    }

    fn folder(&mut self, git: &CommitGraph, id: ObjectId, path: &str, view: &View) -> Result<Arc<Part>, Gap> {
        let key = (id, path.to_owned());
        let whole = !view.prunes(path);
        if whole && let Some(known) = self.folders.get(&key) {
            return Ok(Arc::clone(known));
        }
        let mut content = Content::default();
        for entry in git.entries(id).map_err(|error| unreadable(&error))? {
            let path = if path.is_empty() { entry.name.clone() } else { format!("{path}/{}", entry.name) };
            self.add(git, &entry, &path, view, &mut content)?;
        }
        let folder = Arc::new(Part::folder(content));
        if whole {
            self.folders.insert(key, Arc::clone(&folder));
        }
        Ok(folder)
    }

    fn add(
        &mut self,
        git: &CommitGraph,
        entry: &Entry,
        path: &str,
        view: &View,
        content: &mut Content,
    ) -> Result<(), Gap> {
        if view.leaves_out(path) {
            return Ok(());
        }
        match entry.kind {
            EntryKind::Folder => content.push(self.folder(git, entry.id, path, view)?),
            _ if !is_manifest(path) => {}
            EntryKind::File => {
                if let Some(gap) = other_renderer(path) {
                    return Err(gap);
                }
                content.push(self.file(git, entry.id, path)?);
            }
            EntryKind::Other => {
                let mut fragment = Fragment::default();
                fragment.add_opaque(path, entry.id);
                content.push(Arc::new(Part::file(fragment)));
            }
        }
        Ok(())
    }

    fn file(&mut self, git: &CommitGraph, id: ObjectId, path: &str) -> Result<Arc<Part>, Gap> {
        let key = (id, path.to_owned());
        if let Some(known) = self.files.get(&key) {
            return Ok(Arc::clone(known));
        }
        let bytes = git.blob(id).map_err(|error| unreadable(&error))?;
        let mut fragment = Fragment::default();
        for object in objects(&path.into(), &bytes, &self.redactor) {
            let object = object.map(|(declared, position, lines)| Desired::new(declared, position, &lines));
            match object {
                Ok(object) if !object.is_encrypted => fragment.add(&object.key, &object.content),
                // What cannot be read, or is encrypted, is the same only where its file is.
                _ => fragment.add_opaque(path, id),
            }
        }
        let file = Arc::new(Part::file(fragment));
        self.files.insert(key, Arc::clone(&file));
        Ok(file)
    }
}

fn unreadable(error: &GitError) -> Gap {
    Gap {
        stage: Stage::Git,
        scope: "history".to_owned(),
        reason: error.reason(),
        message: error.to_string(),
        source: None,
    }
}
