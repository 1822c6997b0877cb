//! Large repositories: as many files and as much history as `DRIFTD_FILES` and `DRIFTD_HISTORY_MB` say.

use git2::{Index, IndexEntry, Signature};

use super::{MANIFEST, Scene};
use crate::fixture::{Authority, GitServer, entry};

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn a_large_history_and_a_large_tree_are_fetched_and_read() {
    let (scene, authority) = (Scene::new(), Authority::new());
    let git = scene.repository.git();
    let author = Signature::now("T", "t@example.org").unwrap();
    let mut index = Index::new().unwrap();
    let add = |index: &mut Index, path: &str, bytes: &[u8]| {
        index.add(&IndexEntry { id: git.blob(bytes).unwrap(), ..entry(path) }).unwrap();
    };
    add(&mut index, "app.yaml", MANIFEST.as_bytes());
    for file in 0..number("DRIFTD_FILES", 500) {
        add(&mut index, &format!("docs/{}/{file}.txt", file % 100), file.to_string().as_bytes());
    }
    let files = git.find_tree(index.write_tree_to(git).unwrap()).unwrap();
    let mut noise = vec![0; 1 << 20];
    for megabyte in 0..number("DRIFTD_HISTORY_MB", 3) {
        // Nothing compresses it, and each commit replaces that of the one before.
        getrandom::fill(&mut noise).unwrap();
        let mut root = git.treebuilder(Some(&files)).unwrap();
        root.insert("blob.bin", git.blob(&noise).unwrap(), 0o100_644).unwrap();
        let tree = git.find_tree(root.write().unwrap()).unwrap();
        let parent = git.find_commit(git.refname_to_id("refs/heads/main").unwrap()).unwrap();
        let message = format!("megabyte {megabyte}");
        git.commit(Some("refs/heads/main"), &author, &author, &message, &tree, &[&parent]).unwrap();
    }
    let server = GitServer::start(&authority);
    let url = server.serve("platform.git", scene.repository.path());
    // The server of the tests answers once it has everything.
    let keys = format!("url: \"{url}\", caFile: \"{}\", idleTimeout: 10m", authority.bundle().display());
    scene.check(&keys).is_in_sync();
}
