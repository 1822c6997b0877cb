//! What lives in a cluster: read from its API server, or from files in place of one.

mod cluster;
mod listing;
mod snapshot;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::config::{self, ClusterSource};
use crate::drift::model::{Gap, Live, Redactor, Schema, Scope, TypeKey};

pub use cluster::Cluster;
pub use listing::{Listing, Survey, Wanted};
pub use snapshot::{NamedFile, Snapshot, SnapshotError, read_files};

/// Where live objects come from.
#[derive(Debug)]
pub enum Source {
    /// An API server; connects when it is first asked.
    Cluster(Box<Cluster>),
    /// Files.
    Snapshot(Snapshot),
}

/// How a kind is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The word of its URLs and of RBAC rules: `deployments`.
    pub plural: String,
    /// Whether its objects live in a namespace.
    pub scope: Scope,
}

/// What the cluster says about the kinds that were asked for.
#[derive(Debug, Default)]
pub struct Discovery {
    /// The kinds that are served at the wanted version.
    pub served: HashMap<TypeKey, Served>,
    /// The shapes of each kind; kinds without one are compared as plain JSON.
    pub schemas: HashMap<TypeKey, Arc<Schema>>,
    /// Why the other kinds are not known.
    pub gaps: Vec<Gap>,
}

/// What the cluster says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// Of Kubernetes: `v1.36.3`.
    pub kubernetes: String,
    /// Every API version that is served (`apps/v1`), and each of its kinds (`apps/v1/Deployment`).
    pub apis: Vec<String>,
}

impl Source {
    /// A source for a configured cluster; touches nothing yet.
    #[must_use]
    pub fn new(cluster: &config::Cluster, redactor: &Redactor) -> Self {
        match &cluster.source {
            ClusterSource::Api { kubeconfig, context } => Self::Cluster(Box::new(Cluster::new(
                &cluster.name,
                kubeconfig.clone(),
                context.clone(),
                redactor.clone(),
            ))),
            ClusterSource::Snapshot(path) => Self::Snapshot(Snapshot::new(path.clone(), redactor.clone())),
        }
    }

    /// Learns how `types` are served and what they look like.
    pub async fn discover(&self, types: &BTreeSet<TypeKey>) -> Discovery {
        match self {
            Self::Cluster(cluster) => cluster.discover(types).await,
            Self::Snapshot(snapshot) => snapshot.discover(types).await,
        }
    }

    /// What the cluster is and serves; `None` for files, which do not say.
    ///
    /// # Errors
    /// The API server does not answer.
    pub async fn versions(&self) -> Result<Option<Versions>, Gap> {
        match self {
            Self::Cluster(cluster) => cluster.versions().await.map(Some),
            Self::Snapshot(_) => Ok(None),
        }
    }

    /// The metadata of the objects that `survey` asks for, of every kind that may be listed.
    pub async fn survey(&self, survey: &Survey) -> Vec<Live> {
        match self {
            Self::Cluster(cluster) => cluster.survey(survey).await,
            Self::Snapshot(snapshot) => snapshot.survey(survey).await,
        }
    }

    /// Lists whole kinds.
    pub async fn list(&self, wanted: Vec<Wanted>) -> Listing {
        match self {
            Self::Cluster(cluster) => cluster.list(wanted).await,
            Self::Snapshot(snapshot) => snapshot.list(wanted).await,
        }
    }
}
