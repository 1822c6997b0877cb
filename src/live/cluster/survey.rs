//! Everything that lives in a cluster, by metadata only: where extra objects are looked for.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use serde::Deserialize;

use crate::drift::model::{Gap, Live, Scope, TypeKey};

use super::super::listing::whole;
use super::super::{Served, Survey, Versions, Wanted};
use super::client::{ApiError, Connection};
use super::{CONCURRENCY, Cluster, Content};

/// The list of all kinds in two requests. Rule: `k8s.io/api/apidiscovery/v2`.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

#[derive(Deserialize)]
struct Groups {
    #[serde(default)]
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: Named,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Deserialize, Default)]
struct Named {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    #[serde(rename = "resource")]
    plural: String,
    response_kind: Kind,
    scope: String,
    #[serde(default)]
    verbs: Vec<String>,
}

#[derive(Deserialize)]
struct Kind {
    kind: String,
}

impl Cluster {
    /// The metadata of every object that `survey` asks for. A kind that may not be listed is left out and logged: it is
    /// a gap only where Git declares it, and then the list of that kind says so.
    pub(in super::super) async fn survey(&self, survey: &Survey) -> Vec<Live> {
        let Ok(connection) = self.connection().await else { return Vec::new() };
        let kinds = match kinds(&connection).await {
            Ok(kinds) => kinds,
            Err(error) => {
                tracing::warn!(%error, "the kinds of the cluster cannot be learnt; no extra object is looked for");
                return Vec::new();
            }
        };
        let scopes = kinds.into_iter().flat_map(|(type_key, served)| scopes(&type_key, &served, survey));
        let lists = scopes.map(|scope| self.metadata(connection.clone(), scope, survey));
        let mut parts = futures_util::stream::iter(lists).buffered(CONCURRENCY);
        let mut found = Vec::new();
        while let Some(part) = parts.next().await {
            found.extend(part);
        }
        found
    }

    /// What the cluster is and serves.
    pub(in super::super) async fn versions(&self) -> Result<Versions, Gap> {
        let learnt = match self.connection().await {
            Ok(connection) => versions(&connection).await,
            Err(error) => Err(error),
        };
        match learnt {
            Ok(versions) => Ok(versions),
            Err(error) => {
                self.forget_connection().await;
                Err(self.unreachable(&error))
            }
        }
    }

    async fn metadata(&self, connection: Connection, scope: Wanted, survey: &Survey) -> Vec<Live> {
        let content = Content::Metadata { selector: survey.selector.clone() };
        match self.list_pages(&connection, &scope, &content, &whole()).await {
            Ok(listing) => listing.into_objects(),
            Err(error) => {
                tracing::info!(%scope, %error, "not listed; extra objects of this kind are not looked for");
                Vec::new()
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerVersion {
    git_version: String,
}

async fn versions(connection: &Connection) -> Result<Versions, ApiError> {
    let text = connection.get("/version").await?;
    let version: ServerVersion = serde_json::from_str(&text).map_err(|_| connection.unreadable("a version"))?;
    let mut apis = BTreeSet::new();
    for group in groups(connection).await? {
        for version in group.versions {
            let name = &group.metadata.name;
            let api = if name.is_empty() { version.version } else { format!("{name}/{}", version.version) };
            apis.extend(version.resources.iter().map(|resource| format!("{api}/{}", resource.response_kind.kind)));
            apis.insert(api);
        }
    }
    Ok(Versions { kubernetes: version.git_version, apis: apis.into_iter().collect() })
}

async fn groups(connection: &Connection) -> Result<Vec<Group>, ApiError> {
    let mut found = Vec::new();
    for url in ["/api", "/apis"] {
        let text = connection.get_as(url, AGGREGATED).await?;
        let groups: Groups = serde_json::from_str(&text).map_err(|_| connection.unreadable("a list of groups"))?;
        found.extend(groups.items);
    }
    Ok(found)
}

/// Every kind that can be listed, at the version that its group prefers.
async fn kinds(connection: &Connection) -> Result<Vec<(TypeKey, Served)>, ApiError> {
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    for group in groups(connection).await? {
        for version in group.versions {
            for resource in version.resources {
                let type_key = TypeKey {
                    group: group.metadata.name.clone(),
                    version: version.version.clone(),
                    kind: resource.response_kind.kind,
                };
                // The preferred version comes first.
                if resource.verbs.iter().any(|verb| verb == "list") && known.insert(type_key.kind_key()) {
                    let scope = if resource.scope == "Namespaced" { Scope::Namespaced } else { Scope::Cluster };
                    found.push((type_key, Served { plural: resource.plural, scope }));
                }
            }
        }
    }
    Ok(found)
}

/// Where a kind is listed: in the wanted namespaces, or everywhere where none is named.
fn scopes(type_key: &TypeKey, served: &Served, survey: &Survey) -> Vec<Wanted> {
    let wanted = |namespace| Wanted { type_key: type_key.clone(), served: served.clone(), namespace };
    match (&survey.namespaces, served.scope) {
        (None, _) => vec![wanted(None)],
        (Some(_), Scope::Cluster) => Vec::new(),
        (Some(namespaces), Scope::Namespaced) => namespaces.iter().map(|name| wanted(Some(name.clone()))).collect(),
    }
}
