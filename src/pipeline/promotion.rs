//! The promotion of each environment: the tips of its chain read from Git, then judged.

mod asked;
mod programs;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::config::{Config, Environment, Reference};
use crate::drift::model::{Gap, GapReason, Redactor, Stage};
use crate::drift::promotion::{CommitId, Edge, Graph, Promotion, Release, Seen, SeenBranch, judge, master_of};
use crate::git::{CommitGraph, GitError, Repositories, Tip, earlier_releases};
use crate::render::Contents;
use crate::store::{self, Store, StoreError};

use super::gather::unfetched;
use super::{PipelineError, died};
use asked::Asked;
use programs::Programs;

/// Judges the promotions of a configuration again and again, and remembers the tips that it saw.
#[derive(Debug)]
pub struct Promotions {
    edges: Arc<[Ends]>,
    repositories: Repositories,
    judge: Arc<Mutex<Judge>>,
}

/// An environment and the one that it is promoted from.
#[derive(Debug)]
struct Ends {
    target: Arc<Environment>,
    source: Arc<Environment>,
}

/// Where each environment of a promotion stands, or why that is not known.
type Tips = BTreeMap<String, Result<Stand, Gap>>;

/// Where one environment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stand {
    location: PathBuf,
    /// The branch, tag or commit that was found.
    reference: String,
    tip: CommitId,
    /// Why it may stand elsewhere by now.
    outdated: Option<Gap>,
}

impl Promotions {
    /// Nothing was seen yet.
    ///
    /// # Errors
    /// There is no key for the digests of Secret values.
    pub fn new(config: &Config) -> Result<Self, PipelineError> {
        Self::among(config, &config.environments, Repositories::new(config))
    }

    /// The promotions of some of the environments, in repositories that may be shared with others.
    ///
    /// # Errors
    /// There is no key for the digests of Secret values.
    pub fn among(
        config: &Config,
        chosen: &[Arc<Environment>],
        repositories: Repositories,
    ) -> Result<Self, PipelineError> {
        let judge = Judge::new(store::redactor(config)?, config.state.clone().map_or(Record::None, Record::File));
        Ok(Self { edges: edges(config, chosen), repositories, judge: Arc::new(Mutex::new(judge)) })
    }

    /// The promotions of `config`, with the memory of these.
    #[must_use]
    pub fn reconfigured(&self, config: &Config) -> Self {
        let edges = edges(config, &config.environments);
        Self { edges, repositories: self.repositories.reconfigured(config), judge: Arc::clone(&self.judge) }
    }

    /// From now on the tips of the branches are recorded in `store`, and recalled from there.
    #[must_use]
    pub fn recorded_in(self, store: Arc<Store>) -> Self {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner).record = Record::Store(store);
        self
    }

    /// The repositories that it reads; clones share everything.
    #[must_use]
    pub fn repositories(&self) -> Repositories {
        self.repositories.clone()
    }

    /// Whether there is no promotion to look at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// What stands before the first look.
    #[must_use]
    pub fn waiting(&self) -> Vec<Promotion> {
        self.unknown(|environment| Gap {
            stage: Stage::Git,
            scope: format!("promotion of {}", environment.name),
            reason: GapReason::Unreachable,
            message: "the branches have not been looked at yet; ask again in a moment".to_owned(),
            source: None,
        })
    }

    /// One entry for every environment with `promotedFrom`, in the order of the configuration; where no branch has
    /// moved since the last call, its answer stands. Dropping the future stops a fetch.
    pub async fn look(&self, now: Timestamp) -> Vec<Promotion> {
        let stands = involved(&self.edges).into_iter().map(async |environment| {
            let stand = self.repositories.tip(environment).await.map(|tip| Stand::of(environment, tip));
            (environment.name.clone(), stand.map_err(|error| unfetched(environment, &error)))
        });
        let tips: Tips = futures_util::future::join_all(stands).await.into_iter().collect();
        let (edges, judge) = (Arc::clone(&self.edges), Arc::clone(&self.judge));
        // Reading history is work: it stays off the threads that answer requests.
        let judged = tokio::task::spawn_blocking(move || {
            // A judge that panicked left what it had seen whole: it is recorded at the end.
            judge.lock().unwrap_or_else(PoisonError::into_inner).judge(&edges, tips, now)
        });
        judged.await.unwrap_or_else(|error| self.unknown(|_| died(&error)))
    }

    fn unknown(&self, why: impl Fn(&Environment) -> Gap) -> Vec<Promotion> {
        let unknown =
            |Ends { target, source }: &Ends| Promotion::unknown(&target.name, &source.name, vec![why(target)]);
        self.edges.iter().map(unknown).collect()
    }
}

fn edges(config: &Config, chosen: &[Arc<Environment>]) -> Arc<[Ends]> {
    let edges = config.environments.iter().filter_map(|target| {
        let from = target.promoted_from.as_deref()?;
        let source = Arc::clone(config.environments.iter().find(|other| other.name == from)?);
        let wanted = chosen.iter().any(|environment| environment.name == target.name);
        wanted.then(|| Ends { target: Arc::clone(target), source })
    });
    edges.collect()
}

/// The environments of all edges, each once.
fn involved(edges: &[Ends]) -> Vec<&Environment> {
    let ends = edges.iter().flat_map(|Ends { target, source }| [target, source]);
    let ends: BTreeMap<&str, &Environment> = ends.map(|one| (one.name.as_str(), one.as_ref())).collect();
    ends.into_values().collect()
}

impl Stand {
    fn of(environment: &Environment, tip: Tip) -> Self {
        let Tip { location, reference, commit, stale } = tip;
        let outdated = stale.map(|stale| Gap {
            message: format!("{}; judged at commit {commit}, which was fetched before", stale.error),
            ..unfetched(environment, &stale.error)
        });
        Self { location, reference, tip: commit, outdated }
    }
}

/// What is remembered from one look to the next.
#[derive(Debug)]
struct Judge {
    redactor: Redactor,
    /// By [`trail`].
    seen: Seen,
    record: Record,
    /// The trails of which the record was read.
    recalled: BTreeSet<String>,
    /// The trails that the record does not have yet as they are.
    unrecorded: BTreeSet<String>,
    programs: Programs,
    last: Option<Answer>,
}

/// Where the tips of branches are on record.
#[derive(Debug)]
enum Record {
    None,
    /// Read beside the daemon that writes it.
    File(PathBuf),
    Store(Arc<Store>),
}

impl Record {
    fn branch(&self, trail: &str) -> Result<Option<SeenBranch>, StoreError> {
        match self {
            Self::None => Ok(None),
            Self::File(file) => match store::read_branch(file, trail) {
                Err(StoreError::Missing { .. }) => Ok(None),
                read => read,
            },
            Self::Store(store) => store.recall_branch(trail),
        }
    }
}

/// What the tips of an environment are known by: one that follows something else begins anew.
fn trail(environment: &Environment) -> String {
    format!("{} {} {}", environment.name, environment.repository.name, environment.reference)
}

/// All that a judgement depends on: where the environments stand, and every branch of their repositories.
type Standing = (Tips, BTreeMap<PathBuf, BTreeMap<String, CommitId>>);

/// What was judged last, and of what.
#[derive(Debug)]
struct Answer {
    edges: Arc<[Ends]>,
    standing: Standing,
    promotions: Vec<Promotion>,
}

/// The repositories while they are judged, by their places.
type Opened = BTreeMap<PathBuf, Result<Repository, Gap>>;

impl Judge {
    fn new(redactor: Redactor, record: Record) -> Self {
        Self {
            redactor,
            seen: Seen::default(),
            record,
            recalled: BTreeSet::new(),
            unrecorded: BTreeSet::new(),
            programs: Programs::default(),
            last: None,
        }
    }

    /// Takes over what is on record of the environments; what cannot be read is asked for again at the next look.
    fn recall(&mut self, edges: &[Ends]) {
        for trail in involved(edges).into_iter().map(trail) {
            if self.recalled.contains(&trail) {
                continue;
            }
            match self.record.branch(&trail) {
                Ok(branch) => {
                    if let Some(branch) = branch {
                        self.seen.recall(&trail, branch);
                        self.last = None;
                    }
                    self.recalled.insert(trail);
                }
                Err(error) => tracing::warn!("what branches had before is not known: {error}"),
            }
        }
    }

    /// Writes down where the branches stand; what cannot be written is written at the next look.
    fn write_down(&mut self, edges: &[Ends], tips: &Tips, now: Timestamp) {
        for environment in involved(edges) {
            let Some(Ok(stand)) = tips.get(&environment.name) else { continue };
            let trail = trail(environment);
            if self.seen.tips(&trail).last() != Some(&stand.tip) {
                self.seen.record(&trail, stand.tip, now);
                self.unrecorded.insert(trail);
            }
        }
        let Record::Store(store) = &self.record else { return };
        // What was seen before the record could be read comes behind it.
        let ready = self.unrecorded.intersection(&self.recalled);
        let branches = ready.filter_map(|trail| Some((trail.clone(), self.seen.branch(trail)?.clone())));
        let branches: Vec<(String, SeenBranch)> = branches.collect();
        if branches.is_empty() {
            return;
        }
        match store.record_branches(&branches) {
            Ok(()) => self.unrecorded.retain(|trail| !self.recalled.contains(trail)),
            Err(error) => tracing::warn!("where branches stand is not recorded: {error}"),
        }
    }

    fn judge(&mut self, edges: &Arc<[Ends]>, tips: Tips, now: Timestamp) -> Vec<Promotion> {
        self.recall(edges);
        let locations: BTreeSet<&PathBuf> = tips.values().flatten().map(|stand| &stand.location).collect();
        let mut opened: Opened =
            locations.into_iter().map(|location| (location.clone(), Repository::open(location))).collect();
        let branches =
            opened.iter().filter_map(|(at, opened)| Some((at.clone(), opened.as_ref().ok()?.branches.clone())));
        let standing = (tips, branches.collect());
        if let Some(last) = &self.last
            && last.standing == standing
            && Arc::ptr_eq(&last.edges, edges)
        {
            let promotions = last.promotions.clone();
            self.write_down(edges, &standing.0, now);
            return promotions;
        }
        let promotions = self.judge_all(edges, &standing.0, &mut opened);
        self.write_down(edges, &standing.0, now);
        self.last = Some(Answer { edges: Arc::clone(edges), standing, promotions: promotions.clone() });
        promotions
    }

    fn judge_all(&mut self, edges: &[Ends], tips: &Tips, opened: &mut Opened) -> Vec<Promotion> {
        for (location, repository) in opened.iter_mut() {
            let Ok(found) = repository else { continue };
            let own = involved(edges).into_iter().filter_map(|one| Some((one, tips.get(&one.name)?.as_ref().ok()?)));
            let own = own.filter(|(_, stand)| stand.location == *location);
            let wanted = own.flat_map(|(one, stand)| {
                let earlier = found.earlier(one, &stand.reference).into_iter().map(|release| release.tip);
                earlier.chain(self.seen.tips(&trail(one)).iter().copied()).chain([stand.tip]).collect::<Vec<_>>()
            });
            if let Err(gap) = found.read_history(wanted.collect()) {
                *repository = Err(gap);
            }
        }
        let mut contents = Contents::new(self.redactor.clone());
        edges.iter().map(|ends| self.judge_one(ends, tips, opened, &mut contents)).collect()
    }

    fn judge_one(
        &mut self,
        Ends { target: environment, source }: &Ends,
        tips: &Tips,
        opened: &mut Opened,
        contents: &mut Contents,
    ) -> Promotion {
        let unknown = |gaps| Promotion::unknown(&environment.name, &source.name, gaps);
        let (target_stand, source_stand) = match (&tips[&environment.name], &tips[&source.name]) {
            (Ok(target), Ok(source)) => (target, source),
            (target, source) => {
                let mut gaps: Vec<Gap> = [target, source].into_iter().filter_map(|stand| stand.clone().err()).collect();
                gaps.dedup_by(|one, other| one.message == other.message);
                return unknown(gaps);
            }
        };
        let repository = match opened.get_mut(&target_stand.location) {
            Some(Ok(repository)) => repository,
            Some(Err(gap)) => return unknown(vec![gap.clone()]),
            None => return unknown(Vec::new()),
        };
        let [own_trail, source_trail] = [environment, source].map(|one| trail(one));
        // Where a tip that was seen is no longer in the repository, its past is known in part only.
        let since = |trail: &str| {
            let whole = self.seen.tips(trail).iter().all(|tip| repository.history.contains(*tip));
            self.seen.since(trail).filter(|_| whole)
        };
        let earlier = repository.earlier(environment, &target_stand.reference);
        let edge = Edge {
            environment: &environment.name,
            promoted_from: &source.name,
            target: target_stand.tip,
            source: source_stand.tip,
            target_seen: self.seen.tips(&own_trail),
            source_seen: self.seen.tips(&source_trail),
            recorded_since: since(&own_trail).zip(since(&source_trail)).map(|(one, other)| one.max(other)),
            master: master_of(&target_stand.reference).and_then(|name| repository.branches.get(&name).copied()),
            earlier: &earlier,
        };
        let Repository { git, history, .. } = repository;
        let renderers = (contents, &mut self.programs, &self.redactor);
        let mut asked = Asked::new((environment, source), &edge, (git, &target_stand.location), renderers);
        if let Err(gap) = asked.refuse_missing_paths(environment, &edge) {
            return unknown(vec![gap]);
        }
        let mut promotion = judge(&edge, history, &mut asked);
        promotion.gaps.extend([target_stand, source_stand].into_iter().filter_map(|stand| stand.outdated.clone()));
        promotion
    }
}

/// A repository while it is judged.
struct Repository {
    git: CommitGraph,
    branches: BTreeMap<String, CommitId>,
    history: Graph,
}

impl Repository {
    fn open(location: &Path) -> Result<Self, Gap> {
        let open = || -> Result<Self, GitError> {
            let git = CommitGraph::open(location)?;
            let branches = git.branches()?.into_iter().collect();
            Ok(Self { git, branches, history: Graph::default() })
        };
        open().map_err(|error| gap(format!("repository {}", location.display()), &error))
    }

    /// The releases before the one at `reference`, where `environment` follows those of a pattern.
    fn earlier(&self, environment: &Environment, reference: &str) -> Vec<Release> {
        let Reference::Pattern(pattern) = &environment.reference else { return Vec::new() };
        let names = earlier_releases(pattern, self.branches.keys().map(String::as_str), reference);
        let tip = |name: &str| self.branches.get(name).copied();
        let releases = names.iter().enumerate().filter_map(|(index, name)| {
            let newer = names[..index].iter().filter_map(|newer| tip(newer));
            let master = master_of(name).and_then(|master| tip(&master));
            Some(Release { tip: tip(name)?, homes: newer.chain(master).collect() })
        });
        releases.collect()
    }

    /// Reads everything that `tips` and the branches for merging back reach.
    fn read_history(&mut self, mut tips: Vec<CommitId>) -> Result<(), Gap> {
        let masters = self.branches.keys().filter_map(|name| master_of(name));
        tips.extend(masters.filter_map(|name| self.branches.get(&name)));
        self.history = self.git.history(tips).map_err(|error| gap("history".to_owned(), &error))?;
        Ok(())
    }
}

fn gap(scope: String, error: &GitError) -> Gap {
    Gap { stage: Stage::Git, scope, reason: error.reason(), message: error.to_string(), source: None }
}

fn history_gap(error: &GitError) -> Gap {
    gap("history".to_owned(), error)
}
