//! What cannot be known is said, with its cause and what to do, and never looks like health.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::findings;
use crate::fixture::{ControlPlane, Ended, GitRepository, Kubeconfig, Patch, Rule, canary, driftd};

const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: blue}\n";

fn secret() -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: credentials}}\nstringData: {{p: {}}}\n", canary("faults"))
}

/// A branch on one side, a namespace with what it declares on the other.
struct Scene {
    namespace: crate::fixture::Namespace,
    repository: GitRepository,
    folder: TempDir,
}

impl Scene {
    /// Commits `files` and applies `deployed`.
    fn new(files: &[(&str, &str)], deployed: &[&str]) -> Self {
        let namespace = ControlPlane::shared().namespace("faults");
        let repository = GitRepository::new();
        repository.commit("prod", files);
        for manifest in deployed {
            namespace.admin.client_side_apply(manifest);
        }
        Self { namespace, repository, folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn config(&self, url: &Path, branch: &str, path: &str, kubeconfig: &Path) -> PathBuf {
        let text = format!(
            "clusters: [{{name: local, kubeconfig: {}}}]\nrepositories: [{{name: platform, url: {}}}]\n\
             environments: [{{name: prod, repository: platform, branch: {branch}, path: '{path}', cluster: local, \
             namespace: {}}}]\n",
            kubeconfig.display(),
            url.display(),
            self.namespace.name,
        );
        let file = self.folder.path().join("driftd.yaml");
        fs::write(&file, text).expect("the folder is writable");
        file
    }

    fn check_as(&self, kubeconfig: &Path) -> Ended {
        run(&self.config(self.repository.path(), "prod", ".", kubeconfig))
    }

    fn check(&self) -> Ended {
        self.check_as(self.namespace.admin.path())
    }
}

fn run(config: &Path) -> Ended {
    driftd(&["check", "--config", config.to_str().expect("UTF-8"), "-o", "json", "--all"])
}

fn environment(ended: &Ended) -> Value {
    ended.json()["environments"][0].clone()
}

/// The one gap, which is of `stage` and `reason` and says each of `parts`.
#[track_caller]
fn assert_gap(ended: &Ended, stage: &str, reason: &str, parts: &[&str]) {
    let environment = environment(ended);
    let gaps = environment["gaps"].as_array().expect("gaps");
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!((&gaps[0]["stage"], &gaps[0]["reason"]), (&json!(stage), &json!(reason)), "{gaps:?}");
    let message = gaps[0]["message"].as_str().expect("a message");
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
    assert_eq!(environment["complete"], false);
}

fn states(ended: &Ended) -> Vec<String> {
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    let environment = environment(ended);
    let objects = environment["objects"].as_array().expect("objects");
    objects.iter().map(|object| format!("{} {}", word(&object["kind"]), word(&object["state"]))).collect()
}

/// Everything that the namespace's objects need but one kind.
fn without_secrets(scene: &Scene) -> Kubeconfig {
    let rule = Rule::namespaced(&scene.namespace.name, &[""], &["configmaps"], &["get", "list", "watch"]);
    ControlPlane::shared().user(&[rule])
}

#[test]
fn a_missing_right_leaves_its_kind_unknown_and_is_named() {
    let scene = Scene::new(&[("a.yaml", SETTINGS), ("b.yaml", &secret())], &[SETTINGS, &secret()]);
    let user = without_secrets(&scene);
    let ended = scene.check_as(user.path());
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_gap(&ended, "list", "forbidden", &["v1/Secret", &scene.namespace.name, "grant", "list", "secrets"]);
    assert_eq!(states(&ended), ["ConfigMap in-sync", "Secret unknown"]);

    let path = scene.namespace.path("v1", "ConfigMap", "settings");
    let red = json!({"data": {"colour": "red"}});
    scene.namespace.admin.api().patch(&path, Patch::Merge, &red, "kubectl-edit").expect("allowed");
    let ended = scene.check_as(user.path());
    assert_eq!(ended.code, Some(1), "drift counts more than a gap");
    assert_eq!(states(&ended), ["ConfigMap modified", "Secret unknown"]);
}

#[test]
fn an_api_server_that_does_not_answer_is_a_gap() {
    let scene = Scene::new(&[("a.yaml", SETTINGS)], &[]);
    let kubeconfig = fs::read_to_string(scene.namespace.admin.path()).expect("the kubeconfig is there");
    let port = ControlPlane::shared().port().to_string();
    // Nobody listens on the discard port.
    let nowhere = scene.folder.path().join("kubeconfig");
    fs::write(&nowhere, kubeconfig.replace(&port, "9")).expect("the folder is writable");
    let ended = scene.check_as(&nowhere);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_gap(&ended, "connect", "unreachable", &["cluster local", "127.0.0.1:9", "check the address"]);
    assert_eq!(states(&ended), ["ConfigMap unknown"]);
}

#[test]
fn refused_credentials_are_a_gap() {
    let scene = Scene::new(&[("a.yaml", SETTINGS)], &[]);
    let kubeconfig = fs::read_to_string(scene.namespace.admin.path()).expect("the kubeconfig is there");
    let stranger = scene.folder.path().join("kubeconfig");
    fs::write(&stranger, kubeconfig.replace(scene.namespace.admin.token(), "nobody")).expect("writable");
    let ended = scene.check_as(&stranger);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_gap(&ended, "connect", "unauthorized", &["check the credentials"]);
}

#[test]
fn a_missing_kubeconfig_is_a_gap_that_names_it() {
    let scene = Scene::new(&[("a.yaml", SETTINGS)], &[]);
    let ended = scene.check_as(Path::new("/nonexistent/kubeconfig"));
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_gap(&ended, "connect", "not-found", &["/nonexistent/kubeconfig"]);
}

#[test]
fn a_missing_repository_branch_or_path_is_a_gap() {
    let scene = Scene::new(&[("a.yaml", SETTINGS)], &[]);
    let admin = scene.namespace.admin.path().to_owned();
    let nowhere = scene.folder.path().join("nowhere.git");
    let ended = run(&scene.config(&nowhere, "prod", ".", &admin));
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_gap(&ended, "git", "not-found", &["nowhere.git"]);
    let ended = run(&scene.config(scene.repository.path(), "production", ".", &admin));
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_gap(&ended, "git", "not-found", &["production", "there are prod"]);
    let ended = run(&scene.config(scene.repository.path(), "prod", "overlays/prod", &admin));
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_gap(&ended, "git", "not-found", &["overlays/prod", "prod"]);
}

#[test]
fn a_malformed_document_blanks_itself_only() {
    let broken = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: broken\ndata: [\n";
    let both = format!("{SETTINGS}---\n{broken}");
    let scene = Scene::new(&[("platform/a.yaml", &both)], &[SETTINGS]);
    let ended = scene.check();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_gap(&ended, "parse", "malformed", &["platform/a.yaml:9: "]);
    assert_eq!(states(&ended), ["ConfigMap in-sync"]);
}

#[test]
fn a_kind_that_is_not_served_is_a_gap() {
    let widget = "apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: w}\n";
    let scene = Scene::new(&[("a.yaml", SETTINGS), ("w.yaml", widget)], &[SETTINGS]);
    let ended = scene.check();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_gap(&ended, "discover", "not-served", &["example.org/v1/Widget", "CustomResourceDefinition"]);
    assert_eq!(states(&ended), ["Widget unknown", "ConfigMap in-sync"]);
}

#[test]
fn an_environment_that_declares_nothing_is_a_gap() {
    let scene = Scene::new(&[("README.md", "nothing")], &[]);
    let ended = scene.check();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_gap(&ended, "render", "not-found", &["check the environment's path"]);
}

#[test]
fn an_object_declared_twice_is_a_gap_that_names_both_places() {
    let scene = Scene::new(&[("a.yaml", SETTINGS), ("b.yaml", SETTINGS)], &[SETTINGS]);
    let ended = scene.check();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_gap(&ended, "parse", "duplicate", &["a.yaml:1", "b.yaml:1"]);
    assert_eq!(states(&ended), ["ConfigMap in-sync"]);
}

#[test]
fn a_lost_object_is_missing_and_one_that_ends_is_too() {
    let scene = Scene::new(&[("a.yaml", SETTINGS)], &[SETTINGS]);
    let api = scene.namespace.admin.api();
    let path = scene.namespace.path("v1", "ConfigMap", "settings");
    let finalizer = json!({"metadata": {"finalizers": ["example.org/stuck"]}});
    api.patch(&path, Patch::Merge, &finalizer, "kubectl-edit").expect("allowed");
    api.delete(&path).expect("allowed");
    let ended = scene.check();
    assert_eq!(findings(&ended.json()), ["ConfigMap settings: missing"]);
    assert_eq!(environment(&ended)["objects"][0]["terminating"], true);
    let released = json!({"metadata": {"finalizers": null}});
    api.patch(&path, Patch::Merge, &released, "kubectl-edit").expect("allowed");
    let ended = scene.check();
    assert_eq!((findings(&ended.json()), ended.code), (vec!["ConfigMap settings: missing".to_owned()], Some(1)));
    assert_eq!(environment(&ended)["objects"][0]["terminating"], Value::Null);
}

#[test]
fn a_rewritten_registry_and_an_added_label_are_silent_where_the_mirror_is_configured() {
    use crate::fixture::{ADD_LABEL, REWRITE_REGISTRY};
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {a: b}}\n  \
         template:\n    metadata: {labels: {a: b}}\n    spec: {containers: [{name: web, image: 'docker.io/library/nginx:1'}]}\n";
    let mut scene = Scene::new(&[("a.yaml", deployment)], &[]);
    scene.namespace = ControlPlane::shared().namespace_with("mirror", &[ADD_LABEL, REWRITE_REGISTRY]);
    scene.namespace.admin.client_side_apply(deployment);
    let ended = scene.check();
    let image =
        "Deployment web: spec.template.spec.containers[name=web].image changed by kubectl-client-side-apply (unknown)";
    assert_eq!(findings(&ended.json()), [image], "the label is admission's, the image is another one");
    let config = scene.config(scene.repository.path(), "prod", ".", scene.namespace.admin.path());
    let text = fs::read_to_string(&config).expect("the configuration is there");
    fs::write(&config, format!("{text}imageMirrors: {{docker.io: mirror.example}}\n")).expect("writable");
    let ended = run(&config);
    assert_eq!((findings(&ended.json()), ended.code), (vec![], Some(0)), "{}", ended.stderr);
}
