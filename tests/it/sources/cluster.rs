//! An Application against the real API server: silent after what Argo CD applies, exact after a person's change.

use std::fs;

use serde_json::{Value, json};

use super::fleet::url;
use crate::fixture::{ControlPlane, Ended, GitRepository, Patch, driftd, program};
use crate::render::official;

const BASE: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: web}}\n  \
                    template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: 'example.org/web:1'}]}\n---\n\
                    apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: blue}\n";

#[test]
fn what_argo_cd_applies_with_its_marks_is_silent_and_a_change_is_exact() {
    let namespace = ControlPlane::shared().namespace("argo");
    let name = &namespace.name;
    let repository = GitRepository::new();
    let application = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: shop}}\nspec:\n  project: default\n  destination: \
         {{server: https://kubernetes.default.svc, namespace: {name}}}\n  source:\n    repoURL: {}\n    path: base\n    kustomize: \
         {{images: ['example.org/web:2'], commonAnnotations: {{owner: team-a}}}}\n  ignoreDifferences:\n  - {{group: apps, kind: \
         Deployment, jsonPointers: [/spec/replicas]}}\n",
        url(repository.path())
    );
    let kustomization = "resources: [web.yaml]\n";
    repository.commit(
        "main",
        &[("apps/shop.yaml", &application), ("base/kustomization.yaml", kustomization), ("base/web.yaml", BASE)],
    );
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("web.yaml"), BASE).unwrap();
    fs::write(folder.path().join("kustomization.yaml"), kustomization).unwrap();
    official("kustomize", &["edit", "set", "image", "example.org/web:2"], folder.path());
    official("kustomize", &["edit", "add", "annotation", "owner:team-a"], folder.path());
    let built = official("kustomize", &["build", "."], folder.path());
    // Argo CD marks each object with the application and the object's own name.
    for object in built.split("---\n") {
        let is_map = object.contains("kind: ConfigMap");
        let (group, kind, called) = if is_map { ("", "ConfigMap", "settings") } else { ("apps", "Deployment", "web") };
        let id = format!("argocd.argoproj.io/tracking-id: shop:{group}/{kind}:{name}/{called}");
        let marked = object.replacen("annotations:\n", &format!("annotations:\n    {id}\n"), 1);
        assert!(marked.contains(&id), "{object}");
        namespace.admin.server_side_apply(&marked, "argocd-controller");
    }
    let config = folder.path().join("driftd.yaml");
    let text = format!(
        "kustomize: {{binary: {}}}\nclusters: [{{name: local, kubeconfig: {}}}]\nrepositories: [{{name: platform, url: {}}}]\n\
         environments: [{{name: fleet, repository: platform, branch: main, cluster: local, argocd: {{applications: apps}}}}]\n",
        program("kustomize").display(),
        namespace.admin.path().display(),
        repository.path().display(),
    );
    fs::write(&config, text).unwrap();
    let check = || -> Ended { driftd(&["check", "--config", config.to_str().unwrap(), "-o", "json"]) };
    let ended = check();
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.json()["environments"][0]["summary"]["objects"]["inSync"], 2, "{}", ended.stdout);

    let patch = |version: &str, kind: &str, called: &str, body: Value| {
        let path = namespace.path(version, kind, called);
        namespace.admin.api().patch(&path, Patch::Merge, &body, "kubectl-edit").unwrap();
    };
    patch("apps/v1", "Deployment", "web", json!({"spec": {"replicas": 5}}));
    patch("v1", "ConfigMap", "settings", json!({"data": {"colour": "red"}}));
    let ended = check();
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    let environment = &ended.json()["environments"][0];
    assert_eq!((&environment["name"], &environment["summary"]["findings"]), (&json!("fleet:shop"), &json!(1)));
    let finding = &environment["objects"][0]["findings"][0];
    assert_eq!((&finding["path"], &finding["origin"]), (&json!("data.colour"), &json!("manual")), "{environment:#}");
    assert_eq!(finding["source"]["file"], "base/web.yaml");
    assert_eq!(
        environment["suppressed"][0]["rule"], "spec.ignoreDifferences[0] of Application shop",
        "{environment:#}"
    );
}
