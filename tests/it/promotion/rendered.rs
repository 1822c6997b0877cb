//! Branches whose environments are rendered by programs: what they come to is compared, not their files.

use serde_json::json;

use super::sandbox::{Sandbox, setting};
use crate::fixture::program;

const BASE: &str = "resources: [a.yaml]\n";

fn overlay(replicas: &str) -> String {
    format!("resources: [../../base]\nnamespace: trino\nlabels: [{{pairs: {{tier: '{replicas}'}}}}]\n")
}

/// Staging and prod are overlays over one base, each on a branch of its own.
fn overlays() -> Sandbox {
    let lines = |name: &str| {
        format!("- name: {name}\n  branch: {name}\n  path: overlays/{name}\n  variants: [overlays/{name}]\n")
    };
    let mut s = Sandbox::new(&format!("{}{}  promotedFrom: staging\n", lines("staging"), lines("prod")));
    let config = std::fs::read_to_string(s.config()).unwrap();
    let binary = program("kustomize").display().to_string();
    std::fs::write(s.config(), format!("kustomize: {{binary: '{binary}'}}\n{config}")).unwrap();
    s.commit(
        "first",
        &[
            ("base/kustomization.yaml", BASE),
            ("base/a.yaml", &setting("a", "1")),
            ("overlays/staging/kustomization.yaml", &overlay("small")),
            ("overlays/prod/kustomization.yaml", &overlay("large")),
        ],
    );
    s.git("branch staging");
    s.git("branch prod");
    s.git("switch --quiet prod");
    s
}

#[test]
fn a_change_of_the_base_waits_and_is_promoted() {
    let mut s = overlays();
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
    s.git("switch --quiet staging");
    s.commit("base", &[("base/a.yaml", &setting("a", "2"))]);
    s.prod_is(json!(["behind", true, 0, 1, "base", [], [], []]));
    s.git("branch --force prod");
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
}

#[test]
fn a_hotfix_of_the_base_is_one_until_staging_renders_it_whatever_its_files_look_like() {
    let mut s = overlays();
    s.commit("hotfix", &[("base/a.yaml", &setting("a", "fixed"))]);
    s.prod_is(json!(["diverged", false, 1, 0, null, ["hotfix"], [], ["hotfix"]]));
    s.git("switch --quiet staging");
    // The same value, by a patch in place of the file.
    let patched = format!(
        "{BASE}patches: [{{patch: '{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a}}, data: {{value: fixed}}}}'}}]\n"
    );
    s.commit("the same by a patch", &[("base/kustomization.yaml", &patched)]);
    s.prod_is(json!(["in-step", false, 1, 1, null, [], [], []]));
}

#[test]
fn what_nobody_renders_and_what_is_the_environments_own_is_no_hotfix() {
    let mut s = overlays();
    s.commit("a comment", &[("base/kustomization.yaml", &format!("# why\n{BASE}")), ("README.md", "x")]);
    s.prod_is(json!(["in-step", false, 1, 0, null, [], [], []]));
    s.commit("own size", &[("overlays/prod/kustomization.yaml", &overlay("huge"))]);
    let found = s.of("prod");
    assert_eq!((&found[0], &found[5], &found[7]), (&json!("diverged"), &json!([]), &json!([])), "{found}");
}

#[test]
fn what_cannot_be_rendered_is_unknown_and_says_at_which_commit() {
    let mut s = overlays();
    let broken = s.commit("broken", &[("base/kustomization.yaml", "resources: [gone.yaml]\n")]);
    s.prod_is(json!(["unknown", false, 1, 0, null, [], [], []]));
    let gaps = &s.look()[0].gaps;
    assert!(gaps[0].message.contains(&format!("commit {broken}: ")), "{gaps:?}");
}

#[test]
fn files_of_a_glob_are_compared() {
    let glob = "  path: 'apps/*/manifests'\n";
    let mut s = Sandbox::new(&format!(
        "- name: staging\n  branch: staging\n{glob}- name: prod\n  branch: prod\n  promotedFrom: staging\n{glob}"
    ));
    s.commit("first", &[("apps/x/manifests/a.yaml", &setting("a", "1")), ("apps/x/notes.yaml", "x")]);
    s.git("branch staging");
    s.git("branch prod");
    s.git("switch --quiet staging");
    s.commit("second", &[("apps/x/manifests/a.yaml", &setting("a", "2"))]);
    s.prod_is(json!(["behind", true, 0, 1, "second", [], [], []]));
    s.git("switch --quiet prod");
    s.commit("beside it", &[("apps/x/notes.yaml", "y")]);
    s.prod_is(json!(["diverged", false, 1, 1, "second", [], [], []]));
}
