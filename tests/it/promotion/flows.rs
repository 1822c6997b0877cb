//! The release flows of teams, each performed step by step; behind every step stands what is said of it.
//!
//! An answer reads: state, fast-forward, ahead, behind, oldest pending, hotfixes, rolled back, untested.

use serde_json::json;

use super::sandbox::{Sandbox, setting};

/// Both branches at one commit with a file each for two applications.
fn level() -> Sandbox {
    let mut s = Sandbox::staging_and_prod();
    s.commit("first", &[("a.yaml", &setting("a", "1")), ("b.yaml", &setting("b", "1"))]);
    s.git("branch staging");
    s.git("branch prod");
    s.git("switch --quiet staging");
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
    s
}

#[test]
fn a_normal_promotion_is_a_fast_forward() {
    let mut s = level();
    s.commit("two", &[("a.yaml", &setting("a", "2"))]);
    s.prod_is(json!(["behind", true, 0, 1, "two", [], [], []]));
    s.commit("three", &[("b.yaml", &setting("b", "3"))]);
    s.prod_is(json!(["behind", true, 0, 2, "two", [], [], []]));
    s.git("switch --quiet prod");
    s.git("merge --quiet --ff-only staging");
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
}

#[test]
fn a_chain_is_promoted_in_order() {
    let mut s = Sandbox::new(
        "- name: main\n  branch: main\n\
         - name: qa\n  branch: qa\n  promotedFrom: main\n\
         - name: load\n  branch: load\n  promotedFrom: qa\n\
         - name: integration\n  branch: integration\n  promotedFrom: qa\n",
    );
    s.commit("one", &[("a.yaml", &setting("a", "1"))]);
    for branch in ["qa", "load", "integration"] {
        s.run(&["branch", branch]);
    }
    s.commit("two", &[("a.yaml", &setting("a", "2"))]);
    s.is("qa", json!(["behind", true, 0, 1, "two", [], [], []]));
    s.is("load", json!(["in-step", true, 0, 0, null, [], [], []]));
    s.git("branch --force qa main");
    s.is("qa", json!(["in-step", true, 0, 0, null, [], [], []]));
    s.is("load", json!(["behind", true, 0, 1, "two", [], [], []]));
    s.git("branch --force integration main");
    s.is("load", json!(["behind", true, 0, 1, "two", [], [], []]));
    s.is("integration", json!(["in-step", true, 0, 0, null, [], [], []]));
}

#[test]
fn staging_and_production_branches_go_side_by_side() {
    let mut s = Sandbox::new(
        "- name: main\n  branch: main\n\
         - name: staging\n  branch: staging\n  promotedFrom: main\n\
         - name: prod\n  branch: prod\n  promotedFrom: main\n",
    );
    s.commit("one", &[("a.yaml", &setting("a", "1"))]);
    s.git("branch staging");
    s.git("branch prod");
    s.commit("two", &[("a.yaml", &setting("a", "2"))]);
    s.git("branch --force staging main");
    s.is("staging", json!(["in-step", true, 0, 0, null, [], [], []]));
    s.is("prod", json!(["behind", true, 0, 1, "two", [], [], []]));
    s.git("switch --quiet staging");
    s.commit("only staging", &[("a.yaml", &setting("a", "3"))]);
    s.is("staging", json!(["diverged", false, 1, 0, null, ["only staging"], [], ["only staging"]]));
    s.is("prod", json!(["behind", true, 0, 1, "two", [], [], []]));
}

#[test]
fn a_change_of_variants_waits_but_is_neither_a_hotfix_nor_untested() {
    let mut s = level();
    s.commit("size of prod", &[("variants/prod/size.yaml", &setting("size", "9"))]);
    s.prod_is(json!(["behind", true, 0, 1, "size of prod", [], [], []]));
    s.git("branch --force prod staging");
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
    // Made on prod itself: the branches diverge, but it is prod's own affair.
    s.git("switch --quiet prod");
    s.commit("more of prod", &[("variants/prod/size.yaml", &setting("size", "10"))]);
    s.prod_is(json!(["diverged", false, 1, 0, null, [], [], []]));
    // The variants of staging are no hotfix on prod either.
    s.git("reset --quiet --hard staging");
    s.commit("size of staging", &[("variants/staging/size.yaml", &setting("size", "1"))]);
    s.prod_is(json!(["diverged", false, 1, 0, null, [], ["more of prod"], []]));
}

#[test]
fn a_rollback_names_the_commits_that_went_away() {
    let mut s = level();
    s.commit("two", &[("a.yaml", &setting("a", "2"))]);
    s.commit("three", &[("a.yaml", &setting("a", "3"))]);
    s.git("branch --force prod staging");
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
    s.git("switch --quiet prod");
    s.git("reset --quiet --hard HEAD~2");
    s.prod_is(json!(["behind", true, 0, 2, "two", [], ["two", "three"], []]));
    s.git("merge --quiet --ff-only staging");
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
}

#[test]
fn a_rollback_by_revert_is_a_hotfix_until_it_is_brought_back() {
    let mut s = level();
    s.commit("bad", &[("a.yaml", &setting("a", "2"))]);
    s.git("branch --force prod staging");
    s.git("switch --quiet prod");
    s.git("revert --no-edit HEAD");
    // What prod runs again stood on staging before.
    s.prod_is(json!(["diverged", false, 1, 0, null, ["Revert \"bad\""], [], []]));
    s.git("switch --quiet staging");
    s.git("merge --quiet --ff-only prod");
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
}

#[test]
fn a_hotfix_is_cut_from_production_and_all_branches_follow() {
    let mut s = Sandbox::new(
        "- name: main\n  branch: main\n\
         - name: qa\n  branch: qa\n  promotedFrom: main\n\
         - name: prod\n  branch: prod\n  promotedFrom: qa\n",
    );
    s.commit("one", &[("a.yaml", &setting("a", "1")), ("b.yaml", &setting("b", "1"))]);
    s.git("branch prod");
    s.commit("two", &[("b.yaml", &setting("b", "2"))]);
    s.git("branch qa");
    s.commit("three", &[("b.yaml", &setting("b", "3"))]);
    s.is("qa", json!(["behind", true, 0, 1, "three", [], [], []]));
    s.is("prod", json!(["behind", true, 0, 1, "two", [], [], []]));
    // The hotfix is cut from production; every environment is reset to it.
    s.git("switch --quiet --create hotfix prod");
    s.commit("hotfix", &[("a.yaml", &setting("a", "1.1"))]);
    s.git("branch --force qa hotfix");
    s.is("qa", json!(["diverged", false, 1, 2, "two", ["hotfix"], ["two"], ["hotfix"]]));
    s.is("prod", json!(["behind", true, 0, 1, "hotfix", [], [], []]));
    s.git("branch --force prod hotfix");
    s.is("prod", json!(["in-step", true, 0, 0, null, [], [], []]));
    // Main is rebased onto it, and the chain is a line again.
    s.git("switch --quiet main");
    s.git("rebase --quiet hotfix");
    s.is("qa", json!(["behind", true, 0, 2, "two", [], ["two"], []]));
    s.git("branch --force qa main");
    s.is("qa", json!(["in-step", true, 0, 0, null, [], [], []]));
    s.is("prod", json!(["behind", true, 0, 2, "two", [], [], []]));
}

#[test]
fn a_cherry_pick_is_no_hotfix_but_its_combination_is_untested() {
    let mut s = level();
    s.commit("two", &[("a.yaml", &setting("a", "2"))]);
    s.commit("three", &[("b.yaml", &setting("b", "3"))]);
    s.git("switch --quiet prod");
    s.git("cherry-pick staging");
    s.prod_is(json!(["diverged", false, 1, 2, "two", [], [], ["three"]]));
    // Promoted by a merge: all of it stands on staging.
    s.run(&["merge", "--quiet", "-m", "promote", "staging"]);
    s.prod_is(json!(["in-step", false, 2, 0, null, [], [], []]));
    // Promoted by a reset: every change of what went away is there.
    s.git("reset --quiet --hard staging");
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
}

#[test]
fn production_is_promoted_from_production() {
    let mut s = Sandbox::new(
        "- name: staging\n  branch: staging\n\
         - name: prod-eu\n  branch: prod-eu\n  promotedFrom: staging\n  variants: [variants/prod-eu]\n\
         - name: prod-us\n  branch: prod-us\n  promotedFrom: prod-eu\n  variants: [variants/prod-us]\n",
    );
    s.commit("one", &[("a.yaml", &setting("a", "1"))]);
    for branch in ["staging", "prod-eu", "prod-us"] {
        s.run(&["branch", branch]);
    }
    s.git("switch --quiet staging");
    s.commit("two", &[("a.yaml", &setting("a", "2")), ("variants/prod-us/x.yaml", &setting("x", "1"))]);
    s.git("branch --force prod-eu staging");
    s.is("prod-us", json!(["behind", true, 0, 1, "two", [], [], []]));
    s.git("branch --force prod-us prod-eu");
    s.is("prod-us", json!(["in-step", true, 0, 0, null, [], [], []]));
    // A hotfix that only one production has.
    s.git("switch --quiet prod-us");
    s.commit("us fix", &[("a.yaml", &setting("a", "2.1"))]);
    s.is("prod-us", json!(["diverged", false, 1, 0, null, ["us fix"], [], ["us fix"]]));
    s.is("prod-eu", json!(["in-step", true, 0, 0, null, [], [], []]));
}

#[test]
fn a_squash_merge_raises_no_alarm() {
    let mut s = level();
    s.commit("two", &[("a.yaml", &setting("a", "2"))]);
    s.commit("three", &[("a.yaml", &setting("a", "3")), ("b.yaml", &setting("b", "3"))]);
    s.git("switch --quiet prod");
    s.git("merge --quiet --squash staging");
    s.run(&["commit", "--quiet", "-m", "Promote (#7)"]);
    s.prod_is(json!(["in-step", false, 1, 2, null, [], [], []]));
    // Staging goes on: one commit waits, and it is not the one that was squashed.
    s.git("switch --quiet staging");
    s.commit("four", &[("b.yaml", &setting("b", "4"))]);
    s.prod_is(json!(["diverged", false, 1, 3, "four", [], [], []]));
    s.git("switch --quiet prod");
    s.git("checkout --quiet staging -- .");
    s.run(&["commit", "--quiet", "-m", "Promote (#8)"]);
    s.prod_is(json!(["in-step", false, 2, 3, null, [], [], []]));
}

#[test]
fn a_rebase_merge_raises_no_alarm() {
    let mut s = level();
    s.commit("two", &[("a.yaml", &setting("a", "2"))]);
    s.commit("three", &[("b.yaml", &setting("b", "3"))]);
    // The web UI writes every commit anew, although it could fast-forward.
    s.git("switch --quiet --create promote staging");
    s.git("rebase --quiet --force-rebase prod");
    s.git("branch --force prod promote");
    s.prod_is(json!(["in-step", false, 2, 2, null, [], [], []]));
    s.git("switch --quiet staging");
    s.commit("four", &[("a.yaml", &setting("a", "4"))]);
    s.prod_is(json!(["diverged", false, 2, 3, "four", [], [], []]));
}

#[test]
fn a_merge_commit_for_every_promotion_raises_no_alarm() {
    let mut s = level();
    s.commit("two", &[("a.yaml", &setting("a", "2"))]);
    s.git("switch --quiet prod");
    s.run(&["merge", "--quiet", "--no-ff", "-m", "promote two", "staging"]);
    s.prod_is(json!(["in-step", false, 1, 0, null, [], [], []]));
    s.git("switch --quiet staging");
    s.commit("three", &[("a.yaml", &setting("a", "3"))]);
    s.prod_is(json!(["diverged", false, 1, 1, "three", [], [], []]));
    s.git("switch --quiet prod");
    s.run(&["merge", "--quiet", "--no-ff", "-m", "promote three", "staging"]);
    s.prod_is(json!(["in-step", false, 2, 0, null, [], [], []]));
}

/// Version branches: staging follows `master_v1`, prod the release that was cut from it.
fn releases() -> Sandbox {
    let mut s = Sandbox::new(
        "- name: staging\n  branch: master_v1\n- name: prod\n  branch: release_v1.1.0\n  promotedFrom: staging\n",
    );
    s.git("switch --quiet --create master_v1");
    s.commit("one", &[("a.yaml", &setting("a", "1")), ("b.yaml", &setting("b", "1"))]);
    s.git("switch --quiet --create release_v1.1.0");
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
    s.commit("fix on release", &[("a.yaml", &setting("a", "1.1"))]);
    s.prod_is(json!(["diverged", false, 1, 0, null, ["fix on release"], [], ["fix on release"]]));
    s
}

#[test]
fn a_release_branch_is_merged_back() {
    let mut s = releases();
    s.git("switch --quiet master_v1");
    s.git("switch --quiet --create feature_v1_x");
    s.commit("feature", &[("b.yaml", &setting("b", "2"))]);
    s.git("switch --quiet master_v1");
    s.run(&["merge", "--quiet", "--no-ff", "-m", "merge feature", "feature_v1_x"]);
    s.prod_is(json!(["diverged", false, 1, 2, "feature", ["fix on release"], [], ["fix on release"]]));
    s.run(&["merge", "--quiet", "--no-ff", "-m", "merge release", "release_v1.1.0"]);
    s.prod_is(json!(["behind", true, 0, 3, "feature", [], [], []]));
}

#[test]
fn a_release_branch_that_was_not_merged_back_is_named_although_staging_has_it() {
    let mut s = Sandbox::new(
        "- name: staging\n  branch: release_v1.1.0\n- name: prod\n  branch: release_v1.1.0\n  promotedFrom: staging\n",
    );
    s.git("switch --quiet --create master_v1");
    s.commit("one", &[("a.yaml", &setting("a", "1")), ("b.yaml", &setting("b", "1"))]);
    s.git("switch --quiet --create release_v1.1.0");
    s.commit("fix on release", &[("a.yaml", &setting("a", "1.1"))]);
    s.git("switch --quiet master_v1");
    s.commit("next", &[("b.yaml", &setting("b", "2"))]);
    s.prod_is(json!(["in-step", true, 0, 0, null, ["fix on release"], [], []]));
    s.git("cherry-pick release_v1.1.0");
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
}

#[test]
fn a_hotfix_forgotten_on_production_is_named_until_it_is_home() {
    let mut s = level();
    s.git("switch --quiet prod");
    s.commit("hotfix", &[("a.yaml", &setting("a", "1.1"))]);
    s.prod_is(json!(["diverged", false, 1, 0, null, ["hotfix"], [], ["hotfix"]]));
    s.git("switch --quiet staging");
    s.commit("two", &[("b.yaml", &setting("b", "2"))]);
    s.prod_is(json!(["diverged", false, 1, 1, "two", ["hotfix"], [], ["hotfix"]]));
    // A promotion by merge keeps it on prod alone.
    s.git("switch --quiet prod");
    s.run(&["merge", "--quiet", "--no-ff", "-m", "promote two", "staging"]);
    s.prod_is(json!(["diverged", false, 2, 0, null, ["hotfix"], [], ["promote two"]]));
    // A promotion by force loses it.
    s.git("branch --quiet kept prod");
    s.git("reset --quiet --hard staging");
    s.prod_is(json!(["in-step", true, 0, 0, null, [], ["hotfix", "promote two"], []]));
    // Brought home at last.
    s.git("reset --quiet --hard kept");
    s.git("switch --quiet staging");
    s.git("cherry-pick kept^1");
    s.prod_is(json!(["in-step", false, 2, 1, null, [], [], []]));
}
