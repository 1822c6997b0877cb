//! Every repository of the configuration: who may ask its server when, and what stands while it does not answer.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use git2::{Oid, Repository};
use tempfile::TempDir;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, watch};

use super::graph::commit_id;
use super::mirror::Mirror;
use super::read::{self, Fetch};
use super::references::{References, Resolved};
use super::secret::{Fingerprint, fingerprint};
use super::session::{Asked, Session};
use super::submodule::{Mounted, Submodules};
use super::{GitError, backoff};
use crate::config::{self, Address, Config, Environment, Pattern, Reference};
use crate::drift::promotion::CommitId;

/// The repositories of a configuration; clones share everything.
#[derive(Debug, Clone)]
pub struct Repositories(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    entries: Vec<Arc<Entry>>,
    /// Submodules that no repository of the configuration is, by their addresses.
    submodules: Mutex<HashMap<String, Arc<Entry>>>,
    cache: Arc<Cache>,
    /// How often a server is asked.
    pace: Duration,
    /// How much sooner it may be asked, so that a round is never left out.
    slack: Duration,
}

/// One repository.
#[derive(Debug)]
struct Entry {
    repository: Arc<config::Repository>,
    /// What is followed: by its environments, and by what deployers' own descriptions name.
    wanted: Mutex<Vec<Reference>>,
    /// When it was said last to have changed.
    changed: Mutex<Option<Instant>>,
    /// Whether the server was asked for that.
    asked: AtomicBool,
    state: Arc<AsyncMutex<State>>,
}

/// What is known of a remote repository.
#[derive(Debug, Default)]
struct State {
    /// What the server said last, and when.
    known: Option<(Arc<References>, SystemTime)>,
    /// When it was asked last with success, by this process.
    asked: Option<Instant>,
    /// When it was asked last, and had not answered yet.
    began: Option<Instant>,
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Failure {
    error: GitError,
    /// How many in a row.
    count: u32,
    at: Instant,
    /// Of the credentials that failed.
    fingerprint: Fingerprint,
}

/// Where an environment's files were found.
#[derive(Debug)]
pub struct Checkout<T> {
    /// The repository or mirror that holds the commit and its history.
    pub location: PathBuf,
    /// The branch, tag or commit that was read.
    pub reference: String,
    /// The commit, 40 hex digits.
    pub revision: String,
    /// What was made of its files.
    pub files: T,
    /// Why this may not be the newest commit.
    pub stale: Option<Stale>,
}

/// Where an environment's reference stands.
#[derive(Debug)]
pub struct Tip {
    /// The repository or mirror that holds the commit and its history.
    pub location: PathBuf,
    /// The branch, tag or commit that was found.
    pub reference: String,
    /// The commit.
    pub commit: CommitId,
    /// Why this may not be the newest commit.
    pub stale: Option<Stale>,
}

/// What was read is what was fetched before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// Why nothing newer could be fetched.
    pub error: GitError,
    /// How long ago the server was asked with success.
    pub age: Duration,
}

/// What a repository has, as far as is known.
struct View {
    location: PathBuf,
    references: Arc<References>,
    stale: Option<Stale>,
}

impl Entry {
    fn new(repository: Arc<config::Repository>, wanted: Vec<Reference>, state: Arc<AsyncMutex<State>>) -> Self {
        Self { repository, wanted: Mutex::new(wanted), changed: Mutex::default(), asked: AtomicBool::new(false), state }
    }

    fn wanted(&self) -> Vec<Reference> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything that is followed, `reference` from now on too.
    fn wanting(&self, reference: &Reference) -> Vec<Reference> {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if !wanted.contains(reference) {
            wanted.push(reference.clone());
        }
        wanted.clone()
    }
}

impl Repositories {
    /// Those of `config`; touches nothing yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let temporary = OnceLock::new();
        Self::sharing(config, &[], Arc::new(Cache { configured: config.git_cache.clone(), temporary }))
    }

    /// Those of `config`, with what is known of the ones that lie at the same address in the same cache.
    #[must_use]
    pub fn reconfigured(&self, config: &Config) -> Self {
        if self.0.cache.configured == config.git_cache {
            Self::sharing(config, &self.0.entries, Arc::clone(&self.0.cache))
        } else {
            Self::new(config)
        }
    }

    fn sharing(config: &Config, before: &[Arc<Entry>], cache: Arc<Cache>) -> Self {
        let entry = |repository: &Arc<config::Repository>| {
            let used = config.environments.iter().filter(|environment| environment.repository.name == repository.name);
            let mut wanted: Vec<Reference> = Vec::new();
            for environment in used {
                if !wanted.contains(&environment.reference) {
                    wanted.push(environment.reference.clone());
                }
            }
            let known = before.iter().find(|entry| entry.repository.address == repository.address);
            if let Some(known) = known.filter(|known| known.repository == *repository && known.wanted() == wanted) {
                return Arc::clone(known);
            }
            let state = known.map(|known| Arc::clone(&known.state)).unwrap_or_default();
            Arc::new(Entry::new(Arc::clone(repository), wanted, state))
        };
        Self(Arc::new(Shared {
            entries: config.repositories.iter().map(entry).collect(),
            submodules: Mutex::default(),
            cache,
            pace: config.git_interval,
            slack: config.interval / 2,
        }))
    }

    /// Says that the repository `name` is said to have changed at `when`: its server is asked again before it is read,
    /// unless it has been asked since.
    pub fn changed(&self, name: &str, when: Instant) {
        let Some(entry) = self.0.entries.iter().find(|entry| entry.repository.name == name) else { return };
        let mut changed = entry.changed.lock().unwrap_or_else(PoisonError::into_inner);
        *changed = changed.max(Some(when));
    }

    /// What `read` makes of the files at the commit that `environment` follows now. Dropping the future stops a fetch.
    ///
    /// # Errors
    /// They cannot be had, and were not had before.
    pub async fn checkout<T: Send + 'static>(
        &self,
        environment: &Environment,
        read: impl FnOnce(Fetch<'_>) -> Result<T, GitError> + Send + 'static,
    ) -> Result<Checkout<T>, GitError> {
        let view = self.view(&environment.repository, &environment.reference).await?;
        let (shared, environment) = (Arc::clone(&self.0), environment.clone());
        blocking(move |asked| {
            let resolved = view.resolve(&environment.reference)?;
            let submodules = Followed { shared, parent: Arc::clone(&environment.repository), asked };
            let files = read(&|paths| read::tree(&view.location, &resolved, paths, &submodules))?;
            let revision = resolved.commit.to_string();
            Ok(Checkout { location: view.location, reference: resolved.name, revision, files, stale: view.stale })
        })
        .await
    }

    /// Where `environment` stands now, without its files. Dropping the future stops a fetch.
    ///
    /// # Errors
    /// That cannot be had, and was not had before.
    pub async fn tip(&self, environment: &Environment) -> Result<Tip, GitError> {
        let view = self.view(&environment.repository, &environment.reference).await?;
        let wanted = environment.reference.clone();
        blocking(move |_| {
            let Resolved { name, commit } = view.resolve(&wanted)?;
            Ok(Tip { location: view.location, reference: name, commit: commit_id(commit), stale: view.stale })
        })
        .await
    }

    /// Every repository of the configuration.
    pub fn configured(&self) -> Vec<Arc<config::Repository>> {
        self.0.entries.iter().map(|entry| Arc::clone(&entry.repository)).collect()
    }

    /// The environments that `environment` stands for: itself, or one for each branch that its pattern finds, called
    /// `NAME:BRANCH`. Where none is found it is itself, and its checkout says why.
    pub async fn expand(&self, environment: &Arc<Environment>) -> Vec<Arc<Environment>> {
        let Reference::Pattern(pattern) = &environment.reference else { return vec![Arc::clone(environment)] };
        if !environment.reference.is_each() {
            return vec![Arc::clone(environment)];
        }
        let names = match self.view(&environment.repository, &environment.reference).await {
            Ok(view) => each(environment, pattern, &view.references),
            Err(_) => Vec::new(),
        };
        if names.is_empty() { vec![Arc::clone(environment)] } else { names }
    }

    /// What the repository has: asked now, or known from before where the server does not answer.
    async fn view(&self, repository: &Arc<config::Repository>, reference: &Reference) -> Result<View, GitError> {
        let Some(entry) = self.0.entries.iter().find(|entry| entry.repository.name == repository.name).cloned() else {
            return Err(GitError::NoRepository { location: PathBuf::from(&repository.name) });
        };
        let shared = Arc::clone(&self.0);
        if let Address::Local(location) = &repository.address {
            let location = location.clone();
            return blocking(move |_| local(&location)).await;
        }
        let wanted = entry.wanting(reference);
        // Only one asks the server, the others wait for what it learns.
        let state = Arc::clone(&entry.state).lock_owned().await;
        blocking(move |asked| shared.remote(&entry, state, &wanted, &asked)).await
    }
}

/// The derived environments, in the order of their names.
fn each(environment: &Environment, pattern: &Pattern, references: &References) -> Vec<Arc<Environment>> {
    let derived = |branch: &str| {
        let mut derived = environment.clone();
        derived.name = format!("{}:{branch}", environment.name);
        derived.reference = Reference::Branch(branch.to_owned());
        if let Some(follow) = &mut derived.follow {
            follow.family.clone_from(&derived.name);
        }
        Arc::new(derived)
    };
    references.matching(pattern).map(derived).collect()
}

impl View {
    fn resolve(&self, wanted: &Reference) -> Result<Resolved, GitError> {
        let resolved = self.references.resolve(&read::open(&self.location)?, wanted);
        match (resolved, &self.stale) {
            // What was never fetched is not known to be missing while the server does not answer.
            (Err(GitError::NoReference { .. }), Some(stale)) => Err(stale.error.clone()),
            (resolved, _) => resolved,
        }
    }
}

fn local(location: &Path) -> Result<View, GitError> {
    let repository = read::open(location)?;
    let references = References::of(&repository).map_err(|source| GitError::read(location, &source))?;
    Ok(View { location: location.to_owned(), references: Arc::new(references), stale: None })
}

/// Runs `work`, which blocks, away from the tasks that answer requests; dropping the future tells it to stop.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce(Asked) -> Result<T, GitError> + Send + 'static,
) -> Result<T, GitError> {
    let (_asker, asked) = watch::channel(());
    match tokio::task::spawn_blocking(move || work(asked)).await {
        Ok(done) => done,
        Err(error) => {
            Err(GitError::Refused(format!("reading ended without a result, which is a bug in driftd: {error}")))
        }
    }
}

impl Shared {
    /// Asks the server where that is due.
    fn remote(
        &self,
        entry: &Entry,
        mut state: OwnedMutexGuard<State>,
        wanted: &[Reference],
        asked: &Asked,
    ) -> Result<View, GitError> {
        let mirror = Mirror::new(&self.cache.folder()?, &entry.repository);
        if state.known.is_none() {
            state.known = mirror.kept().map(|(references, at)| (Arc::new(references), at));
        }
        let of_files = fingerprint(&entry.repository.credentials, entry.repository.ca_file.as_deref());
        let known = state.known.as_ref().map(|(references, _)| Arc::clone(references)).unwrap_or_default();
        let lacking = || !has(&mirror.location, wanted, &known);
        let new_wishes = !entry.asked.swap(true, Ordering::Relaxed);
        let changed = *entry.changed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_told = new_wishes || changed > state.began;
        if is_told || state.is_due(self.pace, self.slack, &of_files) || (state.failure.is_none() && lacking()) {
            state.began = Some(Instant::now());
            let updated = Session::new(&entry.repository, asked.clone())
                .and_then(|session| mirror.update(&Arc::new(session), wanted));
            state.learn(updated, of_files);
        }
        let Some((references, at)) = state.known.clone() else {
            return Err(state.failure.as_ref().map_or_else(
                || GitError::NoRepository { location: mirror.location.clone() },
                |failure| failure.error.clone(),
            ));
        };
        let outdated = state.failure.as_ref().map(|failure| Stale {
            error: failure.error.clone(),
            age: SystemTime::now().duration_since(at).unwrap_or_default(),
        });
        Ok(View { location: mirror.location, references, stale: outdated })
    }

    /// The repository of a submodule: one of the configuration, or one on the same server as its parent, which is
    /// shown the same credentials.
    fn submodule(&self, parent: &config::Repository, address: Address) -> Result<Arc<Entry>, String> {
        if let Some(entry) = self.entries.iter().find(|entry| entry.repository.address == address) {
            return Ok(Arc::clone(entry));
        }
        if !address.is_on_the_server_of(&parent.address) {
            return Err(format!("{address} lies on another server; name it under `repositories` with its credentials"));
        }
        let mut submodules = self.submodules.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = submodules.entry(address.to_string()).or_insert_with(|| {
            let repository =
                config::Repository { name: format!("{}.submodule", parent.name), address, ..parent.clone() };
            Arc::new(Entry::new(Arc::new(repository), Vec::new(), Arc::default()))
        });
        Ok(Arc::clone(entry))
    }
}

/// Whether the mirror has every commit that is wanted, as far as the server's references are known.
fn has(location: &Path, wanted: &[Reference], known: &References) -> bool {
    let mut ids = wanted.iter().flat_map(|wanted| match wanted {
        Reference::Revision(id) => Oid::from_str(id).into_iter().collect(),
        _ => known.needed(wanted).into_iter().map(|(_, id)| id).collect::<Vec<_>>(),
    });
    match Repository::open_bare(location) {
        Ok(repository) => ids.all(|id| repository.find_object(id, None).is_ok()),
        Err(_) => ids.next().is_none(),
    }
}

impl State {
    /// Whether it is time to ask: a pace after the last answer, with some slack, and after a failure by and by later,
    /// unless the credentials have changed since.
    fn is_due(&self, pace: Duration, slack: Duration, of_files: &Fingerprint) -> bool {
        match (&self.failure, self.asked) {
            (Some(failure), _) => {
                failure.fingerprint != *of_files
                    || failure.at.elapsed() >= backoff::pause(failure.count, pace).mul_f64(0.5)
            }
            (None, Some(asked)) => asked.elapsed() >= pace.saturating_sub(slack),
            (None, None) => true,
        }
    }

    fn learn(&mut self, updated: Result<References, GitError>, of_files: Fingerprint) {
        match updated {
            Ok(references) => {
                self.known = Some((Arc::new(references), SystemTime::now()));
                self.asked = Some(Instant::now());
                self.failure = None;
            }
            Err(error) => {
                let count = self.failure.as_ref().map_or(1, |failure| failure.count.saturating_add(1));
                self.failure = Some(Failure { error, count, at: Instant::now(), fingerprint: of_files });
            }
        }
    }
}

/// Opens the submodules of a repository that was fetched.
struct Followed {
    shared: Arc<Shared>,
    parent: Arc<config::Repository>,
    asked: Asked,
}

impl Submodules for Followed {
    fn mount(&self, url: &str, commit: Oid) -> Result<Mounted, String> {
        // The URL is not quoted before it is read: it may hold a password.
        let address =
            self.parent.address.submodule(url).map_err(|wrong| format!("{}; {}", wrong.message, wrong.hint))?;
        let entry = self.shared.submodule(&self.parent, address)?;
        let mut wanted = entry.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        wanted.push(Reference::Revision(commit.to_string()));
        let view = if let Address::Local(location) = &entry.repository.address {
            local(location)
        } else {
            let state = Arc::clone(&entry.state).blocking_lock_owned();
            self.shared.remote(&entry, state, &wanted, &self.asked)
        };
        let view = view.map_err(|error| error.to_string())?;
        let repository = read::open(&view.location).map_err(|error| error.to_string())?;
        let found = view.references.resolve(&repository, &Reference::Revision(commit.to_string()));
        if let Err(error) = found {
            return Err(view.stale.map_or(error, |stale| stale.error).to_string());
        }
        let submodules =
            Self { shared: Arc::clone(&self.shared), parent: Arc::clone(&entry.repository), asked: self.asked.clone() };
        Ok(Mounted { repository, submodules: Box::new(submodules) })
    }
}

/// Where the mirrors lie.
#[derive(Debug)]
struct Cache {
    configured: Option<PathBuf>,
    /// Made when it is first needed; gone with the process.
    temporary: OnceLock<Result<TempDir, String>>,
}

impl Cache {
    fn folder(&self) -> Result<PathBuf, GitError> {
        let Some(folder) = &self.configured else {
            let made = self.temporary.get_or_init(|| {
                tempfile::Builder::new().prefix("driftd-git-").tempdir().map_err(|error| error.to_string())
            });
            return match made {
                Ok(folder) => Ok(folder.path().to_owned()),
                Err(error) => Err(GitError::cache(&std::env::temp_dir(), error)),
            };
        };
        create(folder).map_err(|error| GitError::cache(folder, error))?;
        Ok(folder.clone())
    }
}

/// Makes a folder that only its owner may enter: what lies in it may not be for everybody.
fn create(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
