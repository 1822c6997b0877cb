//! Charts of Helm repositories and OCI registries, fetched once for each version.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::Release;
use crate::config::{Permission, RemoteChart};
use crate::drift::model::hex;
use crate::render::RenderError;
use crate::render::process::Reach;

/// Archives by their digests, and which chart has which.
#[derive(Debug, Default)]
pub(in crate::render) struct Charts {
    digests: Mutex<HashMap<(String, String, String), String>>,
    archives: Mutex<HashMap<String, Arc<[u8]>>>,
}

impl Charts {
    /// The archive of a chart; asked for once, as a version is published once.
    pub(super) async fn get(&self, release: &Release<'_>, chart: &RemoteChart) -> Result<Arc<[u8]>, RenderError> {
        let key = (chart.repo_url.clone(), chart.name.clone(), chart.version.clone());
        let digest = self.digests.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let known = |digest: &String| self.archives.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned();
        if let Some(archive) = digest.as_ref().and_then(known) {
            return Ok(archive);
        }
        let archive: Arc<[u8]> = pull(release, chart).await?.into();
        let digest = hex(&Sha256::digest(&archive));
        tracing::info!(chart = chart.name, version = chart.version, %digest, "fetched a chart");
        self.digests.lock().unwrap_or_else(PoisonError::into_inner).insert(key, digest.clone());
        let mut archives = self.archives.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(archives.entry(digest).or_insert(archive)))
    }
}

async fn pull(release: &Release<'_>, chart: &RemoteChart) -> Result<Vec<u8>, RenderError> {
    let failed =
        |cause: String| RenderError::Chart { wanted: format!("chart {} {}", chart.name, chart.version), cause };
    let folder = release.workspace.aside();
    let mut arguments = vec!["pull".to_owned()];
    if chart.repo_url.starts_with("oci://") {
        arguments.push(format!("{}/{}", chart.repo_url, chart.name));
    } else {
        arguments.extend([chart.name.clone(), format!("--repo={}", chart.repo_url)]);
    }
    arguments.push(format!("--version={}", chart.version));
    arguments.push(format!("--destination={}", folder.display()));
    arguments.extend(chart.ca_file.iter().map(|file| format!("--ca-file={}", file.display())));
    if chart.plain_http == Permission::Allowed {
        arguments.push("--plain-http".to_owned());
    }
    release.run(arguments, Vec::new(), Reach::Everybody).await.map_err(|error| failed(error.to_string()))?;
    let archives: Vec<PathBuf> = fs::read_dir(&folder)
        .map_err(RenderError::Workspace)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "tgz"))
        .collect();
    let [archive] = &archives[..] else { return Err(failed("helm left no archive".to_owned())) };
    let bytes = fs::read(archive).map_err(RenderError::Workspace)?;
    fs::remove_file(archive).map_err(RenderError::Workspace)?;
    Ok(bytes)
}
