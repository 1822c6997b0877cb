//! Everything that a scan rests on, read from Git and the cluster; what cannot be had becomes a gap.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use crate::config::Environment;
use crate::drift::attribute::Autoscalers;
use crate::drift::extras::Extras;
use crate::drift::model::{Desired, Gap, GapReason, Redactor, Scope, Stage, TypeKey};
use crate::drift::normalise;
use crate::git::{Checkout, GitError, Repositories, Stale};
use crate::live::{Discovery, Source, Wanted};
use crate::render;

use super::{Evidence, autoscaling, extra};

/// Where objects live that name no namespace, in an environment that names none either.
const DEFAULT_NAMESPACE: &str = "default";

/// What was gathered for one environment.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Where in Git it was read.
    pub origin: Option<Origin>,
    /// What is judged.
    pub evidence: Evidence,
}

/// Where in Git an environment was read.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// The repository or mirror.
    pub location: PathBuf,
    /// The branch, tag or commit that was followed.
    pub reference: String,
    /// The commit.
    pub revision: String,
}

pub(super) async fn gather(
    environment: &Environment,
    repositories: &Repositories,
    source: &Source,
    extras: Extras,
    redactor: &Redactor,
) -> Gathered {
    let Checkout { location, reference, tree, stale } = match repositories.checkout(environment).await {
        Ok(checkout) => checkout,
        Err(error) => {
            let gaps = vec![unfetched(environment, &error)];
            return Gathered { origin: None, evidence: Evidence { gaps, ..Evidence::default() } };
        }
    };
    let rendered = render::plain(&tree, redactor);
    let mut gaps = rendered.gaps;
    gaps.extend(stale.map(|stale| outdated(environment, &tree.revision, &stale)));
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
    let (mut scaling, mut listing) = tokio::join!(source.list(scaling), source.list(wanted));
    gaps.append(&mut listing.gaps);
    gaps.extend(autoscaling::gaps(&mut scaling).filter(|gap| !gaps.contains(gap)).collect::<Vec<_>>());
    let extra = extra::look(extras, source, &desired, &listing, &gaps).await;
    let autoscalers = Autoscalers::among(listing.objects().chain(scaling.objects()));
    let evidence = Evidence { desired, live: listing, extra, schemas: discovery.schemas, autoscalers, gaps };
    Gathered { origin: Some(Origin { location, reference, revision: tree.revision }), evidence }
}

fn unfetched(environment: &Environment, error: &GitError) -> Gap {
    let scope = format!("repository {} branch {}", environment.repository.name, environment.reference);
    Gap { stage: Stage::Git, scope, reason: error.reason(), message: error.to_string(), source: None }
}

/// The last revision stands, and is not known to be the newest.
fn outdated(environment: &Environment, revision: &str, stale: &Stale) -> Gap {
    let revision = &revision[..12.min(revision.len())];
    let message = format!("{}; compared with commit {revision}, fetched {} ago", stale.error, age(stale.age));
    Gap { message, ..unfetched(environment, &stale.error) }
}

/// `45s`, `12m`, `3h05m`, `2d04h`.
fn age(age: Duration) -> String {
    let (minutes, hours) = (age.as_secs() / 60, age.as_secs() / 3600);
    match () {
        () if minutes == 0 => format!("{}s", age.as_secs()),
        () if hours == 0 => format!("{minutes}m"),
        () if hours < 24 => format!("{hours}h{:02}m", minutes % 60),
        () => format!("{}d{:02}h", hours / 24, hours % 24),
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
