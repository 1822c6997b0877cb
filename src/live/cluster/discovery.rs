//! Which kinds are served, whether they live in a namespace, and what they look like.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::drift::model::{Gap, GapReason, Schema, Scope, Stage, TypeKey};
use crate::drift::schema::{self, kubernetes};

use super::super::{Discovery, Served};
use super::CONCURRENCY;
use super::client::{ApiError, Connection};

#[derive(Deserialize)]
struct ResourceList {
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    name: String,
    namespaced: bool,
    kind: String,
}

#[derive(Deserialize)]
struct Index {
    paths: HashMap<String, IndexEntry>,
}

#[derive(Deserialize)]
struct IndexEntry {
    #[serde(rename = "serverRelativeURL")]
    server_relative_url: String,
}

/// Learns how `types` are served. Fails only where the server itself cannot be asked.
pub(super) async fn served(connection: &Connection, types: &BTreeSet<TypeKey>) -> Result<Discovery, ApiError> {
    let groups = by_api_version(types);
    let ask = |api_version: &String| {
        let api_version = api_version.clone();
        async move { resources(connection, &api_version).await }
    };
    // Collected, so that the compiler sees that the whole can move between threads.
    let jobs: Vec<_> = groups.keys().map(ask).collect();
    let mut results = futures_util::stream::iter(jobs).buffered(CONCURRENCY);
    let mut discovery = Discovery::default();
    for (api_version, types) in &groups {
        let Some(resources) = results.next().await else { break };
        match resources {
            Ok(resources) => take_in(&mut discovery, types, &resources),
            Err(error) if error.reason == GapReason::NotServed => {
                take_in(&mut discovery, types, &[]);
            }
            Err(error) if matches!(error.reason, GapReason::Unreachable | GapReason::Unauthorized) => {
                return Err(error);
            }
            Err(error) => discovery.gaps.push(Gap {
                stage: Stage::Discover,
                scope: api_version.clone(),
                reason: error.reason,
                message: format!("cannot learn which kinds of {api_version} are served: {}", error.message),
                source: None,
            }),
        }
    }
    Ok(discovery)
}

/// The server's own schema of each of `types`; the embedded one where the server publishes none.
pub(super) async fn schemas(
    connection: &Connection,
    types: &BTreeSet<TypeKey>,
    known: &Mutex<HashMap<String, Arc<Schema>>>,
) -> HashMap<TypeKey, Arc<Schema>> {
    if types.is_empty() {
        return HashMap::new();
    }
    let groups = by_api_version(types);
    let index = index(connection).await;
    if let Err(error) = &index {
        tracing::warn!(%error, "the server publishes no OpenAPI index; the embedded schema stands in");
    }
    let read = |api_version: &String| {
        let (index, api_version) = (index.as_ref().ok(), api_version.clone());
        async move { schema(connection, index, &api_version, known).await }
    };
    let jobs: Vec<_> = groups.keys().map(read).collect();
    let schemas: Vec<Arc<Schema>> = futures_util::stream::iter(jobs).buffered(CONCURRENCY).collect().await;
    let of_group = |((_, types), schema): ((_, Vec<&TypeKey>), Arc<Schema>)| {
        types.into_iter().map(|type_key| (type_key.clone(), Arc::clone(&schema))).collect::<Vec<_>>()
    };
    groups.into_iter().zip(schemas).flat_map(of_group).collect()
}

fn by_api_version(types: &BTreeSet<TypeKey>) -> BTreeMap<String, Vec<&TypeKey>> {
    let mut groups: BTreeMap<String, Vec<&TypeKey>> = BTreeMap::new();
    for type_key in types {
        groups.entry(type_key.api_version()).or_default().push(type_key);
    }
    groups
}

fn take_in(discovery: &mut Discovery, types: &[&TypeKey], resources: &[Resource]) {
    for type_key in types {
        let resource = resources.iter().find(|resource| resource.kind == type_key.kind && !resource.name.contains('/'));
        let Some(resource) = resource else {
            discovery.gaps.push(Gap {
                stage: Stage::Discover,
                scope: type_key.to_string(),
                reason: GapReason::NotServed,
                message: format!(
                    "the cluster does not serve {type_key}: is its CustomResourceDefinition installed, and the apiVersion current?"
                ),
                source: None,
            });
            continue;
        };
        let scope = if resource.namespaced { Scope::Namespaced } else { Scope::Cluster };
        discovery.served.insert((*type_key).clone(), Served { plural: resource.name.clone(), scope });
    }
}

async fn resources(connection: &Connection, api_version: &str) -> Result<Vec<Resource>, ApiError> {
    let root = if api_version.contains('/') { "/apis" } else { "/api" };
    let text = connection.get(&format!("{root}/{api_version}")).await?;
    let list: ResourceList = serde_json::from_str(&text).map_err(|_| connection.unreadable("a list of resources"))?;
    Ok(list.resources)
}

async fn index(connection: &Connection) -> Result<Index, ApiError> {
    let text = connection.get("/openapi/v3").await?;
    serde_json::from_str(&text).map_err(|_| connection.unreadable("an OpenAPI index"))
}

/// The server's own schema, read once per content; the embedded one where the server publishes none.
async fn schema(
    connection: &Connection,
    index: Option<&Index>,
    api_version: &str,
    known: &Mutex<HashMap<String, Arc<Schema>>>,
) -> Arc<Schema> {
    let root = if api_version.contains('/') { "apis" } else { "api" };
    let Some(entry) = index.and_then(|index| index.paths.get(&format!("{root}/{api_version}"))) else {
        return kubernetes::schema();
    };
    if let Some(schema) = known.lock().await.get(&entry.server_relative_url) {
        return Arc::clone(schema);
    }
    let Some(schema) = read_schema(connection, &entry.server_relative_url).await else {
        tracing::warn!(api_version, "no readable OpenAPI document; the embedded schema stands in");
        return kubernetes::schema();
    };
    known.lock().await.insert(entry.server_relative_url.clone(), Arc::clone(&schema));
    schema
}

/// The documents have up to a megabyte: they are read side by side, away from the tasks that wait for answers.
async fn read_schema(connection: &Connection, url: &str) -> Option<Arc<Schema>> {
    let text = connection.get(url).await.ok()?;
    let parse = move || schema::parse(text.as_bytes(), kubernetes::facts()).ok().map(Arc::new);
    tokio::task::spawn_blocking(parse).await.ok()?
}
