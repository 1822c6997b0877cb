//! What lives in a cluster: read from its API server, or from files in place of one.

mod cluster;
mod listing;
mod snapshot;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::config::{self, ClusterSource};
use crate::drift::model::{Answer, Gap, Identity, Live, ObjectKey, Redactor, Schema, Scope, TypeKey, Unsealed};
use crate::drift::rollout::{Kind, Labels, Pod, Revision, Workload};
use crate::drift::schema::kubernetes;

pub use cluster::{Cluster, Listener, Requests, Restart, Tally, Told};
pub use listing::{Awaited, Found, Keep, Keyed, Listing, Survey, Wanted};
pub use snapshot::{NamedFile, Snapshot, SnapshotError, place, read_files};

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

/// What is to be tried: a declared object and where it is served.
#[derive(Debug)]
pub struct Proposal {
    /// Which object.
    pub key: ObjectKey,
    /// How its kind is served.
    pub served: Served,
    /// What Git declares.
    pub body: Unsealed,
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
        let (discovery, schemas) = tokio::join!(self.served(types), self.schemas(types));
        Discovery { schemas, ..discovery }
    }

    /// Gets ready for what will be asked; whatever goes wrong is told when it is asked.
    pub async fn prepare(&self) {
        if let Self::Cluster(cluster) = self {
            cluster.prepare().await;
        }
    }

    /// Where objects of a kind live that is not served now: as it last was, else as Kubernetes has it.
    #[must_use]
    pub fn last_scope(&self, type_key: &TypeKey) -> Option<Scope> {
        let seen = match self {
            Self::Cluster(cluster) => cluster.scope(type_key),
            Self::Snapshot(_) => None,
        };
        seen.or_else(|| kubernetes::scope(type_key))
    }

    /// Learns how `types` are served, without what they look like.
    pub async fn served(&self, types: &BTreeSet<TypeKey>) -> Discovery {
        match self {
            Self::Cluster(cluster) => cluster.served(types).await,
            Self::Snapshot(snapshot) => snapshot.served(types).await,
        }
    }

    /// Learns what `types` look like; the embedded schema stands in for what the cluster does not tell.
    pub async fn schemas(&self, types: &BTreeSet<TypeKey>) -> HashMap<TypeKey, Arc<Schema>> {
        match self {
            Self::Cluster(cluster) => cluster.schemas(types).await,
            Self::Snapshot(snapshot) => snapshot.schemas(types).await,
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

    /// What an apply of each object would leave; nothing is written. Files have no answer.
    pub async fn dry_run(&self, proposals: Vec<Proposal>) -> Vec<(Identity, Answer)> {
        match self {
            Self::Cluster(cluster) => cluster.dry_run(proposals).await,
            Self::Snapshot(_) => Vec::new(),
        }
    }

    /// The Pods of each of `namespaces`, or why they are not known. Files hold no `status`, so nothing runs in them.
    pub async fn pods(&self, namespaces: BTreeSet<String>) -> Vec<(String, Result<Vec<Pod>, Gap>)> {
        match self {
            Self::Cluster(cluster) => cluster.pods(namespaces).await,
            Self::Snapshot(_) => Vec::new(),
        }
    }

    /// The templates that the workloads of one kind in a namespace have and had.
    ///
    /// # Errors
    /// Why they are not known.
    pub async fn revisions(&self, kind: Kind, namespace: &str) -> Result<Vec<Revision>, Gap> {
        match self {
            Self::Cluster(cluster) => cluster.revisions(kind, namespace).await,
            Self::Snapshot(_) => Ok(Vec::new()),
        }
    }

    /// The labels of every Node by its name.
    ///
    /// # Errors
    /// Why they are not known.
    pub async fn nodes(&self) -> Result<HashMap<String, Labels>, Gap> {
        match self {
            Self::Cluster(cluster) => cluster.nodes().await,
            Self::Snapshot(_) => Ok(HashMap::new()),
        }
    }

    /// A workload as it lives now.
    ///
    /// # Errors
    /// Why it is not known; it may be gone.
    pub async fn workload(&self, kind: Kind, namespace: &str, name: &str) -> Result<Workload, Gap> {
        match self {
            Self::Cluster(cluster) => cluster.workload(kind, namespace, name).await,
            Self::Snapshot(_) => Ok(Workload::default()),
        }
    }

    /// Follows one scope and tells every change, through every failure, until nobody listens. What lies in files does
    /// not change: there is nothing to tell.
    pub async fn watch(&self, scope: Arc<Wanted>, listener: Listener) {
        if let Self::Cluster(cluster) = self {
            cluster.watch(scope, listener).await;
        }
    }

    /// Lists whole kinds.
    pub async fn list(&self, wanted: Vec<Wanted>) -> Listing {
        self.sift(wanted, &listing::whole()).await
    }

    /// Lists whole kinds, and of their objects what `keep` makes of each as it arrives: no more than a few objects are
    /// held whole at once.
    pub async fn sift<T>(&self, wanted: Vec<Wanted>, keep: &Awaited<'_, T>) -> Listing<T>
    where
        T: Keyed + Send + 'static,
    {
        match self {
            Self::Cluster(cluster) => cluster.list(wanted, keep).await,
            Self::Snapshot(snapshot) => snapshot.list(wanted, keep).await,
        }
    }
}
