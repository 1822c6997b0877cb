//! Files that are manifests as they are.

use std::sync::Arc;

use super::sources::{Part, refusal};
use super::{Rendered, helm, kustomize};
use crate::config::Renderer;
use crate::drift::model::{Desired, Gap, GapReason, Redactor};
use crate::git::SourceFile;
use crate::manifest::{is_manifest, objects};

/// Every YAML and JSON file of `part`.
#[must_use]
pub(super) fn render(part: &Part, redactor: &Redactor) -> Rendered {
    let mut rendered = Rendered::default();
    for file in part.files.iter().filter(|file| is_manifest(&file.path)) {
        if let Some(gap) = other_renderer(file) {
            rendered.gaps.push(gap);
            continue;
        }
        for object in objects(&file.path, &file.bytes, redactor) {
            match object {
                Ok((declared, position, lines)) => rendered.objects.push(Desired::new(declared, position, lines)),
                Err(problem) => rendered.gaps.push(problem.into_gap()),
            }
        }
    }
    rendered.gaps.extend(part.unread.iter().filter(|path| is_manifest(path)).map(unread));
    rendered
}

/// A file that says that its folder is meant for a renderer.
fn other_renderer(file: &SourceFile) -> Option<Gap> {
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    let renderer = match name {
        _ if kustomize::FILES.contains(&name) => Renderer::Kustomize,
        helm::CHART_FILE => Renderer::Helm,
        _ => return None,
    }
    .as_str();
    let message = format!(
        "{} belongs to {renderer}; name its folder under `path`, or point `path` at plain manifests alone",
        file.path
    );
    Some(refusal(&file.path, 1, GapReason::Malformed, message))
}

/// An entry that is no file stays unread.
pub(super) fn unread(path: &Arc<str>) -> Gap {
    let message = format!(
        "{path} is a symbolic link or a submodule that is not followed; replace it by the file, or leave it out of `path`"
    );
    refusal(path, 1, GapReason::Malformed, message)
}
