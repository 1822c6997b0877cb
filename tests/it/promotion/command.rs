//! `driftd promotion` and its traces in `check` and the daemon, on the real binary.

use serde_json::{Value, json};

use super::sandbox::{Sandbox, setting};
use crate::fixture::driftd;

/// Staging is one commit further, prod has a hotfix.
fn diverged() -> Sandbox {
    let mut s = Sandbox::staging_and_prod();
    s.commit("first", &[("a.yaml", &setting("a", "1")), ("b.yaml", &setting("b", "1"))]);
    s.git("branch staging");
    s.git("switch --quiet --create prod");
    s.commit("hotfix", &[("a.yaml", &setting("a", "1.1"))]);
    s.git("switch --quiet staging");
    s.commit("two", &[("b.yaml", &setting("b", "2"))]);
    s
}

fn promotion(s: &Sandbox, format: &str) -> crate::fixture::Ended {
    driftd(&["promotion", "--config", s.config().to_str().unwrap(), "-o", format])
}

#[test]
fn the_json_is_that_of_the_contract() {
    let mut s = diverged();
    let ended = promotion(&s, "json");
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let hotfix = s.git("rev-parse prod");
    let two = s.git("rev-parse staging");
    let time = |s: &mut Sandbox, id: &str| -> String {
        let seconds: i64 = s.run(&["show", "--no-patch", "--format=%ct", id]).parse().unwrap();
        jiff::Timestamp::from_second(seconds).unwrap().to_string()
    };
    let (hotfix_at, two_at) = (time(&mut s, &hotfix), time(&mut s, &two));
    let hotfix = json!({"revision": hotfix, "subject": "hotfix", "author": "Ada", "committedAt": hotfix_at});
    assert_eq!(
        ended.json(),
        json!({"schemaVersion": 1, "promotions": [{
            "environment": "prod", "promotedFrom": "staging",
            "state": "diverged", "fastForward": false, "ahead": 1, "behind": 1,
            "oldestPending": {"revision": two, "subject": "two", "author": "Ada", "committedAt": two_at},
            "hotfixes": [hotfix], "rolledBack": [], "untested": [hotfix], "recordedSince": null,
        }]})
    );
}

#[test]
fn the_table_names_what_to_look_at() {
    let s = diverged();
    let ended = promotion(&s, "text");
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let rows: Vec<Vec<&str>> = ended.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..3], ["ENVIRONMENT", "PROMOTED", "FROM"]);
    assert_eq!(rows[1][..6], ["prod", "staging", "diverged", "1", "1", "no"]);
    for part in ["hotfix       ", "untested     ", "pending      ", " two  Ada, "] {
        assert!(ended.stdout.contains(part), "{part:?} is not in\n{}", ended.stdout);
    }
}

#[test]
fn the_exit_code_tells_what_was_found() {
    let mut s = diverged();
    assert_eq!(promotion(&s, "json").code, Some(1));
    s.git("branch --force prod staging");
    assert_eq!(promotion(&s, "json").code, Some(0));
    s.git("branch --force prod HEAD~1");
    // What waits is nothing to fail on.
    assert_eq!(promotion(&s, "json").code, Some(0));
    s.git("branch --quiet -D prod");
    let ended = promotion(&s, "json");
    assert_eq!(ended.code, Some(3));
    assert_eq!(ended.json()["promotions"][0]["gaps"][0]["reason"], "not-found");
    let ended = promotion(&s, "table=");
    assert_eq!(ended.code, Some(2));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let s = diverged();
    assert_eq!(promotion(&s, "json").stdout, promotion(&s, "json").stdout);
}

#[test]
fn check_tells_each_promotion_in_a_line_and_in_its_report() {
    let s = diverged();
    let config = s.config();
    let config = config.to_str().unwrap();
    let text = driftd(&["check", "--config", config]);
    let line = "prod ← staging: diverged, 1 commit ahead, 1 commit behind, 1 commit never brought back, \
                1 revision never tested there\n";
    assert!(text.stdout.contains(line), "{}", text.stdout);
    let report = driftd(&["check", "--config", config, "-o", "json"]).json();
    let own: Value = promotion(&s, "json").json();
    assert_eq!(report["promotions"], own["promotions"]);
    let staging = driftd(&["check", "--config", config, "-o", "json", "--environment", "staging"]).json();
    assert_eq!(staging["promotions"], Value::Null);
}
