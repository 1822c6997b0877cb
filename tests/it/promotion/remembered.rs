//! What branches had before: over a restart with a state file, and without one.

use serde_json::json;

use super::sandbox::{Sandbox, setting};

fn two() -> Sandbox {
    let mut s = Sandbox::staging_and_prod();
    s.commit("first", &[("a.yaml", &setting("a", "1"))]);
    s.git("branch staging");
    s.git("branch prod");
    s.git("switch --quiet prod");
    s
}

#[test]
fn a_rollback_is_told_after_a_restart_and_without_a_record_it_is_not_known() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("driftd.db");
    let mut s = two();
    s.commit("second", &[("a.yaml", &setting("a", "2"))]);
    s.git("branch --force staging");
    s.restart(Some(&state));
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
    assert_eq!(s.look()[0].recorded_since, None, "seen for the first time");

    s.restart(Some(&state));
    s.git("reset --hard --quiet HEAD~1");
    s.prod_is(json!(["behind", true, 0, 1, "second", [], ["second"], []]));
    assert!(s.look()[0].recorded_since.is_some());
    s.restart(Some(&state));
    s.prod_is(json!(["behind", true, 0, 1, "second", [], ["second"], []]));

    s.restart(None);
    s.prod_is(json!(["behind", true, 0, 1, "second", [], [], []]));
    assert_eq!(s.look()[0].recorded_since, None, "what is told of the past is partial, and says so");
}

#[test]
fn what_stood_on_the_environment_before_is_tested_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("driftd.db");
    let mut s = two();
    s.commit("tried", &[("a.yaml", &setting("a", "2"))]);
    s.git("branch --force staging");
    s.restart(Some(&state));
    s.look();
    s.git("branch --force staging prod~1");
    s.restart(Some(&state));
    s.prod_is(json!(["diverged", false, 1, 0, null, ["tried"], [], []]));
    s.restart(None);
    s.prod_is(json!(["diverged", false, 1, 0, null, ["tried"], [], ["tried"]]));
}

#[test]
fn an_environment_that_follows_another_branch_has_lost_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("driftd.db");
    let mut s = two();
    s.commit("second", &[("a.yaml", &setting("a", "2"))]);
    s.git("branch production staging");
    s.restart(Some(&state));
    s.look();
    let config = std::fs::read_to_string(s.config()).unwrap();
    std::fs::write(s.config(), config.replace("branch: prod\n", "branch: production\n")).unwrap();
    s.restart(Some(&state));
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
}

/// Prod follows the highest release, which is promoted from master.
fn releases() -> Sandbox {
    let mut s = Sandbox::new(
        "- name: staging\n  branch: master_v1\n- name: prod\n  branch: {pattern: 'release_v*', pick: highest-semver}\n  promotedFrom: staging\n",
    );
    s.commit("first", &[("a.yaml", &setting("a", "1"))]);
    s.git("branch master_v1");
    s.git("switch --quiet --create release_v1.1.0");
    s.commit("hotfix on 1.1.0", &[("b.yaml", &setting("b", "fixed"))]);
    s.git("switch --quiet master_v1");
    s.commit("feature", &[("c.yaml", &setting("c", "1"))]);
    s.git("branch release_v1.2.0");
    s
}

#[test]
fn a_hotfix_left_on_an_older_release_is_named_until_a_newer_one_or_master_has_it() {
    let mut s = releases();
    s.prod_is(json!(["in-step", true, 0, 0, null, ["hotfix on 1.1.0"], [], []]));
    s.git("switch --quiet release_v1.2.0");
    s.git("cherry-pick release_v1.1.0");
    assert_eq!(s.of("prod")[5], json!(["hotfix on 1.1.0"]), "now that of the release that is followed");
    s.git("switch --quiet master_v1");
    s.git("merge --quiet --no-edit release_v1.2.0");
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
}

#[test]
fn a_hotfix_of_an_older_release_that_master_has_is_at_home() {
    let mut s = releases();
    s.git("cherry-pick release_v1.1.0");
    s.prod_is(json!(["behind", true, 0, 1, "hotfix on 1.1.0", [], [], []]));
}
