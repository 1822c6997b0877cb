//! Histories of the odd kind; behind every step stands what is said of it, in the order of the flows.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::sandbox::{Sandbox, git, look, setting, settings};

/// Both branches at one commit: three keys on adjacent lines, and a file of another object.
fn level() -> Sandbox {
    let mut s = Sandbox::staging_and_prod();
    s.commit("first", &[("a.yaml", &keys("1", "1", "1")), ("b.yaml", &setting("b", "1"))]);
    s.git("branch staging");
    s.git("branch prod");
    s.git("switch --quiet prod");
    s
}

fn keys(one: &str, two: &str, three: &str) -> String {
    settings(&[("one", one), ("two", two), ("three", three)])
}

#[test]
fn an_empty_commit_is_in_step() {
    let mut s = level();
    s.commit("empty", &[]);
    s.prod_is(json!(["in-step", false, 1, 0, null, [], [], []]));
}

#[test]
fn comments_order_of_keys_and_files_that_nobody_deploys_are_without_effect() {
    let mut s = level();
    let text = "# The settings.\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: settings}\ndata: {two: '1', one: \"1\", three: '1'}\n";
    s.commit("reformat", &[("a.yaml", text), ("README.md", "Read me.\n"), ("run.sh", "exit 0\n")]);
    s.prod_is(json!(["in-step", false, 1, 0, null, [], [], []]));
}

#[test]
fn a_rename_and_a_change_of_mode_are_without_effect() {
    let mut s = level();
    s.git("mv a.yaml renamed.yaml");
    s.commit("rename", &[]);
    s.prod_is(json!(["in-step", false, 1, 0, null, [], [], []]));
    let path = s.repository().join("b.yaml");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    s.commit("executable", &[]);
    s.prod_is(json!(["in-step", false, 2, 0, null, [], [], []]));
    // Staging changes what prod has renamed; prod takes it over under the new name.
    s.git("switch --quiet staging");
    s.commit("two", &[("a.yaml", &keys("1", "2", "1"))]);
    s.prod_is(json!(["diverged", false, 2, 1, "two", [], [], []]));
    s.git("switch --quiet prod");
    s.git("cherry-pick staging");
    s.prod_is(json!(["in-step", false, 3, 1, null, [], [], []]));
}

#[test]
fn an_object_that_moves_to_another_file_is_the_same() {
    let mut s = level();
    s.git("rm --quiet b.yaml");
    s.commit("join", &[("a.yaml", &format!("{}---\n{}", keys("1", "1", "1"), setting("b", "1")))]);
    s.prod_is(json!(["in-step", false, 1, 0, null, [], [], []]));
}

#[test]
fn the_order_of_a_list_matters() {
    let pod = |one: &str, other: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: c, image: i, args: [{one}, {other}]}}]}}\n"
        )
    };
    let mut s = level();
    s.commit("pod", &[("p.yaml", &pod("x", "y"))]);
    s.git("branch --force staging prod");
    s.commit("swap", &[("p.yaml", &pod("y", "x"))]);
    s.prod_is(json!(["diverged", false, 1, 0, null, ["swap"], [], ["swap"]]));
}

#[test]
fn a_binary_file_counts_only_where_a_manifest_should_be() {
    let mut s = level();
    fs::write(s.repository().join("logo.png"), [0, 1, 2, 255]).unwrap();
    s.commit("logo", &[]);
    s.prod_is(json!(["in-step", false, 1, 0, null, [], [], []]));
    fs::write(s.repository().join("c.yaml"), [0, 1, 2, 255]).unwrap();
    s.commit("broken", &[]);
    s.prod_is(json!(["diverged", false, 2, 0, null, ["broken"], [], ["broken"]]));
    s.git("switch --quiet staging");
    s.git("cherry-pick prod");
    s.prod_is(json!(["in-step", false, 2, 1, null, [], [], []]));
}

#[test]
fn a_malformed_manifest_is_equal_where_its_file_is() {
    let mut s = level();
    s.commit("broken", &[("c.yaml", "a: [\n")]);
    s.git("branch --force staging prod");
    s.commit("still broken", &[("c.yaml", "a: [[\n")]);
    s.prod_is(json!(["diverged", false, 1, 0, null, ["still broken"], [], ["still broken"]]));
}

#[test]
fn a_patch_that_is_equal_only_to_one_since_undone_is_a_hotfix() {
    let mut s = level();
    s.git("switch --quiet staging");
    s.commit("two", &[("a.yaml", &keys("2", "1", "1"))]);
    s.git("switch --quiet prod");
    s.commit("note", &[("README.md", "1\n")]);
    s.git("cherry-pick staging");
    s.prod_is(json!(["in-step", false, 2, 1, null, [], [], []]));
    s.git("switch --quiet staging");
    s.git("revert --no-edit HEAD");
    // All that prod renders stood on staging once; it is the change that staging took back.
    s.prod_is(json!(["diverged", false, 2, 2, "Revert \"two\"", ["two"], [], []]));
    s.git("revert --no-edit HEAD");
    s.prod_is(json!(["in-step", false, 2, 3, null, [], [], []]));
}

#[test]
fn a_change_of_before_both_branches_that_was_undone_there_is_a_hotfix_again() {
    let mut s = level();
    s.commit("two", &[("a.yaml", &keys("2", "1", "1"))]);
    s.git("revert --no-edit HEAD");
    s.git("branch --force staging prod");
    s.git("cherry-pick HEAD~1");
    s.prod_is(json!(["diverged", false, 1, 0, null, ["two"], [], []]));
}

#[test]
fn what_staging_took_over_and_developed_further_is_no_hotfix() {
    let mut s = level();
    s.commit("hotfix", &[("a.yaml", &keys("2", "1", "1"))]);
    s.git("switch --quiet staging");
    s.commit("note", &[("README.md", "1\n")]);
    s.git("cherry-pick prod");
    s.commit("three", &[("a.yaml", &keys("3", "1", "1"))]);
    s.prod_is(json!(["diverged", false, 1, 3, "note", [], [], []]));
    // Developed back to where it was is undone, whoever did it.
    s.commit("as before", &[("a.yaml", &keys("1", "1", "1"))]);
    s.prod_is(json!(["diverged", false, 1, 4, "note", ["hotfix"], [], []]));
}

#[test]
fn what_prod_took_back_itself_is_no_hotfix() {
    let mut s = level();
    s.commit("try", &[("a.yaml", &keys("2", "1", "1"))]);
    s.commit("more", &[("a.yaml", &keys("3", "1", "1"))]);
    s.commit("never mind", &[("a.yaml", &keys("1", "1", "1"))]);
    s.prod_is(json!(["in-step", false, 3, 0, null, [], [], []]));
    s.git("switch --quiet staging");
    s.commit("four", &[("a.yaml", &keys("4", "1", "1"))]);
    s.prod_is(json!(["diverged", false, 3, 1, "four", [], [], []]));
}

#[test]
fn what_prod_took_back_although_staging_has_it_is_a_hotfix() {
    let mut s = level();
    s.commit("try", &[("a.yaml", &keys("2", "1", "1"))]);
    s.git("switch --quiet staging");
    s.commit("note", &[("README.md", "1\n")]);
    s.git("cherry-pick prod");
    s.git("switch --quiet prod");
    s.git("revert --no-edit HEAD");
    // The next promotion would bring it back.
    s.prod_is(json!(["diverged", false, 2, 2, "note", ["Revert \"try\""], [], []]));
}

#[test]
fn a_reverted_revert_names_what_stands() {
    let mut s = level();
    s.commit("try", &[("a.yaml", &keys("2", "1", "1"))]);
    s.git("revert --no-edit HEAD");
    s.prod_is(json!(["in-step", false, 2, 0, null, [], [], []]));
    s.run(&["revert", "--no-commit", "HEAD"]);
    s.run(&["commit", "--quiet", "-m", "after all"]);
    s.prod_is(json!(["diverged", false, 3, 0, null, ["after all"], [], ["after all"]]));
    s.commit("more", &[("a.yaml", &keys("3", "1", "1"))]);
    s.git("revert --no-edit HEAD");
    s.prod_is(json!(["diverged", false, 5, 0, null, ["after all"], [], ["Revert \"more\""]]));
}

#[test]
fn a_squash_of_several_commits_on_adjacent_lines_brings_all_of_them_home() {
    let mut s = level();
    s.commit("one", &[("a.yaml", &keys("2", "1", "1"))]);
    s.commit("two", &[("a.yaml", &keys("2", "2", "1"))]);
    s.commit("one again", &[("a.yaml", &keys("3", "2", "1"))]);
    s.prod_is(json!(["diverged", false, 3, 0, null, ["one", "two", "one again"], [], ["one again"]]));
    s.git("switch --quiet staging");
    s.commit("other", &[("b.yaml", &setting("b", "2"))]);
    s.run(&["merge", "--quiet", "--squash", "prod"]);
    s.run(&["commit", "--quiet", "-m", "Hotfixes (#9)"]);
    s.prod_is(json!(["diverged", false, 3, 2, "other", [], [], ["one again"]]));
    // And staging goes on from there.
    s.commit("further", &[("a.yaml", &keys("4", "2", "2"))]);
    s.prod_is(json!(["diverged", false, 3, 3, "other", [], [], ["one again"]]));
    s.git("revert --no-edit HEAD HEAD~1");
    // Undone on staging, all of it is a hotfix again.
    s.prod_is(json!(["diverged", false, 3, 5, "other", ["one", "two", "one again"], [], ["one again"]]));
}

#[test]
fn a_pick_on_an_adjacent_line_is_no_hotfix_although_its_patch_differs() {
    let mut s = level();
    s.commit("hotfix", &[("a.yaml", &keys("1", "2", "1"))]);
    s.git("switch --quiet staging");
    s.commit("next line", &[("a.yaml", &keys("1", "1", "5"))]);
    s.commit("hotfix by hand", &[("a.yaml", &keys("1", "2", "5"))]);
    assert!(s.git("cherry staging prod").starts_with('+'), "git takes it for missing");
    s.prod_is(json!(["diverged", false, 1, 2, "next line", [], [], ["hotfix"]]));
}

#[test]
fn a_rebase_that_resolves_a_conflict_is_judged_by_its_content() {
    let mut s = level();
    s.commit("hotfix", &[("a.yaml", &keys("1.1", "1", "1"))]);
    s.git("switch --quiet staging");
    s.commit("two", &[("a.yaml", &keys("2", "1", "1"))]);
    let (rebased, _) = s.attempt(&["rebase", "prod"]);
    assert!(!rebased, "it conflicts");
    s.write(&[("a.yaml", &keys("2.1", "1", "1"))]);
    s.git("add --all");
    s.git("rebase --continue");
    s.prod_is(json!(["behind", true, 0, 1, "two", [], [], []]));
    // The other way round: prod's fix is taken over in another form, which prod does not have.
    s.git("switch --quiet prod");
    s.git("reset --quiet --hard HEAD~1");
    s.git("switch --quiet staging");
    s.git("reset --quiet --hard prod");
    s.commit("three", &[("a.yaml", &keys("3", "1", "1"))]);
    s.git("switch --quiet prod");
    s.commit("fix", &[("a.yaml", &keys("1.2", "1", "1"))]);
    s.prod_is(json!(["diverged", false, 1, 1, "three", ["fix"], ["hotfix"], ["fix"]]));
}

#[test]
fn a_merge_that_git_would_make_is_no_hotfix_and_an_evil_one_is() {
    let mut s = level();
    s.commit("fix", &[("b.yaml", &setting("b", "1.1"))]);
    s.git("switch --quiet staging");
    s.commit("two", &[("a.yaml", &keys("2", "1", "1"))]);
    s.git("switch --quiet prod");
    s.run(&["merge", "--quiet", "--no-ff", "--no-commit", "staging"]);
    s.commit("evil", &[("a.yaml", &keys("2", "1", "9"))]);
    s.prod_is(json!(["diverged", false, 2, 0, null, ["fix", "evil"], [], ["evil"]]));
    s.git("reset --quiet --hard HEAD~1");
    s.run(&["merge", "--quiet", "--no-ff", "-m", "clean", "staging"]);
    s.prod_is(json!(["diverged", false, 2, 0, null, ["fix"], ["evil"], ["clean"]]));
}

#[test]
fn a_merge_that_drops_the_other_side_is_a_hotfix() {
    let mut s = level();
    s.git("switch --quiet staging");
    s.commit("two", &[("a.yaml", &keys("2", "1", "1"))]);
    s.git("switch --quiet prod");
    s.run(&["merge", "--quiet", "--strategy", "ours", "--no-ff", "-m", "dropped", "staging"]);
    s.prod_is(json!(["diverged", false, 1, 0, null, ["dropped"], [], []]));
}

#[test]
fn a_conflict_that_takes_the_side_of_staging_leaves_nothing_behind() {
    let mut s = level();
    s.commit("fix", &[("a.yaml", &keys("1.1", "1", "1"))]);
    s.git("switch --quiet staging");
    s.commit("two", &[("a.yaml", &keys("2", "1", "1"))]);
    s.git("switch --quiet prod");
    s.run(&["merge", "--quiet", "--strategy-option", "theirs", "-m", "theirs", "staging"]);
    s.prod_is(json!(["in-step", false, 2, 0, null, [], [], []]));
    s.git("reset --quiet --hard HEAD~1");
    s.run(&["merge", "--quiet", "--strategy-option", "ours", "-m", "ours", "staging"]);
    s.prod_is(json!(["diverged", false, 2, 0, null, ["fix", "ours"], ["theirs"], ["ours"]]));
}

#[test]
fn branches_that_merge_each_other_are_in_step() {
    let mut s = level();
    s.commit("on prod", &[("b.yaml", &setting("b", "2"))]);
    s.git("switch --quiet staging");
    s.commit("on staging", &[("a.yaml", &keys("2", "1", "1"))]);
    s.git("branch before");
    s.run(&["merge", "--quiet", "--no-ff", "-m", "prod into staging", "prod"]);
    s.git("switch --quiet prod");
    s.run(&["merge", "--quiet", "--no-ff", "-m", "staging into prod", "before"]);
    // Two best common ancestors, neither of them the other's.
    assert_eq!(s.git("merge-base --all staging prod").lines().count(), 2);
    s.prod_is(json!(["in-step", false, 1, 1, null, [], [], []]));
    s.commit("next on prod", &[("b.yaml", &setting("b", "3"))]);
    s.prod_is(json!(["diverged", false, 2, 1, "prod into staging", ["next on prod"], [], ["next on prod"]]));
    s.git("switch --quiet staging");
    s.commit("next on staging", &[("a.yaml", &keys("2", "1", "3"))]);
    s.run(&["merge", "--quiet", "--no-ff", "-m", "again", "prod"]);
    s.prod_is(json!(["behind", true, 0, 3, "prod into staging", [], [], []]));
}

#[test]
fn an_octopus_merge_brings_nothing_of_its_own() {
    let mut s = level();
    for (branch, key) in [("x", ("9", "1", "1")), ("y", ("1", "1", "9"))] {
        s.run(&["switch", "--quiet", "--create", branch, "staging"]);
        let file = format!("{branch}.yaml");
        s.commit(branch, &[(&file, &setting(branch, key.0))]);
    }
    s.git("switch --quiet prod");
    s.run(&["merge", "--quiet", "-m", "both", "x", "y"]);
    s.prod_is(json!(["diverged", false, 3, 0, null, ["x", "y"], [], ["both"]]));
}

#[test]
fn unrelated_histories_are_judged_by_their_content() {
    let mut s = level();
    s.git("checkout --quiet --orphan fresh");
    s.commit("anew", &[]);
    s.git("branch --force prod fresh");
    s.prod_is(json!(["in-step", false, 1, 1, null, [], [], []]));
    s.commit("fix", &[("b.yaml", &setting("b", "1.1"))]);
    s.git("branch --force prod fresh");
    s.prod_is(json!(["diverged", false, 2, 1, null, ["fix"], [], ["fix"]]));
}

#[test]
fn a_branch_that_is_gone_makes_its_own_edges_unknown() {
    let mut s = Sandbox::new(
        "- name: staging\n  branch: staging\n\
         - name: prod\n  branch: prod\n  promotedFrom: staging\n\
         - name: us\n  branch: us\n  promotedFrom: staging\n",
    );
    s.commit("first", &[("a.yaml", &keys("1", "1", "1"))]);
    for branch in ["staging", "prod", "us"] {
        s.run(&["branch", branch]);
    }
    s.is("prod", json!(["in-step", true, 0, 0, null, [], [], []]));
    s.git("branch --quiet -D prod");
    s.is("prod", json!(["unknown", null, null, null, null, [], [], []]));
    s.is("us", json!(["in-step", true, 0, 0, null, [], [], []]));
    let gap = s.look()[0].gaps[0].clone();
    assert_eq!((gap.scope.as_str(), gap.reason.as_str()), ("repository r branch prod", "not-found"));
    // It comes back elsewhere: what it had before is remembered.
    s.commit("second", &[("a.yaml", &keys("2", "1", "1"))]);
    s.git("branch prod");
    s.git("branch --force staging prod");
    s.is("prod", json!(["in-step", true, 0, 0, null, [], [], []]));
    s.git("branch --force prod HEAD~1");
    s.is("prod", json!(["behind", true, 0, 1, "second", [], ["second"], []]));
}

#[test]
fn tags_and_commits_stand_for_branches() {
    let mut s = Sandbox::new("- name: staging\n  branch: main\n- name: prod\n  branch: v1\n  promotedFrom: staging\n");
    s.commit("first", &[("a.yaml", &keys("1", "1", "1"))]);
    s.run(&["tag", "--annotate", "-m", "one", "v1"]);
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
    let second = s.commit("second", &[("a.yaml", &keys("2", "1", "1"))]);
    s.prod_is(json!(["behind", true, 0, 1, "second", [], [], []]));
    let mut t = Sandbox::new(&format!(
        "- name: staging\n  branch: main\n- name: prod\n  branch: {second}\n  promotedFrom: staging\n"
    ));
    t.run(&["fetch", "--quiet", s.repository().to_str().unwrap(), "main"]);
    t.git("reset --quiet --hard FETCH_HEAD");
    t.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
}

#[test]
fn a_path_may_exist_on_one_side_only() {
    let mut s = Sandbox::new(
        "- name: staging\n  branch: staging\n  path: apps\n\
         - name: prod\n  branch: prod\n  promotedFrom: staging\n  path: apps\n",
    );
    s.commit("first", &[("README.md", "1\n")]);
    s.git("branch prod");
    s.git("branch staging");
    s.prod_is(json!(["unknown", null, null, null, null, [], [], []]));
    s.git("switch --quiet staging");
    s.commit("apps", &[("apps/a.yaml", &keys("1", "1", "1"))]);
    s.prod_is(json!(["behind", true, 0, 1, "apps", [], [], []]));
    s.git("branch --force prod staging");
    s.git("rm --quiet -r apps");
    s.commit("no apps", &[]);
    s.prod_is(json!(["behind", true, 0, 1, "no apps", [], [], []]));
    s.git("switch --quiet prod");
    s.commit("elsewhere", &[("other/a.yaml", &keys("2", "1", "1"))]);
    s.prod_is(json!(["diverged", false, 1, 1, "no apps", [], [], []]));
}

#[test]
fn folders_of_one_branch_have_their_own_variants() {
    let mut s = Sandbox::new(
        "- name: staging\n  branch: main\n  path: [base, overlays/staging]\n  variants: overlays/staging\n\
         - name: prod\n  branch: prod\n  promotedFrom: staging\n  path: [base, overlays/prod]\n  variants: [overlays/prod]\n",
    );
    let files = [
        ("base/a.yaml", keys("1", "1", "1")),
        ("overlays/prod/b.yaml", setting("b", "prod")),
        ("overlays/staging/b.yaml", setting("b", "staging")),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    s.commit("first", &files);
    s.git("branch prod");
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
    s.commit("staging only", &[("overlays/staging/b.yaml", &setting("b", "staging-2"))]);
    s.prod_is(json!(["in-step", true, 0, 1, null, [], [], []]));
    s.commit("base", &[("base/a.yaml", &keys("2", "1", "1"))]);
    s.prod_is(json!(["behind", true, 0, 2, "staging only", [], [], []]));
}

#[test]
fn what_staging_lost_by_force_had_stood_there() {
    let mut s = level();
    s.git("switch --quiet staging");
    s.commit("two", &[("a.yaml", &keys("2", "1", "1"))]);
    s.prod_is(json!(["behind", true, 0, 1, "two", [], [], []]));
    s.git("branch --force prod staging");
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
    s.git("reset --quiet --hard HEAD~1");
    // Prod runs what staging tested, but staging lost it.
    s.prod_is(json!(["diverged", false, 1, 0, null, ["two"], [], []]));
}

#[test]
fn a_shallow_clone_counts_as_git_does() {
    let mut s = level();
    s.git("switch --quiet staging");
    for number in ["2", "3", "4"] {
        s.commit(number, &[("a.yaml", &keys(number, "1", "1"))]);
    }
    let origin = format!("file://{}", s.repository().display());
    let clone = tempfile::tempdir().unwrap();
    let words = ["clone", "--quiet", "--bare", "--depth", "2", "--no-single-branch", &origin, "repository"];
    assert!(git(clone.path(), 1_800_000_000, &words).status.success());
    let text = fs::read_to_string(s.config()).unwrap();
    fs::write(clone.path().join("driftd.yaml"), text).unwrap();
    let config = driftd::config::Config::load(&clone.path().join("driftd.yaml")).unwrap();
    let found = look(&driftd::pipeline::Promotions::new(&config).unwrap(), jiff::Timestamp::UNIX_EPOCH).remove(0);
    let counted = git(&clone.path().join("repository"), 0, &["rev-list", "--left-right", "--count", "prod...staging"]);
    let counted = String::from_utf8(counted.stdout).unwrap();
    assert_eq!(format!("{}\t{}\n", found.ahead.unwrap(), found.behind.unwrap()), counted);
}

#[test]
fn an_encrypted_secret_is_equal_where_its_file_is() {
    let secret = |text: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData:\n  p: ENC[AES256_GCM,data:{text},iv:x,tag:y,type:str]\n\
             sops:\n  mac: ENC[AES256_GCM,data:m,iv:x,tag:y,type:str]\n  version: 3.9.0\n"
        )
    };
    let mut s = level();
    s.commit("secret", &[("s.yaml", &secret("one"))]);
    s.git("branch --force staging prod");
    s.commit("rotated", &[("s.yaml", &secret("two"))]);
    s.prod_is(json!(["diverged", false, 1, 0, null, ["rotated"], [], ["rotated"]]));
}

#[test]
fn what_leads_out_of_the_repository_is_unknown_where_the_trees_differ() {
    let mut s = level();
    let kustomization = "resources: [../base.yaml]\n";
    s.commit("kustomize", &[("kustomization.yaml", kustomization), ("base.yaml", &setting("base", "1"))]);
    s.git("branch --force staging");
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
    s.commit("base", &[("base.yaml", &setting("base", "2"))]);
    s.prod_is(json!(["unknown", false, 1, 0, null, [], [], []]));
}

#[test]
fn what_a_chart_from_elsewhere_renders_is_unknown_where_the_trees_differ() {
    let chart = "  helm: {chart: trino, version: 1.0.0, repoURL: 'https://charts.example.org'}\n";
    let mut s = Sandbox::new(&format!(
        "- name: staging\n  branch: staging\n{chart}- name: prod\n  branch: prod\n  promotedFrom: staging\n{chart}"
    ));
    s.commit("first", &[("readme.txt", "one")]);
    s.git("branch staging");
    s.git("branch prod");
    s.prod_is(json!(["in-step", true, 0, 0, null, [], [], []]));
    s.commit("second", &[("readme.txt", "two")]);
    s.git("branch --force staging");
    s.prod_is(json!(["unknown", true, 0, 1, null, [], [], []]));
}
