//! A repository made by the `git` program, and what driftd says of its branches.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use driftd::config::Config;
use driftd::drift::promotion::Promotion;
use driftd::pipeline::Promotions;
use driftd::store::Store;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A working copy, its configuration, and a driftd that has watched it since the first look.
pub struct Sandbox {
    folder: TempDir,
    /// Ticks with every commit, so that no two are of the same second.
    clock: u64,
    promotions: Option<Promotions>,
}

/// The moment of the first commit, in unix seconds.
const EPOCH: u64 = 1_795_000_000;

impl Sandbox {
    /// An empty repository on branch `main`, with a configuration of these environments (a YAML list, without
    /// `repository` and `cluster`).
    pub fn new(environments: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut sandbox = Self { folder, clock: EPOCH, promotions: None };
        fs::create_dir(sandbox.repository()).expect("a folder for the repository");
        sandbox.git("init --quiet --initial-branch=main");
        let head = "clusters: [{name: c, snapshot: .}]\nrepositories: [{name: r, url: repository}]\nenvironments:\n";
        let lines = environments.trim_end().lines().map(|line| match line.strip_prefix("- ") {
            Some(rest) => format!("- repository: r\n  cluster: c\n  {rest}\n"),
            None => format!("{line}\n"),
        });
        fs::write(sandbox.config(), format!("{head}{}", lines.collect::<String>())).expect("the configuration");
        sandbox
    }

    /// Two environments: `prod` on branch prod is promoted from `staging` on branch staging; prod has its own files
    /// in variants/prod, staging in variants/staging.
    pub fn staging_and_prod() -> Self {
        Self::new(
            "- name: staging\n  branch: staging\n  variants: [variants/staging]\n\
             - name: prod\n  branch: prod\n  promotedFrom: staging\n  variants: [variants/prod]\n",
        )
    }

    pub fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("driftd.yaml")
    }

    /// Runs git with the words of `line`; tells its output. Every call is a second later than the one before.
    pub fn git(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        self.run(&words)
    }

    pub fn run(&mut self, words: &[&str]) -> String {
        let (succeeded, output) = self.attempt(words);
        assert!(succeeded, "git {words:?}: {output}");
        output
    }

    /// Runs git; tells whether it succeeded, and its output.
    pub fn attempt(&mut self, words: &[&str]) -> (bool, String) {
        self.clock += 1;
        let output = git(&self.repository(), self.clock, words);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        let said = if output.status.success() { text(&output.stdout) } else { text(&output.stderr) };
        (output.status.success(), said)
    }

    /// Writes files (path, content) of the working copy.
    pub fn write(&mut self, files: &[(&str, &str)]) {
        for (path, content) in files {
            let path = self.repository().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, content).expect("a file");
        }
    }

    /// Writes files and commits everything that differs.
    pub fn commit(&mut self, subject: &str, files: &[(&str, &str)]) -> String {
        self.write(files);
        self.git("add --all");
        self.run(&["commit", "--quiet", "--allow-empty", "-m", subject]);
        self.git("rev-parse HEAD")
    }

    /// Another driftd, which has seen nothing yet; with a file in which it remembers, one that was there before has.
    pub fn restart(&mut self, state: Option<&Path>) {
        let config = Config::load(&self.config()).unwrap_or_else(|error| panic!("{error}"));
        let promotions = Promotions::new(&config).expect("a redaction key");
        // The one before gives the file back first.
        self.promotions = None;
        self.promotions = Some(match state {
            Some(state) => promotions.recorded_in(Arc::new(Store::new(Some(state), Duration::from_hours(24)))),
            None => promotions,
        });
    }

    /// All that driftd says now.
    pub fn look(&mut self) -> Vec<Promotion> {
        let path = self.config();
        let promotions = self.promotions.get_or_insert_with(|| {
            let config = Config::load(&path).unwrap_or_else(|error| panic!("{error}"));
            Promotions::new(&config).expect("a redaction key")
        });
        look(promotions, "2026-12-01T00:00:00Z".parse().expect("a time"))
    }

    /// What driftd says of one environment now, commits by their subjects.
    pub fn of(&mut self, environment: &str) -> Value {
        let all = self.look();
        let found = all.iter().find(|promotion| promotion.environment == environment);
        told(found.unwrap_or_else(|| panic!("no promotion of {environment}: {all:?}")))
    }

    /// That driftd says exactly this of `prod`: state, fast-forward, ahead, behind, the oldest pending commit, hotfixes,
    /// commits rolled back, untested revisions.
    #[track_caller]
    pub fn prod_is(&mut self, expected: Value) {
        self.is("prod", expected);
    }

    #[track_caller]
    pub fn is(&mut self, environment: &str, expected: Value) {
        let found = self.of(environment);
        assert_eq!(found, expected, "\nfound {found}\n{}", self.git("log --all --graph --oneline"));
    }
}

/// What driftd says at `now`.
pub fn look(promotions: &Promotions, now: Timestamp) -> Vec<Promotion> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(promotions.look(now))
}

/// A promotion in the order of its eight answers.
fn told(promotion: &Promotion) -> Value {
    let value = serde_json::to_value(promotion).expect("JSON");
    let subjects = |key: &str| -> Vec<Value> {
        value[key].as_array().expect("a list").iter().map(|commit| commit["subject"].clone()).collect()
    };
    json!([
        value["state"],
        value["fastForward"],
        value["ahead"],
        value["behind"],
        value["oldestPending"]["subject"],
        subjects("hotfixes"),
        subjects("rolledBack"),
        subjects("untested"),
    ])
}

/// The `git` program in a folder, with nothing of the user's settings.
pub fn git(folder: &Path, clock: u64, words: &[&str]) -> std::process::Output {
    let date = format!("{clock} +0000");
    Command::new("git")
        .current_dir(folder)
        .args(["-c", "advice.detachedHead=false", "-c", "core.editor=true", "-c", "commit.gpgSign=false"])
        .args(words)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@example.org")
        .env("GIT_COMMITTER_NAME", "Ada")
        .env("GIT_COMMITTER_EMAIL", "ada@example.org")
        .env("GIT_AUTHOR_DATE", &date)
        .env("GIT_COMMITTER_DATE", &date)
        .output()
        .expect("the git program")
}

/// A ConfigMap with these values, one a line.
pub fn settings(values: &[(&str, &str)]) -> String {
    let data: Vec<String> = values.iter().map(|(key, value)| format!("  {key}: \"{value}\"\n")).collect();
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n{}", data.concat())
}

/// A ConfigMap of this name with one value.
pub fn setting(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  value: \"{value}\"\n")
}
