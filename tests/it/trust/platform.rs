//! The sample platform on a real cluster, its branch in a real repository, and the binary that compares them.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::fixture::{ControlPlane, Ended, GitRepository, admit, command, driftd};

/// How the platform comes to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deployer {
    /// `kubectl apply`, which leaves the last-applied annotation.
    ClientSide,
    /// Server-side apply by a deployer's controller.
    ServerSide,
}

pub struct Platform<'a> {
    plane: &'a ControlPlane,
    deployer: Deployer,
    manifests: Vec<String>,
    config: String,
    _repository: GitRepository,
    _folder: TempDir,
}

impl<'a> Platform<'a> {
    /// Applies the platform to `plane` and commits it to a branch.
    pub fn deploy(plane: &'a ControlPlane, deployer: Deployer) -> Self {
        let files = files();
        for (_, text) in &files {
            admit(text);
        }
        let repository = GitRepository::new();
        repository.commit("prod", &files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join("driftd.yaml");
        fs::write(&config, configuration(repository.path(), plane.admin().path())).expect("the folder is writable");
        let mut manifests: Vec<String> = files.into_iter().map(|(_, text)| text).collect();
        manifests.sort_by_key(|text| !text.contains("kind: Namespace"));
        let crds = fs::read_to_string(root().join("prerequisites/monitoring-crds.yaml")).expect("the CRDs are there");
        plane.admin().client_side_apply(&crds);
        for name in ["servicemonitors", "prometheusrules"] {
            let crd = format!("crd/{name}.monitoring.coreos.com");
            let waited = plane.admin().kubectl(&["wait", "--for=condition=Established", "--timeout=60s", &crd], "");
            assert!(waited.status.success(), "{}", String::from_utf8_lossy(&waited.stderr));
        }
        let config = config.to_str().expect("a path in UTF-8").to_owned();
        let platform = Self { plane, deployer, manifests, config, _repository: repository, _folder: folder };
        platform.apply();
        platform
    }

    /// Deploys what Git says, as at every deployment.
    pub fn apply(&self) {
        for manifest in &self.manifests {
            match self.deployer {
                Deployer::ClientSide => self.plane.admin().client_side_apply(manifest),
                Deployer::ServerSide => {
                    self.plane.admin().server_side_apply_by_force(manifest, "kustomize-controller");
                }
            }
        }
    }

    /// `driftd check -o json`.
    pub fn check(&self) -> Ended {
        driftd(&["check", "--config", &self.config, "-o", "json"])
    }

    /// `driftd check` in every format with a log of everything; the fixture looks at what it writes.
    pub fn check_at_length(&self) {
        for format in ["text", "json"] {
            let mut command = command(&["check", "--config", &self.config, "-o", format, "--all"]);
            let ended = command.env("DRIFTD_LOG", "trace").output();
            assert!(ended.stderr.contains("TRACE"), "the log is at trace level");
        }
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/demo"))
}

/// The files of the production environment as their first commit has them.
fn files() -> Vec<(String, String)> {
    let repository = root().join("repository");
    let mut files = Vec::new();
    for folder in ["platform", "variants/prod-eu"] {
        collect(&repository, &repository.join(folder), &mut files);
    }
    files.sort();
    assert!(files.len() > 10, "the sample's manifests are there");
    files
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder is readable").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("below the root").to_str().expect("UTF-8").to_owned();
            files.push((name, fs::read_to_string(&path).expect("a text file")));
        }
    }
}

/// One environment of the platform.
pub fn configuration(repository: &Path, kubeconfig: &Path) -> String {
    format!(
        "clusters: [{{name: prod-eu, kubeconfig: {}}}]\n\
         repositories: [{{name: platform, url: {}}}]\n\
         environments:\n\
         - {{name: prod, repository: platform, branch: prod, path: [platform, variants/prod-eu], cluster: prod-eu}}\n",
        kubeconfig.display(),
        repository.display()
    )
}
