//! Everything that a scan rests on, read from Git and the cluster; what cannot be had becomes a gap.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::config::{Environment, Strategy};
use crate::drift::attribute::Autoscalers;
use crate::drift::extras::{Extras, NamespaceCoverage};
use crate::drift::model::{
    Answer, Desired, Gap, GapReason, Identity, Redactor, Schema, Scope, Stage, TypeKey, Unsealed, Withheld,
    WithheldReason,
};
use crate::drift::normalise;
use crate::git::{self, GitError};
use crate::live::{Discovery, Listing, Proposal, Source, Wanted};
use crate::manifest;
use crate::render::{self, Capabilities, Sources};
use crate::report::Rendering;

use super::extra::Beside;
use super::renders::{Inputs, Renders, Tip};
use super::rollout::{self, Rollouts};
use super::{Evidence, Rules, autoscaling, extra, versions};

/// Where objects live that name no namespace, in an environment that names none either.
const DEFAULT_NAMESPACE: &str = "default";

/// What was gathered for one environment.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// What was read.
    pub tip: Option<Tip>,
    /// What is judged.
    pub evidence: Evidence,
    /// What made manifests of the files.
    pub rendering: Rendering,
    /// What was rendered; absent where every file is a manifest as it is.
    pub inputs: Option<Inputs>,
    /// Workloads whose Pods may run another image than their template says.
    pub rollouts: Rollouts,
    /// How much of each namespace Git declares.
    pub coverage: Vec<NamespaceCoverage>,
}

pub(super) async fn gather(
    environment: &Environment,
    source: &Source,
    renders: &Renders,
    extras: Extras,
    rules: &Rules,
    redactor: &Redactor,
) -> Gathered {
    let failed = |tip, gap| Gathered {
        tip,
        evidence: Evidence { gaps: vec![gap], ..Evidence::default() },
        ..Gathered::default()
    };
    let (tip, sources) = match read_sources(environment).await {
        Ok((revision, sources)) => (Some(Tip { location: environment.repository.path.clone(), revision }), sources),
        Err(gap) => return failed(None, gap),
    };
    let capabilities = match capabilities(environment, &sources, source).await {
        Ok(capabilities) => capabilities,
        Err(gap) => return failed(tip, gap),
    };
    let inputs = Inputs { sources, capabilities };
    let rendered = renders.first(environment, &inputs, redactor).await;
    let rendering = Rendering { renderer: Some(inputs.sources.renderer()), hooks: rendered.hooks };
    let rendered = Arc::unwrap_or_clone(rendered);
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
    let answers = match environment.strategy {
        Strategy::Local => HashMap::new(),
        Strategy::Server => ask(source, &inputs.sources, &desired, &listing, &discovery).await,
    };
    let schemas = discovery.schemas;
    let evidence = Evidence { desired, live: listing, extra, schemas, autoscalers, readings, answers, gaps };
    let inputs = inputs.is_rendered().then_some(inputs);
    Gathered { tip, evidence, rendering, inputs, rollouts, coverage }
}

/// What the API server says to each object that lives. Its text is read from the files once more: what was read for the
/// comparison holds no Secret's value.
async fn ask(
    source: &Source,
    sources: &Sources,
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
            let mut files = sources.parts.iter().flat_map(|part| &part.files);
            let file = files.find(|file| file.path == *path);
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
        Source::Cluster(_) if !object.is_verbatim() => {
            let message =
                "it is rendered, and its text is not kept: only what Git holds as it is can be sent".to_owned();
            (WithheldReason::Unsupported, message)
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

/// libgit2 blocks, so it reads away from the tasks that answer requests.
async fn read_sources(environment: &Environment) -> Result<(String, Sources), Gap> {
    let of = environment.clone();
    let read = tokio::task::spawn_blocking(move || read_commit(&of)).await;
    let scope = format!("repository {} branch {}", environment.repository.name, environment.branch);
    let gap = |reason, message| Gap { stage: Stage::Git, scope, reason, message, source: None };
    match read {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) => Err(gap(error.reason(), error.to_string())),
        Err(error) => Err(gap(GapReason::Failed, error.to_string())),
    }
}

/// Everything is read at the commit that the branch has now.
fn read_commit(environment: &Environment) -> Result<(String, Sources), GitError> {
    let Environment { repository, branch, .. } = environment;
    let revision = git::read(&repository.path, branch, &[])?.revision;
    let fetch = |paths: &[String]| git::read(&repository.path, &revision, paths);
    let sources = render::read(environment, &fetch).map_err(|error| match error {
        GitError::NoPath { path, revision, .. } => GitError::NoPath { path, branch: branch.clone(), revision },
        other => other,
    })?;
    Ok((revision, sources))
}

/// What charts are told: what is configured, else what the cluster says of itself.
async fn capabilities(environment: &Environment, sources: &Sources, source: &Source) -> Result<Capabilities, Gap> {
    let helm = &environment.rendering.helm;
    let mut told = Capabilities {
        kube_version: helm.kube_version.clone(),
        api_versions: helm.api_versions.clone().unwrap_or_default(),
    };
    if sources.asks_for_the_cluster(environment)
        && let Some(versions) = source.versions().await?
    {
        told.kube_version.get_or_insert(versions.kubernetes);
        if helm.api_versions.is_none() {
            told.api_versions = versions.apis;
        }
    }
    Ok(told)
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
