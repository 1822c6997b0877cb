//! The promotion of each environment: the tips of its chain read from Git, then judged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::config::{Config, Environment, Renderer};
use crate::drift::model::{Gap, GapReason, Redactor, Stage};
use crate::drift::promotion::{
    Change, CommitId, Content, Edge, Evidence, Graph, PatchId, Promotion, Seen, judge, master_of,
};
use crate::git::{CommitGraph, GitError, ObjectId, Repositories, Tip};
use crate::render::{Contents, View, choose, is_glob};
use crate::store;

use super::gather::unfetched;
use super::{PipelineError, died};

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
        let judge = Judge { redactor: store::redactor(config)?, seen: Seen::default(), last: None };
        Ok(Self { edges: edges(config, chosen), repositories, judge: Arc::new(Mutex::new(judge)) })
    }

    /// The promotions of `config`, with the memory of these.
    #[must_use]
    pub fn reconfigured(&self, config: &Config) -> Self {
        let edges = edges(config, &config.environments);
        Self { edges, repositories: self.repositories.reconfigured(config), judge: Arc::clone(&self.judge) }
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
    seen: Seen,
    last: Option<Answer>,
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
    fn judge(&mut self, edges: &Arc<[Ends]>, tips: Tips, now: Timestamp) -> Vec<Promotion> {
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
            return last.promotions.clone();
        }
        let promotions = self.judge_all(edges, &standing.0, &mut opened);
        for (name, stand) in &standing.0 {
            if let Ok(stand) = stand {
                self.seen.record(name, stand.tip, now);
            }
        }
        self.last = Some(Answer { edges: Arc::clone(edges), standing, promotions: promotions.clone() });
        promotions
    }

    fn judge_all(&self, edges: &[Ends], tips: &Tips, opened: &mut Opened) -> Vec<Promotion> {
        for (location, repository) in opened.iter_mut() {
            let Ok(found) = repository else { continue };
            let own = tips.iter().filter_map(|(name, stand)| Some((name, stand.as_ref().ok()?)));
            let own = own.filter(|(_, stand)| stand.location == *location);
            let wanted = own.flat_map(|(name, stand)| self.seen.tips(name).iter().copied().chain([stand.tip]));
            if let Err(gap) = found.read_history(wanted.collect()) {
                *repository = Err(gap);
            }
        }
        let mut contents = Contents::new(self.redactor.clone());
        edges.iter().map(|ends| self.judge_one(ends, tips, opened, &mut contents)).collect()
    }

    fn judge_one(
        &self,
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
        let since = |name: &str| self.seen.since(name);
        let edge = Edge {
            environment: &environment.name,
            promoted_from: &source.name,
            target: target_stand.tip,
            source: source_stand.tip,
            target_seen: self.seen.tips(&environment.name),
            source_seen: self.seen.tips(&source.name),
            recorded_since: since(&environment.name).zip(since(&source.name)).map(|(one, other)| one.max(other)),
            master: master_of(&target_stand.reference).and_then(|name| repository.branches.get(&name).copied()),
            earlier: &[],
        };
        let Repository { git, history, .. } = repository;
        let mut asked = Asked::new(environment, source, git, contents);
        let programs = [&**environment, &**source].iter().any(|one| asked.may_read_elsewhere(one, &edge));
        if let Err(gap) = asked.refuse_missing_paths(&edge).and_then(|()| asked.refuse_programs(&edge, programs)) {
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

/// What judging one edge asks of its repository.
struct Asked<'a> {
    git: &'a mut CommitGraph,
    contents: &'a mut Contents,
    /// All that the environment renders.
    whole: View,
    /// What each of the two renders without the variants of either; one where both render the same files.
    views: Vec<View>,
}

impl<'a> Asked<'a> {
    fn new(target: &Environment, source: &Environment, git: &'a mut CommitGraph, contents: &'a mut Contents) -> Self {
        let variants = [target.variants.as_slice(), source.variants.as_slice()].concat();
        let mut views: Vec<View> =
            [target, source].map(|one| View { paths: one.paths.clone(), without: variants.clone() }).into();
        views.dedup();
        Self { git, contents, whole: View { paths: target.paths.clone(), without: Vec::new() }, views }
    }

    /// Whether what `environment` renders may come from files that are not below its paths, or from a program.
    fn may_read_elsewhere(&self, environment: &Environment, edge: &Edge<'_>) -> bool {
        let exists = |file: &str| {
            [edge.target, edge.source].into_iter().any(|tip| {
                let entry = self.tree(tip).ok().and_then(|tree| self.git.entry(tree, file).ok().flatten());
                entry.is_some()
            })
        };
        let elsewhere = |path: &String| is_glob(path) || choose(environment, path, exists) != Renderer::Plain;
        environment.paths.iter().any(elsewhere)
    }

    /// What a program makes of two trees is not compared: only equal trees are known to give the same.
    fn refuse_programs(&self, edge: &Edge<'_>, programs: bool) -> Result<(), Gap> {
        if !programs || self.tree(edge.target)? == self.tree(edge.source)? {
            return Ok(());
        }
        Err(Gap {
            stage: Stage::Render,
            scope: format!("environment {}", edge.environment),
            reason: GapReason::Failed,
            message: format!(
                "what is rendered by kustomize, helm, a command or from globs is not compared between branches; only that \
                 the branches of {} and {} differ is known",
                edge.environment, edge.promoted_from
            ),
            source: None,
        })
    }

    /// An environment whose paths exist on neither branch renders nothing, which is no agreement.
    fn refuse_missing_paths(&self, edge: &Edge<'_>) -> Result<(), Gap> {
        for tip in [edge.target, edge.source] {
            let tree = self.tree(tip)?;
            for path in &self.whole.paths {
                let found =
                    path.is_empty() || self.git.entry(tree, path).map_err(|error| history_gap(&error))?.is_some();
                if found {
                    return Ok(());
                }
            }
        }
        let paths = self.whole.paths.join(", ");
        Err(Gap {
            stage: Stage::Git,
            scope: format!("path {paths}"),
            reason: GapReason::NotFound,
            message: format!(
                "neither the branch of {} nor that of {} has {paths}; check the environment's path",
                edge.environment, edge.promoted_from
            ),
            source: None,
        })
    }

    fn tree(&self, commit: CommitId) -> Result<ObjectId, Gap> {
        self.git.tree(commit).map_err(|error| history_gap(&error))
    }

    fn content(&mut self, commit: Option<CommitId>, view: &View) -> Result<Content, Gap> {
        match commit {
            None => Ok(Content::default()),
            Some(commit) => {
                let tree = self.tree(commit)?;
                self.contents.of(self.git, tree, view)
            }
        }
    }
}

fn history_gap(error: &GitError) -> Gap {
    gap("history".to_owned(), error)
}

impl Evidence for Asked<'_> {
    fn patch(&mut self, commit: CommitId) -> Result<Option<PatchId>, Gap> {
        self.git.patch(commit).map_err(|error| history_gap(&error))
    }

    fn change(&mut self, from: Option<CommitId>, to: Option<CommitId>) -> Result<Change, Gap> {
        let mut all = Change::default();
        for (salt, view) in (0..).zip(self.views.clone()) {
            let (from, to) = (self.content(from, &view)?, self.content(to, &view)?);
            all.join(from.change_to(&to), salt);
        }
        Ok(all)
    }

    fn is_automatic(&mut self, merge: CommitId) -> Result<bool, Gap> {
        let Some(made) = self.git.automatic_merge(merge).map_err(|error| history_gap(&error))? else {
            return Ok(false);
        };
        let tree = self.tree(merge)?;
        for view in self.views.clone() {
            let (made, merged) = (self.contents.of(self.git, made, &view)?, self.contents.of(self.git, tree, &view)?);
            if !made.change_to(&merged).is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn in_step(&mut self, target: CommitId, source: CommitId) -> Result<bool, Gap> {
        if self.tree(target)? == self.tree(source)? {
            return Ok(true);
        }
        let view = self.whole.clone();
        let (target, source) = (self.content(Some(target), &view)?, self.content(Some(source), &view)?);
        Ok(target.change_to(&source).is_empty())
    }

    fn digest(&mut self, commit: CommitId) -> Result<u64, Gap> {
        let view = self.views[0].clone();
        self.content(Some(commit), &view).map(|content| content.digest())
    }
}
