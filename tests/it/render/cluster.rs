//! Renderers against the real API server: silent after a deployment, exact after a change.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::site::official;
use super::trees::{CHART, KUSTOMIZATION};
use crate::fixture::{ControlPlane, Ended, GitRepository, Namespace, Patch, canary, driftd, program};

/// One repository with a chart, a kustomization, plain files and a program's input, each an environment of its own.
struct Platform {
    namespace: Namespace,
    /// Lives as long as the configuration that names it.
    _repository: GitRepository,
    folder: TempDir,
    checkout: TempDir,
}

const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain-settings}\ndata: {colour: blue}\n";
const PRINTED: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: printed-settings}\ndata: {colour: blue}\n";

impl Platform {
    fn new() -> Self {
        let namespace = ControlPlane::shared().namespace("rendered");
        let name = namespace.name.clone();
        // The overlay names its namespace, and the definitions are the cluster's: the test has its own of both.
        let place = |text: &str| {
            let text = text.replace("namespace: trino", &format!("namespace: {name}"));
            text.replace("canary-7e1d", canary("rendered"))
        };
        let mut files: Vec<(String, String)> =
            CHART.iter().chain(&KUSTOMIZATION).map(|(path, text)| ((*path).to_owned(), place(text))).collect();
        files.push(("plain/settings.yaml".to_owned(), SETTINGS.to_owned()));
        files.push(("printed/in.txt".to_owned(), PRINTED.to_owned()));
        let checkout = tempfile::tempdir().unwrap();
        for (path, text) in &files {
            let target = checkout.path().join(path);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, text).unwrap();
        }
        let repository = GitRepository::new();
        repository.commit("main", &files.iter().map(|(path, text)| (&**path, &**text)).collect::<Vec<_>>());
        let folder = tempfile::tempdir().unwrap();
        let environment = |name: &str, lines: &str| {
            format!(
                "  - {{name: {name}, repository: platform, branch: main, cluster: local, namespace: {}, {lines}}}\n",
                namespace.name
            )
        };
        let text = format!(
            "kustomize: {{binary: {}}}\nhelm: {{binary: {}}}\nextras: off\nclusters: [{{name: local, kubeconfig: {}}}]\n\
             repositories: [{{name: platform, url: {}}}]\nenvironments:\n{}{}{}{}",
            program("kustomize").display(),
            program("helm").display(),
            namespace.admin.path().display(),
            repository.path().display(),
            environment("charted", "path: app, helm: {releaseName: shop, includeCRDs: false}"),
            environment("overlaid", "path: overlays/prod"),
            environment("plain", "path: plain"),
            environment("printed", "path: printed, renderer: command, command: {argv: [cat, in.txt]}"),
        );
        fs::write(folder.path().join("driftd.yaml"), text).unwrap();
        Self { namespace, _repository: repository, folder, checkout }
    }

    fn deploy(&self) {
        let version = self.namespace.admin.api().get("/version").unwrap();
        let version = version["gitVersion"].as_str().unwrap();
        let arguments = [
            "template",
            "shop",
            "app",
            "--no-hooks",
            "--namespace",
            &self.namespace.name,
            "--kube-version",
            version,
            "--api-versions",
            "data.example.com/v1/Catalog",
        ];
        self.namespace.admin.server_side_apply(&official("helm", &arguments, self.checkout.path()), "helm");
        let overlay = official("kustomize", &["build", "overlays/prod"], self.checkout.path());
        self.namespace.admin.server_side_apply(&overlay, "kustomize-controller");
        self.namespace.admin.server_side_apply(SETTINGS, "kustomize-controller");
        self.namespace.admin.server_side_apply(PRINTED, "kustomize-controller");
    }

    fn check(&self) -> Ended {
        self.check_with(&[])
    }

    fn check_with(&self, arguments: &[&str]) -> Ended {
        let config = self.folder.path().join("driftd.yaml");
        driftd(&[&["check", "--config", config.to_str().unwrap(), "-o", "json"], arguments].concat())
    }

    fn patch(&self, version: &str, kind: &str, name: &str, body: &Value) {
        let path = self.namespace.path(version, kind, name);
        self.namespace.admin.api().patch(&path, Patch::Merge, body, "kubectl-edit").unwrap();
    }
}

#[test]
fn four_renderers_are_silent_after_deployment_and_exact_after_changes() {
    let platform = Platform::new();
    platform.deploy();
    let ended = platform.check();
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let report = ended.json();
    let renderers: Vec<&Value> =
        report["environments"].as_array().unwrap().iter().map(|environment| &environment["renderer"]).collect();
    assert_eq!(renderers, ["helm", "kustomize", "plain", "command"]);

    platform.patch("apps/v1", "Deployment", "shop-web", &json!({"spec": {"replicas": 5}}));
    platform.patch("v1", "Service", "prod-web", &json!({"metadata": {"labels": {"stage": "qa"}}}));
    platform.patch("v1", "ConfigMap", "plain-settings", &json!({"data": {"colour": "red"}}));
    platform.patch("v1", "ConfigMap", "printed-settings", &json!({"data": {"colour": "red"}}));
    let ended = platform.check();
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    let report = ended.json();
    let findings = |environment: &Value| -> Vec<String> {
        let objects = environment["objects"].as_array().unwrap().iter();
        let all = objects.flat_map(|object| object["findings"].as_array().unwrap());
        all.map(|finding| {
            let word = |key: &str| finding[key].as_str().unwrap();
            format!("{} {} {}", word("path"), word("origin"), finding["source"]["file"].as_str().unwrap())
        })
        .collect()
    };
    let found: Vec<Vec<String>> = report["environments"].as_array().unwrap().iter().map(findings).collect();
    assert_eq!(
        found,
        [
            ["spec.replicas manual app/templates/deployment.yaml"],
            ["metadata.labels.stage manual base/service.yaml"],
            ["data.colour manual plain/settings.yaml"],
            ["data.colour manual printed"],
        ]
    );
}

#[test]
fn the_server_is_asked_about_rendered_objects_but_for_secrets() {
    let platform = Platform::new();
    platform.deploy();
    let ended = platform.check_with(&["--strategy", "server", "--all"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let report = ended.json();
    let mut asked = 0;
    for environment in report["environments"].as_array().unwrap() {
        for object in environment["objects"].as_array().unwrap() {
            let opinion = &object["dryRun"];
            if object["kind"] == "Secret" {
                let message = opinion["comparedLocally"]["message"].as_str().unwrap();
                assert!(message.contains("a rendered Secret, whose values are not kept"), "{message}");
            } else {
                assert_eq!(opinion["disagreements"], json!([]), "{object:#}");
                asked += 1;
            }
        }
    }
    assert!(asked > 6, "{asked}");
}
