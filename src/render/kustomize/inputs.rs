//! What a kustomization is built from: every folder that it refers to, and a refusal of what leads out of the commit.
//!
//! kustomize itself keeps *files* below the kustomization that names them (its load restrictor), but takes *folders*
//! from anywhere on the machine and anything from the network: that is looked for here, before it starts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::FILES;
use crate::config::{Kustomize, Permission};
use crate::drift::model::{Gap, GapReason, Pointer};
use crate::git::{Fetch, GitError, SourceFile, Unread};
use crate::render::sources::{Part, below, is_below, refusal, resolve};
use crate::yaml::{self, Budget, Document};

/// Lists whose elements are files, folders or addresses of either.
const TARGETS: [&str; 6] = ["resources", "bases", "components", "generators", "transformers", "validators"];
/// Those of them whose elements may be a plug-in's configuration itself.
const PLUGINS: [&str; 3] = ["generators", "transformers", "validators"];
/// Below these keys, strings under [`FILE_KEYS`] or in lists are files.
const FILE_LISTS: [&str; 8] = [
    "crds",
    "configurations",
    "patchesstrategicmerge",
    "patches",
    "patchesjson6902",
    "replacements",
    "configmapgenerator",
    "secretgenerator",
];
const FILE_KEYS: [&str; 6] = ["path", "files", "env", "envs", "valuesfile", "additionalvaluesfiles"];
/// What tells helm where things lie. Rule: `sigs.k8s.io/kustomize/api/types/helmchartargs.go`.
const HOMES: [&str; 3] = ["charthome", "confighome", "helmhome"];
/// Kustomizations of one environment; more is a circle or an attack.
const MOST: usize = 1000;

/// Reads every folder that the kustomization of `part` needs, and tells what must not be built.
pub(super) fn complete(part: Part, fetch: Fetch<'_>) -> Result<Part, GitError> {
    let of = Arc::clone(&part.of);
    let mut walk = Walk {
        options: &of.rendering.kustomize,
        fetch,
        whole: vec![part.path.clone()],
        files: part.files.into_iter().map(|file| (Arc::clone(&file.path), file)).collect(),
        unread: part.unread.into_iter().collect(),
        refused: part.refused,
    };
    let mut queue = vec![part.path.clone()];
    let mut seen = BTreeSet::new();
    while let Some(folder) = queue.pop() {
        if seen.insert(folder.clone()) && seen.len() <= MOST {
            queue.extend(walk.kustomization(&folder)?);
        }
    }
    walk.plug_ins();
    let (files, unread) = (walk.files.into_values().collect(), walk.unread.into_iter().collect());
    Ok(Part { of: part.of, path: part.path, renderer: part.renderer, files, unread, refused: walk.refused })
}

struct Walk<'a> {
    options: &'a Kustomize,
    fetch: Fetch<'a>,
    /// Folders that were read with everything below them.
    whole: Vec<String>,
    files: BTreeMap<Arc<str>, SourceFile>,
    unread: BTreeSet<Unread>,
    refused: Vec<Gap>,
}

/// The file and line of a reference.
struct At<'d> {
    file: &'d str,
    folder: &'d str,
    line: u32,
}

impl Walk<'_> {
    /// The folders that the kustomization in `folder` refers to; none where there is no kustomization.
    fn kustomization(&mut self, folder: &str) -> Result<Vec<String>, GitError> {
        let Some(file) = FILES.iter().map(|name| below(folder, name)).find(|path| self.files.contains_key(&**path))
        else {
            return Ok(Vec::new());
        };
        let bytes = self.files[&*file].bytes.clone();
        let Some(document) = only_document(&bytes) else {
            let message = format!("{file} cannot be read as one YAML mapping; correct it: it is not built unread");
            self.refused.push(refusal(&file, 1, GapReason::Malformed, message));
            return Ok(Vec::new());
        };
        let Value::Object(map) = &document.value else { return Ok(Vec::new()) };
        let mut folders = Vec::new();
        for (key, value) in map {
            let pointer = Pointer::root().key(key);
            // kustomize does not tell upper from lower case in keys.
            let word = key.to_ascii_lowercase();
            let line = |index| document.lines.nearest(pointer.index(index).as_str());
            if TARGETS.contains(&word.as_str()) {
                for (index, text) in texts(value) {
                    let at = At { file: &file, folder, line: line(index) };
                    if PLUGINS.contains(&word.as_str()) && text.contains('\n') {
                        self.plug_in(text.as_bytes(), &at);
                    } else if let Some(target) = self.target(text, &at)? {
                        folders.push(target);
                    }
                }
                continue;
            }
            let at = At { file: &file, folder, line: document.lines.nearest(pointer.as_str()) };
            if !key.is_ascii() {
                let message = format!("{file} has a key that is no word of kustomize; remove it");
                self.refuse(&at, message);
            } else if FILE_LISTS.contains(&word.as_str()) {
                self.files_below(value, &at);
            } else if word.starts_with("helm") {
                self.helm(map, value, &at)?;
            } else if word == "openapi" {
                self.files_below(value, &at);
            }
        }
        Ok(folders)
    }

    fn refuse(&mut self, at: &At<'_>, message: String) {
        self.refused.push(refusal(at.file, at.line, GapReason::Malformed, message));
    }

    fn refuse_outside(&mut self, at: &At<'_>) {
        let message = format!(
            "{} refers to something outside of the repository; use a path inside it: nothing else of this machine is \
             read",
            at.file
        );
        self.refuse(at, message);
    }

    fn refuse_remote(&mut self, at: &At<'_>) {
        if self.options.remote_bases == Permission::Allowed {
            return;
        }
        let message = format!(
            "{} needs something from the network; vendor it into the repository, or allow it with \
             `kustomize: {{remoteBases: allowed}}`",
            at.file
        );
        self.refuse(at, message);
    }

    /// An element of `resources` and the like: tells the folder, if it is one of the repository.
    fn target(&mut self, text: &str, at: &At<'_>) -> Result<Option<String>, GitError> {
        if is_url(text) {
            self.refuse_remote(at);
            return Ok(None);
        }
        let Some(path) = resolve(at.folder, text) else {
            self.refuse_outside(at);
            return Ok(None);
        };
        if self.read(&path)? {
            return Ok(Some(path));
        }
        if is_remote(text) {
            self.refuse_remote(at);
        }
        Ok(None)
    }

    /// Reads a folder or file unless it was; tells whether it is there.
    fn read(&mut self, path: &str) -> Result<bool, GitError> {
        let inside = |folder: &String| is_below(path, folder);
        if !self.whole.iter().any(inside) {
            match (self.fetch)(&[path.to_owned()]) {
                Ok(tree) => {
                    self.files.extend(tree.files.into_iter().map(|file| (Arc::clone(&file.path), file)));
                    self.unread.extend(tree.unread);
                    self.whole.push(path.to_owned());
                }
                Err(GitError::NoPath { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(self.has(path))
    }

    fn has(&self, path: &str) -> bool {
        let folder = if path.is_empty() { String::new() } else { format!("{path}/") };
        self.files.contains_key(path)
            || self.files.range(Arc::from(folder.as_str())..).next().is_some_and(|(name, _)| name.starts_with(&folder))
    }

    /// Files that a field names may be addresses: kustomize would fetch them.
    fn files_below(&mut self, value: &Value, at: &At<'_>) {
        let mut found = false;
        visit(value, "path", &mut |key, text| {
            let path = text.split_once('=').map_or(text, |(_, path)| path);
            found |= FILE_KEYS.contains(&key) && (is_url(text) || is_url(path));
        });
        if found {
            self.refuse_remote(at);
        }
    }

    /// `helmGlobals`, `helmCharts`, `helmChartInflationGenerator`.
    fn helm(&mut self, kustomization: &Map<String, Value>, value: &Value, at: &At<'_>) -> Result<(), GitError> {
        self.files_below(value, at);
        self.homes(value, at)?;
        let homes = || kustomization.iter().filter(|(key, _)| key.eq_ignore_ascii_case("helmGlobals"));
        let home = homes().find_map(|(_, globals)| field(globals, "chartHome")).unwrap_or("charts");
        for chart in value.as_array().into_iter().flatten() {
            if is_option(chart) {
                self.refuse(at, format!("{} has a field of a chart that begins with a dash; correct it", at.file));
            }
            let Some(_repository) = field(chart, "repo").or_else(|| field(chart, "chartRepoUrl")) else { continue };
            let name = field(chart, "name").or_else(|| field(chart, "chartName")).unwrap_or_default();
            let version = field(chart, "version").or_else(|| field(chart, "chartVersion"));
            let home = field(chart, "chartHome").unwrap_or(home);
            let folder = version.map_or_else(|| home.to_owned(), |version| format!("{home}/{name}-{version}"));
            let vendored = resolve(at.folder, &format!("{folder}/{name}")).is_some_and(|path| self.has(&path));
            if !vendored {
                self.refuse_remote(at);
            }
        }
        Ok(())
    }

    /// Where charts and helm's own files are said to lie.
    fn homes(&mut self, value: &Value, at: &At<'_>) -> Result<(), GitError> {
        let mut homes = Vec::new();
        visit(value, "", &mut |key, text| {
            if HOMES.contains(&key) {
                homes.push(resolve(at.folder, text));
            }
        });
        for home in homes {
            match home {
                Some(path) => drop(self.read(&path)?),
                None => self.refuse_outside(at),
            }
        }
        Ok(())
    }

    /// The configuration of built-in plug-ins, wherever it stands, can name files and charts as well.
    fn plug_ins(&mut self) {
        let files: Vec<SourceFile> = self
            .files
            .values()
            .filter(|file| file.bytes.windows(7).any(|window| window.eq_ignore_ascii_case(b"builtin")))
            .cloned()
            .collect();
        for file in files {
            let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            self.plug_in(&file.bytes, &At { file: &file.path, folder, line: 1 });
        }
    }

    fn plug_in(&mut self, text: &[u8], at: &At<'_>) {
        for document in yaml::documents(text, &Budget::default()).into_iter().filter_map(Result::ok) {
            if field(&document.value, "apiVersion") != Some("builtin") {
                continue;
            }
            let (mut remote, mut outside) = (false, is_option(&document.value));
            visit(&document.value, "", &mut |key, text| {
                remote |= is_url(text) && key != "name";
                outside |= HOMES.contains(&key) && resolve(at.folder, text).is_none();
            });
            if remote {
                self.refuse_remote(at);
            }
            if outside {
                self.refuse_outside(at);
            }
        }
    }
}

fn only_document(bytes: &[u8]) -> Option<Document> {
    let mut documents = yaml::documents(bytes, &Budget::default()).into_iter();
    let first = documents.next()?.ok()?;
    (documents.next().is_none() && first.value.is_object()).then_some(first)
}

fn texts(value: &Value) -> impl Iterator<Item = (usize, &str)> {
    let items = value.as_array().into_iter().flatten().enumerate();
    items.filter_map(|(index, item)| Some((index, item.as_str()?)))
}

/// A string field of a mapping, whatever the case of its key.
fn field<'v>(value: &'v Value, wanted: &str) -> Option<&'v str> {
    let (_, value) = value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted))?;
    value.as_str().filter(|text| !text.is_empty())
}

/// Every string below a value, with the key (in lower case) under which it or its list stands.
fn visit(value: &Value, key: &str, see: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(text) => see(key, text),
        Value::Array(items) => items.iter().for_each(|item| visit(item, key, see)),
        Value::Object(map) => map.iter().for_each(|(key, value)| visit(value, &key.to_ascii_lowercase(), see)),
        _ => {}
    }
}

/// Whether a field of a chart would be read as an option of helm's, such as the one that runs a program.
fn is_option(chart: &Value) -> bool {
    chart.as_object().into_iter().flatten().any(|(_, value)| match value {
        Value::String(text) => text.starts_with('-'),
        Value::Array(items) => items.iter().any(|item| item.as_str().is_some_and(|text| text.starts_with('-'))),
        _ => false,
    })
}

fn is_url(text: &str) -> bool {
    let text = text.trim_start().to_ascii_lowercase();
    text.starts_with("http:") || text.starts_with("https:")
}

/// Whether a name that is no file of the repository would be asked for from the network.
/// Rule: `sigs.k8s.io/kustomize/api/internal/git/repospec.go`.
fn is_remote(text: &str) -> bool {
    let first = text.split('/').next().unwrap_or_default();
    text.contains("://")
        || text.contains(':')
        || text.contains('@')
        || (text.contains('/') && first.contains('.') && !first.starts_with('.'))
}

#[cfg(test)]
mod tests;
