//! Everything that a scan rests on, read from Git and the cluster; what cannot be had becomes a gap.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Environment, Strategy};
use crate::drift::attribute::Autoscalers;
use crate::drift::extras::{Extras, NamespaceCoverage};
use crate::drift::model::{
    Answer, Desired, Gap, GapReason, Identity, Redactor, Schema, Scope, Stage, TypeKey, Unsealed, Withheld,
    WithheldReason,
};
use crate::drift::normalise;
use crate::git::{Checkout, GitError, Repositories, SourceTree, Stale};
use crate::live::{Discovery, Listing, Proposal, Source, Wanted};
use crate::manifest;
use crate::render::{self, Rendered};

use super::extra::Beside;
use super::rollout::{self, Rollouts};
use super::{Evidence, Rules, autoscaling, extra, versions};

/// Where objects live that name no namespace, in an environment that names none either.
const DEFAULT_NAMESPACE: &str = "default";

/// What was gathered for one environment.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Where in Git it was read.
    pub origin: Option<Origin>,
    /// What is judged.
    pub evidence: Evidence,
    /// Workloads whose Pods may run another image than their template says.
    pub rollouts: Rollouts,
    /// How much of each namespace Git declares.
    pub coverage: Vec<NamespaceCoverage>,
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
    (environment, repositories): (&Environment, &Repositories),
    source: &Source,
    extras: Extras,
    rules: &Rules,
    redactor: &Redactor,
) -> Gathered {
    let (read, ()) = tokio::join!(read(environment, repositories, redactor), source.prepare());
    let (origin, tree, rendered) = match read {
        Ok(read) => read,
        Err(gap) => {
            let evidence = Evidence { gaps: vec![gap], ..Evidence::default() };
            return Gathered { evidence, ..Gathered::default() };
        }
    };
    let mut gaps = rendered.gaps;
    if rendered.objects.is_empty() && gaps.is_empty() {
        gaps.push(nothing_declared(environment));
    }
    let types: BTreeSet<TypeKey> = rendered.objects.iter().map(|object| object.key.type_key.clone()).collect();
    let mut discovery = source.served(&types).await;
    gaps.append(&mut discovery.gaps);
    let namespace = environment.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
    let desired = place_all(rendered.objects, &discovery, namespace, &mut gaps);
    let wanted = wanted(&desired, &discovery);
    let types: BTreeSet<TypeKey> = discovery.served.keys().cloned().collect();
    // The objects arrive while the schemas are still read.
    let scaling = async {
        let schemas = source.schemas(&types).await;
        (source.list(autoscaling::wanted(&desired, &schemas, &wanted)).await, schemas)
    };
    let namespaces = rollout::namespaces(&wanted);
    let ((mut scaling, schemas), mut listing, pods) =
        tokio::join!(scaling, source.list(wanted.clone()), source.pods(namespaces));
    let discovery = Discovery { schemas, ..discovery };
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
    let answers = match environment.strategy {
        Strategy::Local => HashMap::new(),
        Strategy::Server => ask(source, &tree, &desired, &listing, &discovery).await,
    };
    let schemas = discovery.schemas;
    let evidence = Evidence { desired, live: listing, extra, schemas, autoscalers, readings, answers, gaps };
    Gathered { origin: Some(origin), evidence, rollouts, coverage }
}

/// What the API server says to each object that lives. Its text is read from the tree once more: what was read for the
/// comparison holds no Secret's value.
async fn ask(
    source: &Source,
    tree: &SourceTree,
    desired: &[Desired],
    listing: &Listing,
    discovery: &Discovery,
) -> HashMap<Identity, Answer> {
    let mut answers = HashMap::new();
    let mut proposals = Vec::new();
    let mut texts: HashMap<Arc<str>, Vec<(u32, Unsealed)>> = HashMap::new();
    for object in desired.iter().filter(|object| listing.get(&object.key).is_some_and(|live| !live.terminating)) {
        let Some(served) = discovery.served.get(&object.key.type_key).cloned() else { continue };
        let schema = discovery.schemas.get(&object.key.type_key);
        if let Some(withheld) = never_asked(object, schema, source) {
            answers.insert(object.key.identity(), Err(withheld));
            continue;
        }
        let own = texts.entry(Arc::clone(&object.source.file)).or_insert_with_key(|path| {
            let file = tree.files.iter().find(|file| file.path == *path);
            file.map(|file| manifest::unsealed(path, &file.bytes)).unwrap_or_default()
        });
        let found = own.iter().position(|(line, body)| *line == object.source.line && body.is_of(&object.key));
        if let Some((_, body)) = found.map(|found| own.swap_remove(found)) {
            proposals.push(Proposal { key: object.key.clone(), served, body });
        } else {
            let message = format!("what {} declares cannot be read as it is written", object.source);
            answers.insert(object.key.identity(), Err(Withheld { reason: WithheldReason::Failed, message }));
        }
    }
    answers.extend(source.dry_run(proposals).await);
    answers
}

/// Why an object must not be sent.
fn never_asked(object: &Desired, schema: Option<&Arc<Schema>>, source: &Source) -> Option<Withheld> {
    let kind = &object.key.type_key;
    let (reason, message) = match source {
        Source::Snapshot(_) => {
            (WithheldReason::NoServer, "the cluster is a snapshot: there is no API server to ask".to_owned())
        }
        Source::Cluster(_) if object.is_encrypted => {
            let message = "its values are encrypted by SOPS: there is nothing that could be applied".to_owned();
            (WithheldReason::Encrypted, message)
        }
        Source::Cluster(_) if !schema.is_some_and(|schema| schema.allows_dry_run(kind)) => {
            (WithheldReason::Unsupported, format!("the server's OpenAPI names no dry-run of {kind}: it might write"))
        }
        Source::Cluster(_) => return None,
    };
    Some(Withheld { reason, message })
}

/// What Git declares, and where it stands. Rendering is work: it stays off the tasks that wait for answers.
async fn read(
    environment: &Environment,
    repositories: &Repositories,
    redactor: &Redactor,
) -> Result<(Origin, SourceTree, Rendered), Gap> {
    let checkout = repositories.checkout(environment).await.map_err(|error| unfetched(environment, &error))?;
    let Checkout { location, reference, tree, stale } = checkout;
    let origin = Origin { location, reference, revision: tree.revision.clone() };
    let redactor = redactor.clone();
    let rendered = tokio::task::spawn_blocking(move || {
        let rendered = render::plain(&tree, &redactor);
        (tree, rendered)
    });
    let (tree, mut rendered) = rendered.await.map_err(|error| Gap {
        reason: GapReason::Failed,
        message: format!("rendering ended without a result, which is a bug in driftd: {error}"),
        stage: Stage::Render,
        scope: format!("environment {}", environment.name),
        source: None,
    })?;
    rendered.gaps.extend(stale.map(|stale| outdated(environment, &origin.revision, &stale)));
    Ok((origin, tree, rendered))
}

pub(super) fn unfetched(environment: &Environment, error: &GitError) -> Gap {
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
