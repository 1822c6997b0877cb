//! Pods and what they were made of, read as far as the images that run are concerned, and nothing more.

use std::collections::{BTreeSet, HashMap};

use futures_util::StreamExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::drift::model::{Scope, TypeKey};
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
    /// The Pods of each namespace, by its name; a namespace whose Pods may not be listed is left out and logged.
    pub(in super::super) async fn pods(&self, namespaces: BTreeSet<String>) -> HashMap<String, Vec<Pod>> {
        let lists = namespaces.into_iter().map(|namespace| async {
            let pods = self.noted(&scope("v1", "Pod", "pods", Some(&namespace)), "application/json").await;
            pods.map(|pods| (namespace, pods))
        });
        let lists = lists.collect::<Vec<_>>();
        futures_util::stream::iter(lists).buffered(CONCURRENCY).filter_map(std::future::ready).collect().await
    }

    /// The templates that the workloads of one kind in a namespace have and had; `None` where they may not be listed.
    pub(in super::super) async fn revisions(&self, kind: Kind, namespace: &str) -> Option<Vec<Revision>> {
        let (kind, plural) = match kind {
            Kind::Deployment => ("ReplicaSet", "replicasets"),
            Kind::StatefulSet | Kind::DaemonSet => ("ControllerRevision", "controllerrevisions"),
        };
        self.noted(&scope("apps/v1", kind, plural, Some(namespace)), "application/json").await
    }

    /// The labels of every Node by its name; `None` where they may not be listed.
    pub(in super::super) async fn nodes(&self) -> Option<HashMap<String, Labels>> {
        let nodes: Vec<Node> = self.noted(&scope("v1", "Node", "nodes", None), METADATA).await?;
        Some(nodes.into_iter().map(|node| (node.metadata.name, node.metadata.labels)).collect())
    }

    /// A workload as it lives now; `None` where it is gone or may not be read.
    pub(in super::super) async fn workload(&self, kind: Kind, namespace: &str, name: &str) -> Option<Workload> {
        let plural = match kind {
            Kind::Deployment => "deployments",
            Kind::StatefulSet => "statefulsets",
            Kind::DaemonSet => "daemonsets",
        };
        let connection = self.connection().await.ok()?;
        let text = connection.get(&format!("/apis/apps/v1/namespaces/{namespace}/{plural}/{name}")).await;
        let text = text.inspect_err(|error| tracing::info!(namespace, name, %error, "its rollout is not looked at"));
        serde_json::from_str(&text.ok()?).ok()
    }

    /// The items of a scope; where they may not be listed, that is noted in the log: no declared object depends on it.
    async fn noted<T: DeserializeOwned + Send + 'static>(&self, scope: &Wanted, accept: &str) -> Option<Vec<T>> {
        let connection = self.connection().await.ok()?;
        let read = items(&connection, scope, accept).await;
        read.inspect_err(|error| tracing::info!(%scope, %error, "not listed; running images are judged without")).ok()
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
