//! The bare mirror of one remote repository: what was fetched of it, and when.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use git2::{AutotagOption, Direction, FetchOptions, Oid, RemoteCallbacks, Repository};
use sha2::{Digest, Sha256};

use super::GitError;
use super::advertisement::{self, Advertisement};
use super::fault::Fault;
use super::references::References;
use super::session::Session;
use super::transport;
use crate::config::{self, Reference};

/// Its time of change says when the server was asked last with success.
const ASKED: &str = "driftd-asked";

/// A folder of the cache that belongs to one address.
#[derive(Debug, Clone)]
pub(super) struct Mirror {
    pub location: PathBuf,
}

impl Mirror {
    /// The mirror of `repository` in the folder `cache`; another address is another mirror.
    pub fn new(cache: &Path, repository: &config::Repository) -> Self {
        let digest = Sha256::digest(repository.address.to_string());
        let digest = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        Self { location: cache.join(format!("{}-{digest:016x}.git", repository.name)) }
    }

    /// What was fetched before, and when; `None` where there was nothing yet.
    pub fn kept(&self) -> Option<(References, SystemTime)> {
        let asked = fs::metadata(self.location.join(ASKED)).ok()?.modified().ok()?;
        let repository = Repository::open_bare(&self.location).ok()?;
        Some((References::of(&repository).ok()?, asked))
    }

    /// Asks the server for its references, and fetches what `wanted` needs and the mirror lacks.
    pub fn update(&self, session: &Arc<Session>, wanted: &[Reference]) -> Result<References, GitError> {
        let _lock = self.lock(session)?;
        let repository = self.open()?;
        let offered = fetch(&repository, session, wanted)?;
        let keep: Vec<(String, Oid)> = wanted.iter().flat_map(|wanted| offered.references.needed(wanted)).collect();
        let failed = |source: &git2::Error| GitError::read(&self.location, source);
        point(&repository, &keep, offered.references.default.as_deref()).map_err(|source| failed(&source))?;
        File::create(self.location.join(ASKED)).map_err(|error| GitError::cache(&self.location, error))?;
        Ok(offered.references)
    }

    /// The mirror; one that cannot be opened, or that is not there yet, is made anew.
    fn open(&self) -> Result<Repository, GitError> {
        if let Ok(repository) = Repository::open_bare(&self.location) {
            return Ok(repository);
        }
        if self.location.exists() {
            fs::remove_dir_all(&self.location).map_err(|error| GitError::cache(&self.location, error))?;
        }
        Repository::init_bare(&self.location).map_err(|error| GitError::cache(&self.location, error.message()))
    }

    /// Keeps other processes from the mirror while this one writes.
    fn lock(&self, session: &Session) -> Result<File, GitError> {
        let path = self.location.with_extension("lock");
        let file = File::create(&path).map_err(|error| GitError::cache(&path, error))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => session.pause().map_err(|fault| session.fails(fault))?,
                Err(TryLockError::Error(error)) => return Err(GitError::cache(&path, error)),
            }
        }
    }
}

/// One conversation with the server.
fn fetch(repository: &Repository, session: &Arc<Session>, wanted: &[Reference]) -> Result<Advertisement, GitError> {
    let failed = |source: git2::Error| session.failed(&source);
    let conversation = || {
        let mut remote = repository.remote_anonymous(transport::URL).map_err(failed)?;
        let mut connection = remote.connect_auth(Direction::Fetch, None, None).map_err(failed)?;
        let offered = advertisement::parse(&session.advertisement());
        let specs = missing(repository, &offered, wanted);
        if !specs.is_empty() {
            let mut callbacks = RemoteCallbacks::new();
            callbacks.transfer_progress(|_| match session.check() {
                Ok(()) => true,
                Err(fault) => {
                    session.stop(fault);
                    false
                }
            });
            let mut options = FetchOptions::new();
            options.remote_callbacks(callbacks).download_tags(AutotagOption::None).update_fetchhead(false);
            connection.remote().download(&specs, Some(&mut options)).map_err(failed)?;
        }
        Ok(offered)
    };
    transport::with(session, conversation).map_err(|source| session.fails(Fault::Said(source.message().to_owned())))?
}

/// What to ask for: only what is wanted and lacking.
fn missing(repository: &Repository, offered: &Advertisement, wanted: &[Reference]) -> Vec<String> {
    let lacks = |id: Oid| repository.find_object(id, None).is_err();
    let mut specs = Vec::new();
    for wanted in wanted {
        let needed = offered.references.needed(wanted);
        specs.extend(needed.iter().filter(|(_, id)| lacks(*id)).map(|(name, _)| format!("+{name}:{name}")));
        let commit = match wanted {
            Reference::Revision(id) => Some(id),
            Reference::Branch(id) if needed.is_empty() && id.len() == 40 => Some(id),
            _ => None,
        };
        if let Some(id) = commit.and_then(|id| Oid::from_str(id).ok())
            && lacks(id)
        {
            if offered.any_commit {
                specs.push(format!("+{id}:refs/driftd/{id}"));
            } else {
                // Where the server gives whole branches only, the commit comes with the one that has it.
                specs.extend(["+refs/heads/*:refs/heads/*".to_owned(), "+refs/tags/*:refs/tags/*".to_owned()]);
            }
        }
    }
    specs.sort();
    specs.dedup();
    specs
}

/// Leaves exactly the references `keep`: what has gone from the server goes here too.
fn point(repository: &Repository, keep: &[(String, Oid)], default: Option<&str>) -> Result<(), git2::Error> {
    for reference in repository.references()? {
        let mut reference = reference?;
        let kept = reference.name().is_ok_and(|name| keep.iter().any(|(kept, _)| kept == name));
        if !kept {
            reference.delete()?;
        }
    }
    for (name, id) in keep {
        repository.reference(name, *id, true, "fetched")?;
    }
    if let Some(default) = default {
        repository.set_head(&format!("refs/heads/{default}"))?;
    }
    Ok(())
}
