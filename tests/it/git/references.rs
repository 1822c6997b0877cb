//! What is followed: branches that move, tags, commits, patterns, and what is fetched for them.

use git2::{ObjectType, Repository};

use super::{Checked, MANIFEST, Scene};
use crate::fixture::{Authority, GitServer};

/// A scene with its server and mirrors that outlive a check.
struct Served {
    scene: Scene,
    server: GitServer,
    keys: String,
}

impl Served {
    fn new() -> Self {
        let (scene, authority) = (Scene::new(), Authority::new());
        let server = GitServer::start(&authority);
        let url = server.serve("platform.git", scene.repository.path());
        let bundle = scene.file("ca.pem", &std::fs::read_to_string(authority.bundle()).unwrap());
        let keys = format!("url: \"{url}\", caFile: \"{}\"", bundle.display());
        Self { scene, server, keys }
    }

    /// A check of environments, with the mirrors in the folder `mirrors`.
    fn check(&self, environments: &[(&str, &str)]) -> Checked {
        let config = self.scene.configure(&self.keys, environments);
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, format!("gitCache: mirrors\n{text}")).unwrap();
        Checked::of(&mut self.scene.command(&config))
    }

    fn follow(&self, what: &str) -> Checked {
        self.check(&[("prod", what)])
    }

    fn commit(&self, branch: &str, name: &str) -> String {
        self.scene.repository.commit(branch, &[("app.yaml", MANIFEST), (name, "")])
    }

    fn delete(&self, branch: &str) {
        self.git().find_reference(&format!("refs/heads/{branch}")).unwrap().delete().unwrap();
    }

    fn git(&self) -> &Repository {
        self.scene.repository.git()
    }

    /// The one mirror.
    fn mirror(&self) -> Repository {
        let mirrors = std::fs::read_dir(self.scene.folder.path().join("mirrors")).unwrap();
        let mut mirrors = mirrors.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
        let mirror = Repository::open_bare(mirrors.next().unwrap()).unwrap();
        assert!(mirrors.next().is_none(), "one repository has one mirror");
        mirror
    }
}

#[test]
fn a_path_and_a_file_url_are_read_in_their_place() {
    let scene = Scene::new();
    let path = scene.repository.path().display();
    scene.check(&format!("url: \"{path}\"")).is_in_sync();
    scene.check(&format!("url: \"file://{path}\"")).is_in_sync();
    assert!(std::fs::read_dir(scene.folder.path().join("tmp")).unwrap().next().is_none(), "nothing was copied");
}

#[test]
fn a_branch_that_was_pushed_over_is_followed() {
    let served = Served::new();
    let first = served.commit("prod", "a");
    assert_eq!(served.follow("branch: prod").is_in_sync().revision(), first);
    served.delete("prod");
    let other = served.commit("prod", "b");
    let checked = served.follow("branch: prod");
    assert_eq!(checked.is_in_sync().revision(), other);
    assert!(served.git().merge_base(first.parse().unwrap(), other.parse().unwrap()).is_err(), "no common history");
    // What stood there before stays known: whoever asks what a branch had and lost finds it.
    assert!(served.mirror().find_commit(first.parse().unwrap()).is_ok());
}

#[test]
fn a_branch_that_was_deleted_is_told_and_followed_again_when_it_is_back() {
    let served = Served::new();
    served.commit("prod", "a");
    served.follow("branch: prod").is_in_sync();
    served.delete("prod");
    served.follow("branch: prod").fails("not-found", &["no branch prod; there are main"]);
    assert!(served.mirror().find_reference("refs/heads/prod").is_err());
    // A folder of branches where a branch was.
    let back = served.commit("prod/eu", "b");
    assert_eq!(served.follow("branch: prod/eu").is_in_sync().revision(), back);
    served.delete("prod/eu");
    let back = served.commit("prod", "c");
    assert_eq!(served.follow("branch: prod").is_in_sync().revision(), back);
}

#[test]
fn a_default_branch_that_was_renamed_is_named() {
    let served = Served::new();
    served.commit("trunk", "a");
    served.git().set_head("refs/heads/trunk").unwrap();
    served.follow("branch: main").is_in_sync();
    served.delete("main");
    served.follow("branch: main").fails("not-found", &["no branch main; there are trunk; the default branch is trunk"]);
}

#[test]
fn an_empty_repository_is_told() {
    let served = Served::new();
    served.delete("main");
    served.follow("branch: main").fails("not-found", &["no branch main: the repository has no branches"]);
    let local = format!("url: \"{}\"", served.scene.repository.path().display());
    served.scene.check(&local).fails("not-found", &["the repository has no branches"]);
}

#[test]
fn tags_and_commits_are_followed() {
    let served = Served::new();
    let first = served.commit("main", "a");
    let (git, id) = (served.git(), first.parse().unwrap());
    let commit = git.find_object(id, Some(ObjectType::Commit)).unwrap();
    git.tag_lightweight("light", &commit, false).unwrap();
    git.tag("v1.0", &commit, &git2::Signature::now("T", "t@example.org").unwrap(), "x", false).unwrap();
    let second = served.commit("main", "b");
    for follows in
        ["tag: light", "tag: v1.0", "branch: v1.0", &format!("revision: '{first}'"), &format!("branch: '{first}'")]
    {
        assert_eq!(served.follow(follows).is_in_sync().revision(), first, "{follows}");
    }
    assert_eq!(served.follow("branch: main").is_in_sync().revision(), second);
    served.follow("tag: main").fails("not-found", &["no tag main"]);
    served.follow(&format!("revision: '{}'", "0123456789".repeat(4))).fails("not-found", &["no commit 0123456789"]);
    served.follow("branch: light2").fails("not-found", &["no branch light2; there are main"]);
}

#[test]
fn a_commit_that_no_branch_has_is_asked_for_where_the_server_allows_it() {
    let served = Served::new();
    let lost = served.commit("gone", "a");
    served.delete("gone");
    served.follow(&format!("revision: '{lost}'")).fails("not-found", &["no commit"]);
    served.git().config().unwrap().set_bool("uploadpack.allowAnySHA1InWant", true).unwrap();
    assert_eq!(served.follow(&format!("revision: '{lost}'")).is_in_sync().revision(), lost);
}

#[test]
fn environments_share_one_mirror_and_fetch_only_what_they_follow() {
    let served = Served::new();
    for branch in ["qa", "prod", "other"] {
        served.commit(branch, branch);
    }
    let environments = [("qa", "branch: qa"), ("prod", "branch: prod"), ("again", "branch: prod")];
    served.check(&environments).is_in_sync();
    let asked = |kind: &str| served.server.requests().iter().filter(|request| request.starts_with(kind)).count();
    assert_eq!((asked("GET"), asked("POST")), (1, 1), "{:?}", served.server.requests());
    let mirror = served.mirror();
    let names: Vec<String> =
        mirror.references().unwrap().map(|found| found.unwrap().name().unwrap().to_owned()).collect();
    assert_eq!(names, ["refs/heads/prod", "refs/heads/qa"]);
    let other = served.git().refname_to_id("refs/heads/other").unwrap();
    assert!(mirror.find_commit(other).is_err(), "what nobody follows is not fetched");
    served.check(&environments).is_in_sync();
    assert_eq!((asked("GET"), asked("POST")), (2, 1), "nothing changed, so nothing was fetched");
    served.commit("qa", "new");
    served.check(&environments).is_in_sync();
    assert_eq!((asked("GET"), asked("POST")), (3, 2));
}

#[test]
fn a_mirror_that_is_broken_is_made_anew() {
    let served = Served::new();
    served.follow("branch: main").is_in_sync();
    std::fs::remove_file(served.mirror().path().join("HEAD")).unwrap();
    served.follow("branch: main").is_in_sync();
}

#[test]
fn names_with_blanks_and_umlauts_are_read() {
    let served = Served::new();
    let manifest = MANIFEST.replace("name: app", "name: other");
    let commit = served.scene.repository.commit("ünï/côde", &[("a b/ü ñ.yaml", MANIFEST), ("c d.yaml", &manifest)]);
    let checked = served.follow("branch: \"ünï/côde\", path: [a b]");
    assert_eq!(checked.is_in_sync().revision(), commit);
}

#[test]
fn the_highest_version_is_picked() {
    let served = Served::new();
    for branch in ["release_v1.9.0", "release_v1.10.0", "release_v1.11.0-rc.1", "release_vnext"] {
        served.commit(branch, branch);
    }
    let follows = "branch: {pattern: \"release_v*\", pick: highest-semver}";
    let checked = served.follow(follows);
    assert_eq!(checked.is_in_sync().environment()["branch"], "release_v1.11.0-rc.1");
    served.commit("release_v1.11.0", "x");
    assert_eq!(served.follow(follows).is_in_sync().environment()["branch"], "release_v1.11.0");
    served.delete("release_v1.11.0");
    served.delete("release_v1.11.0-rc.1");
    assert_eq!(served.follow(follows).is_in_sync().environment()["branch"], "release_v1.10.0");
    let none = served.follow("branch: {pattern: \"release_vn*\", pick: highest-semver}");
    none.fails("not-found", &["no branch that matches release_vn* holds a version", "release_vnext"]);
    let none = served.follow("branch: {pattern: \"hotfix_*\", pick: highest-semver}");
    none.fails("not-found", &["no branch matches hotfix_*"]);
}

#[test]
fn the_newest_branch_is_picked() {
    let served = Served::new();
    let git = served.git();
    let tree = git.refname_to_id("refs/heads/main").and_then(|id| git.find_commit(id)?.tree()).unwrap();
    for (branch, seconds) in [("release_b", 3000), ("release_c", 9000), ("release_a", 6000)] {
        let author = git2::Signature::new("T", "t@example.org", &git2::Time::new(seconds, 0)).unwrap();
        git.commit(Some(&format!("refs/heads/{branch}")), &author, &author, "x", &tree, &[]).unwrap();
    }
    let checked = served.follow("branch: {pattern: \"release_*\", pick: newest}");
    assert_eq!(checked.is_in_sync().environment()["branch"], "release_c");
}

#[test]
fn each_branch_is_an_environment_of_its_own() {
    let served = Served::new();
    for branch in ["release/v1", "release/v2"] {
        served.commit(branch, branch);
    }
    let checked = served.follow("branch: {pattern: \"release/*\", pick: each}");
    checked.is_in_sync();
    let found: Vec<_> = checked.report["environments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|environment| (environment["name"].as_str().unwrap(), environment["branch"].as_str().unwrap()))
        .collect();
    assert_eq!(found, [("prod:release/v1", "release/v1"), ("prod:release/v2", "release/v2")]);
    let none = served.follow("branch: {pattern: \"hotfix/*\", pick: each}");
    none.fails("not-found", &["no branch matches hotfix/*"]);
}

#[test]
fn a_pattern_works_on_a_repository_of_this_machine_too() {
    let served = Served::new();
    served.commit("release_v2", "a");
    let local = format!("url: \"{}\"", served.scene.repository.path().display());
    let checked = served.scene.check_that(&local, "branch: {pattern: \"release_v*\", pick: highest-semver}");
    assert_eq!(checked.is_in_sync().environment()["branch"], "release_v2");
}

#[test]
fn a_fetch_that_fails_keeps_the_last_revision_and_says_how_old_it_is() {
    let served = Served::new();
    let first = served.commit("main", "a");
    served.follow("branch: main").is_in_sync();
    served.commit("main", "b");
    served.server.behave(crate::fixture::Behaviour::Refuse(503));
    let checked = served.follow("branch: main");
    let twelve = format!("compared with commit {}, fetched ", &first[..12]);
    checked.fails("failed", &["status 503", &twelve, " ago"]);
    assert_eq!(checked.revision(), first);
    assert_eq!(checked.report["summary"]["objects"]["inSync"], 1);
    // What was never fetched is not known to be missing.
    served.follow("branch: prod").fails("failed", &["status 503"]);
}

#[test]
fn a_promotion_is_judged_in_the_mirror() {
    let served = Served::new();
    let git = served.git();
    let base = git.find_reference("refs/heads/main").and_then(|main| main.peel_to_commit()).unwrap();
    git.branch("master_v1", &base, false).unwrap();
    git.branch("release_v1.9.0", &base, false).unwrap();
    git.branch("release_v1.10.0", &base, false).unwrap();
    let hotfix = served.scene.repository.commit("release_v1.10.0", &[("app.yaml", &MANIFEST.replace("k: v", "k: w"))]);
    git.reference("refs/heads/main", hotfix.parse().unwrap(), true, "").unwrap();
    let follows = "branch: {pattern: \"release_v*\", pick: highest-semver}, promotedFrom: staging";
    let environments = [("staging", "branch: main"), ("prod", follows)];
    let told = served.check(&environments).report["promotions"][0].clone();
    assert_eq!((&told["environment"], &told["state"]), (&"prod".into(), &"in-step".into()), "{told}");
    // It is on the environment before, but was never merged back into the master branch of its release.
    assert_eq!(told["hotfixes"][0]["revision"], hotfix, "{told}");
    assert!(told["gaps"].is_null(), "{told}");
    // While the server does not answer, what was fetched is judged, and said to be no more than that.
    served.server.behave(crate::fixture::Behaviour::Refuse(503));
    let stale = served.check(&environments).report["promotions"][0].clone();
    assert_eq!((&stale["state"], &stale["hotfixes"]), (&told["state"], &told["hotfixes"]), "{stale}");
    assert!(stale["gaps"][0]["message"].as_str().unwrap().contains("status 503"), "{stale}");
    served.server.behave(crate::fixture::Behaviour::Serve);
    git.reference("refs/heads/master_v1", hotfix.parse().unwrap(), true, "").unwrap();
    let merged = served.check(&environments).report["promotions"][0].clone();
    assert_eq!(merged["hotfixes"], serde_json::json!([]), "{merged}");
}
