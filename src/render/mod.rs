//! Files of a branch become manifests, each with the file and line that declare it.

mod content;

use std::sync::Arc;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::drift::model::{Desired, Gap, GapReason, Position, Redactor, Stage};
use crate::git::{SourceFile, SourceTree, StandsFor, Unread};
use crate::manifest::{is_manifest, objects};

pub use content::{Contents, View};

/// What an environment's files declare.
#[derive(Debug, Default)]
pub struct Rendered {
    /// Every object, in the order of the files.
    pub objects: Vec<Desired>,
    /// Documents that could not be read; each blanks itself only.
    pub gaps: Vec<Gap>,
}

/// Every YAML and JSON file as it is.
#[must_use]
pub fn plain(tree: &SourceTree, redactor: &Redactor) -> Rendered {
    let files: Vec<&SourceFile> = tree.files.iter().filter(|file| is_manifest(&file.path)).collect();
    let parts: Vec<Rendered> = files.par_iter().map(|file| plain_file(file, redactor)).collect();
    let mut rendered = Rendered::default();
    for part in parts {
        rendered.objects.extend(part.objects);
        rendered.gaps.extend(part.gaps);
    }
    rendered.gaps.extend(tree.unread.iter().filter(|unread| may_hold_manifests(unread)).map(gap_of));
    rendered
}

fn plain_file(file: &SourceFile, redactor: &Redactor) -> Rendered {
    let mut rendered = Rendered::default();
    if let Some(gap) = other_renderer(file) {
        rendered.gaps.push(gap);
        return rendered;
    }
    for object in objects(&file.path, &file.bytes, redactor) {
        match object {
            Ok((declared, position, lines)) => rendered.objects.push(Desired::new(declared, position, lines)),
            Err(problem) => rendered.gaps.push(problem.into_gap()),
        }
    }
    rendered
}

/// A file that says the folder is meant for a renderer which this version lacks.
fn other_renderer(file: &SourceFile) -> Option<Gap> {
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    let renderer = match name {
        "kustomization.yaml" | "kustomization.yml" => "kustomize",
        "Chart.yaml" => "helm",
        _ => return None,
    };
    Some(Gap {
        stage: Stage::Render,
        scope: file.path.to_string(),
        reason: GapReason::Malformed,
        message: format!(
            "{} belongs to {renderer}, which this version cannot render; point path at plain manifests",
            file.path
        ),
        source: Some(Position { file: file.path.clone(), line: 1 }),
    })
}

/// A folder or submodule may hold manifests; of a link to a file its own name tells.
fn may_hold_manifests(unread: &Unread) -> bool {
    let name = unread.path.rsplit('/').next().unwrap_or(&unread.path);
    is_manifest(&unread.path) || (unread.stands_for == StandsFor::Folder && !name.contains('.'))
}

fn gap_of(unread: &Unread) -> Gap {
    Gap {
        stage: Stage::Git,
        scope: unread.path.to_string(),
        reason: GapReason::Malformed,
        message: unread.why.clone(),
        source: Some(Position { file: Arc::clone(&unread.path), line: 1 }),
    }
}
