//! What the configuration says of renderers, and what is said of one that is wrong; programs that are not there.

use driftd::config::Config;

use super::site::Site;
use super::trees::KUSTOMIZATION;
use crate::fixture::script;

#[test]
fn everything_that_is_wrong_with_renderers_is_told_at_once() {
    let text = "\
rendering: {timeout: 0s, memory: 1G, output: lots}
helm: {binarry: helm}
clusters: [{name: c}]
repositories: [{name: r, url: /r}]
environments:
  - name: a
    repository: r
    branch: main
    cluster: c
    renderer: plain
    helm: {}
  - name: b
    repository: r
    branch: main
    cluster: c
    renderer: helm
    helm:
      chart: shop
      version: ^1.2
      releaseName: Shop
      valueFiles: [/etc/passwd]
      values: [a]
      includeCRDs: maybe
      dependencyBuild: sometimes
  - name: c
    repository: r
    branch: main
    cluster: c
    renderer: command
  - name: d
    repository: r
    branch: main
    cluster: c
    renderer: command
    command: {argv: [./render.sh], timeout: 1}
  - name: e
    repository: r
    branch: main
    cluster: c
    kustomize: {enableHelm: 'yes', remoteBases: true}
";
    let problems = Config::parse(text.as_bytes(), "driftd.yaml", "/".as_ref()).unwrap_err().problems;
    let found: Vec<String> =
        problems.iter().map(|problem| format!("{}: {}: {}", problem.line, problem.path, problem.message)).collect();
    assert_eq!(
        found,
        [
            "1: rendering.memory: is no size",
            "1: rendering.output: is no size",
            "1: rendering.timeout: is too short",
            "2: helm.binarry: unknown key",
            "11: environments[0].helm: has no effect with `renderer: plain`",
            "17: environments[1].helm.repoURL: is missing",
            "19: environments[1].helm.version: is no exact version",
            "20: environments[1].helm.releaseName: is no release name",
            "21: environments[1].helm.valueFiles[0]: is no file of the repository",
            "22: environments[1].helm.values: expected a mapping, found a list",
            "23: environments[1].helm.includeCRDs: expected a boolean, found text",
            "24: environments[1].helm.dependencyBuild: is neither a yes nor a no",
            "25: environments[2].command: is missing",
            "35: environments[3].command.argv: names a program of the repository",
            "35: environments[3].command.timeout: expected text, found a number",
            "40: environments[4].kustomize.enableHelm: expected a boolean, found text",
            "40: environments[4].kustomize.remoteBases: expected text, found a boolean",
        ],
        "\n{}",
        found.join("\n")
    );
}

#[test]
fn a_missing_program_is_named_with_the_version_that_is_needed() {
    let site = Site::new(&KUSTOMIZATION);
    site.configure_with("path: overlays/prod", "kustomize: {binary: kustomize-that-is-not-there}");
    let ended = site.check(&[]);
    assert_eq!(ended.code, Some(3));
    let wanted = "no program kustomize-that-is-not-there was found; install version 5.0.0 or newer, or name where it \
                  lies under `kustomize.binary`";
    assert!(ended.stdout.contains(wanted), "{}", ended.stdout);
}

#[test]
fn a_program_that_is_too_old_or_another_one_is_refused() {
    let site = Site::new(&KUSTOMIZATION);
    script(&site.path("old"), "echo '{Version:kustomize/v4.5.7 GitCommit:x}'");
    script(&site.path("other"), "exit 3");
    site.configure_with("path: overlays/prod", "kustomize: {binary: ./old}");
    assert!(site.gaps().contains("/old is version 4.5.7; version 5.0.0 or newer is needed"), "{}", site.gaps());
    site.configure_with("path: overlays/prod", "kustomize: {binary: ./other}");
    assert!(site.gaps().contains("does not tell its version; the official program"), "{}", site.gaps());
}

#[test]
fn programs_are_found_on_path() {
    let site = Site::new(&KUSTOMIZATION);
    site.configure_with("path: overlays/prod", "kustomize: {}");
    let folder = crate::fixture::program("kustomize").parent().unwrap().to_owned();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let ended = site.command(&["-o", "json"]).env("PATH", path).output();
    let report = ended.json();
    assert_eq!(report["environments"][0]["gaps"].as_array().unwrap().len(), 0, "{report:#}");
    assert_eq!(report["summary"]["objects"]["missing"], 5, "{report:#}");
}

#[test]
fn a_path_that_is_nothing_for_its_renderer_is_told() {
    let site = Site::new(&KUSTOMIZATION);
    site.configure("renderer: helm\npath: base");
    assert!(site.gaps().contains("no Chart.yaml lies at base"), "{}", site.gaps());
    site.configure("renderer: kustomize\npath: base/web.yaml");
    assert!(site.gaps().contains("no kustomization.yaml lies at base/web.yaml"), "{}", site.gaps());
    site.configure("renderer: plain\npath: base");
    assert!(site.gaps().contains("base/kustomization.yaml belongs to kustomize"), "{}", site.gaps());
}
