//! A Git repository and a configuration that compares one branch of it with a cluster.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::driftd;
use crate::fixture::{GitRepository, run};

/// The branch and the environment that is compared with it.
pub(super) const BRANCH: &str = "prod";

pub(super) struct Workspace {
    folder: TempDir,
    repository: GitRepository,
}

/// How `driftd check -o json` ended.
pub(super) struct Checked {
    pub code: Option<i32>,
    pub report: Value,
    pub stderr: String,
}

impl Workspace {
    /// One whose branch has `files`, for the cluster of `kubeconfig`; objects that name none go to `namespace`.
    pub(super) fn new(kubeconfig: &Path, namespace: &str, files: &[(&str, &str)]) -> Self {
        let repository = GitRepository::new();
        repository.commit(BRANCH, files);
        let folder = tempfile::tempdir().unwrap();
        let config = json!({
            "interval": "1s",
            "http": {"listen": "127.0.0.1:0"},
            "clusters": [{"name": "test", "kubeconfig": kubeconfig}],
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

    pub(super) fn check(&self) -> Checked {
        let config = self.config();
        let output = run(&mut driftd(&["check", "-o", "json", "--config", config.to_str().unwrap()]), "");
        let stderr = String::from_utf8(output.stderr).unwrap();
        let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no report:\n{stderr}"));
        Checked { code: output.status.code(), report, stderr }
    }
}
