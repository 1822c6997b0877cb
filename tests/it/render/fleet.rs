//! What is rendered when: once for each environment, and again only for those whose files have changed or hold what
//! must not be kept.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::thread;

use driftd::config::Config;
use driftd::pipeline::Pipeline;
use futures_util::future::join_all;

use super::site::Site;
use crate::fixture::{Fleet, GitRepository, assert_no_canary_in, canary};

/// Programs that render one kustomization (asked a second time for origins) and one chart.
const KUSTOMIZATION: usize = 2;
const CHART: usize = 1;

fn config(fleet: &Fleet) -> Config {
    fleet.config(|name| fleet.counting(name), "renderCache: kept")
}

/// Scans every environment at once; each is in sync.
fn sweep(pipeline: &Pipeline, fleet: &Fleet) -> usize {
    let config = config(fleet);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let reports = runtime.block_on(join_all(config.environments.iter().map(|environment| pipeline.scan(environment))));
    for report in reports {
        assert_eq!(
            (&report.gaps[..], report.out_of_sync().count(), report.objects.len()),
            (&[][..], 0, 4),
            "{}",
            report.name
        );
    }
    fleet.renders()
}

#[test]
fn a_push_renders_the_environments_whose_files_it_touches_alone() {
    let mut fleet = Fleet::new(4);
    let pipeline = Pipeline::new(&config(&fleet)).unwrap();
    assert_eq!(sweep(&pipeline, &fleet), 2 * KUSTOMIZATION + 2 * CHART);
    assert_eq!(sweep(&pipeline, &fleet), 0, "nothing was pushed");
    fleet.touch([0]);
    assert_eq!(sweep(&pipeline, &fleet), KUSTOMIZATION, "one kustomization was touched");
    fleet.touch([1]);
    assert_eq!(sweep(&pipeline, &fleet), CHART, "the values of one release were touched");
    fleet.touch([]);
    assert_eq!(sweep(&pipeline, &fleet), 0, "a commit without a change");
    fleet.touch(0..4);
    assert_eq!(sweep(&pipeline, &fleet), 2 * KUSTOMIZATION + 2 * CHART);
}

#[test]
fn a_restart_renders_nothing_that_was_kept() {
    let mut fleet = Fleet::new(4);
    let all = 2 * KUSTOMIZATION + 2 * CHART;
    let start = |fleet: &Fleet| sweep(&Pipeline::new(&config(fleet)).unwrap(), fleet);
    assert_eq!(start(&fleet), all);
    assert_eq!(start(&fleet), 0, "nothing was pushed");
    fleet.touch([1]);
    assert_eq!(start(&fleet), CHART, "the values of one release were touched");
    for file in fs::read_dir(fleet.path("kept")).unwrap() {
        fs::write(file.unwrap().path(), "{}\n").unwrap();
    }
    assert_eq!(start(&fleet), all, "what is corrupt is rendered again");
    assert_eq!(start(&fleet), 0, "and kept again");
}

#[test]
fn what_holds_a_secret_is_never_kept() {
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{p: {}}}\n",
        canary("a chart that is not kept")
    );
    let site = Site::new(&[
        ("app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n"),
        ("app/templates/s.yaml", &secret),
    ]);
    site.configure_with("path: app", "renderCache: kept");
    for _ in 0..2 {
        assert_eq!(site.report()["summary"]["objects"]["missing"], 1);
    }
    assert!(!site.path("kept").exists());
    let plain = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {colour: blue}\n";
    let with_map = [("app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n"), ("app/templates/c.yaml", plain)];
    site.repository().commit("main", &with_map);
    site.report();
    // It drifts, so that it was made at two times of day; the commit before it holds a Secret.
    assert_eq!(fs::read_dir(site.path("kept")).unwrap().count(), 2);
    assert_no_canary_in(&site.path("kept"));
}

#[test]
fn only_so_many_programs_compute_at_a_time() {
    let repository = GitRepository::new();
    repository.commit("main", &[("in.txt", "")]);
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let most = 4 * thread::available_parallelism().unwrap().get();
    let script =
        format!("echo begin >>{0}; head -c 3000000 /dev/zero | sha256sum >/dev/null; echo end >>{0}", log.display());
    let mut text = format!(
        "clusters: [{{name: c, snapshot: cluster}}]\nrepositories: [{{name: r, url: '{}'}}]\nenvironments:\n",
        repository.path().display()
    );
    fs::create_dir(folder.path().join("cluster")).unwrap();
    for number in 0..4 * most {
        let command = format!("renderer: command, command: {{argv: [sh, -c, '{script}']}}");
        writeln!(text, "- {{name: e{number}, repository: r, branch: main, cluster: c, {command}}}").unwrap();
    }
    let config = Config::parse(text.as_bytes(), "driftd.yaml", folder.path()).unwrap();
    let pipeline = Pipeline::new(&config).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(join_all(config.environments.iter().map(|environment| pipeline.scan(environment))));
    let (at_once, begun) = at_once(&log);
    assert_eq!(begun, 4 * most);
    assert!(at_once > 1 && at_once <= most, "{at_once} of {most}");
}

/// How many ran side by side at the most, and how many in all.
fn at_once(log: &Path) -> (usize, usize) {
    let (mut running, mut most, mut begun) = (0, 0, 0);
    for line in fs::read_to_string(log).unwrap().lines() {
        if line == "begin" {
            (running, begun) = (running + 1, begun + 1);
        } else {
            running -= 1;
        }
        most = most.max(running);
    }
    (most, begun)
}
