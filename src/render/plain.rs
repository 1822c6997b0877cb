//! Files that are manifests as they are.

use std::sync::Arc;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::sources::{Part, refusal};
use super::{Rendered, helm, kustomize};
use crate::config::{Depth, Plain, Renderer};
use crate::drift::model::{Desired, Gap, GapReason, Glob, Redactor, Stage};
use crate::git::{SourceFile, StandsFor, Unread};
use crate::manifest::{is_manifest, objects};

/// Leaves the files that are meant, where something is said of that.
pub(super) fn choose(part: Part) -> Part {
    let mut part = part;
    let Plain { depth, include, exclude, evaluated } = &part.of.rendering.plain;
    let inside = |path: &str| match path.strip_prefix(&*part.path) {
        Some(rest) => rest.trim_start_matches('/').to_owned(),
        None => path.to_owned(),
    };
    let is_meant = |path: &str| {
        let path = inside(path);
        let fits = |globs: &[Glob]| globs.iter().any(|glob| glob.fits(&path));
        (*depth == Depth::All || !path.contains('/')) && (include.is_empty() || fits(include)) && !fits(exclude)
    };
    let wanted = |unread: &Unread| *depth == Depth::All || !inside(&unread.path).contains('/');
    part.files.retain(|file| is_meant(&file.path));
    part.unread.retain(wanted);
    let found = part.files.iter().find(|file| evaluated.iter().any(|ending| file.path.ends_with(ending.as_str())));
    if let Some(file) = found {
        let message = format!("{} would be evaluated, which is not honoured; commit what it comes to", file.path);
        let gap = refusal(&file.path, 1, GapReason::Unsupported, message);
        part.refused.push(gap);
    }
    part
}

/// Every YAML and JSON file of `part`. Parsing is work: it stays off the tasks that wait for answers.
pub(super) async fn render(part: &Arc<Part>, redactor: &Redactor) -> Rendered {
    let (of, redactor) = (Arc::clone(part), redactor.clone());
    let rendered = tokio::task::spawn_blocking(move || objects_of(&of, &redactor)).await;
    rendered.unwrap_or_else(|error| {
        let message = format!("parsing ended without a result, which is a bug in driftd: {error}");
        let scope = format!("path {}", part.path);
        let gap = Gap { stage: Stage::Render, scope, reason: GapReason::Failed, message, source: None };
        Rendered { gaps: vec![gap], ..Rendered::default() }
    })
}

fn objects_of(part: &Part, redactor: &Redactor) -> Rendered {
    let files: Vec<&SourceFile> = part.files.iter().filter(|file| is_manifest(&file.path)).collect();
    let of_files: Vec<Rendered> = files.par_iter().map(|file| objects_in(file, redactor)).collect();
    let mut rendered = Rendered::default();
    for of_file in of_files {
        rendered.extend(of_file);
    }
    rendered.gaps.extend(part.unread.iter().filter(|unread| may_hold_manifests(unread)).map(unread));
    rendered
}

fn objects_in(file: &SourceFile, redactor: &Redactor) -> Rendered {
    let mut rendered = Rendered::default();
    if let Some(gap) = other_renderer(&file.path) {
        rendered.gaps.push(gap);
        return rendered;
    }
    for object in objects(&file.path, &file.bytes, redactor) {
        match object {
            Ok((declared, position, lines)) => rendered.objects.push(Desired::new(declared, position, &lines).pack()),
            Err(problem) => rendered.gaps.push(problem.into_gap()),
        }
    }
    rendered
}

/// A file that says that its folder is meant for a renderer.
pub(super) fn other_renderer(path: &str) -> Option<Gap> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let renderer = match name {
        _ if kustomize::FILES.contains(&name) => Renderer::Kustomize,
        helm::CHART_FILE => Renderer::Helm,
        _ => return None,
    }
    .as_str();
    let message =
        format!("{path} belongs to {renderer}; name its folder under `path`, or point `path` at plain manifests alone");
    Some(refusal(path, 1, GapReason::Malformed, message))
}

/// A folder or submodule may hold manifests; of a link to a file its own name tells.
fn may_hold_manifests(unread: &Unread) -> bool {
    let name = unread.path.rsplit('/').next().unwrap_or(&unread.path);
    is_manifest(&unread.path) || (unread.stands_for == StandsFor::Folder && !name.contains('.'))
}

/// An entry that was not read, with why.
pub(super) fn unread(unread: &Unread) -> Gap {
    Gap { stage: Stage::Git, ..refusal(&unread.path, 1, GapReason::Malformed, unread.why.clone()) }
}
