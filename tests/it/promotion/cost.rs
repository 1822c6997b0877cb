//! What judging a long chain costs, against rendering each of its commits.
//!
//! `DRIFTD_COMMITS` makes the history longer; the figure is printed, not judged.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use driftd::config::Config;
use driftd::drift::model::Redactor;
use driftd::drift::promotion::PromotionState;
use driftd::pipeline::Promotions;
use driftd::{git, manifest};

use super::sandbox::{Sandbox, look, setting};

const ENVIRONMENTS: usize = 10;
const FILES: usize = 60;

/// A line of commits of which each changes one of the files; the environments follow it at equal distances, each with
/// a commit of its own, so that nothing is a fast-forward.
fn stream(commits: usize) -> String {
    let mut out = String::new();
    let mut commit = |branch: &str, number: usize, from: &str, files: &[usize]| {
        let time = 1_795_000_000 + number;
        writeln!(out, "commit refs/heads/{branch}\nmark :{number}\ncommitter Ada <ada@example.org> {time} +0000")
            .unwrap();
        write!(out, "data 1\nx\n{from}").unwrap();
        for file in files {
            let text = setting(&format!("s{file}"), &number.to_string());
            writeln!(out, "M 100644 inline apps/{}/s{file}.yaml\ndata {}\n{text}", file % 7, text.len()).unwrap();
        }
    };
    let all: Vec<usize> = (0..FILES).collect();
    commit("env0", 1, "", &all);
    for number in 2..=commits {
        commit("env0", number, "", &[number % FILES]);
    }
    for environment in 1..ENVIRONMENTS {
        let from = commits - environment * commits / ENVIRONMENTS;
        commit(&format!("env{environment}"), commits + environment, &format!("from :{from}\n"), &[environment]);
    }
    out
}

fn import(repository: &Path, stream: &str) {
    let mut command = Command::new("git");
    command.args(["fast-import", "--quiet"]).current_dir(repository).stdin(Stdio::piped());
    let mut child = command.spawn().expect("git");
    child.stdin.take().expect("a pipe").write_all(stream.as_bytes()).expect("the stream");
    assert!(child.wait().expect("git").success());
}

#[test]
fn a_long_chain_is_judged_without_rendering_each_commit() {
    let commits = std::env::var("DRIFTD_COMMITS").map_or(40, |text| text.parse().expect("a number"));
    let environments: Vec<String> = (0..ENVIRONMENTS)
        .map(|number| match number {
            0 => "- name: env0\n  branch: env0\n".to_owned(),
            _ => format!("- name: env{number}\n  branch: env{number}\n  promotedFrom: env{}\n", number - 1),
        })
        .collect();
    let sandbox = Sandbox::new(&environments.concat());
    let repository = sandbox.repository();
    import(&repository, &stream(commits));
    let config = Config::load(&sandbox.config()).unwrap();
    let promotions = Promotions::new(&config).unwrap();
    let begun = Instant::now();
    let found = look(&promotions, jiff::Timestamp::UNIX_EPOCH);
    let judged = begun.elapsed();
    assert_eq!(found.len(), ENVIRONMENTS - 1);
    for promotion in &found {
        assert_eq!((promotion.state, promotion.hotfixes.len()), (PromotionState::Diverged, 1), "{promotion:?}");
    }

    let begun = Instant::now();
    let redactor = Redactor::new(&[7; 32]);
    let mut revision = "env0".to_owned();
    for _ in 1..commits {
        let tree = git::read(&repository, &revision, &[String::new()]).unwrap();
        let read = |file: &git::SourceFile| manifest::objects(&file.path, &file.bytes, &redactor).len();
        assert_eq!(tree.files.iter().map(read).sum::<usize>(), FILES);
        let mut parent = Command::new("git");
        parent.args(["rev-parse", &format!("{}^", tree.revision)]).current_dir(&repository);
        revision = String::from_utf8(parent.output().unwrap().stdout).unwrap().trim().to_owned();
    }
    // Each environment would have to be rendered from each commit.
    let every = begun.elapsed() * u32::try_from(ENVIRONMENTS).unwrap();
    let ratio = judged.as_secs_f64() / every.as_secs_f64();
    println!(
        "{ENVIRONMENTS} environments, {commits} commits, {FILES} files: judged in {judged:?}; rendering each commit for \
         each takes {every:?}; ratio {ratio:.4}"
    );
}
