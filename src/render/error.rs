//! Why a part of an environment could not be rendered.

use std::io;
use std::path::PathBuf;

use super::process::RunError;
use crate::drift::model::{Gap, GapReason, Stage};

/// What went wrong; never holds a value of a manifest.
#[derive(Debug, thiserror::Error)]
pub(super) enum RenderError {
    /// An official program is not there.
    #[error(
        "no program {} was found; install version {least} or newer, or name where it lies under `{key}`",
        wanted.display()
    )]
    NoProgram { wanted: PathBuf, least: String, key: &'static str },
    /// An official program is too old.
    #[error("{} is version {version}; version {least} or newer is needed", path.display())]
    TooOld { path: PathBuf, version: String, least: String },
    /// What should be an official program is none.
    #[error("{} does not tell its version; the official program in version {least} or newer is needed", path.display())]
    NoVersion { path: PathBuf, least: String },
    /// The private folder cannot be had or filled.
    #[error("cannot lay out the files for the renderer: {0}")]
    Workspace(io::Error),
    /// A child came to no end of its own.
    #[error("{program} {cause}")]
    Run { program: &'static str, cause: RunError },
    /// The operator's program came to no end of its own.
    #[error("{program} {cause}")]
    RunCommand { program: String, cause: RunError },
    /// A child ended with an error.
    #[error("{program} failed on {}: {complaint}", if path.is_empty() { "the repository's root" } else { path })]
    Failed { program: &'static str, path: String, complaint: String },
    /// The path is nothing for this renderer.
    #[error("no {wanted} lies at {}; check `path` and `renderer`", if path.is_empty() { "the repository's root" } else { path })]
    NoInput { path: String, wanted: &'static str },
    /// The configuration names no program.
    #[error("no program is configured; name it under `command`")]
    NoCommand,
    /// The operator's program is not there.
    #[error("no program {wanted} was found on PATH; install it or correct `command.argv`")]
    NoCommandProgram { wanted: String },
    /// A file of values is not there, or outside of the repository.
    #[error("the values file {name} is no file of the repository; `helm.valueFiles` are relative to `path`")]
    NoValues { name: String },
    /// Subcharts are neither vendored nor may be fetched.
    #[error(
        "{file} depends on {names}, not vendored under charts/; vendor it, or allow `helm: {{dependencyBuild: allowed}}`"
    )]
    Dependencies { file: String, names: String },
    /// A fetched chart is not what was asked for.
    #[error("{wanted} could not be fetched: {cause}")]
    Chart { wanted: String, cause: String },
}

impl RenderError {
    /// The gap that the part leaves.
    pub(super) fn into_gap(self, path: &str) -> Gap {
        let reason = match self {
            Self::NoProgram { .. }
            | Self::NoCommandProgram { .. }
            | Self::NoInput { .. }
            | Self::NoValues { .. }
            | Self::NoCommand => GapReason::NotFound,
            Self::Failed { .. } | Self::Dependencies { .. } => GapReason::Malformed,
            Self::Chart { .. } => GapReason::Unreachable,
            Self::TooOld { .. }
            | Self::NoVersion { .. }
            | Self::Workspace(_)
            | Self::Run { .. }
            | Self::RunCommand { .. } => GapReason::Failed,
        };
        Gap {
            stage: Stage::Render,
            scope: format!("path {}", if path.is_empty() { "." } else { path }),
            reason,
            message: self.to_string(),
            source: None,
        }
    }
}
