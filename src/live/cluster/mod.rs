//! An API server: discovery, schema and lists, with read-only rights.

mod client;
mod discovery;
mod dry_run;
mod page;
mod pods;
mod survey;
mod tally;
mod watch;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as Lock, PoisonError};

use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio::sync::{Mutex, Semaphore};

use crate::drift::model::{Gap, GapReason, Redactor, Schema, Scope, Stage, TypeKey};

use super::{Awaited, Discovery, Keyed, Listing, Wanted};
use client::{ApiError, Connection};
pub use tally::{Requests, Tally};
pub use watch::{Listener, Restart, Told};

/// Objects of one page; a page is held as text while it is read.
const PAGE: usize = 500;
/// Lists under way at once.
const CONCURRENCY: usize = 8;
/// How often a list is begun again because its continue token expired on the way.
const RESTARTS: usize = 2;

/// A configured cluster with what has been learnt about it.
pub struct Cluster {
    name: String,
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
    redactor: Redactor,
    connection: Mutex<Option<Connection>>,
    watching: Mutex<Option<Connection>>,
    /// The watches that list at once.
    turns: Semaphore,
    tally: Arc<Tally>,
    /// By the URL under which the server publishes it, which holds a hash of the content.
    schemas: Mutex<HashMap<String, Arc<Schema>>>,
    /// Of every kind that was ever served.
    scopes: Lock<HashMap<TypeKey, Scope>>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What is wanted of each object of a list.
enum Content {
    /// All of it.
    Whole,
    /// Name, labels, annotations and owners, of the objects that a label selector fits; empty fits all.
    Metadata { selector: String },
}

/// How a list of metadata is asked for.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// What a list says of itself.
#[derive(Deserialize)]
struct PageMeta {
    /// Where the next page begins; empty on the last.
    #[serde(default, rename = "continue")]
    next: String,
    #[serde(default, rename = "resourceVersion")]
    resource_version: String,
}

impl Cluster {
    /// A cluster that is connected to when it is first asked.
    #[must_use]
    pub fn new(name: &str, kubeconfig: Option<PathBuf>, context: Option<String>, redactor: Redactor) -> Self {
        Self {
            name: name.to_owned(),
            kubeconfig,
            context,
            redactor,
            connection: Mutex::default(),
            watching: Mutex::default(),
            turns: Semaphore::new(CONCURRENCY),
            tally: Arc::default(),
            schemas: Mutex::default(),
            scopes: Lock::default(),
        }
    }

    /// The connection, made where there is none; credentials are read again after a failure.
    async fn connection(&self) -> Result<Connection, ApiError> {
        let mut connection = self.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        let made = Connection::open(self.access(), &self.tally).await?;
        *connection = Some(made.clone());
        Ok(made)
    }

    /// The kubeconfig file and the context.
    fn access(&self) -> (Option<&Path>, Option<&str>) {
        (self.kubeconfig.as_deref(), self.context.as_deref())
    }

    /// What it was asked so far.
    #[must_use]
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Drops the connection, so that the next scan reads credentials and addresses again.
    async fn forget_connection(&self) {
        *self.connection.lock().await = None;
    }

    /// Connects, which takes a while, before anything is asked.
    pub(super) async fn prepare(&self) {
        if let Ok(connection) = self.connection().await {
            // What it answers is of no interest here, nor whether it may be asked.
            let _ = connection.get("/version").await;
        }
    }

    /// The schema of each of `types`.
    pub(super) async fn schemas(&self, types: &BTreeSet<TypeKey>) -> HashMap<TypeKey, Arc<Schema>> {
        match self.connection().await {
            Ok(connection) => discovery::schemas(&connection, types, &self.schemas).await,
            Err(_) => HashMap::new(),
        }
    }

    /// Learns how `types` are served.
    pub(super) async fn served(&self, types: &BTreeSet<TypeKey>) -> Discovery {
        let discovered = match self.connection().await {
            Ok(connection) => discovery::served(&connection, types).await,
            Err(error) => Err(error),
        };
        match discovered {
            Ok(discovery) => {
                let scopes = discovery.served.iter().map(|(type_key, served)| (type_key.clone(), served.scope));
                self.scopes.lock().unwrap_or_else(PoisonError::into_inner).extend(scopes);
                discovery
            }
            Err(error) => {
                self.forget_connection().await;
                Discovery { gaps: vec![self.unreachable(&error)], ..Discovery::default() }
            }
        }
    }

    /// Where objects of a kind live, if it was ever served.
    pub(super) fn scope(&self, type_key: &TypeKey) -> Option<Scope> {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner).get(type_key).copied()
    }

    fn unreachable(&self, error: &ApiError) -> Gap {
        let address = if error.address.is_empty() { String::new() } else { format!(" at {}", error.address) };
        Gap {
            stage: Stage::Connect,
            scope: format!("cluster {}", self.name),
            reason: error.reason,
            message: format!("cluster {}{address}: {}{}", self.name, error.message, hint(error.reason)),
            source: None,
        }
    }

    /// Lists each wanted scope, several at once.
    pub(super) async fn list<T>(&self, wanted: Vec<Wanted>, keep: &Awaited<'_, T>) -> Listing<T>
    where
        T: Keyed + Send + 'static,
    {
        if wanted.is_empty() {
            return Listing::default();
        }
        let connection = match self.connection().await {
            Ok(connection) => connection,
            Err(error) => return Listing::failed(self.unreachable(&error)),
        };
        let lists = wanted.into_iter().map(|scope| self.list_scope(connection.clone(), scope, keep));
        let mut parts = futures_util::stream::iter(lists).buffered(CONCURRENCY);
        let mut listing = Listing::default();
        while let Some(part) = parts.next().await {
            listing.extend(part);
        }
        listing
    }

    async fn list_scope<T>(&self, connection: Connection, scope: Wanted, keep: &Awaited<'_, T>) -> Listing<T>
    where
        T: Keyed + Send + 'static,
    {
        let mut restarts = 0;
        loop {
            match self.list_pages(&connection, &scope, &Content::Whole, keep).await {
                Err(error) if error.expired && restarts < RESTARTS => restarts += 1,
                Err(error) => {
                    if error.reason == GapReason::Unauthorized {
                        self.forget_connection().await;
                    }
                    return Listing::failed(self.list_gap(&scope, &error));
                }
                Ok(listing) => return listing,
            }
        }
    }

    async fn list_pages<T>(
        &self,
        connection: &Connection,
        scope: &Wanted,
        content: &Content,
        keep: &Awaited<'_, T>,
    ) -> Result<Listing<T>, ApiError>
    where
        T: Keyed + Send + 'static,
    {
        let mut listing = Listing::default();
        let mut next = String::new();
        loop {
            let text = match content {
                Content::Whole => connection.get(&page_url(scope, "", &next)).await?,
                Content::Metadata { selector } => {
                    connection.get_as(&page_url(scope, selector, &next), METADATA).await?
                }
            };
            let (of, redactor, keep) = (scope.clone(), self.redactor.clone(), keep.clone().await);
            // Reading is work: it stays off the tasks that wait for the answers to other requests.
            let read = tokio::task::spawn_blocking(move || page::read(&text, &of, &redactor, &*keep)).await;
            let (part, after) = read.ok().flatten().ok_or_else(|| connection.unreadable("a list"))?;
            listing.extend(part);
            next = after.next;
            if next.is_empty() {
                break;
            }
        }
        if listing.gaps.is_empty() {
            listing.completed(scope.type_key.kind_key(), scope.namespace.clone());
        }
        Ok(listing)
    }

    fn list_gap(&self, scope: &Wanted, error: &ApiError) -> Gap {
        if error.reason == GapReason::Unreachable {
            return self.unreachable(error);
        }
        let message = match error.reason {
            GapReason::Forbidden => format!(
                "may not list {}: grant the verb list on {} in the API group \"{}\" ({})",
                scope, scope.served.plural, scope.type_key.group, error.message
            ),
            _ => format!("cannot list {scope}: {}", error.message),
        };
        Gap { stage: Stage::List, scope: scope.to_string(), reason: error.reason, message, source: None }
    }
}

fn hint(reason: GapReason) -> &'static str {
    match reason {
        GapReason::Unauthorized => "; check the credentials of the kubeconfig",
        GapReason::Unreachable => "; check the address and that the API server runs",
        _ => "",
    }
}

/// The path of a kind's objects in a scope.
fn collection(scope: &Wanted) -> String {
    let TypeKey { group, version, .. } = &scope.type_key;
    let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    let namespace = scope.namespace.as_ref().map_or_else(String::new, |name| format!("/namespaces/{name}"));
    format!("{root}{namespace}/{}", scope.served.plural)
}

fn page_url(scope: &Wanted, selector: &str, next: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(format!("{}?", collection(scope)));
    query.append_pair("limit", &PAGE.to_string());
    if !selector.is_empty() {
        query.append_pair("labelSelector", selector);
    }
    if !next.is_empty() {
        query.append_pair("continue", next);
    }
    query.finish()
}
