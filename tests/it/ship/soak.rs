//! A storm of changes, deployments, force-pushes and faults over a running daemon, after which nothing is wrong.
//!
//! `DRIFTD_SEED` repeats a run and `DRIFTD_SOAK_SECONDS` makes it longer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use git2::Oid;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::daemon::timeless;
use super::process::Running;
use crate::fixture::{
    ControlPlane, Fault, GitRepository, Middleman, Namespace, Patch, canary, command, driftd, eventually,
};
use crate::property::Random;

/// How long in CI.
const SECONDS: u64 = 120;
const BRANCH: &str = "prod";
const DEPLOYER: &str = "pipeline";
const PERSON: &str = "kubectl-edit";

/// What one `ConfigMap` is like on one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Map {
    value: u64,
    /// An entry that nobody declares.
    extra: Option<u64>,
}

/// What the test did, in place of looking.
struct Script {
    random: Random,
    /// What the branch declares.
    declared: BTreeMap<String, u64>,
    /// What lives.
    live: BTreeMap<String, Map>,
    /// Every commit with what it declares.
    commits: Vec<(String, BTreeMap<String, u64>)>,
    /// Every drift that a quiet moment showed, in the order of its beginning, and whether it has ended.
    episodes: Vec<(String, bool)>,
    /// What drifted at the latest quiet moment.
    standing: BTreeSet<String>,
    /// The next value: none comes twice, so that each change is one.
    next: u64,
}

impl Script {
    fn new(seed: u64, maps: usize) -> Self {
        let declared: BTreeMap<_, _> = (0..maps).map(|number| (format!("map-{number}"), 0)).collect();
        let live = declared.keys().map(|name| (name.clone(), Map { value: 0, extra: None })).collect();
        Self {
            random: Random::new(seed),
            declared,
            live,
            commits: Vec::new(),
            episodes: Vec::new(),
            standing: BTreeSet::new(),
            next: 0,
        }
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn name(&mut self) -> String {
        let names: Vec<String> = self.declared.keys().cloned().collect();
        self.random.one(&names).clone()
    }

    /// What drifts by now.
    fn drift(&self) -> BTreeSet<String> {
        let mut drift = BTreeSet::new();
        for (name, declared) in &self.declared {
            match self.live.get(name) {
                None => {
                    drift.insert(format!("{name} missing"));
                }
                Some(live) => {
                    if live.value != *declared {
                        drift.insert(format!("{name} data.value changed"));
                    }
                    if live.extra.is_some() {
                        drift.insert(format!("{name} data.extra added"));
                    }
                }
            }
        }
        drift
    }

    /// A quiet moment: what began and what ended since the one before.
    fn settle(&mut self) {
        let drift = self.drift();
        for ended in self.standing.difference(&drift) {
            let open = self.episodes.iter_mut().rfind(|(what, over)| what == ended && !over);
            open.expect("it began at a quiet moment").1 = true;
        }
        self.episodes.extend(drift.difference(&self.standing).map(|begun| (begun.clone(), false)));
        self.standing = drift;
    }
}

/// The cluster, the repository and the daemon between them.
struct Storm {
    plane: ControlPlane,
    namespace: Namespace,
    middleman: Middleman,
    repository: GitRepository,
    folder: TempDir,
    script: Script,
}

fn manifest(name: &str, value: u64) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: \"{value}\"}}\n")
}

fn secret() -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: database}}\nstringData: {{p: {}}}\n", canary("soak"))
}

impl Storm {
    fn new(seed: u64) -> Self {
        let plane = ControlPlane::start();
        let namespace = plane.namespace("storm");
        let middleman = Middleman::before(&namespace.admin);
        let mut storm = Self {
            plane,
            namespace,
            middleman,
            repository: GitRepository::new(),
            folder: tempfile::tempdir().unwrap(),
            script: Script::new(seed, 12),
        };
        storm.commit();
        storm.apply();
        let config = json!({
            "interval": "1s",
            "maxStaleness": "1h",
            "settling": {"outdated": "0s"},
            "http": {"listen": "127.0.0.1:0"},
            "state": "driftd.db",
            "clusters": [{"name": "test", "kubeconfig": storm.middleman.path()}],
            "repositories": [{"name": "platform", "url": storm.repository.path()}],
            "environments": [{
                "name": "prod", "repository": "platform", "branch": BRANCH, "cluster": "test",
                "namespace": storm.namespace.name,
            }],
            "deployers": [DEPLOYER],
        });
        fs::write(storm.config(), config.to_string()).unwrap();
        storm
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("driftd.yaml")
    }

    fn path(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/configmaps/{name}", self.namespace.name)
    }

    /// Commits what the script declares.
    fn commit(&mut self) {
        let files: Vec<_> =
            self.script.declared.iter().map(|(name, value)| (name.clone() + ".yaml", manifest(name, *value))).collect();
        let secret = secret();
        let files =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).chain([("secret.yaml", secret.as_str())]);
        let revision = self.repository.commit(BRANCH, &files.collect::<Vec<_>>());
        self.script.commits.push((revision, self.script.declared.clone()));
    }

    /// Deploys what is declared; entries that a person added stay.
    fn apply(&mut self) {
        let declared = &self.script.declared;
        let all: Vec<String> = declared.iter().map(|(name, value)| manifest(name, *value)).chain([secret()]).collect();
        self.namespace.admin.server_side_apply_by_force(&all.join("---\n"), DEPLOYER);
        for (name, value) in declared {
            self.script.live.entry(name.clone()).or_insert(Map { value: 0, extra: None }).value = *value;
        }
    }

    fn patch(&self, name: &str, data: &Value) {
        let change = json!({"data": data});
        self.namespace.admin.api().patch(&self.path(name), Patch::Merge, &change, PERSON).expect("allowed");
    }

    /// A person does something to one object.
    fn meddle(&mut self) {
        let (name, fresh) = (self.script.name(), self.script.fresh());
        let declared = self.script.declared[&name];
        let Some(mut live) = self.script.live.get(&name).copied() else {
            let object: Value = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name},
                                       "data": {"value": declared.to_string()}});
            self.namespace.create(&object, PERSON).expect("it was deleted");
            self.script.live.insert(name, Map { value: declared, extra: None });
            return;
        };
        match self.script.random.below(5) {
            0 => {
                self.namespace.admin.api().delete(&self.path(&name)).expect("allowed");
                self.script.live.remove(&name);
                return;
            }
            1 => live.value = fresh,
            2 => live.extra = Some(fresh),
            _ => live = Map { value: declared, extra: None },
        }
        self.patch(
            &name,
            &json!({"value": live.value.to_string(), "extra": live.extra.map(|extra| extra.to_string())}),
        );
        self.script.live.insert(name, live);
    }

    /// A commit that changes some objects.
    fn change_branch(&mut self) {
        for _ in 0..3 {
            let (name, fresh) = (self.script.name(), self.script.fresh());
            self.script.declared.insert(name, fresh);
        }
        self.commit();
    }

    /// The branch goes back to an earlier commit, and what was above it is gone.
    fn force_push(&mut self) {
        let kept = self.script.random.below(self.script.commits.len());
        let (revision, declared) = self.script.commits[kept].clone();
        self.script.commits.truncate(kept + 1);
        self.script.declared = declared;
        let repository = self.repository.git();
        repository
            .reference(&format!("refs/heads/{BRANCH}"), Oid::from_str(&revision).unwrap(), true, "forced")
            .unwrap();
    }

    /// One step of the storm; the daemon has seen everything when it ends.
    fn step(&mut self, daemon: &Running) {
        match self.script.random.below(20) {
            0 => {
                self.plane.stop_apiserver();
                self.plane.start_apiserver();
            }
            1 | 2 => {
                let repository = self.repository.path().to_owned();
                let aside = repository.with_extension("aside");
                fs::rename(&repository, &aside).unwrap();
                self.meddle();
                fs::rename(&aside, &repository).unwrap();
            }
            3..=6 => {
                let faults =
                    [Fault::Refuse(429), Fault::Refuse(500), Fault::Refuse(403), Fault::Refuse(401), Fault::BreakOff];
                let fault = *self.script.random.one(&faults);
                let part = *self.script.random.one(&["/configmaps", "/api", "watch="]);
                self.middleman.fail(part, fault);
                self.meddle();
                self.middleman.mend();
            }
            7 | 8 => {
                self.change_branch();
                self.observe(daemon);
                self.apply();
            }
            9 => self.force_push(),
            10 => self.apply(),
            _ => self.meddle(),
        }
        self.observe(daemon);
    }

    /// Waits until the daemon shows what the script says, and nothing else.
    fn observe(&mut self, daemon: &Running) {
        let expected = self.script.drift();
        let mut last = Value::Null;
        eventually_or(&mut last, |last| {
            *last = serde_json::from_str(&daemon.get("/api/v1/report")).unwrap();
            last["complete"] == true
                && shown(last) == expected
                && last["environments"][0]["revision"] == *self.script.commits.last().unwrap().0
        })
        .unwrap_or_else(|| panic!("the daemon shows {last:#}\nnot {expected:#?}"));
        self.script.settle();
    }
}

/// Asks `holds` for a minute; `None` if it never does.
fn eventually_or(last: &mut Value, mut holds: impl FnMut(&mut Value) -> bool) -> Option<()> {
    let asked =
        std::panic::AssertUnwindSafe(|| eventually("the daemon shows what was done", || holds(last).then_some(())));
    std::panic::catch_unwind(asked).ok()
}

/// What drifts by a report, in the script's words.
fn shown(report: &Value) -> BTreeSet<String> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let objects = report["environments"][0]["objects"].as_array().cloned().unwrap_or_default();
    let of = |object: &Value| -> Vec<String> {
        let name = word(&object["name"]);
        match object["state"].as_str() {
            Some("modified") => object["findings"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|finding| format!("{name} {} {}", word(&finding["path"]), word(&finding["change"])))
                .collect(),
            state => vec![format!("{name} {}", state.unwrap_or_default())],
        }
    };
    objects.iter().flat_map(of).collect()
}

/// Every episode on record, in the order of its beginning, and whether it has ended.
fn recorded(storm: &Storm) -> Vec<(String, bool)> {
    let ended = driftd(&["history", "--config", storm.config().to_str().unwrap(), "--since", "1d", "-o", "json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entries = ended.json()["entries"].as_array().cloned().unwrap_or_default();
    let of = |entry: &Value| {
        let what = match entry["state"].as_str() {
            Some("modified") => format!("{} {} {}", word(&entry["name"]), word(&entry["path"]), word(&entry["change"])),
            state => format!("{} {}", word(&entry["name"]), state.unwrap_or_default()),
        };
        (what, !entry["resolved"].is_null())
    };
    entries.iter().map(of).collect()
}

/// Resident memory in KiB and open files of a process.
fn costs(process: u32) -> (u64, usize) {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    let memory = line.trim().trim_end_matches(" kB").parse().expect("a number");
    (memory, fs::read_dir(format!("/proc/{process}/fd")).unwrap().count())
}

#[test]
fn after_a_storm_nothing_is_wrong() {
    let setting = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let seed = setting("DRIFTD_SEED", 7);
    let length = Duration::from_secs(setting("DRIFTD_SOAK_SECONDS", SECONDS));
    println!("DRIFTD_SEED={seed} DRIFTD_SOAK_SECONDS={}", length.as_secs());
    let mut storm = Storm::new(seed);
    let mut daemon = Running::start(&mut command(&["run", "--config", storm.config().to_str().unwrap()]));
    daemon.await_ready();
    storm.observe(&daemon);
    let (begin, mut steps, mut early) = (Instant::now(), 0, None);
    while begin.elapsed() < length {
        storm.step(&daemon);
        steps += 1;
        if early.is_none() && begin.elapsed() > length / 4 {
            early = Some(costs(daemon.process_id()));
        }
    }
    let (early, late) = (early.unwrap_or_default(), costs(daemon.process_id()));
    println!(
        "{steps} steps, {} episodes; KiB and files: {early:?} after a quarter, {late:?} at the end",
        storm.script.episodes.len()
    );
    assert!(late.0 < early.0 + early.0 / 2, "memory has grown from {} to {} KiB", early.0, late.0);
    assert!(late.1 <= early.1 + 8, "open files have grown from {} to {}", early.1, late.1);

    let served: Value = serde_json::from_str(&daemon.get("/api/v1/report")).unwrap();
    let checked = driftd(&["check", "-o", "json", "--config", storm.config().to_str().unwrap()]).json();
    assert_eq!(timeless(served), timeless(checked));
    let sorted = |mut episodes: Vec<(String, bool)>| {
        episodes.sort();
        episodes
    };
    assert_eq!(sorted(recorded(&storm)), sorted(storm.script.episodes.clone()));
    assert_eq!(daemon.end("TERM").code, Some(0));
}
