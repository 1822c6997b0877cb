//! What a deployer writes into a kustomization's file before anything is built.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::root_file;
use crate::config::{Edit, Missing};
use crate::git::{Fetch, GitError};
use crate::render::sources::{Part, document, resolve};

/// The part with its kustomization as the deployer builds it. One that cannot be read stays as it is: what is built
/// from tells why.
pub(super) fn apply(part: Part, fetch: Fetch<'_>) -> Result<Part, GitError> {
    let mut part = part;
    let of = Arc::clone(&part.of);
    let settings = &of.rendering.kustomize;
    let Some(path) = root_file(&part) else { return Ok(part) };
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
        Edit::Append(key, values) => with_list(map, key, |items| items.extend(values.iter().cloned())),
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
