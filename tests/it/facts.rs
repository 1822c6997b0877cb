//! What the binary carries of Kubernetes is what Kubernetes' own code says.

use std::process::Command;

use crate::fixture::scripts;

#[test]
fn the_embedded_facts_are_those_of_the_go_types_and_functions() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/drift/kubernetes.jsonl");
    let checked = Command::new("go")
        .args(["run", "-trimpath", "./facts", "-check", file])
        .current_dir(scripts().join("kubernetes"))
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local")
        .env_remove("GOFLAGS")
        .output()
        .expect("Go is installed and on the PATH");
    assert!(checked.status.success(), "run `just facts`:\n{}", String::from_utf8_lossy(&checked.stderr));
}
