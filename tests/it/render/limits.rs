//! Programs that do not end, multiply, print without end or take all memory come to an end, with everything they started.

use std::fs;

use super::site::Site;
use crate::fixture::eventually;

/// A site whose command is a script of the shell; `token` stands in the words of each of its processes.
fn site(script: &str, token: &str, limits: &str) -> Site {
    let site = Site::new(&[("in.txt", "")]);
    let lines = format!("renderer: command\ncommand: {{argv: [sh, -c, '{script}', {token}]}}");
    site.configure_with(&lines, limits);
    site
}

/// The processes that have `token` among their words.
fn processes(token: &str) -> Vec<String> {
    let folders = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let words = folders.filter_map(|folder| fs::read(folder.join("cmdline")).ok());
    let words = words.map(|words| String::from_utf8_lossy(&words).replace('\0', " "));
    words.filter(|words| words.contains(token) && !words.contains("driftd")).collect()
}

#[test]
fn one_that_hangs_is_killed_in_time() {
    let token = "token-hangs";
    let site = site("sleep 1000; true", token, "rendering: {timeout: 1s}");
    let gaps = site.gaps();
    assert!(gaps.contains("had not ended after 1s and was killed; raise `rendering.timeout`"), "{gaps}");
    assert_eq!(processes(token), [""; 0]);
}

#[test]
fn one_that_forks_is_killed_with_all_that_it_started() {
    let token = "token-forks";
    let child = "sh -c \"sleep 1000; true\" token-forks";
    let hanging = site(&format!("{child} & {child} & wait"), token, "rendering: {timeout: 1s}");
    assert!(hanging.gaps().contains("had not ended after 1s"));
    assert_eq!(processes(token), [""; 0]);
    // What it leaves behind at its own end goes as well, and does not hold the output open.
    let leaving = site(&format!("{child} & echo \"{{}}\""), token, "rendering: {timeout: 50s}");
    assert!(!leaving.gaps().contains("had not ended"));
    assert_eq!(processes(token), [""; 0]);
}

#[test]
fn one_that_prints_without_end_is_killed() {
    for script in ["yes", "yes >&2"] {
        let gaps = site(script, "token-prints", "rendering: {output: 1Mi}").gaps();
        assert!(gaps.contains("printed more than 1 MiB and was killed; raise `rendering.output`"), "{script}: {gaps}");
    }
    assert_eq!(processes("token-prints"), [""; 0]);
}

#[test]
fn one_that_takes_all_memory_gets_no_more() {
    let gaps = site("tail /dev/zero", "token-eats", "rendering: {memory: 64Mi}").gaps();
    assert!(gaps.contains("the command failed on the repository"), "{gaps}");
}

#[test]
fn an_interrupted_check_leaves_nothing_running() {
    let token = "token-interrupted";
    let site = site("sleep 1000; true", token, "");
    let mut check = site.command(&[]).start();
    eventually("the command runs", || (!processes(token).is_empty()).then_some(()));
    assert_eq!(check.end("INT").code, Some(130));
    eventually("the command is gone", || processes(token).is_empty().then_some(()));
    assert_eq!(fs::read_dir(site.path("tmp")).unwrap().count(), 0);
}

#[test]
fn a_child_sees_nothing_of_the_settings_of_driftd() {
    let site = site(
        "echo \"{apiVersion: v1, kind: ConfigMap, metadata: {name: seen}, data: {home: \\\"$(ls -A $HOME)\\\", secret: \\\"$CANARY\\\", kubeconfig: \\\"$KUBECONFIG\\\"}}\"",
        "token-sees",
        "",
    );
    site.live("{apiVersion: v1, kind: ConfigMap, metadata: {name: seen, namespace: trino}, data: {home: '', secret: '', kubeconfig: ''}}");
    let mut check = site.command(&["-o", "json"]);
    let ended = check.env("CANARY", "seen").env("KUBECONFIG", "/somewhere").output();
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
}
