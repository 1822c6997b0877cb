//! A repository of a deployer's objects, a snapshot of the cluster, and the configuration that follows them.

use std::fs;
use std::path::{Path, PathBuf};

use driftd::yaml::{self, Budget};
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{Ended, GitRepository, command, program};
use crate::render::official;

/// What every repository of these tests is called in the objects.
pub const URL: &str = "https://git.example.org/team/platform.git";

pub struct Fleet {
    repository: GitRepository,
    folder: TempDir,
    files: Vec<(String, String)>,
    /// Lines of the configuration's `repositories` beside the first.
    others: Vec<(String, PathBuf)>,
}

impl Fleet {
    /// `files` on the branch `main`; `URL` in them stands for the repository itself.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let repository = GitRepository::new();
        let place = |text: &str| text.replace(URL, &url(repository.path()));
        let files: Vec<(String, String)> = files.iter().map(|(path, text)| ((*path).to_owned(), place(text))).collect();
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("cluster")).unwrap();
        let fleet = Self { repository, folder, files, others: Vec::new() };
        fleet.commit();
        fleet.live("");
        fleet
    }

    /// A second repository of the configuration.
    pub fn beside(&mut self, name: &str, repository: &GitRepository) {
        self.others.push((name.to_owned(), repository.path().to_owned()));
    }

    fn commit(&self) {
        let files: Vec<(&str, &str)> = self.files.iter().map(|(path, text)| (&**path, &**text)).collect();
        self.repository.commit("main", &files);
    }

    pub fn repository(&self) -> &GitRepository {
        &self.repository
    }

    /// Changes one file and commits.
    pub fn change(&mut self, path: &str, text: &str) {
        let text = text.replace(URL, &url(self.repository.path()));
        self.files.retain(|(name, _)| name != path);
        self.files.push((path.to_owned(), text));
        self.commit();
    }

    /// Replaces what the cluster has.
    pub fn live(&self, text: &str) {
        fs::write(self.folder.path().join("cluster/live.yaml"), text).unwrap();
    }

    /// The cluster has what an official program printed, each object that names no namespace in `namespace`.
    pub fn deploy(&self, stream: &str, namespace: &str) {
        let mut text = String::new();
        for document in yaml::documents(stream.as_bytes(), &Budget::default()) {
            let mut object = document.unwrap().value;
            let cluster_scoped = ["CustomResourceDefinition", "Namespace"].map(Value::from).contains(&object["kind"]);
            if !cluster_scoped && object["metadata"]["namespace"].is_null() {
                object["metadata"]["namespace"] = namespace.into();
            }
            text += "---\n";
            text += &object.to_string();
            text += "\n";
        }
        self.live(&text);
    }

    /// Writes the configuration: `lines` belong to the environment `fleet`, `more` to the file.
    pub fn configure_with(&self, lines: &str, more: &str) -> PathBuf {
        let lines = lines.replace('\n', "\n    ");
        let other = |(name, path): &(String, PathBuf)| format!("{{name: {name}, url: \"{}\"}}", path.display());
        let own = format!("{{name: platform, url: \"{}\"}}", self.repository.path().display());
        let repositories: Vec<String> = [own].into_iter().chain(self.others.iter().map(other)).collect();
        let text = format!(
            "kustomize: {{binary: {}}}\nhelm: {{binary: {}}}\n{more}\nclusters: [{{name: sample, snapshot: cluster}}]\n\
             repositories: [{}]\nenvironments:\n  - name: fleet\n    repository: \
             platform\n    branch: main\n    cluster: sample\n    {lines}\n",
            program("kustomize").display(),
            program("helm").display(),
            repositories.join(", ")
        );
        let path = self.folder.path().join("driftd.yaml");
        fs::write(&path, text).unwrap();
        path
    }

    pub fn check(&self, lines: &str) -> Ended {
        let config = self.configure_with(lines, "extras: namespace");
        command(&["check", "--config", config.to_str().unwrap(), "-o", "json", "--all"]).output()
    }

    /// The whole report.
    pub fn report(&self, lines: &str) -> Value {
        self.check(lines).json()
    }

    /// One environment of the report.
    pub fn environment(&self, lines: &str, name: &str) -> Value {
        let report = self.report(lines);
        let mut found = report["environments"].as_array().unwrap().iter();
        found.find(|environment| environment["name"] == name).unwrap_or_else(|| panic!("no {name}: {report:#}")).clone()
    }

    /// Lays the repository's files out, for the official programs.
    pub fn checkout(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in &self.files {
            let target = folder.path().join(path);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, text).unwrap();
        }
        folder
    }

    /// What an official program makes of the repository's files.
    pub fn official(&self, name: &str, arguments: &[&str]) -> String {
        official(name, arguments, self.checkout().path())
    }
}

/// How an object names a repository of this machine.
pub fn url(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// Everything of the environment is in sync and known; tells how many objects.
#[track_caller]
pub fn is_silent(environment: &Value) -> usize {
    let objects = environment["objects"].as_array().unwrap();
    let drift: Vec<&Value> = objects.iter().filter(|object| object["state"] != "in-sync").collect();
    assert!(drift.is_empty() && environment["complete"] == true, "{environment:#}");
    objects.len()
}

/// The messages of the gaps, in one text.
pub fn gaps(environment: &Value) -> String {
    let gaps = environment["gaps"].as_array().unwrap().iter();
    gaps.map(|gap| gap["message"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// The names of the report's environments.
pub fn names(report: &Value) -> Vec<&str> {
    report["environments"].as_array().unwrap().iter().map(|environment| environment["name"].as_str().unwrap()).collect()
}
