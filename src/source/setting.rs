//! What a deployer's object is read against: the entry of the configuration, and the repositories that it names.

use std::sync::Arc;

use super::field::Field;
use crate::config::{Environment, Helm, Kustomize, Reference, RemoteChart, Rendering, Repository};

/// What a deployer's object is read against.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The environment of the object: its cluster, and what its renderers may do.
    pub environment: &'a Environment,
    /// Every repository of the configuration.
    pub repositories: &'a [Arc<Repository>],
}

impl Setting<'_> {
    /// An environment of the object, told nothing yet but what the operator says.
    pub(super) fn plain(&self) -> Environment {
        let own = &self.environment.rendering;
        let kustomize = Kustomize {
            binary: own.kustomize.binary.clone(),
            enable_helm: own.kustomize.enable_helm,
            remote_bases: own.kustomize.remote_bases,
            ..Kustomize::default()
        };
        let helm = Helm {
            binary: own.helm.binary.clone(),
            kube_version: own.helm.kube_version.clone(),
            api_versions: own.helm.api_versions.clone(),
            dependency_build: own.helm.dependency_build,
            remote_charts: own.helm.remote_charts,
            ..Helm::default()
        };
        let rendering = Rendering { kustomize, helm, limits: own.limits, ..Rendering::default() };
        Environment { rendering, follow: None, paths: Vec::new(), ..self.environment.clone() }
    }

    /// The repository that the URL names, or a gap.
    pub(super) fn repository(&self, url: &Field<'_>) -> Option<Arc<Repository>> {
        let text = url.value.as_str().unwrap_or_default();
        if text.is_empty() {
            url.missing("is missing; name the repository");
            return None;
        }
        // The environment's own repository first: it may be named by two entries.
        let own = std::iter::once(&self.environment.repository).chain(self.repositories);
        let found = own.into_iter().find(|repository| repository.address.is_meant_by(text));
        if found.is_none() {
            url.missing("names a repository that the configuration does not have; add it under `repositories`");
        }
        found.cloned()
    }

    /// What `revision` of `repository` is; the environment's own branch where nothing else is said of its own repository.
    pub(super) fn reference(&self, repository: &Repository, revision: &str) -> Reference {
        let own = repository.name == self.environment.repository.name;
        let name = revision.strip_prefix("refs/heads/").unwrap_or(revision);
        match name {
            "" | "HEAD" if own => self.environment.reference.clone(),
            "" | "HEAD" => Reference::Head,
            name if own && Reference::Branch(name.to_owned()) == self.environment.reference => {
                self.environment.reference.clone()
            }
            name => match name.strip_prefix("refs/tags/") {
                Some(tag) => Reference::Tag(tag.to_owned()),
                None if name.len() == 40 && name.chars().all(|c| c.is_ascii_hexdigit()) => {
                    Reference::Revision(name.to_ascii_lowercase())
                }
                None => Reference::Branch(name.to_owned()),
            },
        }
    }

    /// A chart of a Helm repository or a registry, where such may be fetched.
    pub(super) fn chart(&self, name: &Field<'_>, version: &Field<'_>, url: &Field<'_>) -> Option<RemoteChart> {
        use crate::config::Permission;
        if self.environment.rendering.helm.remote_charts == Permission::Refused {
            name.refuse("lies outside of the repository; allow it to be fetched with `helm: {remoteCharts: allowed}`");
            return None;
        }
        let (name_text, url_text) = (name.as_text()?, url.as_text()?);
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        let version_text = version.value.as_str().unwrap_or_default();
        if !is_exact(version_text) {
            version
                .refuse("is no exact version; write all three numbers: a range would render one commit in many ways");
            return None;
        }
        // A registry is named without a scheme by Argo CD; part of its path may stand in the chart's name.
        let (url_text, name_text) = match (url_text.split_once("://"), name_text.rsplit_once('/')) {
            (None, None) => (format!("oci://{url_text}"), name_text),
            (None, Some((folder, name))) => (format!("oci://{url_text}/{folder}"), name),
            (Some(("https" | "http" | "oci", _)), None) => (url_text.to_owned(), name_text),
            _ => {
                url.refuse("is no address of charts; write `https://…` or `oci://…`");
                return None;
            }
        };
        if !plain(name_text) || !name_text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            name.refuse("is no chart's name");
            return None;
        }
        Some(RemoteChart {
            name: name_text.to_owned(),
            version: version_text.to_owned(),
            repo_url: url_text.trim_end_matches('/').to_owned(),
            ca_file: None,
            plain_http: self
                .environment
                .rendering
                .helm
                .chart
                .as_ref()
                .map_or_else(Permission::default, |of| of.plain_http),
        })
    }
}

/// Whether a chart's version is one and no range.
fn is_exact(text: &str) -> bool {
    let core = text.strip_prefix('v').unwrap_or(text);
    let end = core.find(['-', '+']).unwrap_or(core.len());
    let numbers: Vec<&str> = core[..end].split('.').collect();
    numbers.len() == 3
        && numbers.iter().all(|part| part.parse::<u64>().is_ok())
        && core.chars().all(|c| c.is_ascii_alphanumeric() || "-+.".contains(c))
}

/// A folder of a repository, without `.`, empty parts or a slash at its end; `None` out of the repository.
pub(super) fn folder(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    (!path.starts_with('/') && !parts.contains(&"..") && !path.contains('*')).then(|| parts.join("/"))
}

/// The way from the folder `from` to `path`, which begins at the root.
pub(super) fn way(from: &str, path: &str) -> String {
    let depth = from.split('/').filter(|part| !part.is_empty()).count();
    format!("{}{}", "../".repeat(depth), path.trim_start_matches('/'))
}
