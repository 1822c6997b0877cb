//! A repository, a snapshot and a configuration that renders it, made for one test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use driftd::config::Config;
use driftd::drift::model::Redactor;
use driftd::render::{Capabilities, Clock, Rendered, Renderers, read};
use driftd::yaml::{self, Budget};
use driftd::{git, manifest};
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{Driftd, Ended, GitRepository, command, program, run};

pub const NAMESPACE: &str = "trino";

/// An environment `prod` that compares a repository with a snapshot.
pub struct Site {
    repository: GitRepository,
    folder: TempDir,
    files: Vec<(String, String)>,
}

/// An object's kind and name, and what it holds.
pub type Object = (String, Value);

impl Site {
    /// `files` on the branch `main`, nothing in the cluster.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let repository = GitRepository::new();
        repository.commit("main", files);
        let folder = tempfile::tempdir().unwrap();
        for name in ["cluster", "tmp"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let site = Self { repository, folder, files };
        site.live("");
        site
    }

    pub fn repository(&self) -> &GitRepository {
        &self.repository
    }

    /// A file or folder beside the configuration.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces what the cluster has.
    pub fn live(&self, text: &str) {
        fs::write(self.path("cluster/live.yaml"), text).unwrap();
    }

    /// The cluster has what an official program printed, each object in its namespace.
    pub fn deploy(&self, stream: &str) {
        let mut text = String::new();
        for document in yaml::documents(stream.as_bytes(), &Budget::default()) {
            let mut object = document.unwrap().value;
            if object["kind"] != "CustomResourceDefinition" && object["metadata"]["namespace"].is_null() {
                object["metadata"]["namespace"] = NAMESPACE.into();
            }
            text += "---\n";
            text += &object.to_string();
            text += "\n";
        }
        self.live(&text);
    }

    /// Writes the configuration: `lines` belong to the environment, `more` to the file.
    pub fn configure_with(&self, lines: &str, more: &str) {
        let lines = lines.replace('\n', "\n    ");
        let binary = |name: &str| {
            let default = format!("{name}: {{binary: {}}}\n", program(name).display());
            if more.lines().any(|line| line.starts_with(&format!("{name}:"))) { String::new() } else { default }
        };
        let text = format!(
            "http: {{listen: \"127.0.0.1:0\"}}\n{}{}{more}\nclusters: [{{name: sample, snapshot: cluster}}]\n\
             repositories: [{{name: platform, url: \"{}\"}}]\nenvironments:\n  - name: prod\n    repository: platform\n    \
             branch: main\n    cluster: sample\n    namespace: {NAMESPACE}\n    {lines}\n",
            binary("kustomize"),
            binary("helm"),
            self.repository.path().display()
        );
        fs::write(self.path("driftd.yaml"), text).unwrap();
    }

    pub fn configure(&self, lines: &str) {
        self.configure_with(lines, "");
    }

    pub fn config(&self) -> Config {
        Config::load(&self.path("driftd.yaml")).unwrap()
    }

    /// `driftd check` as a command, with temporary files in a folder of its own.
    pub fn command(&self, arguments: &[&str]) -> Driftd {
        let config = self.path("driftd.yaml");
        let first = ["check", "--config", config.to_str().unwrap()];
        let mut check = command(&[&first, arguments].concat());
        check.env("TMPDIR", self.path("tmp"));
        check
    }

    /// Runs it; nothing may be left in the folder for temporary files.
    pub fn check(&self, arguments: &[&str]) -> Ended {
        let ended = self.command(arguments).output();
        assert_eq!(fs::read_dir(self.path("tmp")).unwrap().count(), 0, "something is left in the temporary folder");
        ended
    }

    /// The environment of the report with every object.
    pub fn report(&self) -> Value {
        let ended = self.check(&["-o", "json", "--all"]);
        ended.json()["environments"][0].take()
    }

    /// The messages of the gaps, in one text.
    pub fn gaps(&self) -> String {
        messages(&self.report()["gaps"])
    }

    /// What driftd renders, by its own library.
    pub fn rendered(&self) -> Rendered {
        let config = self.config();
        let environment = &config.environments[0];
        let fetch = |paths: &[String]| git::read(self.repository.path(), "main", paths);
        let sources = read(environment, &fetch).unwrap();
        let renderers = Renderers::default();
        let (capabilities, redactor) = (Capabilities::default(), redactor());
        let rendered = renderers.render(&sources, &capabilities, Clock::Utc, &redactor);
        tokio::runtime::Runtime::new().unwrap().block_on(rendered)
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

/// The standard output of an official program that runs in `folder`.
pub fn official(name: &str, arguments: &[&str], folder: &Path) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(program(name));
    command.args(arguments).current_dir(folder).env_clear().env("HOME", home.path());
    let output = run(&mut command, "");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn redactor() -> Redactor {
    Redactor::new(&[1; 32])
}

/// The objects of a stream, as they are compared.
pub fn objects(stream: &str) -> Vec<Object> {
    let read = manifest::objects(&"official".into(), stream.as_bytes(), &redactor());
    let named = |found: manifest::Placed| (found.0.key.to_string(), found.0.content);
    read.into_iter().map(|object| named(object.unwrap())).collect()
}

/// The objects of a rendering, as they are compared.
pub fn declared(rendered: &Rendered) -> Vec<Object> {
    assert!(rendered.gaps.is_empty(), "{:#?}", rendered.gaps);
    rendered.objects.iter().map(|object| (object.key.to_string(), object.unpack().content)).collect()
}

pub fn messages(gaps: &Value) -> String {
    let gaps = gaps.as_array().unwrap().iter();
    gaps.map(|gap| gap["message"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// The file that an object of a report comes from.
pub fn source<'v>(report: &'v Value, kind: &str, name: &str) -> &'v str {
    object(report, kind, name)["source"]["file"].as_str().unwrap()
}

/// An object of a report.
pub fn object<'v>(report: &'v Value, kind: &str, name: &str) -> &'v Value {
    let mut objects = report["objects"].as_array().unwrap().iter();
    let found = objects.find(|object| object["kind"] == kind && object["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}: {report:#}"))
}
