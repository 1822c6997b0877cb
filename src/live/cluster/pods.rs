//! Pods and what they were made of, read as far as the images that run are concerned, and nothing more.

use std::collections::{BTreeSet, HashMap};

use futures_util::StreamExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::drift::model::{Gap, Scope, TypeKey};
use crate::drift::rollout::{Kind, Labels, Node, Pod, Revision, Workload};

use super::super::{Served, Wanted};
use super::client::{ApiError, Connection};
use super::{CONCURRENCY, Cluster, METADATA, PageMeta, page_url};

/// One page of a list of which little is wanted.
#[derive(Deserialize)]
struct Page<T> {
    metadata: PageMeta,
    #[serde(default = "Vec::new")]
    items: Vec<T>,
}

impl Cluster {
    /// The Pods of each namespace, by its name, or why they are not known.
    pub(in super::super) async fn pods(&self, namespaces: BTreeSet<String>) -> Vec<(String, Result<Vec<Pod>, Gap>)> {
        let lists = namespaces.into_iter().map(|namespace| async {
            let pods = self.read(&scope("v1", "Pod", "pods", Some(&namespace)), "application/json").await;
            (namespace, pods)
        });
        let lists = lists.collect::<Vec<_>>();
        futures_util::stream::iter(lists).buffered(CONCURRENCY).collect().await
    }

    /// The templates that the workloads of one kind in a namespace have and had.
    pub(in super::super) async fn revisions(&self, kind: Kind, namespace: &str) -> Result<Vec<Revision>, Gap> {
        let (kind, plural) = match kind {
            Kind::Deployment => ("ReplicaSet", "replicasets"),
            Kind::StatefulSet | Kind::DaemonSet => ("ControllerRevision", "controllerrevisions"),
        };
        self.read(&scope("apps/v1", kind, plural, Some(namespace)), "application/json").await
    }

    /// The labels of every Node by its name.
    pub(in super::super) async fn nodes(&self) -> Result<HashMap<String, Labels>, Gap> {
        let nodes: Vec<Node> = self.read(&scope("v1", "Node", "nodes", None), METADATA).await?;
        Ok(nodes.into_iter().map(|node| (node.metadata.name, node.metadata.labels)).collect())
    }

    /// A workload as it lives now.
    pub(in super::super) async fn workload(&self, kind: Kind, namespace: &str, name: &str) -> Result<Workload, Gap> {
        let plural = match kind {
            Kind::Deployment => "deployments",
            Kind::StatefulSet => "statefulsets",
            Kind::DaemonSet => "daemonsets",
        };
        let scope = scope("apps/v1", kind.as_str(), plural, Some(namespace));
        let connection = self.connection().await.map_err(|error| self.unreachable(&error))?;
        let text = connection.get(&format!("/apis/apps/v1/namespaces/{namespace}/{plural}/{name}")).await;
        let read = text.and_then(|text| serde_json::from_str(&text).map_err(|_| connection.unreadable("a workload")));
        read.map_err(|error| self.list_gap(&scope, &error))
    }

    async fn read<T: DeserializeOwned + Send + 'static>(&self, scope: &Wanted, accept: &str) -> Result<Vec<T>, Gap> {
        let connection = self.connection().await.map_err(|error| self.unreachable(&error))?;
        items(&connection, scope, accept).await.map_err(|error| self.list_gap(scope, &error))
    }
}

fn scope(api_version: &str, kind: &str, plural: &str, namespace: Option<&str>) -> Wanted {
    let scope = if namespace.is_some() { Scope::Namespaced } else { Scope::Cluster };
    Wanted {
        type_key: TypeKey::new(api_version, kind),
        served: Served { plural: plural.to_owned(), scope },
        namespace: namespace.map(str::to_owned),
    }
}

async fn items<T: DeserializeOwned + Send + 'static>(
    connection: &Connection,
    scope: &Wanted,
    accept: &str,
) -> Result<Vec<T>, ApiError> {
    let (mut all, mut next) = (Vec::new(), String::new());
    loop {
        let text = connection.get_as(&page_url(scope, "", &next), accept).await?;
        // Reading is work: it stays off the tasks that wait for the answers to other requests.
        let read = tokio::task::spawn_blocking(move || serde_json::from_str::<Page<T>>(&text).ok()).await;
        let page = read.ok().flatten().ok_or_else(|| connection.unreadable("a list"))?;
        all.extend(page.items);
        next = page.metadata.next;
        if next.is_empty() {
            return Ok(all);
        }
    }
}
