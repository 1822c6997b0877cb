//! Charts that a chart depends on: vendored, in the same repository, or fetched where that is allowed.

use std::sync::Arc;

use serde_json::Value;

use super::{CHART_FILE, Release, clock};
use crate::config::Permission;
use crate::render::RenderError;
use crate::render::process::Reach;
use crate::render::sources::{Part, below, document, resolve};

/// The address of a chart in the same repository.
const LOCAL: &str = "file://";
/// Of Helm 2 charts.
const REQUIREMENTS_FILE: &str = "requirements.yaml";

/// One entry of `dependencies`.
struct Dependency {
    name: String,
    repository: String,
}

fn declared(part: &Part) -> (Arc<str>, Vec<Dependency>) {
    for name in [CHART_FILE, REQUIREMENTS_FILE] {
        let wanted = below(&part.path, name);
        let Some(file) = part.files.iter().find(|file| *file.path == *wanted) else { continue };
        let Some(document) = document(&file.bytes) else { continue };
        let entries = document.value.get("dependencies").and_then(Value::as_array).cloned().unwrap_or_default();
        let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let dependencies: Vec<Dependency> = entries
            .iter()
            .map(|entry| Dependency { name: text(entry, "name"), repository: text(entry, "repository") })
            .collect();
        if !dependencies.is_empty() {
            return (Arc::clone(&file.path), dependencies);
        }
    }
    (below(&part.path, CHART_FILE).into(), Vec::new())
}

/// The folders of charts in the same repository.
pub(super) fn local(part: &Part) -> Vec<String> {
    let paths = declared(part).1;
    paths.iter().filter_map(|entry| resolve(&part.path, entry.repository.strip_prefix(LOCAL)?)).collect()
}

/// Has helm fetch what is not vendored, as far as that is allowed.
pub(super) async fn build(release: &Release<'_>) -> Result<(), RenderError> {
    let (file, declared) = declared(release.part);
    let missing: Vec<&Dependency> = declared.iter().filter(|entry| !is_vendored(release.part, &entry.name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let outside = |entry: &&&Dependency| match entry.repository.strip_prefix(LOCAL) {
        Some(path) => resolve(&release.part.path, path).is_none(),
        None => release.options().dependency_build == Permission::Refused,
    };
    let refused: Vec<&str> = missing.iter().filter(outside).map(|entry| entry.name.as_str()).collect();
    if !refused.is_empty() {
        return Err(RenderError::Dependencies { file: file.to_string(), names: refused.join(", ") });
    }
    let all_local = declared.iter().all(|entry| entry.repository.starts_with(LOCAL));
    let reach = if all_local { Reach::Nobody } else { Reach::Everybody };
    let chart = release.workspace.tree().join(&release.part.path);
    let arguments = ["dependency".to_owned(), "build".to_owned(), chart.display().to_string()];
    let variables = clock::variables(release.request.clock, &release.workspace).map_err(RenderError::Workspace)?;
    release.run(arguments.into(), variables, reach).await.map(drop)
}

/// As a folder, or as an archive of any version.
fn is_vendored(part: &Part, name: &str) -> bool {
    let folder = below(&part.path, "charts");
    part.files.iter().filter_map(|file| file.path.strip_prefix(&*folder)?.strip_prefix('/')).any(|inside| {
        inside.strip_prefix(name).is_some_and(|rest| {
            rest == format!("/{CHART_FILE}")
                || (rest.starts_with('-') && rest.strip_suffix(".tgz").is_some_and(|version| !version.contains('/')))
        })
    })
}
