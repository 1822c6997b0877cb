//! Whole manifests as projects publish them: applied in both ways, and silent.
//!
//! The project's own deployment is always among them. `DRIFTD_CORPORA` names a folder with more: each folder in it
//! holds `0-namespaces.yaml`, `2-objects.yaml` and, where there are some, `1-crds.yaml`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{assert_agreed, assert_silent};
use crate::fixture::{ControlPlane, GitRepository, driftd, program, run, tolerate};

/// The kinds that published manifests use without bringing their definitions: version, kind.
const FOREIGN: [(&str, &str); 2] =
    [("networking.istio.io/v1beta1", "Sidecar"), ("monitoring.coreos.com/v1", "ServiceMonitor")];

/// A definition that keeps whatever it is given.
fn free_form(api_version: &str, kind: &str) -> String {
    let (group, version) = api_version.split_once('/').expect("a group and a version");
    let singular = kind.to_lowercase();
    format!(
        "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: {singular}s.{group}}}\n\
         spec:\n  group: {group}\n  scope: Namespaced\n  names: {{kind: {kind}, plural: {singular}s}}\n  versions:\n  - \
         {{name: {version}, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object, \
         x-kubernetes-preserve-unknown-fields: true}}}}}}\n"
    )
}

/// Manifests that are deployed together.
struct Corpus {
    name: String,
    /// Path and text, in the order in which they are applied.
    files: Vec<(String, String)>,
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What the project itself deploys, with the definitions that it needs.
fn own() -> Corpus {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = run(Command::new(program("kustomize")).arg("build").arg(root.join("deploy")), "");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let crds = FOREIGN.iter().map(|(api_version, kind)| free_form(api_version, kind)).collect();
    let objects = String::from_utf8(built.stdout).expect("UTF-8");
    // The Namespace comes first in what kustomize builds.
    let files = vec![("own/1-crds.yaml".to_owned(), crds), ("own/2-objects.yaml".to_owned(), objects)];
    Corpus { name: "own".to_owned(), files }
}

fn corpora() -> Vec<Corpus> {
    let mut corpora = vec![own()];
    let Some(folder) = std::env::var_os("DRIFTD_CORPORA") else {
        eprintln!("DRIFTD_CORPORA names no folder: only the project's own manifests are applied");
        return corpora;
    };
    let mut folders: Vec<PathBuf> = fs::read_dir(folder)
        .expect("DRIFTD_CORPORA is a folder")
        .map(|entry| entry.expect("readable").path())
        .collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    assert!(!folders.is_empty(), "DRIFTD_CORPORA holds folders of manifests");
    for folder in folders {
        let name = folder.file_name().and_then(|name| name.to_str()).expect("UTF-8").to_owned();
        let files = ["0-namespaces.yaml", "1-crds.yaml", "2-objects.yaml"]
            .iter()
            .filter(|file| folder.join(file).exists())
            .map(|file| (format!("{name}/{file}"), read(&folder.join(file))))
            .collect();
        corpora.push(Corpus { name, files });
    }
    corpora
}

/// Applies everything, then compares everything.
fn silent_after(apply: impl Fn(&ControlPlane, &str)) {
    let plane = ControlPlane::start();
    let corpora = corpora();
    let repository = GitRepository::new();
    let files = corpora.iter().flat_map(|corpus| &corpus.files);
    for (_, text) in files.clone() {
        tolerate(text);
    }
    repository.commit("main", &files.map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>());
    let mut environments = String::new();
    for Corpus { name, files } in &corpora {
        for (path, text) in files {
            apply(&plane, text);
            if path.ends_with("1-crds.yaml") {
                let waited = plane
                    .admin()
                    .kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"], "");
                assert!(waited.status.success(), "{}", String::from_utf8_lossy(&waited.stderr));
            }
        }
        let environment =
            format!("- {{name: {name}, repository: corpora, branch: main, path: {name}, cluster: test}}\n");
        environments.push_str(&environment);
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("driftd.yaml");
    let text = format!(
        "clusters: [{{name: test, kubeconfig: {}}}]\nrepositories: [{{name: corpora, url: {}}}]\n\
         environments:\n{environments}",
        plane.admin().path().display(),
        repository.path().display()
    );
    fs::write(&config, text).expect("the folder is writable");
    for Corpus { name, .. } in &corpora {
        eprintln!("comparing {name}");
        let config = config.to_str().expect("UTF-8");
        let check = ["check", "--config", config, "--environment", name, "-o", "json"];
        assert_silent(&driftd(&check));
        assert_agreed(&driftd(&[&check[..], &["--strategy", "server"]].concat()));
    }
}

#[test]
fn published_manifests_are_silent_after_client_side_apply() {
    silent_after(|plane, text| plane.admin().client_side_apply(text));
}

#[test]
fn published_manifests_are_silent_after_server_side_apply() {
    silent_after(|plane, text| plane.admin().server_side_apply_by_force(text, "kustomize-controller"));
}
