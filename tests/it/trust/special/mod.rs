//! What the cluster adds to, or makes of, what Git declares: each special case by itself, on a real cluster.

mod allocated;
mod arriving;
mod autoscaling;
mod conversion;
mod deployers;
mod dumps;
mod hooks;
mod images;
mod injected;
mod lag;
mod leaks;
mod lists;
mod placed;
mod rollouts;
mod second;
mod sops;
mod versions;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::findings;
use crate::fixture::{ControlPlane, Ended, GitRepository, Namespace, Patch, driftd, eventually};

/// Field manager of the deployer that applies server-side.
const DEPLOYER: &str = "kustomize-controller";
/// Field manager of a person.
const PERSON: &str = "kubectl-edit";

/// How a manifest comes to the cluster.
#[derive(Debug, Clone, Copy)]
enum How {
    ClientSide,
    ServerSide,
    /// Created and patched without a record of what was declared.
    Helm,
}

const BOTH: [How; 2] = [How::ClientSide, How::ServerSide];
const EACH: [How; 3] = [How::ClientSide, How::ServerSide, How::Helm];

/// One namespace, and the branch that declares what should be in it.
struct Scene {
    namespace: Namespace,
    repository: GitRepository,
    folder: TempDir,
}

impl Scene {
    /// On the cluster without controllers.
    fn new() -> Self {
        Self::on(ControlPlane::shared())
    }

    /// On a cluster with all controllers of kube-controller-manager.
    fn with_controllers() -> Self {
        static CONTROLLED: LazyLock<ControlPlane> = LazyLock::new(|| {
            let mut plane = ControlPlane::start();
            plane.start_controllers(&["*"]);
            plane
        });
        Self::on(&CONTROLLED)
    }

    fn on(plane: &ControlPlane) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { namespace: plane.namespace("special"), repository: GitRepository::new(), folder }
    }

    /// Commits `manifest` and applies it.
    fn deploy(&self, how: How, manifest: &str) {
        self.declare(manifest);
        self.apply(how, manifest);
    }

    fn declare(&self, manifest: &str) {
        self.repository.commit("prod", &[("all.yaml", manifest)]);
    }

    fn apply(&self, how: How, manifest: &str) {
        match how {
            How::ClientSide => self.namespace.admin.client_side_apply(manifest),
            How::ServerSide => self.namespace.admin.server_side_apply_by_force(manifest, DEPLOYER),
            How::Helm => self.apply_as_helm(manifest),
        }
    }

    fn apply_as_helm(&self, manifest: &str) {
        for document in driftd::yaml::documents(manifest.as_bytes(), &driftd::yaml::Budget::default()) {
            let object = document.expect("YAML").value;
            let word = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).expect("text");
            let path = self.namespace.path(word("/apiVersion"), word("/kind"), word("/metadata/name"));
            let api = self.namespace.admin.api();
            let applied = match api.get(&path) {
                Ok(_) => api.patch(&path, Patch::Merge, &object, "Helm"),
                Err(_) => self.namespace.create(&object, "Helm"),
            };
            applied.expect("the object is valid");
        }
    }

    /// The object as it lives.
    fn live(&self, api_version: &str, kind: &str, name: &str) -> Value {
        let path = self.namespace.path(api_version, kind, name);
        self.namespace.admin.api().get(&path).expect("the object lives")
    }

    /// Patches an object as `manager`, a person if it is [`PERSON`].
    fn patch(&self, object: (&str, &str, &str), merged: &Value, manager: &str) {
        let path = self.namespace.path(object.0, object.1, object.2);
        self.namespace.admin.api().patch(&path, Patch::Merge, merged, manager).expect("the patch is valid");
    }

    /// Sets the scale subresource, as `kubectl scale` does.
    fn scale(&self, object: (&str, &str, &str), replicas: u32) {
        let path = self.namespace.path(object.0, object.1, object.2) + "/scale";
        let body = json!({"spec": {"replicas": replicas}});
        self.namespace.admin.api().patch(&path, Patch::Merge, &body, "kubectl").expect("the kind scales");
    }

    fn check(&self) -> Ended {
        self.run("json")
    }

    fn run(&self, format: &str) -> Ended {
        self.run_as(self.namespace.admin.path(), format)
    }

    fn run_as(&self, kubeconfig: &Path, format: &str) -> Ended {
        self.run_with(kubeconfig, "", &["-o", format])
    }

    /// `driftd check --all` with `settings` appended to the configuration, and more arguments.
    fn run_with(&self, kubeconfig: &Path, settings: &str, arguments: &[&str]) -> Ended {
        let text = format!(
            "clusters: [{{name: local, kubeconfig: {}}}]\nrepositories: [{{name: platform, url: {}}}]\n\
             environments: [{{name: prod, repository: platform, branch: prod, path: '.', cluster: local, \
             namespace: {}}}]\n{settings}",
            kubeconfig.display(),
            self.repository.path().display(),
            self.namespace.name,
        );
        let file = self.folder.path().join("driftd.yaml");
        fs::write(&file, text).expect("the folder is writable");
        let config = file.to_str().expect("UTF-8");
        driftd(&[&["check", "--config", config, "--all"], arguments].concat())
    }

    #[track_caller]
    fn assert_findings(&self, expected: &[&str]) {
        let ended = self.check();
        let report = ended.json();
        assert_eq!(findings(&report), expected, "{}", ended.stderr);
        assert_eq!(report["environments"][0]["gaps"], json!([]));
        assert_eq!(ended.code, Some(i32::from(!expected.is_empty())), "{}", ended.stderr);
    }

    /// What is found, whoever did it: the scale subresource does not always leave a trace.
    #[track_caller]
    fn assert_changes(&self, expected: &[&str]) {
        let ended = self.check();
        let found = findings(&ended.json());
        let changes: Vec<&str> = found.iter().filter_map(|line| Some(line.split_once(" by ")?.0)).collect();
        assert_eq!(changes, expected, "{}", ended.stderr);
    }

    #[track_caller]
    fn assert_silent(&self) {
        self.assert_findings(&[]);
    }
}

/// A Deployment named `web`; `replicas` stands in the spec where it is not empty.
fn deployment(replicas: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  selector: {{matchLabels: {{a: b}}}}\n  \
         {replicas}\n  template:\n    metadata: {{labels: {{a: b}}}}\n    \
         spec: {{containers: [{{name: web, image: 'nginx:1'}}]}}\n"
    )
}

/// Waits until v1 and v2 of the Widgets of `group` are served, and their schemas.
fn await_widgets(scene: &Scene, group: &str) {
    eventually("both versions and their schemas are served", || {
        let api = scene.namespace.admin.api();
        let index = api.get("/openapi/v3").ok()?;
        let served = |version: &str| {
            index["paths"].get(format!("apis/{group}/{version}")).is_some()
                && api.get(&format!("/apis/{group}/{version}/widgets")).is_ok()
        };
        (served("v1") && served("v2")).then_some(())
    });
}
