//! What judging one edge asks of its repository and of the renderers.

use std::path::Path;

use super::history_gap;
use super::programs::{Held, Programs};
use crate::config::{Environment, Renderer};
use crate::drift::model::{Gap, GapReason, Redactor, Stage};
use crate::drift::promotion::{Change, CommitId, Content, Edge, Evidence, PatchId};
use crate::git::{CommitGraph, ObjectId};
use crate::render::{Contents, View, choose, is_glob};

/// What judging one edge asks of its repository.
pub(super) struct Asked<'a> {
    git: &'a mut CommitGraph,
    location: &'a Path,
    contents: &'a mut Contents,
    programs: &'a mut Programs,
    redactor: &'a Redactor,
    /// All that the environment renders.
    whole: Lens<'a>,
    /// What each of the two renders without the variants of either; one where both render the same files.
    lenses: Vec<Lens<'a>>,
}

/// How what an environment renders from a commit is had.
#[derive(Debug, Clone, PartialEq)]
enum Lens<'a> {
    /// Its files are manifests as they are.
    Files(View),
    /// A program makes them, or they may come from anywhere in the repository.
    Programs {
        environment: &'a Environment,
        /// Its variants are no part of the comparison: they stay what they are at one commit.
        held: Option<Held>,
    },
}

impl<'a> Asked<'a> {
    pub(super) fn new(
        (target, source): (&'a Environment, &'a Environment),
        edge: &Edge<'_>,
        (git, location): (&'a mut CommitGraph, &'a Path),
        (contents, programs, redactor): (&'a mut Contents, &'a mut Programs, &'a Redactor),
    ) -> Self {
        let variants = [target.variants.as_slice(), source.variants.as_slice()].concat();
        let tips = [edge.target, edge.source];
        let lens = |environment: &'a Environment, without: &[String], tip| {
            if may_read_elsewhere(git, environment, tips) {
                let held = (!without.is_empty()).then(|| Held { variants: without.to_vec(), at: tip });
                return Lens::Programs { environment, held };
            }
            Lens::Files(View { paths: environment.paths.clone(), without: without.to_vec() })
        };
        let whole = lens(target, &[], edge.target);
        let mut lenses = vec![lens(target, &variants, edge.target), lens(source, &variants, edge.source)];
        lenses.dedup();
        Self { git, location, contents, programs, redactor, whole, lenses }
    }

    /// An environment whose paths exist on neither branch renders nothing, which is no agreement.
    pub(super) fn refuse_missing_paths(&self, environment: &Environment, edge: &Edge<'_>) -> Result<(), Gap> {
        let elsewhere = environment.rendering.helm.chart.is_some();
        for tip in [edge.target, edge.source] {
            let tree = self.tree(tip)?;
            for path in &environment.paths {
                let anywhere = path.is_empty() || is_glob(path) || elsewhere;
                if anywhere || self.git.entry(tree, path).map_err(|error| history_gap(&error))?.is_some() {
                    return Ok(());
                }
            }
        }
        let paths = environment.paths.join(", ");
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

    fn content(&mut self, commit: Option<CommitId>, lens: &Lens<'a>) -> Result<Content, Gap> {
        let Some(commit) = commit else { return Ok(Content::default()) };
        match lens {
            Lens::Files(view) => {
                let tree = self.tree(commit)?;
                self.contents.of(self.git, tree, view)
            }
            Lens::Programs { environment, held } => {
                self.programs.content(environment, held.as_ref(), (self.location, commit), self.redactor)
            }
        }
    }
}

/// Whether what `environment` renders may come from files that are not below its paths, or from a program.
fn may_read_elsewhere(git: &CommitGraph, environment: &Environment, tips: [CommitId; 2]) -> bool {
    let exists = |file: &str| {
        tips.into_iter().any(|tip| git.tree(tip).ok().and_then(|tree| git.entry(tree, file).ok().flatten()).is_some())
    };
    let elsewhere = |path: &String| is_glob(path) || choose(environment, path, exists) != Renderer::Plain;
    environment.paths.iter().any(elsewhere)
}

impl Evidence for Asked<'_> {
    fn patch(&mut self, commit: CommitId) -> Result<Option<PatchId>, Gap> {
        self.git.patch(commit).map_err(|error| history_gap(&error))
    }

    fn change(&mut self, from: Option<CommitId>, to: Option<CommitId>) -> Result<Change, Gap> {
        let mut all = Change::default();
        for (salt, lens) in (0..).zip(self.lenses.clone()) {
            let (from, to) = (self.content(from, &lens)?, self.content(to, &lens)?);
            all.join(from.change_to(&to), salt);
        }
        Ok(all)
    }

    fn is_automatic(&mut self, merge: CommitId) -> Result<bool, Gap> {
        let Some(made) = self.git.automatic_merge(merge).map_err(|error| history_gap(&error))? else {
            return Ok(false);
        };
        let tree = self.tree(merge)?;
        if made == tree {
            return Ok(true);
        }
        for lens in self.lenses.clone() {
            // A program reads commits, and the automatic merge is none.
            let Lens::Files(view) = lens else { return Ok(false) };
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
        let lens = self.whole.clone();
        let (target, source) = (self.content(Some(target), &lens)?, self.content(Some(source), &lens)?);
        Ok(target.change_to(&source).is_empty())
    }

    fn digest(&mut self, commit: CommitId) -> Result<u64, Gap> {
        let lens = self.lenses[0].clone();
        self.content(Some(commit), &lens).map(|content| content.digest())
    }
}
