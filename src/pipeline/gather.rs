//! Everything that a scan rests on, read from Git and the cluster; what cannot be had becomes a gap.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::FutureExt as _;

use crate::config::{Environment, Strategy};
use crate::drift::attribute::Autoscalers;
use crate::drift::extras::{Extras, NamespaceCoverage};
use crate::drift::ignore::IgnoreRule;
use crate::drift::model::{
    Answer, Declarations, Gap, GapReason, Identity, Packed, Position, Schema, Scope, Stage, TypeKey, Unsealed,
    Withheld, WithheldReason,
};
use crate::git::{Checkout, GitError, Stale};
use crate::live::{Discovery, Keep, Listing, Proposal, Served, Source, Wanted};
use crate::manifest;
use crate::render::{self, Capabilities, Rendered, Sources};
use crate::report::Rendering;
use crate::source::Described;

use super::extra::Beside;
use super::follow::Reading;
use super::renders::{Inputs, Tip};
use super::rollout::{self, Rollouts};
use super::{Evidence, Rules, Second, Seen, Standing, autoscaling, extra, hooks, versions};

/// Where objects live that name no namespace, in an environment that names none either.
pub(super) const DEFAULT_NAMESPACE: &str = "default";

/// What was gathered for one environment.
#[derive(Debug)]
pub(super) struct Gathered {
    /// Where in Git it was read.
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
    /// Which findings the deployer was told to live with.
    pub ignore: Vec<IgnoreRule>,
}

/// What an environment declares, and what that was rendered from.
struct Declared {
    tip: Tip,
    inputs: Inputs,
    rendered: Rendered,
    /// For objects that name none.
    namespace: Option<String>,
    ignore: Vec<IgnoreRule>,
}

/// Why nothing is known of what an environment declares, and how far it came.
#[derive(Debug)]
pub(super) struct Stop {
    pub tip: Option<Tip>,
    pub gaps: Vec<Gap>,
}

impl Gathered {
    /// What is left of an environment of which nothing could be read.
    pub(super) fn nothing(environment: &Environment, rules: &Arc<Rules>, tip: Option<Tip>, gaps: Vec<Gap>) -> Self {
        let name = &environment.name;
        let (declared, autoscalers) = (Declarations::default(), Autoscalers::default());
        let standing = Standing::new(name, declared, HashMap::new(), autoscalers, Arc::clone(rules));
        let standing = Arc::new(standing);
        let evidence =
            Evidence { standing, live: Listing::default(), extra: Vec::new(), second: Second::default(), gaps };
        let (rendering, inputs, rollouts, coverage) = (Rendering::default(), None, Rollouts::new(), Vec::new());
        Self { tip, evidence, rendering, inputs, rollouts, coverage, ignore: Vec::new() }
    }
}

pub(super) async fn gather(
    environment: &Environment,
    reading: &Reading<'_>,
    extras: Extras,
    rules: &Arc<Rules>,
) -> Gathered {
    let source = reading.source;
    let (declared, ()) = tokio::join!(declared(environment, reading), source.prepare());
    let Declared { tip, inputs, rendered, namespace, ignore } = match declared {
        Ok(declared) => declared,
        Err(Stop { tip, gaps }) => return Gathered::nothing(environment, rules, tip, gaps),
    };
    let mut rendering = Rendering { renderer: Some(inputs.sources.renderer()), hooks: rendered.hooks };
    // Text that nobody asks for again makes room for what arrives.
    let is_needed = inputs.is_rendered() || environment.strategy == Strategy::Server;
    let inputs = is_needed.then_some(inputs);
    let mut gaps = rendered.gaps;
    if rendered.objects.is_empty() && gaps.is_empty() {
        gaps.push(nothing_declared(environment));
    }
    let place = (environment, namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE));
    let mut lived = live(place, source, rules, rendered.objects).await;
    gaps.append(&mut lived.gaps);
    let Lived { standing, listing, pods, served, .. } = lived;
    let declared = standing.declared();
    rendering.hooks += hooks::count_gone(declared, &listing);
    let (beside, (rollouts, unread)) = tokio::join!(
        extra::look(extras, source, declared, &listing, &gaps),
        rollout::look(source, declared, &listing, pods, &rules.image_mirrors)
    );
    gaps.extend(unread.into_iter().filter(|gap| !gaps.contains(gap)).collect::<Vec<_>>());
    let Beside { extra, coverage } = beside;
    let readings = versions::read(source, declared, &listing).await;
    let answers = match (environment.strategy, &inputs) {
        (Strategy::Server, Some(inputs)) => ask(source, &inputs.sources, &standing, &listing, &served).await,
        (Strategy::Server, None) | (Strategy::Local, _) => HashMap::new(),
    };
    let evidence = Evidence { standing, live: listing, extra, second: Second { readings, answers }, gaps };
    let inputs = inputs.filter(Inputs::is_rendered);
    Gathered { tip: Some(tip), evidence, rendering, inputs, rollouts, coverage, ignore }
}

/// What lives where Git declares something.
struct Lived {
    standing: Arc<Standing>,
    listing: Listing<Seen>,
    pods: rollout::Listed,
    served: HashMap<TypeKey, Served>,
    gaps: Vec<Gap>,
}

/// Every object of the kinds that are declared, judged as it arrives.
async fn live(
    (environment, namespace): (&Environment, &str),
    source: &Source,
    rules: &Arc<Rules>,
    objects: Vec<Packed>,
) -> Lived {
    let types: BTreeSet<TypeKey> = objects.iter().map(|object| object.key.type_key.clone()).collect();
    // What the kinds look like takes long to read and is needed late: the lists begin in the meantime.
    let schemas = source.schemas(&types).boxed().shared();
    let rest = async {
        let Discovery { served, mut gaps, .. } = source.served(&types).await;
        let declared = place_all(objects, (&served, source), namespace, &mut gaps);
        let wanted = wanted(&declared, &served);
        let (scaling, wanted): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|scope| autoscaling::is_autoscaler(&scope.type_key));
        let namespaces = rollout::namespaces(&wanted);
        let context = context(environment, source, rules, declared, schemas.clone(), scaling).boxed().shared();
        let keep = context.clone().map(|context| keep(environment.strategy, &context.standing)).boxed().shared();
        let (mut listing, pods) = tokio::join!(source.sift(wanted, &keep), source.pods(namespaces));
        let context = context.await;
        listing.extend(context.scaling.clone());
        gaps.append(&mut listing.gaps);
        gaps.extend(context.gaps.iter().filter(|gap| !gaps.contains(gap)).cloned().collect::<Vec<_>>());
        Lived { standing: Arc::clone(&context.standing), listing, pods, served, gaps }
    };
    tokio::join!(schemas.clone(), rest).1
}

/// What has to be known before an object can be judged by itself.
#[derive(Clone)]
struct Context {
    standing: Arc<Standing>,
    /// The autoscalers that Git declares.
    scaling: Listing<Seen>,
    /// What keeps others from being known.
    gaps: Vec<Gap>,
}

/// Reads the autoscalers, those that Git declares and the others: what they scale may differ.
async fn context(
    environment: &Environment,
    source: &Source,
    rules: &Arc<Rules>,
    declared: Declarations,
    schemas: impl Future<Output = HashMap<TypeKey, Arc<Schema>>>,
    scaling: Vec<Wanted>,
) -> Arc<Context> {
    let schemas = schemas.await;
    let others = autoscaling::wanted(&declared, &schemas, &scaling);
    let (scaling, mut others) = tokio::join!(source.list(scaling), source.list(others));
    let autoscalers = Autoscalers::among(scaling.objects().chain(others.objects()));
    let gaps = autoscaling::gaps(&mut others).collect();
    let standing = Arc::new(Standing::new(&environment.name, declared, schemas, autoscalers, Arc::clone(rules)));
    let keep = keep(environment.strategy, &standing);
    Arc::new(Context { scaling: scaling.map(&*keep), standing, gaps })
}

/// What is kept of a live object: the server's answer is compared with the whole of it.
fn keep(strategy: Strategy, standing: &Arc<Standing>) -> Keep<Seen> {
    let standing = Arc::clone(standing);
    match strategy {
        Strategy::Local => Arc::new(move |live| standing.look(live)),
        Strategy::Server => Arc::new(move |live| standing.keep(live)),
    }
}

/// What the API server says to each object that lives. The text of one that Git holds is read from its file once more:
/// what was read for the comparison holds no Secret's value.
async fn ask(
    source: &Source,
    sources: &Sources,
    standing: &Standing,
    listing: &Listing<Seen>,
    served: &HashMap<TypeKey, Served>,
) -> HashMap<Identity, Answer> {
    let mut answers = HashMap::new();
    let mut proposals = Vec::new();
    let mut texts: HashMap<Arc<str>, Vec<(u32, Unsealed)>> = HashMap::new();
    let lives = |object: &&Packed| listing.get(&object.key).is_some_and(|seen| !seen.is_terminating());
    for object in standing.declared().objects().iter().filter(lives) {
        let Some(served) = served.get(&object.key.type_key).cloned() else { continue };
        let schema = standing.schema(&object.key.type_key);
        if let Some(withheld) = never_asked(object, schema, source) {
            answers.insert(object.key.identity(), Err(withheld));
            continue;
        }
        if !object.is_verbatim() {
            let body = Unsealed::new(object.unpack().content);
            proposals.push(Proposal { key: object.key.clone(), served, body });
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
fn never_asked(object: &Packed, schema: &Schema, source: &Source) -> Option<Withheld> {
    let kind = &object.key.type_key;
    let (reason, message) = match source {
        Source::Snapshot(_) => {
            (WithheldReason::NoServer, "the cluster is a snapshot: there is no API server to ask".to_owned())
        }
        Source::Cluster(_) if !object.is_verbatim() && kind.is_secret() => {
            let message = "it is a rendered Secret, whose values are not kept: there is nothing to send".to_owned();
            (WithheldReason::Unsupported, message)
        }
        Source::Cluster(_) if object.is_encrypted => {
            let message = "its values are encrypted by SOPS: there is nothing that could be applied".to_owned();
            (WithheldReason::Encrypted, message)
        }
        Source::Cluster(_) if !schema.allows_dry_run(kind) => {
            (WithheldReason::Unsupported, format!("the server's OpenAPI names no dry-run of {kind}: it might write"))
        }
        Source::Cluster(_) => return None,
    };
    Some(Withheld { reason, message })
}

async fn declared(environment: &Environment, reading: &Reading<'_>) -> Result<Declared, Stop> {
    let (tip, sources, namespace, ignore, gaps) = if let Some(follow) = &environment.follow {
        let (tip, sources, described) = reading.described(environment, follow).await?;
        let Described { namespace, ignore, gaps, .. } = described;
        (tip, sources, namespace, ignore, gaps)
    } else {
        let of = environment.clone();
        let checkout = reading.repositories.checkout(environment, move |fetch| render::read(&of, fetch)).await;
        let Checkout { location, reference, revision, files, stale } =
            checkout.map_err(|error| Stop { tip: None, gaps: vec![unfetched(environment, &error)] })?;
        let outdated = stale.map(|stale| outdated(environment, &revision, &stale));
        let tip = Tip { location, reference, revision };
        (tip, files, environment.namespace.clone(), Vec::new(), outdated.into_iter().collect())
    };
    let capabilities = match capabilities(&sources, reading.source).await {
        Ok(capabilities) => capabilities,
        Err(gap) => return Err(Stop { tip: Some(tip), gaps: gaps.into_iter().chain([gap]).collect() }),
    };
    let inputs = Inputs { sources, capabilities };
    let mut rendered = Arc::unwrap_or_clone(reading.renders.first(environment, &inputs, reading.redactor).await);
    rendered.gaps.extend(gaps);
    Ok(Declared { tip, inputs, rendered, namespace, ignore })
}

pub(super) fn unfetched(environment: &Environment, error: &GitError) -> Gap {
    let scope = format!("repository {} branch {}", environment.repository.name, environment.reference);
    Gap { stage: Stage::Git, scope, reason: error.reason(), message: error.to_string(), source: None }
}

/// The last revision stands, and is not known to be the newest.
pub(super) fn outdated(environment: &Environment, revision: &str, stale: &Stale) -> Gap {
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

/// What the cluster says of itself, as far as a chart asks.
pub(super) async fn capabilities(sources: &Sources, source: &Source) -> Result<Capabilities, Gap> {
    if sources.asks_for_the_cluster()
        && let Some(versions) = source.versions().await?
    {
        return Ok(Capabilities { kube_version: Some(versions.kubernetes), api_versions: versions.apis });
    }
    Ok(Capabilities::default())
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
fn place_all(
    objects: Vec<Packed>,
    (served, source): (&HashMap<TypeKey, Served>, &Source),
    namespace: &str,
    gaps: &mut Vec<Gap>,
) -> Declarations {
    let mut declared = Declarations::default();
    for mut object in objects {
        let scope = served.get(&object.key.type_key).map(|served| served.scope);
        if let Some(scope) = scope.or_else(|| source.last_scope(&object.key.type_key)) {
            object.place(scope, namespace);
        }
        let second = object.source.clone();
        if let Some(first) = declared.insert(object) {
            gaps.push(duplicate(&first, second));
        }
    }
    declared
}

fn duplicate(first: &Packed, second: Position) -> Gap {
    let key = &first.key;
    Gap {
        stage: Stage::Parse,
        scope: key.to_string(),
        reason: GapReason::Duplicate,
        message: format!(
            "{key} is declared at {} and again at {second}; the second is compared, remove one of them",
            first.source
        ),
        source: Some(second),
    }
}

/// Each kind once in each namespace in which it is declared.
fn wanted(declared: &Declarations, served: &HashMap<TypeKey, Served>) -> Vec<Wanted> {
    let scopes: BTreeSet<(&TypeKey, Option<&String>)> =
        declared.keys().map(|key| (&key.type_key, key.namespace.as_ref())).collect();
    scopes
        .into_iter()
        .filter_map(|(type_key, namespace)| {
            let served = served.get(type_key)?.clone();
            let namespace = namespace.filter(|_| served.scope == Scope::Namespaced).cloned();
            Some(Wanted { type_key: type_key.clone(), served, namespace })
        })
        .collect()
}
