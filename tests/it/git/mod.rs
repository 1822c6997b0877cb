//! Remote repositories, read by the real binary from real servers on loopback.

mod daemon;
mod https;
mod large;
mod references;
mod ssh;
mod submodules;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{Driftd, Ended, GitRepository, command, program};

/// A file of credentials, and what nobody may see of it.
const CANARY: &str = "canary-7f3a9c";

const MANIFEST: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app, namespace: trino}\ndata: {k: v}\n";

/// A repository with one manifest on `main`, and a cluster where that lives.
struct Scene {
    repository: GitRepository,
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let repository = GitRepository::new();
        repository.commit("main", &[("app.yaml", MANIFEST)]);
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("cluster")).unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        fs::write(folder.path().join("cluster/live.yaml"), MANIFEST).unwrap();
        Self { repository, folder }
    }

    /// A file beside the configuration; only its owner may read it.
    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The configuration of environments that follow the repository; `repository` are its keys beside the name.
    fn configure(&self, repository: &str, environments: &[(&str, &str)]) -> PathBuf {
        let environments: Vec<String> = environments
            .iter()
            .map(|(name, follows)| format!("  - {{name: {name}, repository: platform, cluster: sample, {follows}}}\n"))
            .collect();
        let text = format!(
            "http: {{listen: \"127.0.0.1:0\"}}\nclusters: [{{name: sample, snapshot: cluster}}]\n\
             repositories:\n  - {{name: platform, {repository}}}\nenvironments:\n{}",
            environments.concat()
        );
        self.file("driftd.yaml", &text)
    }

    /// `driftd check` with nothing of the caller's proxies and agents.
    fn command(&self, config: &Path) -> Driftd {
        let mut command =
            command(&["check", "--config", config.to_str().unwrap(), "-o", "json", "--log-level", "trace"]);
        let ssh = program("ssh").parent().unwrap().display().to_string();
        command.env("PATH", format!("{ssh}:{}", std::env::var("PATH").unwrap()));
        command.env("TMPDIR", self.folder.path().join("tmp")).env("HOME", self.folder.path());
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "SSH_AUTH_SOCK"] {
            command.env_remove(name);
        }
        command
    }

    /// Checks one environment that follows `main`.
    fn check(&self, repository: &str) -> Checked {
        self.check_that(repository, "branch: main")
    }

    /// Checks one environment.
    fn check_that(&self, repository: &str, follows: &str) -> Checked {
        let config = self.configure(repository, &[("prod", follows)]);
        Checked::of(&mut self.command(&config))
    }
}

/// What a check found; whatever it was, no credential shows.
struct Checked {
    ended: Ended,
    report: Value,
}

impl Checked {
    fn of(command: &mut Driftd) -> Self {
        let ended = command.output();
        for text in [&ended.stdout, &ended.stderr] {
            assert!(!text.contains(CANARY), "a credential shows: {text}");
        }
        let report = if ended.stdout.is_empty() { Value::Null } else { ended.json() };
        Self { ended, report }
    }

    /// Everything was read, and is as Git says.
    #[track_caller]
    fn is_in_sync(&self) -> &Self {
        assert_eq!(self.ended.code, Some(0), "{}{}", self.report, self.ended.stderr);
        assert!(self.report["summary"]["objects"]["inSync"].as_u64() > Some(0), "{}", self.report);
        self
    }

    fn environment(&self) -> &Value {
        &self.report["environments"][0]
    }

    fn revision(&self) -> &str {
        self.environment()["revision"].as_str().unwrap_or_default()
    }

    /// The only gap: its reason and message.
    #[track_caller]
    fn gap(&self) -> (&str, &str) {
        assert_eq!(self.ended.code, Some(3), "{}{}", self.report, self.ended.stderr);
        let gaps = self.environment()["gaps"].as_array().expect("gaps");
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!(gaps[0]["stage"], "git", "{gaps:?}");
        (gaps[0]["reason"].as_str().unwrap(), gaps[0]["message"].as_str().unwrap())
    }

    /// The only gap has this reason and holds these words.
    #[track_caller]
    fn fails(&self, reason: &str, words: &[&str]) -> &Self {
        let (found, message) = self.gap();
        assert_eq!(found, reason, "{message}");
        for word in words {
            assert!(message.contains(word), "{word} is not in: {message}");
        }
        self
    }
}
