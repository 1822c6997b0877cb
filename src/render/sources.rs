//! The files that an environment is rendered from, and what renders them.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{helm, kustomize, plain};
use crate::config::{Environment, Permission, Renderer};
use crate::drift::model::{Gap, GapReason, Glob, Position, Stage, hex};
use crate::git::{Fetch, GitError, SourceFile, SourceTree, StandsFor, Unread};
use crate::source::Finish;
use crate::yaml::{self, Budget, Document};

/// Everything that an environment is rendered from.
#[derive(Debug, Default)]
pub struct Sources {
    /// One for each of the environment's paths.
    pub parts: Vec<Arc<Part>>,
    /// What the deployer does to what they are rendered to.
    pub finish: Finish,
}

/// One path of an environment.
#[derive(Debug)]
pub struct Part {
    /// What its renderer is told; the environment itself, unless a deployer's object describes several sources of it.
    pub of: Arc<Environment>,
    /// Relative to the repository's root; `""` is the root itself.
    pub path: String,
    /// Never [`Renderer::Auto`].
    pub renderer: Renderer,
    /// What the renderer needs, wherever in the repository it lies.
    pub files: Vec<SourceFile>,
    /// What could not be read or was refused.
    pub unread: Vec<Unread>,
    /// Why it is not rendered; empty where it is.
    pub refused: Vec<Gap>,
}

impl Sources {
    /// The renderers in the order of the paths, each once.
    #[must_use]
    pub fn renderer(&self) -> String {
        let mut words: Vec<&str> = Vec::new();
        for part in &self.parts {
            if !words.contains(&part.renderer.as_str()) {
                words.push(part.renderer.as_str());
            }
        }
        words.join(", ")
    }

    /// Whether all that they are rendered from stands in the commit and in the configuration. A chart of one exact
    /// version counts as such; a base or dependency from the network and a program that may ask anybody do not.
    #[must_use]
    pub fn are_whole(&self) -> bool {
        self.parts.iter().all(|part| match part.renderer {
            Renderer::Auto | Renderer::Plain => true,
            Renderer::Kustomize => part.of.rendering.kustomize.remote_bases == Permission::Refused,
            Renderer::Helm => part.of.rendering.helm.dependency_build == Permission::Refused,
            Renderer::Command => false,
        })
    }

    /// Whether rendering depends on what the cluster is and serves.
    #[must_use]
    pub fn asks_for_the_cluster(&self) -> bool {
        self.parts.iter().any(|part| {
            let helm = &part.of.rendering.helm;
            let told = helm.kube_version.is_some() && helm.api_versions.is_some();
            !told && (part.renderer == Renderer::Helm || kustomize::inflates(part))
        })
    }

    /// Whether two renderings of the same files may differ: templates can ask for the time, and for random values.
    #[must_use]
    pub fn may_vary(&self) -> bool {
        self.parts.iter().any(|part| match part.renderer {
            Renderer::Auto | Renderer::Plain => false,
            Renderer::Kustomize => kustomize::inflates(part),
            Renderer::Helm | Renderer::Command => true,
        })
    }

    /// The same for the same files at the same places and the same settings, whatever the commit.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        let mut add = |bytes: &[u8]| {
            digest.update(bytes.len().to_be_bytes());
            digest.update(bytes);
        };
        add(self.finish.key().as_bytes());
        for part in &self.parts {
            let Environment { name, namespace, rendering, .. } = &*part.of;
            add(format!("{name} {namespace:?} {rendering:?}").as_bytes());
            add(part.path.as_bytes());
            add(part.renderer.as_str().as_bytes());
            for file in &part.files {
                add(file.path.as_bytes());
                add(&file.bytes);
            }
            add(&part.unread.len().to_be_bytes());
            for unread in &part.unread {
                add(unread.path.as_bytes());
                add(unread.why.as_bytes());
            }
        }
        hex(&digest.finalize())
    }
}

/// Reads what `environment` is rendered from.
///
/// # Errors
/// A path does not exist, or the repository cannot be read.
pub fn read(environment: &Environment, fetch: Fetch<'_>) -> Result<Sources, GitError> {
    let mut sources = Sources::default();
    let of = Arc::new(environment.clone());
    if environment.paths.is_empty() && environment.rendering.helm.chart.is_some() {
        // A chart from elsewhere that takes nothing from the repository.
        sources.parts.push(Arc::new(Part::empty(&of, Renderer::Helm)));
    }
    for path in &environment.paths {
        let (folder, glob) = split_glob(path);
        let mut tree = fetch(&[folder])?;
        if let Some(glob) = glob {
            let pattern: Vec<&str> = glob.split('/').collect();
            let wanted = |path: &str| fits(&pattern, &path.split('/').collect::<Vec<_>>());
            tree.files.retain(|file| wanted(&file.path));
            let may_hold = |unread: &Unread| unread.stands_for == StandsFor::Folder && leads_to(&pattern, &unread.path);
            tree.unread.retain(|unread| wanted(&unread.path) || may_hold(unread));
        }
        sources.parts.push(Arc::new(part(&of, path, tree, fetch)?));
    }
    Ok(sources)
}

fn part(of: &Arc<Environment>, path: &str, tree: SourceTree, fetch: Fetch<'_>) -> Result<Part, GitError> {
    let renderer = choose(of, path, |file| tree.files.iter().any(|own| *own.path == *file));
    let mut found = Part { path: path.to_owned(), files: tree.files, unread: tree.unread, ..Part::empty(of, renderer) };
    for name in &of.rendering.overrides {
        let file = below(path, name);
        if found.files.iter().any(|own| *own.path == *file) {
            let message = format!("{file} changes what the Application says, which is not honoured; move it there");
            found.refused.push(refusal(&file, 1, GapReason::Unsupported, message));
        }
    }
    match renderer {
        Renderer::Kustomize => kustomize::complete(found, fetch),
        Renderer::Helm => helm::complete(found, fetch),
        Renderer::Auto | Renderer::Plain => Ok(plain::choose(found)),
        Renderer::Command => Ok(found),
    }
}

impl Part {
    fn empty(of: &Arc<Environment>, renderer: Renderer) -> Self {
        Self {
            of: Arc::clone(of),
            path: String::new(),
            renderer,
            files: Vec::new(),
            unread: Vec::new(),
            refused: Vec::new(),
        }
    }
}

/// What `auto` comes to: a look at the files that lie directly at the path; `exists` tells whether there is one.
pub fn choose(environment: &Environment, path: &str, exists: impl Fn(&str) -> bool) -> Renderer {
    let has = |name: &str| exists(&below(path, name));
    match environment.renderer {
        Renderer::Auto if environment.rendering.helm.chart.is_some() => Renderer::Helm,
        Renderer::Auto if kustomize::FILES.into_iter().any(has) => Renderer::Kustomize,
        Renderer::Auto if has(helm::CHART_FILE) => Renderer::Helm,
        Renderer::Auto => Renderer::Plain,
        chosen => chosen,
    }
}

/// `name` in the folder `path`.
pub(super) fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

/// Whether `path` is the folder or file `folder`, or lies below it; everything lies below the root, `""`.
#[must_use]
pub fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Where a path that is written in the folder `folder` leads to; `None` out of the repository.
pub(super) fn resolve(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    Some(parts.join("/"))
}

/// Whether a path of an environment is a pattern.
#[must_use]
pub fn is_glob(path: &str) -> bool {
    split_glob(path).1.is_some()
}

/// The folder in front of the first step with a `*`, and the whole path where there is one.
fn split_glob(path: &str) -> (String, Option<&str>) {
    match path.split('/').position(|part| part.contains('*')) {
        None => (path.to_owned(), None),
        Some(first) => (path.split('/').take(first).collect::<Vec<_>>().join("/"), Some(path)),
    }
}

/// Whether the pattern stands for the path, or for a folder above it; `**` for any number of folders.
fn fits(pattern: &[&str], path: &[&str]) -> bool {
    match pattern.split_first() {
        None => true,
        Some((&"**", rest)) => (0..=path.len()).any(|skipped| fits(rest, &path[skipped..])),
        Some((first, rest)) => {
            path.split_first().is_some_and(|(name, below)| Glob::new(first).fits(name) && fits(rest, below))
        }
    }
}

/// Whether something below the folder `path` may fit the pattern.
fn leads_to(pattern: &[&str], path: &str) -> bool {
    let steps = pattern.iter().zip(path.split('/')).take_while(|(step, _)| **step != "**");
    steps.into_iter().all(|(step, name)| Glob::new(step).fits(name))
}

/// The first document of a file, where it can be read.
pub(super) fn document(bytes: &[u8]) -> Option<Document> {
    yaml::documents(bytes, &Budget::default()).into_iter().next()?.ok()
}

/// A file that is not rendered, and why.
pub(super) fn refusal(file: &str, line: u32, reason: GapReason, message: String) -> Gap {
    Gap {
        stage: Stage::Render,
        scope: file.to_owned(),
        reason,
        message,
        source: Some(Position { file: file.into(), line }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_names_and_two_for_folders() {
        let fits = |pattern: &str, path: &str| {
            super::fits(&pattern.split('/').collect::<Vec<_>>(), &path.split('/').collect::<Vec<_>>())
        };
        for (pattern, path) in [
            ("a/*.yaml", "a/b.yaml"),
            ("a/*", "a/b/c.yaml"),
            ("*/prod", "trino/prod/x/y.yaml"),
            ("a/**/b.yaml", "a/b.yaml"),
            ("a/**/b.yaml", "a/x/y/b.yaml"),
            ("**/prod", "x/y/prod/z.yaml"),
        ] {
            assert!(fits(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [("a/*.yaml", "a/b/c.yaml"), ("*/prod", "prod/x.yaml"), ("a/**/b.yaml", "a/x/c.yaml")] {
            assert!(!fits(pattern, path), "{pattern} {path}");
        }
        let leads_to = |pattern: &str, path| super::leads_to(&pattern.split('/').collect::<Vec<_>>(), path);
        assert!(leads_to("a/*/c", "a/b") && leads_to("a/**/c", "a/x/y/z") && leads_to("a/*", "a/b"));
        assert!(!leads_to("a/*.yaml", "a/b") && !leads_to("*/prod", "a/dev"));
        assert_eq!(split_glob("a/b*/c"), ("a".to_owned(), Some("a/b*/c")));
        assert_eq!(split_glob("**/c"), (String::new(), Some("**/c")));
        assert_eq!(split_glob("a/c"), ("a/c".to_owned(), None));
    }

    #[test]
    fn paths_do_not_lead_out_of_the_repository() {
        assert_eq!(resolve("a/b", "../c/./d"), Some("a/c/d".into()));
        assert_eq!(resolve("a", ".."), Some(String::new()));
        assert_eq!(resolve("", "x//y/"), Some("x/y".into()));
        for path in ["../..", "/etc", "../../etc", "b/../../../x"] {
            assert_eq!(resolve("a", path), None, "{path}");
        }
    }
}
