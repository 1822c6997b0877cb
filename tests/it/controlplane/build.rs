//! The script that builds the control plane's programs: once, whole, and not what is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use tempfile::TempDir;

use crate::fixture::{program, run, scripts};

const PROGRAMS: [&str; 7] =
    ["etcd", "kube-apiserver", "kubectl", "kube-controller-manager", "kustomize", "helm", "convert"];

#[test]
fn every_program_is_there_and_runs() {
    for (name, version) in [
        ("etcd", "--version"),
        ("kube-apiserver", "--version"),
        ("kube-controller-manager", "--version"),
        ("kubectl", "--help"),
        ("kustomize", "version"),
        ("helm", "version"),
        ("prometheus", "--version"),
        ("promtool", "--version"),
        ("alertmanager", "--version"),
        ("amtool", "--version"),
    ] {
        assert!(Command::new(program(name)).arg(version).output().unwrap().status.success(), "{name}");
    }
}

#[test]
fn programs_of_kubebuilder_assets_are_taken_and_the_others_built() {
    let desk = Desk::new(GO);
    let assets = desk.folder.path().join("assets");
    fs::create_dir(&assets).unwrap();
    let (given, missing) = PROGRAMS.split_at(3);
    for name in given {
        executable(&assets.join(name), "exit 0");
    }
    let folder = folder(&run(desk.build().env("KUBEBUILDER_ASSETS", &assets), ""));
    for name in given {
        assert_eq!(folder.join(name).canonicalize().unwrap(), assets.join(name).canonicalize().unwrap());
    }
    for name in missing {
        assert!(folder.join(name).is_file());
    }
    assert_eq!(desk.built(), missing.len());
}

#[test]
fn a_build_that_breaks_off_does_not_count() {
    let desk = Desk::new("shift 3; echo half >\"$2\"; echo no space left >&2; exit 1");
    let failed = run(&mut desk.build(), "");
    assert!(!failed.status.success());
    let messages = String::from_utf8(failed.stderr).unwrap();
    assert!(messages.ends_with("no space left\ncontrolplane: etcd could not be built from tests/controlplane/etcd\n"));
    desk.go(GO);
    let output = run(&mut desk.build(), "");
    assert_eq!(fs::read_to_string(folder(&output).join("etcd")).unwrap(), "#!/bin/sh\n");
}

#[test]
fn concurrent_builds_build_once_and_later_ones_not_at_all() {
    let desk = Desk::new(GO);
    let folders = thread::scope(|scope| {
        let builds = [(); 3].map(|()| scope.spawn(|| folder(&run(&mut desk.build(), ""))));
        builds.map(|build| build.join().unwrap())
    });
    assert!(folders.iter().all(|folder| folder == &folders[0]));
    let later = run(&mut desk.build(), "");
    assert_eq!(folder(&later), folders[0]);
    assert_eq!(String::from_utf8(later.stderr).unwrap(), "");
    assert_eq!(desk.built(), PROGRAMS.len());
}

/// A `go` that makes a program of one line and notes that it did.
const GO: &str = "shift 3; echo '#!/bin/sh' >\"$2\"; chmod +x \"$2\"; echo \"$3\" >>\"$XDG_CACHE_HOME/built\"";

/// An empty cache and a `go` of the test's own.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new(go: &str) -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        desk.go(go);
        desk
    }

    fn go(&self, script: &str) {
        executable(&self.folder.path().join("go"), script);
    }

    /// How many programs `go` made.
    fn built(&self) -> usize {
        fs::read_to_string(self.folder.path().join("built")).unwrap().lines().count()
    }

    fn build(&self) -> Command {
        let path = format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap());
        let mut build = Command::new(scripts().join("build"));
        build.env("PATH", path).env("XDG_CACHE_HOME", self.folder.path()).env_remove("KUBEBUILDER_ASSETS");
        build
    }
}

/// Written by another process: a test that starts a program just now would inherit the open file
/// and so keep it from being run.
fn executable(path: &Path, script: &str) {
    let mut writer = Command::new("sh");
    writer.args(["-c", "cat >\"$1\" && chmod +x \"$1\"", "sh"]).arg(path);
    assert!(run(&mut writer, &format!("#!/bin/sh\n{script}\n")).status.success());
}

fn folder(output: &Output) -> PathBuf {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout.clone()).unwrap().trim_end())
}
