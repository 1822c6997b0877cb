//! The ways in which an object comes to the cluster, and comes again.

use serde_json::{Value, json};

use crate::fixture::{Api, Patch, refusal};

/// How an object comes to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    ClientSide,
    ServerSide,
    Helm,
}

pub const MODES: [Mode; 3] = [Mode::ClientSide, Mode::ServerSide, Mode::Helm];

impl Mode {
    /// The field manager under which this deployer writes.
    pub fn manager(self) -> &'static str {
        match self {
            Self::ClientSide => "kubectl-client-side-apply",
            Self::ServerSide => "kustomize-controller",
            Self::Helm => "Helm",
        }
    }

    /// Whether the cluster still knows afterwards what was declared, beside what lives.
    pub fn leaves_its_declaration(self) -> bool {
        !matches!(self, Self::Helm)
    }

    /// Deploys to the collection of the manifest's kind.
    pub fn apply(self, api: &Api, collection: &str, manifest: &Value) -> kube::Result<Value> {
        match self {
            Self::ClientSide => {
                let mut declared = manifest.clone();
                if !declared["metadata"]["annotations"].is_object() {
                    declared["metadata"]["annotations"] = json!({});
                }
                let mut body = declared.clone();
                body["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
                    format!("{declared}\n").into();
                api.create(collection, &body, self.manager())
            }
            Self::ServerSide => {
                let path = format!("{collection}/{}", manifest["metadata"]["name"].as_str().expect("text"));
                api.patch(&path, Patch::ApplyByForce, manifest, self.manager())
            }
            Self::Helm => api.create(collection, manifest, self.manager()),
        }
    }

    /// Deletes the object at `path` and deploys anew; what the server refuses leaves nothing there.
    pub fn again(self, api: &Api, path: &str, manifest: &Value) -> kube::Result<Value> {
        delete(api, path);
        self.apply(api, path.rsplit_once('/').expect("a path").0, manifest)
    }
}

/// Deletes an object at once: no controller is there to take finalizers away, and a Namespace stays for ever.
pub fn delete(api: &Api, path: &str) {
    let free = json!({"metadata": {"finalizers": null}});
    // A request may fail on a busy machine.
    for _ in 0..3 {
        api.delete(path).ok();
        if api.get(path).is_err_and(|error| refusal(&error) == Some(404)) {
            return;
        }
        api.patch(path, Patch::Merge, &free, "tests").ok();
    }
}
