//! Two files or folders compared with the same engine: no cluster, no Git.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::drift::attribute::Autoscalers;
use crate::drift::extras::extras;
use crate::drift::ignore;
use crate::drift::model::{Declarations, Desired, KindKey, Live, ObjectKey, Packed, Redactor, Scope};
use crate::drift::schema::Definitions;
use crate::live::{self, Listing, NamedFile, Snapshot, SnapshotError, read_files};
use crate::manifest;
use crate::report::{EnvironmentReport, Identity, Rendering};

use super::{Evidence, PipelineError, Rules, Second, Seen, Standing, evaluate, hooks, now};
use crate::store::random_redactor;

/// What becomes of live objects that the desired side does not declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undeclared {
    /// They are reported as extra, the cluster's own left out.
    Listed,
    /// They are of no interest.
    Ignored,
}

/// Why two inputs cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// One of them cannot be read.
    #[error(transparent)]
    Input(#[from] SnapshotError),
    /// One of them holds no object.
    #[error("{0} holds no Kubernetes object in a .yaml, .yml or .json file")]
    Empty(String),
    /// An object is declared twice.
    #[error("{key} stands at {first} and again at {second}; remove one of them")]
    Duplicate {
        /// The object.
        key: String,
        /// Where it stands first.
        first: String,
        /// Where it stands again.
        second: String,
    },
    /// There is no key for digests.
    #[error(transparent)]
    Redaction(#[from] PipelineError),
}

/// Compares the objects that `desired` declares with those of `live`.
///
/// # Errors
/// An input cannot be read, holds a document that is no object, or the same object twice.
pub fn diff(desired: &Path, live: &Path, undeclared: Undeclared) -> Result<EnvironmentReport, DiffError> {
    let started_at = now();
    let redactor = random_redactor().map_err(PipelineError::from)?;
    let mut lives = Snapshot::new(live.to_owned(), redactor.clone()).objects()?;
    let mut declared = read_desired(desired, &redactor)?;
    if declared.is_empty() {
        return Err(DiffError::Empty(desired.display().to_string()));
    }
    // The server fills in and drops by the definition that lives.
    let defined = declared.iter().filter(|object| object.key.type_key.kind == "CustomResourceDefinition");
    let defined: Vec<Desired> = defined.map(Packed::unpack).collect();
    let contents = lives.iter().map(|live| &live.content).chain(defined.iter().map(|object| &object.content));
    let definitions = Definitions::among(contents);
    live::place(&mut lives, &definitions);
    pair(&mut declared, &lives, &definitions);
    let declared = distinct(declared)?;
    let schemas: HashMap<_, _> =
        declared.keys().map(|key| (key.type_key.clone(), definitions.schema(&key.type_key))).collect();
    let keys: Vec<&ObjectKey> = declared.keys().collect();
    let extra: Vec<Live> = match undeclared {
        Undeclared::Listed => extras(&keys, lives.iter()).into_iter().cloned().collect(),
        Undeclared::Ignored => Vec::new(),
    };
    let autoscalers = Autoscalers::among(&lives);
    let mut listing = Listing::default();
    for key in declared.keys() {
        listing.completed(key.type_key.kind_key(), key.namespace.clone());
    }
    let rules = Arc::new(Rules::new(redactor));
    let standing = Arc::new(Standing::new("diff", declared, schemas, autoscalers, rules));
    let seen: Vec<Seen> = lives.into_par_iter().map(|live| standing.look(live)).collect();
    for seen in seen {
        listing.insert(seen);
    }
    let hooks = hooks::count_gone(standing.declared(), &listing);
    let evidence = Evidence { standing, live: listing, extra, second: Second::default(), gaps: Vec::new() };
    let mut assessment = evaluate(&evidence);
    let declared = evidence.standing.declared();
    let ignored = ignore::apply(&[], "diff", declared, &mut assessment, started_at);
    let identity = Identity {
        name: "diff".to_owned(),
        repository: desired.display().to_string(),
        branch: String::new(),
        cluster: live.display().to_string(),
    };
    let times = (started_at, now());
    let rendering = Rendering { renderer: None, hooks };
    Ok(EnvironmentReport { rendering, ignored, ..EnvironmentReport::new(identity, None, assessment, times) })
}

fn read_desired(path: &Path, redactor: &Redactor) -> Result<Vec<Packed>, DiffError> {
    let read = |(name, bytes): &NamedFile| manifest::objects(name, bytes, redactor);
    let files: Vec<Vec<_>> = read_files(path)?.par_iter().map(read).collect();
    let desired = |object: Result<manifest::Placed, manifest::Problem>| {
        let (declared, position, lines) = object.map_err(SnapshotError::from)?;
        Ok(Desired::new(declared, position, &lines).pack())
    };
    files.into_iter().flatten().map(desired).collect()
}

/// An object that names no namespace pairs with the live one of its kind and name where that is the only one.
fn pair(declared: &mut [Packed], lives: &[Live], definitions: &Definitions) {
    let mut namespaces: BTreeMap<(KindKey, &str), Vec<Option<&str>>> = BTreeMap::new();
    for live in lives {
        let key = (live.key.type_key.kind_key(), live.key.name.as_str());
        namespaces.entry(key).or_default().push(live.key.namespace.as_deref());
    }
    for object in declared.iter_mut() {
        if definitions.scope(&object.key.type_key) == Some(Scope::Cluster) {
            object.place(Scope::Cluster, "");
        } else if object.key.namespace.is_none() {
            let key = (object.key.type_key.kind_key(), object.key.name.as_str());
            let only = match namespaces.get(&key).map(Vec::as_slice) {
                Some([Some(only)]) => *only,
                _ => continue,
            };
            object.place(Scope::Namespaced, only);
        }
    }
}

fn distinct(objects: Vec<Packed>) -> Result<Declarations, DiffError> {
    let mut declared = Declarations::default();
    for object in objects {
        let second = object.source.clone();
        if let Some(first) = declared.insert(object) {
            let (key, first, second) = (first.key.to_string(), first.source.to_string(), second.to_string());
            return Err(DiffError::Duplicate { key, first, second });
        }
    }
    Ok(declared)
}
