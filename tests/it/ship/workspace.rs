//! A Git repository and a configuration that compares one branch of it with a cluster.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Ended, GitRepository, driftd};

/// The branch and the environment that is compared with it.
pub(super) const BRANCH: &str = "prod";

pub(super) struct Workspace {
    folder: TempDir,
    repository: GitRepository,
}

impl Workspace {
    /// One whose branch has `files`, for the cluster of `kubeconfig`; objects that name none go to `namespace`.
    pub(super) fn new(kubeconfig: &Path, namespace: &str, files: &[(&str, &str)]) -> Self {
        Self::on(json!({"name": "test", "kubeconfig": kubeconfig}), namespace, files)
    }

    /// One whose branch and cluster both have `manifest`: no API server is needed.
    pub(super) fn in_sync(manifest: &str) -> Self {
        let workspace =
            Self::on(json!({"name": "test", "snapshot": "cluster"}), "default", &[("manifest.yaml", manifest)]);
        fs::create_dir(workspace.folder.path().join("cluster")).unwrap();
        fs::write(workspace.folder.path().join("cluster/live.yaml"), manifest).unwrap();
        workspace
    }

    fn on(cluster: Value, namespace: &str, files: &[(&str, &str)]) -> Self {
        let repository = GitRepository::new();
        repository.commit(BRANCH, files);
        let folder = tempfile::tempdir().unwrap();
        let config = json!({
            "interval": "1s",
            "settling": {"outdated": "0s"},
            "http": {"listen": "127.0.0.1:0"},
            "clusters": [cluster],
            "repositories": [{"name": "platform", "url": repository.path()}],
            "environments": [{
                "name": BRANCH, "repository": "platform", "branch": BRANCH, "cluster": "test", "namespace": namespace,
            }],
            "deployers": ["pipeline"],
        });
        fs::write(folder.path().join("driftd.yaml"), config.to_string()).unwrap();
        Self { folder, repository }
    }

    pub(super) fn config(&self) -> PathBuf {
        self.folder.path().join("driftd.yaml")
    }

    /// Commits a tree of exactly `files`.
    pub(super) fn commit(&self, files: &[(&str, &str)]) -> String {
        self.repository.commit(BRANCH, files)
    }

    /// `driftd check -o json`.
    pub(super) fn check(&self) -> Ended {
        driftd(&["check", "-o", "json", "--config", self.config().to_str().unwrap()])
    }
}
