//! Submodules: followed where the credentials allow it, a gap that names them elsewhere.

use git2::{Index, IndexEntry, Oid, Signature};

use super::{CANARY, MANIFEST, Scene};
use crate::fixture::{Authority, GitRepository, GitServer, entry};

/// Commits to `main` of `repository` a submodule at `path` with `url`, beside the manifest.
fn add(repository: &GitRepository, path: &str, url: &str, commit: &str) {
    let git = repository.git();
    let modules = format!("[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n");
    let mut index = Index::new().unwrap();
    let blob = |text: &str| git.blob(text.as_bytes()).unwrap();
    let entries = [
        (".gitmodules", 0o100_644, blob(&modules)),
        ("app.yaml", 0o100_644, blob(MANIFEST)),
        (path, 0o160_000, commit.parse::<Oid>().unwrap()),
    ];
    for (path, mode, id) in entries {
        index.add(&IndexEntry { mode, id, ..entry(path) }).unwrap();
    }
    let tree = git.find_tree(index.write_tree_to(git).unwrap()).unwrap();
    let author = Signature::now("T", "t@example.org").unwrap();
    let parent = git.find_commit(git.refname_to_id("refs/heads/main").unwrap()).unwrap();
    git.commit(Some("refs/heads/main"), &author, &author, "x", &tree, &[&parent]).unwrap();
}

/// Both repositories behind a server that wants a login.
struct Served {
    scene: Scene,
    library: GitRepository,
    commit: String,
    authority: Authority,
    server: GitServer,
    keys: String,
}

impl Served {
    fn new() -> Self {
        let (scene, authority, library) = (Scene::new(), Authority::new(), GitRepository::new());
        let other = MANIFEST.replace("name: app", "name: shared");
        std::fs::write(scene.folder.path().join("cluster/shared.yaml"), &other).unwrap();
        let commit = library.commit("main", &[("deploy/shared.yaml", &other)]);
        let server = GitServer::start(&authority);
        server.login("bot", CANARY);
        scene.file("user", "bot");
        scene.file("password", CANARY);
        let url = server.serve("platform.git", scene.repository.path());
        server.serve("library.git", library.path());
        let keys = format!(
            "url: \"{url}\", caFile: \"{}\", credentials: {{usernameFile: user, passwordFile: password}}",
            authority.bundle().display()
        );
        Self { scene, library, commit, authority, server, keys }
    }
}

#[test]
fn a_submodule_on_the_same_server_is_followed_with_the_same_credentials() {
    let served = Served::new();
    for url in ["../library.git".to_owned(), served.server.url("library.git")] {
        add(&served.scene.repository, "libs/shared", &url, &served.commit);
        let checked = served.scene.check(&served.keys);
        checked.is_in_sync();
        assert_eq!(checked.report["summary"]["objects"]["inSync"], 2, "{url}");
    }
    let checked = served.scene.check_that(&served.keys, "branch: main, path: libs/shared/deploy");
    assert_eq!(checked.is_in_sync().report["summary"]["objects"]["inSync"], 1);
}

#[test]
fn a_submodule_that_moved_on_is_read_at_the_commit_that_is_recorded() {
    let served = Served::new();
    add(&served.scene.repository, "shared", "../library.git", &served.commit);
    served.library.commit("main", &[("deploy/new.yaml", &MANIFEST.replace("name: app", "name: new"))]);
    served.scene.check(&served.keys).is_in_sync();
}

#[test]
fn a_submodule_on_another_server_gets_no_credentials_and_is_named() {
    let served = Served::new();
    let other = GitServer::start(&served.authority);
    let url = other.serve("library.git", served.library.path());
    add(&served.scene.repository, "shared", &url, &served.commit);
    served
        .scene
        .check(&served.keys)
        .fails("malformed", &["shared is a submodule", &url, "name it under `repositories`"]);
    assert_eq!(other.requests(), [""; 0]);
    let config = served.scene.configure(&served.keys, &[("prod", "branch: main")]);
    let text = std::fs::read_to_string(&config).unwrap();
    let bundle = served.authority.bundle();
    let more = format!("  - {{name: library, url: \"{url}\", caFile: \"{}\"}}\nenvironments:", bundle.display());
    std::fs::write(&config, text.replace("environments:", &more)).unwrap();
    super::Checked::of(&mut served.scene.command(&config)).is_in_sync();
    assert!(other.requests().iter().all(|request| !request.contains("credentials")), "{:?}", other.requests());
}

#[test]
fn a_submodule_that_cannot_be_read_is_named_with_why() {
    let served = Served::new();
    for (url, commit, words) in [
        ("../secret.git", &*served.commit, "no such repository"),
        ("../library.git", &*"12".repeat(20), "no commit 1212"),
        ("/etc/library.git", &*served.commit, "its URL is a path of this machine"),
        ("file:///etc/library.git", &*served.commit, "its URL is a path of this machine"),
        ("https://user:canary-7f3a9c@127.0.0.1/x", &*served.commit, "holds a user, a password or a token"),
        ("ext::sh -c id", &*served.commit, "has a scheme that is not known"),
    ] {
        add(&served.scene.repository, "libs/shared", url, commit);
        served.scene.check(&served.keys).fails("malformed", &["libs/shared is a submodule", words]);
    }
}

#[test]
fn a_submodule_that_contains_itself_has_an_end() {
    let served = Served::new();
    let git = served.library.git();
    // A commit cannot name itself; a chain of its own earlier commits is as deep as it gets.
    let mut commit = served.commit.clone();
    for _ in 0..8 {
        add(&served.library, "again", "./", &commit);
        commit = git.refname_to_id("refs/heads/main").unwrap().to_string();
    }
    add(&served.scene.repository, "libs", "../library.git", &commit);
    let checked = served.scene.check(&served.keys);
    let gaps = checked.environment()["gaps"].to_string();
    assert!(gaps.contains("libs/again"), "{gaps}");
}
