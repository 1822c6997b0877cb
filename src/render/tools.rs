//! The official programs: where they are, and whether they are new enough.

use std::collections::HashMap;
use std::env;
use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::SystemTime;

use super::RenderError;
use super::network::Wall;
use super::process::{Job, Reach, run};
use super::workspace::Workspace;
use crate::config::{Limits, Renderer};

/// A program of which a certain version is needed.
#[derive(Debug)]
pub(super) struct Needed {
    pub name: &'static str,
    /// What it answers with its version.
    pub question: &'static [&'static str],
    pub least: Version,
    /// The key of the configuration that names it.
    pub key: &'static str,
}

/// `kustomize build` with one load restrictor and origin annotations.
pub(super) const KUSTOMIZE: Needed =
    Needed { name: "kustomize", question: &["version"], least: Version([5, 0, 0]), key: "kustomize.binary" };
/// The flags that tell a chart about the cluster.
pub(super) const KUSTOMIZE_WITH_HELM: Needed = Needed { least: Version([5, 5, 0]), ..KUSTOMIZE };
/// Registries, and `--plain-http`.
pub(super) const HELM: Needed =
    Needed { name: "helm", question: &["version", "--short"], least: Version([3, 14, 0]), key: "helm.binary" };

/// Three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub [u32; 3]);

impl Version {
    /// The first version that a text names: `v3.20`, `{Version:kustomize/v5.7.1 …}`.
    fn of(text: &str) -> Option<Self> {
        let digit = |c: char| c.is_ascii_digit();
        let mut rest = text;
        while let Some(start) = rest.find(digit) {
            let word = &rest[start..];
            let end = word.find(|c: char| !digit(c) && c != '.').unwrap_or(word.len());
            let mut numbers = word[..end].split('.').map_while(|part| part.parse().ok());
            if let (Some(major), Some(minor)) = (numbers.next(), numbers.next()) {
                return Some(Self([major, minor, numbers.next().unwrap_or(0)]));
            }
            rest = &word[end..];
        }
        None
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// A program that was found and is new enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tool {
    pub path: PathBuf,
    /// `unknown` for a build that does not tell.
    pub version: String,
}

/// What was learnt of programs; asked again when one is replaced.
#[derive(Debug, Default)]
pub(super) struct Tools {
    known: Mutex<HashMap<PathBuf, (SystemTime, String)>>,
}

impl Tools {
    /// The program that is configured, or that stands on `PATH`.
    pub(super) async fn find(
        &self,
        needed: &Needed,
        configured: Option<&Path>,
        wall: &Wall,
    ) -> Result<Tool, RenderError> {
        let wanted = configured.unwrap_or(Path::new(needed.name));
        let path = find(wanted).ok_or_else(|| RenderError::NoProgram {
            wanted: wanted.to_owned(),
            least: needed.least.to_string(),
            key: needed.key,
        })?;
        let answer = self.version(needed, &path, wall).await?;
        let version = Version::of(&answer);
        match version {
            Some(version) if version < needed.least => {
                Err(RenderError::TooOld { path, version: version.to_string(), least: needed.least.to_string() })
            }
            Some(version) => Ok(Tool { path, version: version.to_string() }),
            None => Ok(Tool { path, version: "unknown".to_owned() }),
        }
    }

    async fn version(&self, needed: &Needed, path: &Path, wall: &Wall) -> Result<String, RenderError> {
        let changed = path.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        if let Some((_, answer)) = known.filter(|(then, _)| *then == changed) {
            return Ok(answer);
        }
        let workspace = Workspace::new().map_err(RenderError::Workspace)?;
        let job = Job {
            program: path,
            arguments: needed.question.iter().map(|word| (*word).to_owned()).collect(),
            workspace: &workspace,
            folder: workspace.tree(),
            variables: Vec::new(),
            reach: Reach::Nobody,
            limits: Limits::default(),
        };
        let ended = run(job, wall).await.map_err(|cause| RenderError::Run { program: needed.name, cause })?;
        if !ended.status.success() {
            return Err(RenderError::NoVersion { path: path.to_owned(), least: needed.least.to_string() });
        }
        let answer = String::from_utf8_lossy(&ended.output).into_owned();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(path.to_owned(), (changed, answer.clone()));
        Ok(answer)
    }
}

/// The name of the official program that `renderer` starts, where it does not stand on `PATH`.
#[must_use]
pub fn missing_program(renderer: Renderer) -> Option<&'static str> {
    let needed = match renderer {
        Renderer::Kustomize => KUSTOMIZE,
        Renderer::Helm => HELM,
        Renderer::Auto | Renderer::Plain | Renderer::Command => return None,
    };
    find(needed.name.as_ref()).is_none().then_some(needed.name)
}

/// The absolute path of a program: a bare name is looked for on `PATH`.
pub(super) fn find(program: &Path) -> Option<PathBuf> {
    let runs = |path: &PathBuf| {
        path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    if program.components().count() > 1 {
        return std::path::absolute(program).ok().filter(runs);
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(program)).find(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_programs_print_them() {
        for (text, version) in [
            ("v5.7.1\n", Some([5, 7, 1])),
            ("v3.20\n", Some([3, 20, 0])),
            ("v3.14.2+gc309b6f", Some([3, 14, 2])),
            ("{Version:kustomize/v4.5.7 GitCommit:56d8 BuildDate:2022-08-02}", Some([4, 5, 7])),
            ("(devel)", None),
            ("", None),
        ] {
            assert_eq!(Version::of(text), version.map(Version), "{text}");
        }
    }
}
