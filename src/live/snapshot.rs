//! Files in place of a cluster: dumps as `kubectl get -o yaml` prints them.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use serde_json::Value;

use crate::drift::model::{Gap, GapReason, Live, Redactor, Schema, Scope, Stage, TypeKey};
use crate::drift::schema::Definitions;
use crate::manifest::{self, Problem};

use super::{Awaited, Discovery, Keyed, Listing, Served, Survey, Wanted};

/// A file or folder of dumps, read anew at every scan.
#[derive(Debug)]
pub struct Snapshot {
    path: PathBuf,
    redactor: Redactor,
}

/// Why files cannot stand in for a cluster, or for what Git declares.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A document is no object.
    #[error(transparent)]
    Malformed(#[from] Problem),
}

/// A file's name and what it holds.
pub type NamedFile = (Arc<str>, Vec<u8>);

/// The manifests of a file, or of a folder and all below it, by name; paths relative to the folder.
///
/// # Errors
/// Something cannot be read.
pub fn read_files(path: &Path) -> Result<Vec<NamedFile>, SnapshotError> {
    let mut files = Vec::new();
    if path.is_dir() {
        walk(path, path, &mut files)?;
    } else {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        files.push((name.into(), read(path)?));
    }
    Ok(files)
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<NamedFile>) -> Result<(), SnapshotError> {
    let unreadable = |source| SnapshotError::Unreadable { path: folder.to_owned(), source };
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .map_err(unreadable)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    entries.sort();
    for entry in entries {
        let name: Arc<str> = entry.strip_prefix(root).unwrap_or(&entry).to_string_lossy().into();
        // A link may lead out of the folder or back into it.
        let linked = entry.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
        if entry.is_dir() && !linked {
            walk(root, &entry, files)?;
        } else if manifest::is_manifest(&name) {
            files.push((name, read(&entry)?));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, SnapshotError> {
    fs::read(path).map_err(|source| SnapshotError::Unreadable { path: path.to_owned(), source })
}

/// A dump may be a manifest as well: an object of the cluster as a whole has no namespace, whatever it says.
pub fn place(lives: &mut [Live], definitions: &Definitions) {
    for live in lives {
        if definitions.scope(&live.key.type_key) == Some(Scope::Cluster) && live.key.namespace.take().is_some() {
            live.content
                .get_mut("metadata")
                .and_then(Value::as_object_mut)
                .map(|metadata| metadata.remove("namespace"));
        }
    }
}

impl Snapshot {
    /// A snapshot at `path`; touches nothing yet.
    #[must_use]
    pub fn new(path: PathBuf, redactor: Redactor) -> Self {
        Self { path, redactor }
    }

    /// Every object of the files.
    ///
    /// # Errors
    /// A file cannot be read or holds a document that is no object.
    pub fn objects(&self) -> Result<Vec<Live>, SnapshotError> {
        let read = |(name, bytes): &NamedFile| manifest::objects(name, bytes, &self.redactor);
        let files: Vec<Vec<_>> = read_files(&self.path)?.par_iter().map(read).collect();
        let lives = files.into_iter().flatten().map(|object| Ok(Live::from(object?.0)));
        let mut lives: Vec<Live> = lives.collect::<Result<_, SnapshotError>>()?;
        let definitions = Definitions::of_live(&lives);
        place(&mut lives, &definitions);
        Ok(lives)
    }

    async fn objects_off_the_reactor(&self) -> Result<Vec<Live>, Gap> {
        let snapshot = Self { path: self.path.clone(), redactor: self.redactor.clone() };
        let read = tokio::task::spawn_blocking(move || snapshot.objects()).await;
        match read {
            Ok(Ok(objects)) => Ok(objects),
            Ok(Err(error)) => Err(self.gap(&error.to_string())),
            Err(error) => Err(self.gap(&error.to_string())),
        }
    }

    fn gap(&self, message: &str) -> Gap {
        Gap {
            stage: Stage::List,
            scope: format!("snapshot {}", self.path.display()),
            reason: GapReason::Malformed,
            message: format!("the snapshot cannot be read: {message}"),
            source: None,
        }
    }

    /// The shapes of kinds, by the snapshot's own definitions of custom resources.
    pub(super) async fn schemas(&self, types: &BTreeSet<TypeKey>) -> HashMap<TypeKey, Arc<Schema>> {
        // A snapshot that cannot be read is a gap already.
        let objects = self.objects_off_the_reactor().await.unwrap_or_default();
        let definitions = Definitions::of_live(&objects);
        types.iter().map(|of| (of.clone(), definitions.schema(of))).collect()
    }

    /// Kinds as they are defined; others live where the snapshot's own objects do.
    pub(super) async fn served(&self, types: &BTreeSet<TypeKey>) -> Discovery {
        let mut discovery = Discovery::default();
        let objects = match self.objects_off_the_reactor().await {
            Ok(objects) => objects,
            Err(gap) => {
                discovery.gaps.push(gap);
                return discovery;
            }
        };
        let definitions = Definitions::of_live(&objects);
        for type_key in types {
            let kind = type_key.kind_key();
            let same_kind = objects.iter().find(|live| live.key.type_key.kind_key() == kind);
            let scope = definitions.scope(type_key).unwrap_or(match same_kind {
                Some(live) if live.key.namespace.is_none() => Scope::Cluster,
                _ => Scope::Namespaced,
            });
            let plural = format!("{}s", type_key.kind.to_lowercase());
            discovery.served.insert(type_key.clone(), Served { plural, scope });
        }
        discovery
    }

    /// Every object of the files in the namespaces that `survey` names; whoever asks looks at the labels again.
    pub(super) async fn survey(&self, survey: &Survey) -> Vec<Live> {
        // A snapshot that cannot be read is a gap already.
        let mut objects = self.objects_off_the_reactor().await.unwrap_or_default();
        objects.retain(|live| match (&survey.namespaces, &live.key.namespace) {
            (None, _) => true,
            (Some(wanted), Some(namespace)) => wanted.contains(namespace),
            (Some(_), None) => false,
        });
        objects
    }

    /// Files hold more than was asked for; where nothing is, they are not read.
    pub(super) async fn list<T: Keyed>(&self, wanted: Vec<Wanted>, keep: &Awaited<'_, T>) -> Listing<T> {
        if wanted.is_empty() {
            return Listing::default();
        }
        let (objects, keep) = (self.objects_off_the_reactor().await, keep.clone().await);
        let mut listing = Listing::default();
        match objects {
            Ok(objects) => {
                for live in objects {
                    listing.insert(keep(live));
                }
                for scope in wanted {
                    listing.completed(scope.type_key.kind_key(), scope.namespace);
                }
            }
            Err(gap) => listing.gaps.push(gap),
        }
        listing
    }
}
