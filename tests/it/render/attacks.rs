//! A repository is untrusted input: it reaches no file outside of itself, no network, and no output with a Secret.

use std::fs;
use std::net::TcpListener;

use git2::{IndexEntry, Repository, Signature};

use super::remote::Served;
use super::site::{NAMESPACE, Site, object};
use crate::fixture::{canary, entry};

const CHART: (&str, &str) = ("app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n");
/// A file of this machine that no test may see.
const OUTSIDE: &str = "canary-of-this-machine";

/// A folder with a kustomization, a chart file and a plain one, all with [`OUTSIDE`] in them.
fn outside() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let map = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {OUTSIDE}}}\ndata: {{a: {OUTSIDE}}}\n");
    fs::write(folder.path().join("map.yaml"), map).unwrap();
    fs::write(folder.path().join("kustomization.yaml"), "resources: [map.yaml]\n").unwrap();
    folder
}

/// The report with its gaps; nothing of the machine is in it.
#[track_caller]
fn refused(site: &Site, why: &str) {
    let ended = site.check(&["-o", "json", "--all"]);
    assert_eq!(ended.code, Some(3), "{}{}", ended.stdout, ended.stderr);
    let gaps = super::site::messages(&ended.json()["environments"][0]["gaps"]);
    assert!(gaps.contains(why), "{gaps}");
    assert!(!ended.stdout.contains(OUTSIDE) && !ended.stderr.contains(OUTSIDE), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn a_kustomization_reaches_nothing_outside() {
    let outside = outside();
    let there = outside.path().display().to_string();
    let up = "../".repeat(20);
    let relative = format!("{up}{}", there.trim_start_matches('/'));
    for (kustomization, why) in [
        (format!("resources: [{there}]"), "outside of the repository"),
        (format!("resources: [{relative}]"), "outside of the repository"),
        (format!("resources: [{there}/map.yaml]"), "outside of the repository"),
        (format!("components: [{relative}]"), "outside of the repository"),
        (format!("configMapGenerator: [{{name: x, files: ['{there}/map.yaml']}}]"), "kustomize failed on k"),
        (format!("configMapGenerator: [{{name: x, files: ['{relative}/map.yaml']}}]"), "kustomize failed on k"),
        ("configMapGenerator: [{name: x, files: [../other/map.yaml]}]".to_owned(), "kustomize failed on k"),
        (format!("patches: [{{path: '{there}/map.yaml'}}]"), "kustomize failed on k"),
        ("generators: [plugin.yaml]".to_owned(), "kustomize failed on k"),
    ] {
        let plugin = "apiVersion: example.org/v1\nkind: Run\nmetadata:\n  name: run\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: /bin/true}\n";
        let site = Site::new(&[
            ("k/kustomization.yaml", &kustomization),
            ("k/plugin.yaml", plugin),
            ("other/map.yaml", "a: b"),
        ]);
        site.configure("path: k");
        refused(&site, why);
    }
}

#[test]
fn a_chart_reads_no_file_outside_of_itself() {
    let outside = outside();
    let there = outside.path().display().to_string();
    let relative = format!("{}{}", "../".repeat(20), there.trim_start_matches('/'));
    let map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: seen}}\ndata:\n  a: {{{{ .Files.Get \"{there}/map.yaml\" | quote }}}}\n  \
         b: {{{{ .Files.Get \"{relative}/map.yaml\" | quote }}}}\n  c: {{{{ .Files.Get \"../other.txt\" | quote }}}}\n  \
         d: {{{{ env \"HOME\" | quote }}}}\n"
    );
    let site = Site::new(&[CHART, ("app/templates/map.yaml", &map), ("other.txt", "beside the chart")]);
    site.configure("path: app");
    refused(&site, "helm failed on app");
    let site = Site::new(&[
        CHART,
        ("app/templates/map.yaml", &map.replace("  d: {{ env \"HOME\" | quote }}\n", "")),
        ("other.txt", "beside"),
    ]);
    site.configure("path: app");
    site.live(&format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: seen, namespace: {NAMESPACE}}}, data: {{a: '', b: '', c: ''}}}}"));
    assert_eq!(object(&site.report(), "ConfigMap", "seen")["state"], "in-sync", "{:#}", site.report());
}

#[test]
fn values_and_subcharts_come_from_the_repository_alone() {
    let site = Site::new(&[CHART]);
    site.configure("path: app\nhelm: {valueFiles: [../../../../../../etc/hostname]}");
    refused(&site, "the values file ../../../../../../etc/hostname is no file of the repository");
    let outside = "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies: [{name: sub, version: 0.1.0, repository: 'file://../../../x'}]\n";
    let site = Site::new(&[("app/Chart.yaml", outside)]);
    site.configure("path: app\nhelm: {dependencyBuild: allowed}");
    refused(&site, "app/Chart.yaml depends on sub, not vendored under charts/");
}

#[test]
fn a_link_out_of_the_repository_is_not_followed() {
    let outside = outside();
    let site = Site::new(&[CHART]);
    let target = outside.path().join("map.yaml").display().to_string();
    let entries: [(&str, &str, u32); 2] =
        [("app/Chart.yaml", CHART.1, 0o100_644), ("app/templates/map.yaml", &target, 0o120_000)];
    commit(&Repository::open_bare(site.repository().path()).unwrap(), &entries);
    site.configure("path: app");
    refused(&site, "app/templates/map.yaml");
    site.configure("path: app\nrenderer: command\ncommand: {argv: [sh, -c, 'cat templates/map.yaml']}");
    refused(&site, "app/templates/map.yaml");
}

/// Commits entries of any mode to `main`.
fn commit(repository: &Repository, entries: &[(&str, &str, u32)]) {
    let mut index = git2::Index::new().unwrap();
    for (path, content, mode) in entries {
        let id = repository.blob(content.as_bytes()).unwrap();
        index.add(&IndexEntry { id, mode: *mode, ..entry(path) }).unwrap();
    }
    let tree = repository.find_tree(index.write_tree_to(repository).unwrap()).unwrap();
    let author = Signature::now("Test", "test@example.org").unwrap();
    let parent = repository.find_reference("refs/heads/main").unwrap().peel_to_commit().unwrap();
    repository.commit(Some("refs/heads/main"), &author, &author, "links", &tree, &[&parent]).unwrap();
}

#[test]
fn a_tree_with_a_name_that_leads_out_is_refused() {
    let site = Site::new(&[CHART]);
    let repository = Repository::open_bare(site.repository().path()).unwrap();
    // No tool of Git writes such a tree: it is made byte by byte.
    let raw = |mode: &str, name: &str, id: git2::Oid| [format!("{mode} {name}\0").as_bytes(), id.as_bytes()].concat();
    let objects = repository.odb().unwrap();
    let blob = repository.blob(b"escaped").unwrap();
    let chart = repository.blob(CHART.1.as_bytes()).unwrap();
    let inner = [raw("100644", "../../../../escaped", blob), raw("100644", "Chart.yaml", chart)].concat();
    let inner = objects.write(git2::ObjectType::Tree, &inner).unwrap();
    let root = objects.write(git2::ObjectType::Tree, &raw("40000", "app", inner)).unwrap();
    let author = Signature::now("Test", "test@example.org").unwrap();
    let parent = repository.find_reference("refs/heads/main").unwrap().peel_to_commit().unwrap();
    let tree = repository.find_tree(root).unwrap();
    repository.commit(Some("refs/heads/main"), &author, &author, "x", &tree, &[&parent]).unwrap();
    site.configure("path: app");
    let gaps = site.gaps();
    assert!(!gaps.is_empty() && !site.path("escaped").exists(), "{gaps}");
    assert!(fs::read_dir(std::env::temp_dir()).unwrap().flatten().all(|entry| entry.file_name() != "escaped"));
}

#[test]
fn what_is_remote_is_asked_for_only_where_that_is_allowed() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: remote}\ndata: {a: b}\n";
    let server = Served::start(vec![("/map.yaml".to_owned(), map.as_bytes().to_vec())]);
    let kustomization = format!("resources: ['http://{}/map.yaml']\n", server.address());
    let site = Site::new(&[("k/kustomization.yaml", &kustomization)]);
    site.configure("path: k");
    refused(&site, "needs something from the network; vendor it into the repository, or allow it");
    assert_eq!(server.requests(), [""; 0]);
    site.configure("path: k\nkustomize: {remoteBases: allowed}");
    let report = site.report();
    assert_eq!(object(&report, "ConfigMap", "remote")["state"], "missing", "{report:#}");
    assert!(!server.requests().is_empty());
}

#[test]
fn a_program_without_permission_reaches_nobody() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let site = Site::new(&[("in.yaml", "")]);
    let lines = |network: &str| {
        format!(
            "renderer: command\ncommand: {{argv: [bash, -c, 'exec 3<>/dev/tcp/127.0.0.1/{port} && echo \"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: reached}}}}\"']{network}}}"
        )
    };
    site.configure(&lines(""));
    refused(&site, "the command failed on the repository's root");
    site.configure(&lines(", network: allowed"));
    assert_eq!(object(&site.report(), "ConfigMap", "reached")["state"], "missing");
}

#[test]
fn no_error_of_a_renderer_shows_a_value_of_a_secret() {
    let canary = canary("errors of renderers");
    let secret = |extra: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData:\n  p: {canary}\n{extra}")
    };
    let helm = [
        secret("  q: {{ fail .Values.p }}\n"),
        secret("  q: {{ required .Values.p nil }}\n"),
        secret(&format!("  bad: [{canary}\n")),
        secret("  q: {{ .Values.p.q.r }}\n"),
        format!("{canary}: {{{{ toYaml .Values }}\n"),
        format!("kind: Secret\nstringData: {{p: {canary}}}\n"),
    ];
    for template in helm {
        let site = Site::new(&[
            CHART,
            ("app/templates/secret.yaml", &template),
            ("app/values.yaml", &format!("p: {canary}\n")),
        ]);
        site.configure("path: app");
        says_nothing_of(canary, &site);
    }
    let patch = format!("{canary}: not a patch");
    let kustomizations = [
        format!("patches: [{{patch: '{canary}'}}]"),
        format!("patchesStrategicMerge: ['{canary}']"),
        "resources: [broken.yaml]".to_owned(),
        "patches: [{path: broken.yaml}]".to_owned(),
        format!("secretGenerator: [{{name: s, literals: ['{canary}']}}]"),
        format!("secretGenerator: [{{name: s, literals: ['p={canary}']}}, {{name: s, literals: ['p={canary}']}}]"),
        format!("secretGenerator: [{{name: s, envs: [broken.yaml]}}]\n{canary}: x"),
    ];
    for kustomization in kustomizations {
        let broken = format!("{}{patch}", secret("  bad: [\n"));
        let site = Site::new(&[("k/kustomization.yaml", &kustomization), ("k/broken.yaml", &broken)]);
        site.configure("path: k");
        says_nothing_of(canary, &site);
    }
}

#[track_caller]
fn says_nothing_of(canary: &str, site: &Site) {
    for format in ["text", "json"] {
        let ended = site.check(&["-o", format, "--all", "--log-level", "trace"]);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.code, Some(3), "{said}");
        assert!(!said.contains(canary), "{said}");
    }
}
