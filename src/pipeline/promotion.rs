//! The promotion of each environment: the tips of its chain read from Git, then judged.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::{Config, Environment};
use crate::drift::model::{Gap, GapReason, Redactor, Stage};
use crate::drift::promotion::{
    Change, CommitId, Content, Edge, Evidence, Graph, PatchId, Promotion, Seen, judge, master_of,
};
use crate::git::{CommitGraph, GitError, ObjectId};
use crate::render::{Contents, View};

use super::{PipelineError, random_redactor};

/// Judges the promotions of a configuration again and again, and remembers the tips that it saw.
#[derive(Debug)]
pub struct Promotions {
    environments: Vec<Arc<Environment>>,
    chosen: BTreeSet<String>,
    redactor: Redactor,
    seen: Seen,
    last: Option<(Standing, Vec<Promotion>)>,
}

/// All that a judgement depends on: where the environments stand, and every branch of their repositories.
type Standing = (Tips, BTreeMap<String, BTreeMap<String, CommitId>>);

/// Where the branch of each environment of a promotion stands, or why that is not known.
type Tips = BTreeMap<String, Result<CommitId, Gap>>;

impl Promotions {
    /// Nothing was seen yet.
    ///
    /// # Errors
    /// The system gives no random key for the digests of Secret values.
    pub fn new(config: &Config) -> Result<Self, PipelineError> {
        Self::among(config, &config.environments)
    }

    /// The promotions of some of the environments.
    ///
    /// # Errors
    /// The system gives no random key for the digests of Secret values.
    pub fn among(config: &Config, chosen: &[Arc<Environment>]) -> Result<Self, PipelineError> {
        let chosen = chosen.iter().map(|environment| environment.name.clone()).collect();
        let environments = config.environments.clone();
        Ok(Self { environments, chosen, redactor: random_redactor()?, seen: Seen::default(), last: None })
    }

    /// Whether there is no promotion to look at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edges().next().is_none()
    }

    /// What stands before the first look.
    #[must_use]
    pub fn waiting(&self) -> Vec<Promotion> {
        let gap = |environment: &Environment| Gap {
            stage: Stage::Git,
            scope: format!("promotion of {}", environment.name),
            reason: GapReason::Unreachable,
            message: "the branches have not been looked at yet; ask again in a moment".to_owned(),
            source: None,
        };
        self.edges().map(|(own, from)| Promotion::unknown(&own.name, &from.name, vec![gap(own)])).collect()
    }

    /// One entry for every environment with `promotedFrom`, in the order of the configuration. Blocks while it reads
    /// the repositories; where no branch has moved since the last call, its answer stands.
    pub fn look(&mut self, now: Timestamp) -> Vec<Promotion> {
        let mut repositories: HashMap<String, Result<Repository, Gap>> = HashMap::new();
        for environment in self.involved() {
            repositories.entry(environment.repository.name.clone()).or_insert_with(|| Repository::open(&environment));
        }
        let tips: Tips = self
            .involved()
            .iter()
            .map(|environment| (environment.name.clone(), tip(environment, &repositories)))
            .collect();
        let branches = repositories
            .iter()
            .filter_map(|(name, opened)| Some((name.clone(), opened.as_ref().ok()?.branches.clone())));
        let standing = (tips.clone(), branches.collect());
        if let Some((last, promotions)) = &self.last
            && *last == standing
        {
            return promotions.clone();
        }
        let promotions = self.judge_all(&tips, &mut repositories);
        for (name, tip) in &tips {
            if let Ok(tip) = tip {
                self.seen.record(name, *tip, now);
            }
        }
        self.last = Some((standing, promotions.clone()));
        promotions
    }

    /// Each chosen environment with the one that it is promoted from.
    fn edges(&self) -> impl Iterator<Item = (&Arc<Environment>, &Arc<Environment>)> {
        let chosen = self.environments.iter().filter(|environment| self.chosen.contains(&environment.name));
        chosen.filter_map(|environment| {
            let name = environment.promoted_from.as_deref()?;
            let source = self.environments.iter().find(|other| other.name == name)?;
            Some((environment, source))
        })
    }

    /// The environments of all edges, each once.
    fn involved(&self) -> Vec<Arc<Environment>> {
        let ends = self.edges().flat_map(|(target, source)| [target, source]);
        let ends: BTreeMap<&str, &Arc<Environment>> = ends.map(|one| (one.name.as_str(), one)).collect();
        ends.into_values().cloned().collect()
    }

    fn judge_all(&self, tips: &Tips, repositories: &mut HashMap<String, Result<Repository, Gap>>) -> Vec<Promotion> {
        for (name, repository) in repositories.iter_mut() {
            let Ok(opened) = repository else { continue };
            let own = self.involved().into_iter().filter(|environment| environment.repository.name == *name);
            let wanted = own.flat_map(|environment| self.tips_of(&environment.name, tips));
            if let Err(gap) = opened.read_history(wanted.collect()) {
                *repository = Err(gap);
            }
        }
        let mut contents = Contents::new(self.redactor.clone());
        self.edges().map(|pair| self.judge_one(pair, tips, repositories, &mut contents)).collect()
    }

    /// Where an environment's branch stands, and where it stood.
    fn tips_of(&self, name: &str, tips: &Tips) -> Vec<CommitId> {
        let current = tips.get(name).and_then(|tip| tip.as_ref().ok());
        self.seen.tips(name).iter().chain(current).copied().collect()
    }

    fn judge_one(
        &self,
        (environment, source): (&Arc<Environment>, &Arc<Environment>),
        tips: &Tips,
        repositories: &mut HashMap<String, Result<Repository, Gap>>,
        contents: &mut Contents,
    ) -> Promotion {
        let unknown = |gaps| Promotion::unknown(&environment.name, &source.name, gaps);
        let repository = match repositories.get_mut(&environment.repository.name) {
            Some(Ok(repository)) => repository,
            Some(Err(gap)) => return unknown(vec![gap.clone()]),
            None => return unknown(Vec::new()),
        };
        let (target_tip, source_tip) = match (&tips[&environment.name], &tips[&source.name]) {
            (Ok(target), Ok(source)) => (*target, *source),
            (target, source) => {
                return unknown([target, source].into_iter().filter_map(|tip| tip.clone().err()).collect());
            }
        };
        let since = |name: &str| self.seen.since(name);
        let edge = Edge {
            environment: &environment.name,
            promoted_from: &source.name,
            target: target_tip,
            source: source_tip,
            target_seen: self.seen.tips(&environment.name),
            source_seen: self.seen.tips(&source.name),
            recorded_since: since(&environment.name).zip(since(&source.name)).map(|(one, other)| one.max(other)),
            master: master_of(&environment.branch).and_then(|name| repository.branches.get(&name).copied()),
            earlier: &[],
        };
        let Repository { git, history, .. } = repository;
        let mut asked = Asked::new(environment, source, git, contents);
        if let Err(gap) = asked.refuse_missing_paths(&edge) {
            return unknown(vec![gap]);
        }
        judge(&edge, history, &mut asked)
    }
}

/// A repository while it is judged.
struct Repository {
    git: CommitGraph,
    branches: BTreeMap<String, CommitId>,
    history: Graph,
}

impl Repository {
    fn open(environment: &Environment) -> Result<Self, Gap> {
        let open = || -> Result<Self, GitError> {
            let git = CommitGraph::open(&environment.repository.path)?;
            let branches = git.branches()?.into_iter().collect();
            Ok(Self { git, branches, history: Graph::default() })
        };
        open().map_err(|error| gap(format!("repository {}", environment.repository.name), &error))
    }

    /// Reads everything that `tips` and the branches for merging back reach.
    fn read_history(&mut self, mut tips: Vec<CommitId>) -> Result<(), Gap> {
        let masters = self.branches.keys().filter_map(|name| master_of(name));
        tips.extend(masters.filter_map(|name| self.branches.get(&name)));
        self.history = self.git.history(tips).map_err(|error| gap("history".to_owned(), &error))?;
        Ok(())
    }
}

fn tip(environment: &Environment, repositories: &HashMap<String, Result<Repository, Gap>>) -> Result<CommitId, Gap> {
    let Environment { repository, branch, .. } = environment;
    match &repositories[&repository.name] {
        Ok(opened) => opened
            .git
            .tip(branch)
            .map_err(|error| gap(format!("repository {} branch {branch}", repository.name), &error)),
        Err(gap) => Err(gap.clone()),
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
