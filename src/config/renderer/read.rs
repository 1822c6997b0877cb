//! The sections of the renderers, of the whole file and of one environment.

use std::path::{Path, PathBuf};

use super::super::cursor::{Cursor, Noted, Section};
use super::super::parse::{collect, duration_of_at_least, read_texts};
use super::{Crds, Helm, Kustomize, Limits, Permission, Program, RemoteChart, Renderer, Rendering};
use std::time::Duration;

const SHORTEST_TIME: Duration = Duration::from_secs(1);
/// Less than this and the official programs do not even start.
const LEAST_MEMORY: u64 = 64 << 20;
const LEAST_OUTPUT: u64 = 1 << 10;
/// Of a release. Rule: helm's `chartutil.ValidateReleaseName`.
const LONGEST_RELEASE_NAME: usize = 53;

/// What holds for every environment that says nothing else.
#[derive(Debug, Default)]
pub(in super::super) struct Defaults {
    kustomize: Option<PathBuf>,
    helm: Option<PathBuf>,
    limits: Limits,
}

pub(in super::super) fn read_defaults(file: &Section<'_>, folder: &Path) -> Result<Defaults, Noted> {
    let binary =
        |cursor: &Cursor<'_>| cursor.section(&["binary"])?.optional("binary", |cursor| read_binary(cursor, folder));
    let kustomize = file.optional("kustomize", binary);
    let helm = file.optional("helm", binary);
    let limits = file.optional("rendering", read_limits);
    Ok(Defaults { kustomize: kustomize?.flatten(), helm: helm?.flatten(), limits: limits?.unwrap_or_default() })
}

fn read_limits(cursor: &Cursor<'_>) -> Result<Limits, Noted> {
    let section = cursor.section(&["timeout", "memory", "output"])?;
    let default = Limits::default();
    let time = section.optional("timeout", |cursor| duration_of_at_least(cursor, SHORTEST_TIME));
    let memory = section.optional("memory", |cursor| read_size(cursor, LEAST_MEMORY));
    let output = section.optional("output", |cursor| read_size(cursor, LEAST_OUTPUT));
    Ok(Limits {
        time: time?.unwrap_or(default.time),
        memory: memory?.unwrap_or(default.memory),
        output: output?.unwrap_or(default.output),
    })
}

/// Bytes as Kubernetes writes them: `64Mi`.
fn read_size(cursor: &Cursor<'_>, least: u64) -> Result<u64, Noted> {
    let text = cursor.text()?;
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let shift = match unit {
        "Ki" => Some(10),
        "Mi" => Some(20),
        "Gi" => Some(30),
        _ => None,
    };
    let bytes = shift.zip(digits.parse::<u64>().ok()).and_then(|(shift, number)| number.checked_mul(1 << shift));
    match bytes {
        None => Err(cursor.note("is no size", "write a whole number and a unit: `512Mi` or `1Gi`")),
        Some(bytes) if bytes < least => Err(cursor.note("is too small", format!("make it {}Ki or more", least >> 10))),
        Some(bytes) => Ok(bytes),
    }
}

/// A name is looked for on `PATH` when it is needed, a path begins at the file's folder.
fn read_binary(cursor: &Cursor<'_>, folder: &Path) -> Result<PathBuf, Noted> {
    let text = cursor.text()?;
    Ok(if text.contains('/') { folder.join(text) } else { PathBuf::from(text) })
}

pub(in super::super) fn read_renderer(cursor: &Cursor<'_>) -> Result<Renderer, Noted> {
    match cursor.text()? {
        "auto" => Ok(Renderer::Auto),
        "plain" => Ok(Renderer::Plain),
        "kustomize" => Ok(Renderer::Kustomize),
        "helm" => Ok(Renderer::Helm),
        "command" => Ok(Renderer::Command),
        _ => Err(cursor.note("is no renderer", "use `auto`, `plain`, `kustomize`, `helm` or `command`")),
    }
}

/// The sections of one environment that `renderer` renders.
pub(in super::super) fn read_rendering(
    section: &Section<'_>,
    renderer: Renderer,
    defaults: &Result<Defaults, Noted>,
    folder: &Path,
) -> Result<Rendering, Noted> {
    let idle = idle_sections(section, renderer);
    let kustomize = section.optional("kustomize", |cursor| read_kustomize(cursor, folder));
    let helm = section.optional("helm", |cursor| read_helm(cursor, folder));
    let command = match renderer {
        Renderer::Command => section
            .require("command", "name the program that prints the manifests: `command: {argv: [cue, export]}`")
            .and_then(|cursor| read_command(&cursor))
            .map(Some),
        _ => Ok(None),
    };
    let defaults = defaults.as_ref().map_err(|noted| *noted)?;
    let (mut kustomize, mut helm) = (kustomize?.unwrap_or_default(), helm?.unwrap_or_default());
    let command = command?;
    idle?;
    kustomize.binary = kustomize.binary.or_else(|| defaults.kustomize.clone());
    helm.binary = helm.binary.or_else(|| defaults.helm.clone());
    let mut limits = defaults.limits;
    if let Some(time) = command.as_ref().and_then(|command| command.timeout) {
        limits.time = time;
    }
    Ok(Rendering { kustomize, helm, command, limits, ..Rendering::default() })
}

/// A section of a renderer that is not used is a wrong choice of renderer.
fn idle_sections(section: &Section<'_>, renderer: Renderer) -> Result<(), Noted> {
    let mut idle = Ok(());
    for (key, of) in [("kustomize", Renderer::Kustomize), ("helm", Renderer::Helm), ("command", Renderer::Command)] {
        let used = of == renderer || (renderer == Renderer::Auto && of != Renderer::Command);
        if let Some(cursor) = section.get(key).filter(|_| !used) {
            let message = format!("has no effect with `renderer: {}`", renderer.as_str());
            idle = Err(cursor.note(message, format!("remove it, or write `renderer: {key}`")));
        }
    }
    idle
}

fn read_kustomize(cursor: &Cursor<'_>, folder: &Path) -> Result<Kustomize, Noted> {
    let section = cursor.section(&["binary", "enableHelm", "remoteBases"])?;
    let binary = section.optional("binary", |cursor| read_binary(cursor, folder));
    let enable_helm = section.optional("enableHelm", Cursor::boolean);
    let remote_bases = section.optional("remoteBases", read_permission);
    let enable_helm = if enable_helm? == Some(true) { Permission::Allowed } else { Permission::Refused };
    let remote_bases = remote_bases?.unwrap_or_default();
    Ok(Kustomize { binary: binary?, enable_helm, remote_bases, ..Kustomize::default() })
}

fn read_helm(cursor: &Cursor<'_>, folder: &Path) -> Result<Helm, Noted> {
    let section = cursor.section(&[
        "binary",
        "chart",
        "version",
        "repoURL",
        "caFile",
        "plainHTTP",
        "releaseName",
        "valueFiles",
        "values",
        "includeCRDs",
        "kubeVersion",
        "apiVersions",
        "dependencyBuild",
        "remoteCharts",
    ])?;
    let binary = section.optional("binary", |cursor| read_binary(cursor, folder));
    let chart = read_chart(&section, folder);
    let release_name = section.optional("releaseName", read_release_name);
    let value_files = section.optional("valueFiles", read_value_files);
    let values = section.optional("values", |cursor| {
        cursor.mapping("write the values as a mapping, as in a values file")?;
        Ok(cursor.value().clone())
    });
    let crds = section.optional("includeCRDs", Cursor::boolean);
    let kube_version = section.optional("kubeVersion", |cursor| Ok(cursor.text()?.to_owned()));
    let api_versions = section.optional("apiVersions", read_texts);
    let dependency_build = section.optional("dependencyBuild", read_permission);
    let remote_charts = section.optional("remoteCharts", read_permission);
    Ok(Helm {
        binary: binary?,
        chart: chart?,
        release_name: release_name?,
        value_files: value_files?.unwrap_or_default(),
        values: values?,
        crds: if crds? == Some(false) { Crds::LeftOut } else { Crds::Included },
        kube_version: kube_version?,
        api_versions: api_versions?,
        dependency_build: dependency_build?.unwrap_or_default(),
        remote_charts: remote_charts?.unwrap_or_default(),
        ..Helm::default()
    })
}

/// A chart that lies elsewhere: its name, its version and its repository go together.
fn read_chart(section: &Section<'_>, folder: &Path) -> Result<Option<RemoteChart>, Noted> {
    let ca_file = section.optional("caFile", |cursor| Ok(folder.join(cursor.text()?)));
    let plain_http = section.optional("plainHTTP", Cursor::boolean);
    let Some(name) = section.get("chart") else {
        let lone = ["version", "repoURL", "caFile", "plainHTTP"].iter().filter_map(|key| section.get(key));
        let noted: Vec<Noted> =
            lone.map(|cursor| cursor.note("has no effect without `chart`", "name the chart, or remove it")).collect();
        return noted.first().map_or(Ok(None), |noted| Err(*noted));
    };
    let name = read_chart_name(&name);
    let version = section.require("version", "name one exact version of the chart").and_then(|c| read_version(&c));
    let repo_url = section
        .require("repoURL", "name the chart's repository (`https://…`) or registry (`oci://…`)")
        .and_then(|cursor| read_repo_url(&cursor));
    Ok(Some(RemoteChart {
        name: name?,
        version: version?,
        repo_url: repo_url?,
        ca_file: ca_file?,
        plain_http: if plain_http? == Some(true) { Permission::Allowed } else { Permission::Refused },
    }))
}

fn read_chart_name(cursor: &Cursor<'_>) -> Result<String, Noted> {
    let name = cursor.text()?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.chars().all(allowed) && name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Ok(name.to_owned());
    }
    Err(cursor.note("is no chart's name", "write its name alone; where it lies stands in `repoURL`"))
}

/// One version: with a range, one commit would render to something else tomorrow.
fn read_version(cursor: &Cursor<'_>) -> Result<String, Noted> {
    let text = cursor.text()?;
    let core = text.strip_prefix('v').unwrap_or(text);
    let end = core.find(['-', '+']).unwrap_or(core.len());
    let numbers: Vec<&str> = core[..end].split('.').collect();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-+.".contains(c);
    let exact = numbers.len() == 3 && numbers.iter().all(|part| part.parse::<u64>().is_ok());
    if exact && core.chars().all(allowed) {
        return Ok(text.to_owned());
    }
    Err(cursor
        .note("is no exact version", "write all three numbers: `1.4.2`; a range would render one commit in many ways"))
}

/// Never quoted: it may hold a password.
fn read_repo_url(cursor: &Cursor<'_>) -> Result<String, Noted> {
    let text = cursor.text()?;
    match text.split_once("://") {
        Some(("https" | "http" | "oci", rest)) if !rest.is_empty() => Ok(text.trim_end_matches('/').to_owned()),
        _ => {
            Err(cursor
                .note("is no address of charts", "write `https://…` for a Helm repository, `oci://…` for a registry"))
        }
    }
}

fn read_release_name(cursor: &Cursor<'_>) -> Result<String, Noted> {
    let name = cursor.text()?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let fits = name.len() <= LONGEST_RELEASE_NAME && name.chars().all(allowed);
    if fits && edge(name.chars().next()) && edge(name.chars().last()) {
        return Ok(name.to_owned());
    }
    Err(cursor.note("is no release name", "use up to 53 lower-case letters, digits, `-` and `.`"))
}

fn read_value_files(cursor: &Cursor<'_>) -> Result<Vec<String>, Noted> {
    let read = |cursor: &Cursor<'_>| match cursor.text()? {
        text if text.starts_with('/') || text.contains("://") => {
            Err(cursor.note("is no file of the repository", "write it relative to the environment's `path`"))
        }
        text => Ok(text.to_owned()),
    };
    collect(cursor.items()?.iter().map(read).collect())
}

fn read_permission(cursor: &Cursor<'_>) -> Result<Permission, Noted> {
    match cursor.text()? {
        "allowed" => Ok(Permission::Allowed),
        "refused" => Ok(Permission::Refused),
        _ => Err(cursor.note("is neither a yes nor a no", "write `allowed` or `refused`")),
    }
}

fn read_command(cursor: &Cursor<'_>) -> Result<Program, Noted> {
    let section = cursor.section(&["argv", "timeout", "network"])?;
    let argv =
        section.require("argv", "list the program and its arguments: `[cue, export]`").and_then(|c| read_argv(&c));
    let timeout = section.optional("timeout", |cursor| duration_of_at_least(cursor, SHORTEST_TIME));
    let network = section.optional("network", read_permission);
    Ok(Program { argv: argv?, timeout: timeout?, network: network?.unwrap_or_default() })
}

fn read_argv(cursor: &Cursor<'_>) -> Result<Vec<String>, Noted> {
    let argv = read_texts(cursor)?;
    match argv.first() {
        None => Err(cursor.note("is empty", "list the program and its arguments: `[cue, export]`")),
        Some(program) if program.contains('/') && !program.starts_with('/') => Err(cursor.note(
            "names a program of the repository",
            "name one on PATH, or an absolute path: what the repository holds is never run",
        )),
        Some(_) => Ok(argv),
    }
}
