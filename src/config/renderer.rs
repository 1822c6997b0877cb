//! How files become manifests: the choice of a renderer, and what each of them is told.

mod read;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::drift::model::Glob;

pub(super) use read::{Defaults, read_defaults, read_renderer, read_rendering};

/// How files become manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renderer {
    /// Chosen by what lies at the path.
    Auto,
    /// Every YAML or JSON file as it is.
    Plain,
    /// The official program `kustomize`.
    Kustomize,
    /// The official program `helm`.
    Helm,
    /// A program of the operator's choice that prints manifests.
    Command,
}

impl Renderer {
    /// The word of configuration and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Plain => "plain",
            Self::Kustomize => "kustomize",
            Self::Helm => "helm",
            Self::Command => "command",
        }
    }
}

/// What the renderers of one environment are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendering {
    /// For kustomize.
    pub kustomize: Kustomize,
    /// For helm.
    pub helm: Helm,
    /// The program of [`Renderer::Command`].
    pub command: Option<Program>,
    /// For plain files.
    pub plain: Plain,
    /// Files of the folder that would change what the renderers are told: one that is there is refused.
    pub overrides: Vec<String>,
    /// What each child process may take.
    pub limits: Limits,
}

/// Which files of a folder are plain manifests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plain {
    /// Those of folders below it too, or its own alone.
    pub depth: Depth,
    /// Where there is any, only those whose path from the folder fits one; `*` stands for slashes too.
    pub include: Vec<Glob>,
    /// None whose path from the folder fits one.
    pub exclude: Vec<Glob>,
    /// Endings of files that the deployer evaluates: one that fits is refused.
    pub evaluated: Vec<String>,
}

/// How deep files are looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Depth {
    /// In every folder below.
    #[default]
    All,
    /// In the folder itself.
    Own,
}

/// Whether something that reaches beyond the commit may be done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Permission {
    /// It is refused.
    #[default]
    Refused,
    /// It may be done.
    Allowed,
}

/// What kustomize is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kustomize {
    /// A path, or a name to be found on `PATH`; `kustomize` where absent.
    pub binary: Option<PathBuf>,
    /// Whether charts may be inflated (`--enable-helm`).
    pub enable_helm: Permission,
    /// Whether bases, files and charts may come from elsewhere than the commit.
    pub remote_bases: Permission,
    /// What the deployer changes in the kustomization's file before it builds it, in order.
    pub edits: Vec<Edit>,
}

/// One change of a kustomization's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Behind the elements of a list.
    Append(&'static str, Vec<Value>),
    /// Behind the elements of `components`; one that is not there may be left out.
    Components(Vec<String>, Missing),
    /// What `kustomize edit` does with these arguments.
    Command(Vec<String>),
}

/// What becomes of a file that is named and not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Missing {
    /// Nothing is rendered.
    #[default]
    Refused,
    /// It is left out.
    Skipped,
}

/// What helm is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Helm {
    /// A path, or a name to be found on `PATH`; `helm` where absent.
    pub binary: Option<PathBuf>,
    /// The chart, where it does not lie at the environment's path.
    pub chart: Option<RemoteChart>,
    /// The release's name; the environment's where absent.
    pub release_name: Option<String>,
    /// Relative to the environment's path, the last one wins.
    pub value_files: Vec<String>,
    /// Whether one of them may be absent.
    pub missing: Missing,
    /// Over those of all files.
    pub values: Option<Value>,
    /// Over those, in order.
    pub parameters: Vec<Parameter>,
    /// For templates; the environment's where absent.
    pub namespace: Option<String>,
    /// Whether charts that the repository names may be fetched.
    pub remote_charts: Permission,
    /// Whether values must fit the chart's schema.
    pub schema: Schema,
    /// Whether the objects of `crds/` belong to the release.
    pub crds: Crds,
    /// In place of the cluster's version.
    pub kube_version: Option<String>,
    /// In place of what the cluster serves.
    pub api_versions: Option<Vec<String>>,
    /// Whether dependencies that are not vendored may be fetched.
    pub dependency_build: Permission,
}

/// A value at a path of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// `NAME=VALUE` of a type that helm sees.
    Typed(String),
    /// `NAME=VALUE` as text.
    Text(String),
    /// The content of a file, which is named as value files are.
    File(String, String),
}

/// Whether values must fit the chart's `values.schema.json`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Schema {
    /// What does not fit is not rendered.
    #[default]
    Kept,
    /// Nobody looks.
    Skipped,
}

/// What becomes of a chart's folder `crds`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Crds {
    /// Its objects are compared.
    #[default]
    Included,
    /// They are none of the release's.
    LeftOut,
}

/// A chart in a Helm repository or an OCI registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteChart {
    /// Its name there.
    pub name: String,
    /// One exact version.
    pub version: String,
    /// `https://…` or `oci://…`.
    pub repo_url: String,
    /// Certificates that its server is trusted by, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether a registry may be spoken to without TLS.
    pub plain_http: Permission,
}

/// A program that prints manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The program, found on `PATH` or absolute, and its arguments; at least one.
    pub argv: Vec<String>,
    /// In place of the limit of all renderers.
    pub timeout: Option<Duration>,
    /// Whether it may speak to others.
    pub network: Permission,
}

/// What a child process may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From its start to its end.
    pub time: Duration,
    /// Bytes of memory of each of its processes.
    pub memory: u64,
    /// Bytes that it may print.
    pub output: u64,
}

impl Default for Limits {
    /// What a chart of several hundred objects takes, several times over.
    fn default() -> Self {
        Self { time: Duration::from_mins(1), memory: 1 << 30, output: 64 << 20 }
    }
}
