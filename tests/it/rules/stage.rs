//! A repository, a snapshot and a configuration, made for one test.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::fixture::{Ended, GitRepository, demand_canaries, driftd};

/// An environment `prod` that compares a repository with a snapshot.
pub struct Stage {
    repository: GitRepository,
    folder: TempDir,
}

impl Stage {
    /// Git declares `desired` in `app.yaml`, the cluster has `live`; `rules` are appended to the configuration.
    pub fn new(desired: &str, live: &str, rules: &str) -> Self {
        let repository = GitRepository::new();
        repository.commit("main", &[("app.yaml", desired)]);
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("cluster")).unwrap();
        demand_canaries(live);
        fs::write(folder.path().join("cluster/live.yaml"), live).unwrap();
        let stage = Self { repository, folder };
        stage.configure(rules);
        stage
    }

    /// Replaces the rules.
    pub fn configure(&self, rules: &str) {
        let text = format!(
            "http: {{listen: \"127.0.0.1:0\"}}\nclusters: [{{name: sample, snapshot: cluster}}]\nrepositories: [{{name: platform, url: \"{}\"}}]\n\
             environments: [{{name: prod, repository: platform, branch: main, cluster: sample, namespace: trino}}]\n{rules}",
            self.repository.path().display()
        );
        fs::write(self.config(), text).unwrap();
    }

    /// Where the configuration lies.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("driftd.yaml")
    }

    /// A file beside it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `driftd check` with more arguments.
    pub fn check(&self, arguments: &[&str]) -> Ended {
        let config = self.config();
        let first = ["check", "--config", config.to_str().unwrap()];
        driftd(&first.iter().chain(arguments).copied().collect::<Vec<_>>())
    }
}
