//! What the operator wants: plain settings, valid by construction.

mod address;
mod cursor;
mod duration;
mod error;
mod file;
mod follow;
mod parse;
mod promotion;
mod reference;
mod renderer;
mod repository;
mod rules;
#[cfg(test)]
mod tests;
mod web;
mod webhook;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::drift::classify::SeverityRule;
use crate::drift::extras::Extras;
use crate::drift::ignore::IgnoreRule;
use crate::drift::model::{Origin, RedactRule};
pub use address::{Address, NoAddress};
pub use duration::ago as moment;
pub use error::{ConfigError, Problem, Problems};
pub use file::{ConfigFile, ConfigText};
pub use follow::{Deployer, Follow};
pub use reference::{Pattern, Pick, Reference};
pub use renderer::{
    Crds, Depth, Edit, Helm, Kustomize, Limits, Missing, Parameter, Permission, Plain, Program, RemoteChart, Renderer,
    Rendering, Schema,
};
pub use web::{Clients, Tls, Versions, WebConfig};
pub use webhook::{Forge, Webhooks};

/// The whole configuration; every name in it refers to something that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// How often each environment is scanned.
    pub interval: Duration,
    /// How often a remote repository is asked; at every `interval` where absent.
    pub git_interval: Option<Duration>,
    /// How long the last known drift stands while it cannot be checked.
    pub max_staleness: Duration,
    /// How long drift must stand before it counts, by its origin.
    pub settling: BTreeMap<Origin, Duration>,
    /// Where the daemon listens.
    pub listen: SocketAddr,
    /// Who may read what is served, and over what; everybody over plain HTTP where absent.
    pub web_config: Option<PathBuf>,
    /// Where drift is remembered beyond the process; in memory where absent.
    pub state: Option<PathBuf>,
    /// How long resolved drift is remembered.
    pub retention: Duration,
    /// The key of the digests that stand for secret values, in place of the one beside `state`.
    pub redaction_key_file: Option<PathBuf>,
    /// Who may tell that a repository has changed.
    pub webhooks: Webhooks,
    /// Where mirrors of remote repositories are kept; in a temporary folder of the process where absent.
    pub git_cache: Option<PathBuf>,
    /// Where renderings are kept for the next start; in memory alone where absent.
    pub render_cache: Option<PathBuf>,
    /// Every one of the file, in its order; also those that no environment uses.
    pub repositories: Vec<Arc<Repository>>,
    /// In the order of the file; at least one.
    pub environments: Vec<Arc<Environment>>,
    /// Field managers whose writes are deployments, beside the well-known ones.
    pub deployers: Vec<String>,
    /// Which live objects without a manifest count.
    pub extras: Extras,
    /// Registry host → the host of the mirror to which admission rewrites it.
    pub image_mirrors: BTreeMap<String, String>,
    /// Which findings are hidden, the first that fits before the others.
    pub ignore: Vec<IgnoreRule>,
    /// Severities in place of the table's.
    pub severity: Vec<SeverityRule>,
    /// Which values are sensitive beside those known by their names.
    pub redact: Vec<RedactRule>,
}

impl Config {
    /// Reads and checks a file; relative paths in it start at its folder.
    ///
    /// # Errors
    /// The file cannot be read, or everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = std::fs::read(path).map_err(|source| ConfigError::Read { file: file.clone(), source })?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        Ok(Self::parse(&text, &file, folder)?)
    }

    /// Asks about every environment in this way, whatever the file says.
    #[must_use]
    pub fn with_strategy(mut self, strategy: Strategy) -> Self {
        for environment in &mut self.environments {
            *environment = Arc::new(Environment { strategy, ..Environment::clone(environment) });
        }
        self
    }

    /// Checks the text of a file that is called `file`; relative paths in it start at `folder`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &[u8], file: &str, folder: &Path) -> Result<Self, Problems> {
        parse::config(text, folder).map_err(|problems| Problems { file: file.to_owned(), problems })
    }
}

/// What is compared with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Unique.
    pub name: String,
    /// Where its manifests come from.
    pub repository: Arc<Repository>,
    /// What of that repository is followed.
    pub reference: Reference,
    /// Folders or files in the repository, relative to its root; `""` is the root itself.
    pub paths: Vec<String>,
    /// How files become manifests.
    pub renderer: Renderer,
    /// What the renderers are told.
    pub rendering: Rendering,
    /// Where they should run.
    pub cluster: Arc<Cluster>,
    /// For namespaced objects that name none.
    pub namespace: Option<String>,
    /// The environment that comes before it, of the same repository.
    pub promoted_from: Option<String>,
    /// Its own files, relative to the repository's root: what another environment need not have.
    pub variants: Vec<String>,
    /// Who is asked whether it is in sync.
    pub strategy: Strategy,
    /// Whose objects at its paths say what is deployed; absent where its paths hold that themselves.
    pub follow: Option<Follow>,
}

impl Environment {
    /// Whether it stands for environments of their own, found in its repository.
    #[must_use]
    pub fn is_family(&self) -> bool {
        self.reference.is_each() || self.follow.as_ref().is_some_and(|follow| follow.only.is_none())
    }
}

#[cfg(test)]
impl Environment {
    /// The branch `main` of a repository `platform`, told nothing.
    pub(crate) fn sample() -> Self {
        let url = "https://git.example.org/team/platform.git".to_owned();
        Self {
            name: "sample".to_owned(),
            repository: Arc::new(Repository::at("platform", Address::Http { url })),
            reference: Reference::Branch("main".to_owned()),
            paths: Vec::new(),
            renderer: Renderer::Auto,
            rendering: Rendering::default(),
            cluster: Arc::new(Cluster { name: "eu".to_owned(), source: ClusterSource::Snapshot(PathBuf::new()) }),
            namespace: None,
            promoted_from: None,
            variants: Vec::new(),
            strategy: Strategy::Local,
            follow: None,
        }
    }
}

/// Who is asked whether an environment is in sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// driftd alone compares; it only reads.
    #[default]
    Local,
    /// Beside it the API server tries an apply of each object, which takes the right to patch it.
    Server,
}

/// A Git repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Unique.
    pub name: String,
    /// Where it lies.
    pub address: Address,
    /// What its server is shown.
    pub credentials: Credentials,
    /// The authorities that may vouch for its server, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// What stands between it and driftd.
    pub proxy: Proxy,
    /// How long its server may stay silent.
    pub idle_timeout: Duration,
    /// How long a whole fetch may take.
    pub fetch_timeout: Duration,
}

impl Repository {
    /// One without credentials, at `address`.
    #[must_use]
    pub fn at(name: &str, address: Address) -> Self {
        Self {
            name: name.to_owned(),
            address,
            credentials: Credentials::default(),
            ca_file: None,
            proxy: Proxy::Environment,
            idle_timeout: repository::IDLE_TIMEOUT,
            fetch_timeout: repository::FETCH_TIMEOUT,
        }
    }
}

/// The files that hold what a Git server is shown; read anew at every fetch, so that they may rotate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The user of an https URL.
    pub username_file: Option<PathBuf>,
    /// The password of that user.
    pub password_file: Option<PathBuf>,
    /// A token in place of a password, with or without a user.
    pub token_file: Option<PathBuf>,
    /// A token that is sent as `Bearer`.
    pub bearer_token_file: Option<PathBuf>,
    /// A private key for ssh; the agent's keys and ssh's own default ones where absent.
    pub ssh_key_file: Option<PathBuf>,
    /// The passphrase of that key.
    pub ssh_passphrase_file: Option<PathBuf>,
    /// The keys of ssh servers, in place of those that ssh itself knows.
    pub known_hosts_file: Option<PathBuf>,
}

/// What stands between a repository and driftd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proxy {
    /// What the variables `HTTPS_PROXY` and `NO_PROXY` of the process say.
    Environment,
    /// Nothing, whatever the variables say.
    Direct,
    /// The http or https proxy of this URL, which holds no credentials.
    At(String),
}

/// A cluster, or files in place of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Unique.
    pub name: String,
    /// How its objects are had.
    pub source: ClusterSource,
}

/// How a cluster's objects are had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterSource {
    /// From an API server.
    Api {
        /// In place of the usual kubeconfig rules (in-cluster, `KUBECONFIG`, `~/.kube/config`).
        kubeconfig: Option<PathBuf>,
        /// In place of the kubeconfig's current context.
        context: Option<String>,
    },
    /// From a file or folder of `kubectl get -o yaml` dumps.
    Snapshot(PathBuf),
}
