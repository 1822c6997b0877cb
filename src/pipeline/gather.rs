//! Everything that a scan rests on, read from Git and the cluster; what cannot be had becomes a gap.

use std::collections::{BTreeSet, HashMap};

use crate::config::Environment;
use crate::drift::attribute::Autoscalers;
use crate::drift::extras::{Extras, NamespaceCoverage};
use crate::drift::model::{Desired, Gap, GapReason, Redactor, Scope, Stage, TypeKey};
use crate::drift::normalise;
use crate::git::{self, SourceTree};
use crate::live::{Discovery, Source, Wanted};
use crate::render;

use super::extra::Beside;
use super::rollout::{self, Rollouts};
use super::{Evidence, Rules, autoscaling, extra, versions};

/// Where objects live that name no namespace, in an environment that names none either.
const DEFAULT_NAMESPACE: &str = "default";

/// What was gathered for one environment.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// The commit that was read.
    pub revision: Option<String>,
    /// What is judged.
    pub evidence: Evidence,
    /// Workloads whose Pods may run another image than their template says.
    pub rollouts: Rollouts,
    /// How much of each namespace Git declares.
    pub coverage: Vec<NamespaceCoverage>,
}

pub(super) async fn gather(
    environment: &Environment,
    source: &Source,
    extras: Extras,
    rules: &Rules,
    redactor: &Redactor,
) -> Gathered {
    let tree = match read_tree(environment).await {
        Ok(tree) => tree,
        Err(gap) => {
            let evidence = Evidence { gaps: vec![gap], ..Evidence::default() };
            return Gathered { evidence, ..Gathered::default() };
        }
    };
    let rendered = render::plain(&tree, redactor);
    let mut gaps = rendered.gaps;
    if rendered.objects.is_empty() && gaps.is_empty() {
        gaps.push(nothing_declared(environment));
    }
    let types: BTreeSet<TypeKey> = rendered.objects.iter().map(|object| object.key.type_key.clone()).collect();
    let mut discovery = source.discover(&types).await;
    gaps.append(&mut discovery.gaps);
    let namespace = environment.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
    let desired = place_all(rendered.objects, &discovery, namespace, &mut gaps);
    let wanted = wanted(&desired, &discovery);
    let scaling = autoscaling::wanted(&desired, &discovery.schemas, &wanted);
    let namespaces = rollout::namespaces(&wanted);
    let (mut scaling, mut listing, pods) =
        tokio::join!(source.list(scaling), source.list(wanted), source.pods(namespaces));
    gaps.append(&mut listing.gaps);
    gaps.extend(autoscaling::gaps(&mut scaling).filter(|gap| !gaps.contains(gap)).collect::<Vec<_>>());
    let (beside, (rollouts, unread)) = tokio::join!(
        extra::look(extras, source, &desired, &listing, &gaps),
        rollout::look(source, &desired, &listing, pods, &rules.image_mirrors)
    );
    gaps.extend(unread.into_iter().filter(|gap| !gaps.contains(gap)).collect::<Vec<_>>());
    let autoscalers = Autoscalers::among(listing.objects().chain(scaling.objects()));
    let Beside { extra, coverage } = beside;
    let readings = versions::read(source, &desired, &listing).await;
    let schemas = discovery.schemas;
    let evidence = Evidence { desired, live: listing, extra, schemas, autoscalers, readings, gaps };
    Gathered { revision: Some(tree.revision), evidence, rollouts, coverage }
}

/// libgit2 blocks, so it reads away from the tasks that answer requests.
async fn read_tree(environment: &Environment) -> Result<SourceTree, Gap> {
    let Environment { repository, branch, paths, .. } = environment.clone();
    let read = tokio::task::spawn_blocking(move || git::read(&repository.path, &branch, &paths)).await;
    let scope = format!("repository {} branch {}", environment.repository.name, environment.branch);
    let gap = |reason, message| Gap { stage: Stage::Git, scope, reason, message, source: None };
    match read {
        Ok(Ok(tree)) => Ok(tree),
        Ok(Err(error)) => Err(gap(error.reason(), error.to_string())),
        Err(error) => Err(gap(GapReason::Failed, error.to_string())),
    }
}

/// An environment that declares nothing is a wrong path far more often than an empty platform.
fn nothing_declared(environment: &Environment) -> Gap {
    Gap {
        stage: Stage::Render,
        scope: format!("path {}", environment.paths.join(", ")),
        reason: GapReason::NotFound,
        message: "no YAML or JSON file with a Kubernetes object was found; check the environment's path".to_owned(),
        source: None,
    }
}

/// Gives each object its namespace; of an object that is declared twice the last counts, as with `kubectl apply`.
fn place_all(objects: Vec<Desired>, discovery: &Discovery, namespace: &str, gaps: &mut Vec<Gap>) -> Vec<Desired> {
    let mut placed: Vec<Desired> = Vec::with_capacity(objects.len());
    let mut seen = HashMap::new();
    for mut object in objects {
        if let Some(served) = discovery.served.get(&object.key.type_key) {
            normalise::place(&mut object, served.scope, namespace);
        }
        match seen.insert(object.key.identity(), placed.len()) {
            None => placed.push(object),
            Some(index) => {
                gaps.push(duplicate(&placed[index], &object));
                seen.insert(object.key.identity(), index);
                placed[index] = object;
            }
        }
    }
    placed
}

fn duplicate(first: &Desired, second: &Desired) -> Gap {
    Gap {
        stage: Stage::Parse,
        scope: second.key.to_string(),
        reason: GapReason::Duplicate,
        message: format!(
            "{} is declared at {} and again at {}; the second is compared, remove one of them",
            second.key, first.source, second.source
        ),
        source: Some(second.source.clone()),
    }
}

/// Each kind once in each namespace in which it is declared.
fn wanted(desired: &[Desired], discovery: &Discovery) -> Vec<Wanted> {
    let scopes: BTreeSet<(&TypeKey, Option<&String>)> =
        desired.iter().map(|object| (&object.key.type_key, object.key.namespace.as_ref())).collect();
    scopes
        .into_iter()
        .filter_map(|(type_key, namespace)| {
            let served = discovery.served.get(type_key)?.clone();
            let namespace = namespace.filter(|_| served.scope == Scope::Namespaced).cloned();
            Some(Wanted { type_key: type_key.clone(), served, namespace })
        })
        .collect()
}
