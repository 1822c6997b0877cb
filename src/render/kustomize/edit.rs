//! What a deployer writes into a kustomization's file before anything is built, or into one of its own making.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{FILES, root_file};
use crate::config::{Edit, Missing, WithoutFile};
use crate::git::{Fetch, GitError, SourceFile};
use crate::render::sources::{Part, below, document, resolve};

/// The part with its kustomization as the deployer builds it. One that cannot be read stays as it is: what is built
/// from tells why.
pub(super) fn apply(part: Part, fetch: Fetch<'_>) -> Result<Part, GitError> {
    let mut part = part;
    let of = Arc::clone(&part.of);
    let settings = &of.rendering.kustomize;
    let Some(path) = root_file(&part).or_else(|| make(&mut part, settings.without_file)) else { return Ok(part) };
    let edits: Vec<&Edit> = settings.edits.iter().filter(|edit| !matches!(edit, Edit::Command(_))).collect();
    let Some(file) = part.files.iter_mut().find(|file| file.path == path) else { return Ok(part) };
    let value = document(&file.bytes).map_or(Value::Null, |document| document.value);
    let Value::Object(mut map) = value else { return Ok(part) };
    if edits.is_empty() {
        return Ok(part);
    }
    for edit in edits {
        change(&mut map, edit, &part.path, fetch)?;
    }
    file.bytes = written(&map);
    Ok(part)
}

fn change(map: &mut Map<String, Value>, edit: &Edit, folder: &str, fetch: Fetch<'_>) -> Result<(), GitError> {
    match edit {
        Edit::Set(key, value) => drop(map.insert((*key).to_owned(), value.clone())),
        Edit::Append(key, values) => with_list(map, key, |items| items.extend(values.iter().cloned())),
        Edit::Replace(key, values) => with_list(map, key, |items| {
            for value in values {
                match items.iter_mut().find(|item| item.get("name") == value.get("name")) {
                    Some(item) => *item = value.clone(),
                    None => items.push(value.clone()),
                }
            }
        }),
        Edit::Components(paths, missing) => {
            for path in paths {
                let is_there = || match resolve(folder, path).map(|path| fetch(&[path])) {
                    Some(Err(GitError::NoPath { .. })) => Ok(false),
                    Some(Err(error)) => Err(error),
                    Some(Ok(_)) | None => Ok(true),
                };
                if *missing == Missing::Refused || is_there()? {
                    with_list(map, "components", |items| items.push(path.as_str().into()));
                }
            }
        }
        Edit::Command(_) => {}
    }
    Ok(())
}

/// Changes the list under a key; one is made where there is none.
fn with_list(map: &mut Map<String, Value>, key: &str, change: impl FnOnce(&mut Vec<Value>)) {
    let mut items = match map.remove(key) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    change(&mut items);
    map.insert(key.to_owned(), Value::Array(items));
}

/// A file with a key on each line, so that more can be added behind it.
fn written(map: &Map<String, Value>) -> Vec<u8> {
    let line = |(key, value): (&String, &Value)| format!("{}: {value}\n", Value::from(key.as_str()));
    map.iter().map(line).collect::<String>().into_bytes()
}

/// A kustomization of every manifest below a folder that has none; folders with one of their own as a whole.
///
/// Rule: `github.com/fluxcd/pkg/kustomize`, `generateKustomization`.
fn make(part: &mut Part, without: WithoutFile) -> Option<Arc<str>> {
    if without == WithoutFile::Refused {
        return None;
    }
    let folder = if part.path.is_empty() { String::new() } else { format!("{}/", part.path) };
    let inside = |path: &str| path.strip_prefix(&*folder).map(str::to_owned);
    let own = |path: &str| path.rsplit_once('/').filter(|(_, name)| FILES.contains(name)).map(|(at, _)| at.to_owned());
    let paths: Vec<String> = part.files.iter().filter_map(|file| inside(&file.path)).collect();
    let wholes: BTreeSet<String> = paths.iter().filter_map(|path| own(path)).collect();
    let mut resources: BTreeSet<String> = BTreeSet::new();
    for path in &paths {
        let above = path.match_indices('/').map(|(at, _)| &path[..at]).find(|folder| wholes.contains(*folder));
        match above {
            Some(folder) => drop(resources.insert(format!("./{folder}"))),
            None if path.rsplit_once('.').is_some_and(|(_, ending)| matches!(ending, "yaml" | "yml")) => {
                resources.insert(format!("./{path}"));
            }
            None => {}
        }
    }
    let kustomization =
        json!({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": resources});
    let path: Arc<str> = below(&part.path, FILES[0]).into();
    let bytes = kustomization.as_object().map(written).unwrap_or_default();
    part.files.push(SourceFile { path: Arc::clone(&path), bytes });
    Some(path)
}
