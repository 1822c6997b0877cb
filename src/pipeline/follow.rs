//! Environments that a deployer's own objects describe: the objects are rendered as everything else in Git is, and each
//! says what is rendered in turn.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

use crate::config::{Deployer, Environment, Follow};
use crate::drift::model::{Desired, Gap, GapReason, Packed, Redactor, Stage};
use crate::git::{Checkout, GitError, Repositories};
use crate::live::Source;
use crate::render::{self, Part, Sources};
use crate::source::{Borrowed, Described, DescribedPart, Setting, argo};

use super::gather::{self, Stop};
use super::renders::{Inputs, Renders, Tip};

/// The descriptions of each family, as they were read last.
#[derive(Debug, Default)]
pub(super) struct Families(Mutex<HashMap<String, Arc<AsyncMutex<Option<Known>>>>>);

#[derive(Debug)]
struct Known {
    revision: String,
    descriptions: Arc<Descriptions>,
}

/// The objects that describe environments.
#[derive(Debug, Default)]
pub(super) struct Descriptions {
    objects: Vec<(String, Desired)>,
    gaps: Vec<Gap>,
}

/// With what everything is read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub repositories: &'a Repositories,
    pub source: &'a Source,
    pub renders: &'a Renders,
    pub families: &'a Families,
    pub redactor: &'a Redactor,
}

impl Reading<'_> {
    /// The environments of a family: one for each object, called `FAMILY:OBJECT`, and the family itself where something
    /// in its files is none, or where there is none.
    pub(super) async fn expand(&self, family: &Arc<Environment>, follow: &Follow) -> Vec<Arc<Environment>> {
        let Ok((_, descriptions, _)) = self.descriptions(family, follow).await else { return vec![Arc::clone(family)] };
        let member = |name: &String| {
            let mut member = Environment::clone(family);
            member.name = format!("{}:{name}", follow.family);
            member.follow = Some(Follow { only: Some(name.clone()), ..follow.clone() });
            Arc::new(member)
        };
        let mut members: Vec<Arc<Environment>> = descriptions.objects.iter().map(|(name, _)| member(name)).collect();
        if members.is_empty() || !descriptions.gaps.is_empty() {
            members.push(Arc::clone(family));
        }
        members
    }

    /// What one object describes, and what that is rendered from.
    pub(super) async fn described(
        &self,
        environment: &Environment,
        follow: &Follow,
    ) -> Result<(Tip, Sources, Described), Stop> {
        let (tip, descriptions, outdated) = self.descriptions(environment, follow).await?;
        let stop = |gaps: Vec<Gap>| Stop { tip: Some(tip.clone()), gaps };
        let Some(only) = &follow.only else {
            let mut gaps = descriptions.gaps.clone();
            if descriptions.objects.is_empty() && gaps.is_empty() {
                gaps.push(none_found(environment, follow, "nothing"));
            }
            return Err(stop(gaps));
        };
        let Some((_, object)) = descriptions.objects.iter().find(|(name, _)| name == only) else {
            let mut gaps = descriptions.gaps.clone();
            gaps.push(none_found(environment, follow, only));
            return Err(stop(gaps));
        };
        let repositories = self.repositories.configured();
        let setting = Setting { environment, repositories: &repositories };
        let mut described = match &follow.deployer {
            Deployer::ArgoCd { .. } => argo::application(object, only, &setting, self.redactor),
        };
        described.gaps.extend(outdated);
        let mut sources = Sources { parts: Vec::new(), finish: described.finish.clone() };
        let mut first = None;
        for part in &described.parts {
            let (tip, parts, outdated) = self.part(part).await.map_err(|gap| stop(vec![gap]))?;
            first.get_or_insert(tip);
            sources.parts.extend(parts);
            described.gaps.extend(outdated);
        }
        Ok((first.unwrap_or(tip), sources, described))
    }

    /// The files of one source.
    async fn part(&self, part: &DescribedPart) -> Result<(Tip, Vec<Arc<Part>>, Option<Gap>), Gap> {
        let environment = &*part.environment;
        let failed = |error: GitError| gather::unfetched(environment, &error);
        let of = Arc::clone(&part.environment);
        let checkout = self.repositories.checkout(environment, move |fetch| render::read(&of, fetch));
        let Checkout { location, reference, revision, files, stale } = checkout.await.map_err(failed)?;
        let outdated = stale.map(|stale| gather::outdated(environment, &revision, &stale));
        let mut parts = files.parts;
        for borrowed in &part.borrowed {
            let Some(file) = self.borrow(environment, borrowed).await? else { continue };
            for part in parts.iter_mut().filter_map(Arc::get_mut) {
                part.files.push(file.clone());
            }
        }
        Ok((Tip { location, reference, revision }, parts, outdated))
    }

    /// A file of another repository or revision; `None` where it is not there, which is told when it is needed.
    async fn borrow(&self, of: &Environment, wanted: &Borrowed) -> Result<Option<crate::git::SourceFile>, Gap> {
        let (repository, reference) = (Arc::clone(&wanted.repository), wanted.reference.clone());
        let lender = Environment { repository, reference, ..of.clone() };
        let path = wanted.path.clone();
        let checkout = self.repositories.checkout(&lender, move |fetch| match fetch(std::slice::from_ref(&path)) {
            Ok(tree) => Ok(tree.files.into_iter().find(|file| *file.path == *path)),
            Err(GitError::NoPath { .. }) => Ok(None),
            Err(error) => Err(error),
        });
        let found = checkout.await.map_err(|error| gather::unfetched(&lender, &error))?.files;
        Ok(found.map(|file| crate::git::SourceFile { path: wanted.name.as_str().into(), ..file }))
    }

    /// The objects of a family at its newest commit, with why that may not be the newest.
    async fn descriptions(
        &self,
        environment: &Environment,
        follow: &Follow,
    ) -> Result<(Tip, Arc<Descriptions>, Option<Gap>), Stop> {
        let family = Environment { name: follow.family.clone(), follow: None, ..environment.clone() };
        let stop = |error: &GitError| Stop { tip: None, gaps: vec![gather::unfetched(&family, error)] };
        let found = self.repositories.tip(&family).await.map_err(|error| stop(&error))?;
        let revision = found.commit.to_string();
        let outdated = found.stale.map(|stale| gather::outdated(&family, &revision, &stale));
        let tip = Tip { location: found.location, reference: found.reference, revision };
        let entry = {
            let mut families = self.families.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(families.entry(follow.family.clone()).or_default())
        };
        // One reads, the others of the family wait for what it learns.
        let mut known = entry.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.revision == tip.revision) {
            return Ok((tip, Arc::clone(&known.descriptions), outdated));
        }
        let of = family.clone();
        let checkout = self.repositories.checkout(&family, move |fetch| render::read(&of, fetch));
        let files = checkout.await.map_err(|error| stop(&error))?;
        let capabilities = gather::capabilities(&files.files, self.source).await;
        let capabilities = capabilities.map_err(|gap| Stop { tip: Some(tip.clone()), gaps: vec![gap] })?;
        let inputs = Inputs { sources: files.files, capabilities };
        let rendered = self.renders.first(&family, &inputs, self.redactor).await;
        let objects = rendered.objects.iter().map(Packed::unpack);
        let descriptions = Arc::new(chosen(objects, rendered.gaps.clone(), &follow.deployer));
        if descriptions.gaps.is_empty() {
            let (revision, descriptions) = (files.revision, Arc::clone(&descriptions));
            *known = Some(Known { revision, descriptions });
        }
        Ok((tip, descriptions, outdated))
    }
}

/// The objects among those rendered that describe environments of this cluster, by their names.
fn chosen(objects: impl Iterator<Item = Desired>, mut gaps: Vec<Gap>, deployer: &Deployer) -> Descriptions {
    let mut seen = BTreeSet::new();
    let mut chosen = Vec::new();
    for object in objects {
        if argo::is_set(&object) {
            gaps.push(unsupported(&object));
        }
        let name = match deployer {
            Deployer::ArgoCd { namespace, destinations } => {
                let is_meant = argo::is_application(&object) && argo::is_meant(&object, destinations.as_deref());
                is_meant.then(|| argo::instance_name(&object, namespace))
            }
        };
        let Some(name) = name else { continue };
        if seen.insert(name.clone()) {
            chosen.push((name, object));
        } else {
            gaps.push(duplicate(&name, &object));
        }
    }
    Descriptions { objects: chosen, gaps }
}

/// What an `ApplicationSet` would generate is not known.
fn unsupported(object: &Desired) -> Gap {
    Gap {
        stage: Stage::Parse,
        scope: object.key.to_string(),
        reason: GapReason::Unsupported,
        message: format!(
            "{} declares an ApplicationSet, which is not read: keep the Applications that it generates in Git, or name \
             environments of their own",
            object.source
        ),
        source: Some(object.source.clone()),
    }
}

fn duplicate(name: &str, object: &Desired) -> Gap {
    Gap {
        stage: Stage::Parse,
        scope: object.key.to_string(),
        reason: GapReason::Duplicate,
        message: format!("{} declares {name} once more; remove one of them", object.source),
        source: Some(object.source.clone()),
    }
}

fn none_found(environment: &Environment, follow: &Follow, name: &str) -> Gap {
    let paths = environment.paths.join(", ");
    let message = match &follow.deployer {
        Deployer::ArgoCd { .. } => format!(
            "{paths} declares no Application {name} for this cluster; check `argocd.applications` and `argocd.destinations`"
        ),
    };
    Gap { stage: Stage::Git, scope: format!("path {paths}"), reason: GapReason::NotFound, message, source: None }
}
