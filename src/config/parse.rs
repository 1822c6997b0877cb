//! From the text of a file to settings that are valid by construction.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::cursor::{Cursor, Noted, Notes, Section, did_you_mean};
use super::error::Problem;
use super::renderer::{Defaults, read_defaults, read_renderer, read_rendering};
use super::{
    Cluster, ClusterSource, Config, Environment, Renderer, Repository, Strategy, Webhooks, duration, follow, promotion,
    reference, repository, rules, webhook,
};
use crate::drift::extras::Extras;
use crate::drift::model::Origin;
use crate::yaml::{self, Budget, Document};

const INTERVAL: Duration = Duration::from_mins(1);
/// How long resolved drift is remembered.
pub(super) const RETENTION: Duration = Duration::from_hours(90 * 24);
/// Flapping is told by the last hour.
const SHORTEST_RETENTION: Duration = Duration::from_hours(1);
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 9847);

/// Reads the one document of a file.
pub(super) fn config(text: &[u8], folder: &Path) -> Result<Config, Vec<Problem>> {
    let document = only_document(text, "name at least a cluster, a repository and an environment")?;
    let notes = Notes::new(&document.lines);
    let config = read(&Cursor::root(&document.value, &notes), folder);
    let problems = notes.into_problems();
    match config {
        Ok(config) if problems.is_empty() => Ok(config),
        _ => Err(problems),
    }
}

pub(super) fn only_document(text: &[u8], contents: &str) -> Result<Document, Vec<Problem>> {
    let problem =
        |line, message: String, hint: &str| vec![Problem { line, path: String::new(), message, hint: hint.into() }];
    let mut documents = Vec::new();
    for document in yaml::documents(text, &Budget::default()) {
        documents.push(
            document.map_err(|error| {
                problem(error.line, error.to_string(), "correct the YAML; nothing else was checked")
            })?,
        );
    }
    match documents.len() {
        0 => Err(problem(1, "is empty".into(), contents)),
        1 => Ok(documents.remove(0)),
        _ => Err(problem(
            documents[1].line,
            "a second document begins".into(),
            "keep all settings in one document, without `---`",
        )),
    }
}

fn read(root: &Cursor<'_>, folder: &Path) -> Result<Config, Noted> {
    let file = root.section(&[
        "interval",
        "gitInterval",
        "maxStaleness",
        "settling",
        "http",
        "state",
        "retention",
        "redactionKeyFile",
        "gitCache",
        "renderCache",
        "clusters",
        "repositories",
        "environments",
        "kustomize",
        "helm",
        "rendering",
        "deployers",
        "imageMirrors",
        "extras",
        "ignore",
        "redact",
        "severity",
    ])?;
    let interval = file.optional("interval", |cursor| duration_of_at_least(cursor, SHORTEST_INTERVAL));
    let git_interval = file.optional("gitInterval", |cursor| {
        // Only a scan looks at Git.
        duration_of_at_least(cursor, interval.ok().flatten().unwrap_or(INTERVAL))
    });
    let max_staleness = file.optional("maxStaleness", |cursor| {
        let least = interval.ok().flatten().unwrap_or(SHORTEST_INTERVAL);
        duration_of_at_least(cursor, least)
    });
    let settling = file.optional("settling", read_settling);
    let path = |key| file.optional(key, |cursor| Ok(folder.join(cursor.text()?)));
    let (state, redaction_key_file) = (path("state"), path("redactionKeyFile"));
    let retention = file.optional("retention", |cursor| duration_of_at_least(cursor, SHORTEST_RETENTION));
    let http = file.optional("http", |cursor| read_http(cursor, folder));
    let (git_cache, render_cache) = (path("gitCache"), path("renderCache"));
    let clusters = Named::read(&file, "clusters", |section| read_cluster(section, folder));
    let repositories = Named::read(&file, "repositories", |section| {
        let unnamed = repository::read(section, folder);
        let name = name_of(section)?.to_owned();
        Ok(unnamed?.named(name))
    });
    let renderers = read_defaults(&file, folder);
    let known = Known { clusters: &clusters, repositories: &repositories, renderers: &renderers, folder };
    let environments = Named::read(&file, "environments", |section| read_environment(section, &known));
    let promotions = promotion::check(&file, |name| environments.get(name));
    let deployers = file.optional("deployers", read_texts);
    let image_mirrors = file.optional("imageMirrors", read_mirrors);
    let extras = file.optional("extras", read_extras);
    let redact = file.optional("redact", rules::read_redact);
    let severity = file.optional("severity", rules::read_severity);
    let ignore = file.optional("ignore", rules::read_ignore);

    renderers?;
    promotions?;
    let interval = interval?.unwrap_or(INTERVAL);
    let Http { listen, web_config, webhooks } = http?.unwrap_or_default();
    Ok(Config {
        interval,
        git_interval: git_interval?,
        max_staleness: max_staleness?.unwrap_or(interval.saturating_mul(3)),
        settling: settling?.unwrap_or_else(settling_by_default),
        state: state?,
        retention: retention?.unwrap_or(RETENTION),
        redaction_key_file: redaction_key_file?,
        listen: listen.unwrap_or(LISTEN),
        web_config,
        webhooks,
        git_cache: git_cache?,
        render_cache: render_cache?,
        repositories: repositories.all()?,
        environments: environments.all()?,
        deployers: deployers?.unwrap_or_default(),
        extras: extras?.unwrap_or_default(),
        image_mirrors: image_mirrors?.unwrap_or_default(),
        ignore: ignore?.unwrap_or_default(),
        severity: severity?.unwrap_or_default(),
        redact: redact?.unwrap_or_default(),
    })
}

pub(super) fn duration_of_at_least(cursor: &Cursor<'_>, least: Duration) -> Result<Duration, Noted> {
    let hint = "write a number and a unit, such as `90s`, `5m` or `1h30m`";
    let Some(duration) = duration::parse(cursor.text()?) else { return Err(cursor.note("is no duration", hint)) };
    if duration < least {
        return Err(cursor.note("is too short", format!("make it {}s or more", least.as_secs_f64())));
    }
    Ok(duration)
}

/// The section `http`.
#[derive(Default)]
struct Http {
    listen: Option<SocketAddr>,
    web_config: Option<PathBuf>,
    webhooks: Webhooks,
}

fn read_http(cursor: &Cursor<'_>, folder: &Path) -> Result<Http, Noted> {
    let section = cursor.section(&["listen", "webConfigFile", "webhooks"])?;
    let listen = section.optional("listen", |listen| {
        listen.text()?.parse().map_err(|_| {
            listen.note(
                "is no address to listen on",
                "write an IP address and a port: `0.0.0.0:9847`, `127.0.0.1:9847` or `[::]:9847`",
            )
        })
    });
    let web_config = section.optional("webConfigFile", |cursor| Ok(folder.join(cursor.text()?)));
    let webhooks = section.optional("webhooks", |cursor| webhook::read(cursor, folder));
    Ok(Http { listen: listen?, web_config: web_config?, webhooks: webhooks?.unwrap_or_default() })
}

fn read_cluster(section: &Section<'_>, folder: &Path) -> Result<Cluster, Noted> {
    let section = section.cursor.section(&["name", "kubeconfig", "context", "snapshot"])?;
    let kubeconfig = section.optional("kubeconfig", |cursor| Ok(folder.join(cursor.text()?)));
    let context = section.optional("context", |cursor| Ok(cursor.text()?.to_owned()));
    let snapshot = section.optional("snapshot", |cursor| Ok(folder.join(cursor.text()?)));
    let name = name_of(&section)?.to_owned();
    let (kubeconfig, context, snapshot) = (kubeconfig?, context?, snapshot?);
    let source = match snapshot {
        None => ClusterSource::Api { kubeconfig, context },
        Some(snapshot) if kubeconfig.is_none() && context.is_none() => ClusterSource::Snapshot(snapshot),
        Some(_) => {
            let hint = "keep `snapshot` for files, or `kubeconfig` and `context` for an API server";
            return Err(section.cursor.note("has both a snapshot and an API server", hint));
        }
    };
    Ok(Cluster { name, source })
}

/// What an environment may refer to.
struct Known<'a> {
    clusters: &'a Named<Cluster>,
    repositories: &'a Named<Repository>,
    renderers: &'a Result<Defaults, Noted>,
    folder: &'a Path,
}

fn read_environment(section: &Section<'_>, known: &Known<'_>) -> Result<Environment, Noted> {
    let section = section.cursor.section(&[
        "name",
        "repository",
        "branch",
        "tag",
        "revision",
        "path",
        "renderer",
        "kustomize",
        "helm",
        "command",
        "cluster",
        "namespace",
        "promotedFrom",
        "variants",
        "strategy",
        "argocd",
    ])?;
    let repository = section
        .require("repository", "name one of `repositories`")
        .and_then(|cursor| known.repositories.find(&cursor, "repository"));
    let cluster =
        section.require("cluster", "name one of `clusters`").and_then(|cursor| known.clusters.find(&cursor, "cluster"));
    let reference = reference::read(&section);
    let follow = follow::read(&section);
    let paths = section.optional("path", read_paths);
    let renderer = section.optional("renderer", read_renderer).map(|chosen| chosen.unwrap_or(Renderer::Auto));
    let rendering = renderer.and_then(|of| read_rendering(&section, of, known.renderers, known.folder));
    let namespace = section.optional("namespace", |cursor| Ok(cursor.name()?.to_owned()));
    let promoted_from = section.optional("promotedFrom", |cursor| Ok(cursor.name()?.to_owned()));
    let variants = section.optional("variants", read_variants);
    let strategy = section.optional("strategy", |cursor| read_strategy(cursor, cluster.as_ref().ok()));
    let name = name_of(&section).map(str::to_owned);
    let (paths, follow) = match follow? {
        Some((follow, objects)) => (Some(objects), Some(follow)),
        None => (paths?, None),
    };
    Ok(Environment {
        name: name?,
        repository: repository?,
        reference: reference?,
        paths: paths.unwrap_or_else(|| vec![String::new()]),
        renderer: renderer?,
        rendering: rendering?,
        cluster: cluster?,
        namespace: namespace?,
        promoted_from: promoted_from?,
        variants: variants?.unwrap_or_default(),
        strategy: strategy?.unwrap_or_default(),
        follow,
    })
}

fn read_strategy(cursor: &Cursor<'_>, cluster: Option<&Arc<Cluster>>) -> Result<Strategy, Noted> {
    let snapshot = cluster.is_some_and(|cluster| matches!(cluster.source, ClusterSource::Snapshot(_)));
    match cursor.text()? {
        "local" => Ok(Strategy::Local),
        "server" if snapshot => {
            Err(cursor.note("the cluster is a snapshot: there is no API server to ask", "use `local`"))
        }
        "server" => Ok(Strategy::Server),
        _ => Err(cursor.note("is no strategy", "use `local` or `server`")),
    }
}

/// A deployment takes a while; a manual change takes none.
fn settling_by_default() -> BTreeMap<Origin, Duration> {
    BTreeMap::from([(Origin::Outdated, Duration::from_mins(5))])
}

fn read_settling(cursor: &Cursor<'_>) -> Result<BTreeMap<Origin, Duration>, Noted> {
    let section = cursor.section(&["manual", "outdated", "stale", "controller", "unknown"])?;
    let mut settling = settling_by_default();
    let mut sound = Ok(());
    for origin in Origin::ALL {
        match section.optional(origin.as_str(), |cursor| duration_of_at_least(cursor, Duration::ZERO)) {
            Ok(time) => settling.extend(time.map(|time| (*origin, time))),
            Err(noted) => sound = Err(noted),
        }
    }
    sound.map(|()| settling)
}

fn read_extras(cursor: &Cursor<'_>) -> Result<Extras, Noted> {
    // YAML reads a bare `off` as a boolean.
    if cursor.is_false() {
        return Ok(Extras::Off);
    }
    match cursor.text()? {
        "tracked" => Ok(Extras::Tracked),
        "namespace" => Ok(Extras::Namespace),
        "off" => Ok(Extras::Off),
        _ => Err(cursor.note("is no choice of extra objects", "use `tracked`, `namespace` or `off`")),
    }
}

pub(super) fn read_paths(cursor: &Cursor<'_>) -> Result<Vec<String>, Noted> {
    if !cursor.is_list() {
        return Ok(vec![read_path(cursor)?]);
    }
    let items = cursor.items()?;
    if items.is_empty() {
        return Err(
            cursor.note("is empty", "name at least one folder or file, or leave the key out for the whole repository")
        );
    }
    collect(items.iter().map(read_path).collect())
}

fn read_variants(cursor: &Cursor<'_>) -> Result<Vec<String>, Noted> {
    let paths = read_paths(cursor)?;
    if paths.iter().any(String::is_empty) {
        return Err(cursor.note("names the whole repository", "name the folder of this environment's own files"));
    }
    Ok(paths)
}

/// A path inside a repository, without `.`, empty parts or a slash at its end.
fn read_path(cursor: &Cursor<'_>) -> Result<String, Noted> {
    let text = cursor.text()?;
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if text.starts_with('/') || parts.contains(&"..") {
        return Err(
            cursor.note("leads out of the repository", "write it relative to the repository's root, without `..`")
        );
    }
    Ok(parts.join("/"))
}

pub(super) fn read_texts(cursor: &Cursor<'_>) -> Result<Vec<String>, Noted> {
    collect(cursor.items()?.iter().map(|item| Ok(item.text()?.to_owned())).collect())
}

fn read_mirrors(cursor: &Cursor<'_>) -> Result<BTreeMap<String, String>, Noted> {
    let hint = "write the registry's host and behind it the mirror's: `docker.io: mirror.example.org`";
    let section = cursor.mapping(hint)?;
    let host = |mirror: &Cursor<'_>| match mirror.text()? {
        text if text.contains("://") || text.contains(char::is_whitespace) => {
            Err(mirror.note("is no registry host", hint))
        }
        text => Ok(text.to_owned()),
    };
    let mirrors = section.entries().map(|(registry, mirror)| Ok((registry.clone(), host(&mirror)?)));
    Ok(collect(mirrors.collect())?.into_iter().collect())
}

fn name_of<'a>(section: &Section<'a>) -> Result<&'a str, Noted> {
    section.require("name", "give it a name of its own")?.name()
}

/// Every value, or the first failure once all have been read.
pub(super) fn collect<T>(results: Vec<Result<T, Noted>>) -> Result<Vec<T>, Noted> {
    results.into_iter().collect()
}

/// The name of an element, where it can be read, and the element.
type Entry<T> = (Option<String>, Result<Arc<T>, Noted>);

/// The elements of a list that have a name, also those that are wrong otherwise: they exist.
struct Named<T> {
    key: &'static str,
    entries: Vec<Entry<T>>,
    /// Whether the list could be read as one.
    whole: Result<(), Noted>,
}

impl<T> Named<T> {
    fn read(file: &Section<'_>, key: &'static str, read: impl Fn(&Section<'_>) -> Result<T, Noted>) -> Self {
        let items = file.require(key, "name at least one").and_then(|cursor| match cursor.items()? {
            items if items.is_empty() => Err(cursor.note("is empty", "name at least one")),
            items => Ok(items),
        });
        let mut named = Self { key, entries: Vec::new(), whole: items.as_ref().map(drop).map_err(|noted| *noted) };
        for item in items.unwrap_or_default() {
            let entry = item.mapping("write it as a mapping that begins with `name`");
            let name = entry.as_ref().ok().and_then(|section| section.get("name"));
            let text = name.as_ref().and_then(Cursor::as_name);
            if let (Some(cursor), Some(text)) = (&name, &text)
                && named.contains(text)
            {
                cursor.note(
                    format!("`{text}` is already the name of another element of `{key}`"),
                    "give each a name of its own",
                );
            }
            named.entries.push((text, entry.and_then(|section| read(&section)).map(Arc::new)));
        }
        named
    }

    fn get(&self, wanted: &str) -> Option<&T> {
        let entry = self.entries.iter().find(|(name, _)| name.as_deref() == Some(wanted))?;
        entry.1.as_ref().ok().map(Arc::as_ref)
    }

    fn contains(&self, wanted: &str) -> bool {
        self.entries.iter().any(|(name, _)| name.as_deref() == Some(wanted))
    }

    /// The element to which `cursor` refers. Where the list itself cannot be read, that problem stands for this one.
    fn find(&self, cursor: &Cursor<'_>, noun: &str) -> Result<Arc<T>, Noted> {
        let wanted = cursor.name()?;
        if let Some((_, entry)) = self.entries.iter().find(|(name, _)| name.as_deref() == Some(wanted)) {
            return entry.clone();
        }
        self.whole?;
        if let Some((_, Err(noted))) = self.entries.iter().find(|(name, _)| name.is_none()) {
            return Err(*noted);
        }
        let names: Vec<&str> = self.entries.iter().filter_map(|(name, _)| name.as_deref()).collect();
        let hint = did_you_mean(wanted, &names);
        Err(cursor.note(format!("no {noun} is named `{wanted}`"), format!("{hint} (see `{}`)", self.key)))
    }

    fn all(self) -> Result<Vec<Arc<T>>, Noted> {
        self.whole?;
        self.entries.into_iter().map(|(_, entry)| entry).collect()
    }
}
