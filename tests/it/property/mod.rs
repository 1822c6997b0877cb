//! Random manifests, random changes: silent after the deployment, exact after the change, silent again.
//!
//! `DRIFTD_SEED` chooses a run, `DRIFTD_CASES` says how many cases there are. Without them one fixed run guards what
//! has been reached; `just property` goes on looking under a new seed each time.

mod agreement;
mod expect;
mod generate;
mod mutate;
mod openapi;
mod random;
mod scan;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::fixture::{Api, ControlPlane, Patch, canary};
use expect::{Expected, expected};
use openapi::{OpenApi, Schema};
pub use random::Random;
use scan::{Finding, Scanner};

/// Cases of a normal run.
const CASES: usize = 280;
/// Cases that are compared in one scan.
const BATCH: usize = 140;
const PERSON: &str = "kubectl-edit";
const CONTROLLER: &str = "kube-controller-manager";

/// How an object comes to the cluster.
#[derive(Debug, Clone, Copy)]
enum Mode {
    ClientSide,
    ServerSide,
    Helm,
}

const MODES: [Mode; 3] = [Mode::ClientSide, Mode::ServerSide, Mode::Helm];

struct Case {
    number: usize,
    mode: Mode,
    random: Random,
    /// What Git declares.
    manifest: Value,
    path: String,
    /// The object as the server has it.
    live: Value,
    /// The latest change: who made it, what must be said, what may be said beside it.
    author: &'static str,
    required: Vec<Expected>,
    allowed: Vec<Expected>,
    /// What restoring writes: of a field that Git does not declare, whoever puts it back is the author.
    put_back: Vec<Expected>,
    what: String,
}

struct Run<'a> {
    api: &'a Api,
    openapi: &'a OpenApi,
    templates: &'a [Value],
    collections: BTreeMap<String, String>,
    namespace: String,
    seed: u64,
    discarded: Mutex<Vec<String>>,
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text:?}")))
}

fn templates() -> Vec<Value> {
    let kinds = include_str!("kinds.yaml").replace("CANARY", canary("property"));
    let documents = driftd::yaml::documents(kinds.as_bytes(), &driftd::yaml::Budget::default());
    let named: Vec<Value> = documents.into_iter().map(|document| document.expect("YAML").value).collect();
    assert!(named.len() >= 44, "{}", named.len());
    named
}

/// The run that every test run repeats.
const SEED: u64 = 2;

#[test]
fn random_objects_are_silent_exact_and_silent_again() {
    let seed = setting("DRIFTD_SEED").unwrap_or(SEED);
    let cases = setting("DRIFTD_CASES").map_or(CASES, |cases| usize::try_from(cases).expect("fits"));
    eprintln!("DRIFTD_SEED={seed} DRIFTD_CASES={cases}");
    let plane = ControlPlane::start();
    let templates = templates();
    let mut versions: Vec<&str> = templates.iter().filter_map(|template| template["apiVersion"].as_str()).collect();
    versions.sort_unstable();
    versions.dedup();
    let openapi = OpenApi::read(plane.admin().api(), &versions);
    let scanner = Scanner::new(plane.admin().path());
    let mut failures = Vec::new();
    let (mut deployed, mut changed) = (0, 0);
    for first in (0..cases).step_by(BATCH) {
        let namespace = plane.namespace("property");
        let api = namespace.admin.api();
        let collections = templates
            .iter()
            .map(|template| {
                let [version, kind] = ["apiVersion", "kind"].map(|key| template[key].as_str().expect("text"));
                (format!("{version}/{kind}"), api.collection(version, kind, &namespace.name))
            })
            .collect();
        let run = Run {
            api,
            openapi: &openapi,
            templates: &templates,
            collections,
            namespace: namespace.name.clone(),
            seed,
            discarded: Mutex::default(),
        };
        let mut batch = run.deploy(first..cases.min(first + BATCH));
        deployed += batch.len();
        run.judge(&scanner, &batch, "deployed", &mut failures);
        run.judge_reworded(&scanner, &mut batch, &mut failures);
        in_parallel(&mut batch, |case| run.change(case));
        changed += batch.iter().filter(|case| !case.what.is_empty()).count();
        run.judge(&scanner, &batch, "changed", &mut failures);
        in_parallel(&mut batch, |case| run.restore(case));
        run.judge(&scanner, &batch, "restored", &mut failures);
        for case in &batch {
            // What was made outside of namespaces would meet the next batch.
            api.delete(&case.path).ok();
        }
        let discarded = run.discarded.into_inner().expect("no thread died");
        for line in discarded {
            eprintln!("refused: {line}");
        }
    }
    eprintln!("{deployed} of {cases} objects were accepted, {changed} changed");
    assert!(deployed * 4 > cases * 3, "most objects are valid");
    assert!(failures.is_empty(), "DRIFTD_SEED={seed}: {} failures\n{}", failures.len(), failures.join("\n\n"));
}

/// Works on every case, a few at once.
fn in_parallel(cases: &mut [Case], work: impl Fn(&mut Case) + Sync) {
    let size = cases.len().div_ceil(4).max(1);
    thread::scope(|scope| {
        for part in cases.chunks_mut(size) {
            scope.spawn(|| part.iter_mut().for_each(&work));
        }
    });
}

impl Run<'_> {
    fn schema(&self, object: &Value) -> Schema<'_> {
        self.openapi.kind(object)
    }

    fn deploy(&self, numbers: std::ops::Range<usize>) -> Vec<Case> {
        let next = AtomicUsize::new(numbers.start);
        let made = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= numbers.end {
                            break;
                        }
                        if let Some(case) = self.make(number) {
                            made.lock().expect("no thread died").push(case);
                        }
                    }
                });
            }
        });
        let mut made = made.into_inner().expect("no thread died");
        made.sort_by_key(|case| case.number);
        made
    }

    fn make(&self, number: usize) -> Option<Case> {
        let mut random = Random::new(self.seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
        let template = &self.templates[number % self.templates.len()];
        let mode = *random.one(&MODES);
        let mut manifest = template.clone();
        manifest["metadata"]["name"] = format!("case-{number}.example.com").into();
        if !["CSIDriver", "Node"].contains(&template["kind"].as_str().expect("text")) {
            manifest["metadata"]["name"] = format!("case-{number}").into();
        }
        if !matches!(mode, Mode::ClientSide) {
            // Made with nothing but a name, an object has no managedFields, and the server never keeps any.
            manifest["metadata"]["labels"] = json!({"app": "case"});
        }
        let percent = *random.one(&[0, 5, 15, 30]);
        let grafted = generate::graft(self.schema(template), &mut manifest, &mut random, percent);
        let [version, kind] = ["apiVersion", "kind"].map(|key| template[key].as_str().expect("text"));
        let collection = &self.collections[&format!("{version}/{kind}")];
        let manifest = generate::accepted(self.api, collection, manifest, grafted, &mut random);
        let deployed = manifest.and_then(|manifest| {
            let live = self.apply(mode, collection, &manifest).map_err(|error| error.to_string())?;
            Ok((manifest, live))
        });
        let (manifest, live) = match deployed {
            Ok(deployed) => deployed,
            Err(reason) => {
                self.discarded
                    .lock()
                    .expect("no thread died")
                    .push(format!("case {number} {kind} ({mode:?}): {reason}"));
                return None;
            }
        };
        let path = format!("{collection}/{}", manifest["metadata"]["name"].as_str().expect("text"));
        let (author, what) = (PERSON, String::new());
        Some(Case {
            number,
            mode,
            random,
            manifest,
            path,
            live,
            author,
            required: vec![],
            allowed: vec![],
            put_back: vec![],
            what,
        })
    }

    /// Deploys in the case's way.
    fn apply(&self, mode: Mode, collection: &str, manifest: &Value) -> kube::Result<Value> {
        match mode {
            Mode::ClientSide => {
                let mut declared = manifest.clone();
                if !declared["metadata"]["annotations"].is_object() {
                    declared["metadata"]["annotations"] = json!({});
                }
                let mut body = declared.clone();
                body["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
                    format!("{declared}\n").into();
                self.api.create(collection, &body, "kubectl-client-side-apply")
            }
            Mode::ServerSide => {
                let path = format!("{collection}/{}", manifest["metadata"]["name"].as_str().expect("text"));
                self.api.patch(&path, Patch::ApplyByForce, manifest, "kustomize-controller")
            }
            Mode::Helm => self.api.create(collection, manifest, "Helm"),
        }
    }

    /// Changes one thing that the server accepts and keeps.
    fn change(&self, case: &mut Case) {
        let schema = self.schema(&case.manifest);
        case.live = self.api.get(&case.path).expect("it is there");
        case.author = if case.random.chance(20) { CONTROLLER } else { PERSON };
        for _ in 0..40 {
            let mut wanted = case.live.clone();
            if !mutate::mutate(schema, &mut wanted, &mut case.random) {
                continue;
            }
            let Ok(after) = self.api.put(&case.path, &wanted, case.author) else { continue };
            let desired = scan::as_compared(&case.manifest);
            let differs = expected(schema, &desired, &case.live, &after);
            let asked = expected(schema, &desired, &case.live, &wanted);
            let asks = |one: &Expected| asked.iter().any(|other| other.0 == one.0);
            (case.required, case.allowed) = differs.into_iter().partition(asks);
            case.put_back = expected(schema, &desired, &after, &case.live);
            case.required.retain(|one| one.1 != "vanished");
            if case.required.is_empty() {
                // Without effect, or an effect elsewhere: anew, and something else.
                if case.manifest["kind"] == "Namespace" {
                    self.restore(case);
                } else {
                    self.redeploy(case);
                }
                case.live = self.api.get(&case.path).expect("it is there");
                continue;
            }
            case.what = format!("before {}\nafter {after}", case.live);
            return;
        }
        (case.required, case.allowed, case.what) = (vec![], vec![], String::new());
    }

    /// Puts back what was there before the change.
    fn restore(&self, case: &mut Case) {
        let mut before = case.live.clone();
        let metadata = before["metadata"].as_object_mut().expect("metadata");
        metadata.remove("managedFields");
        metadata.remove("resourceVersion");
        let now = self.api.get(&case.path).expect("it is there");
        before["metadata"]["resourceVersion"] = now["metadata"]["resourceVersion"].clone();
        let restored = self.api.put(&case.path, &before, PERSON);
        (case.required, case.allowed) = (vec![], vec![]);
        if restored.is_err() {
            // What can only grow is made anew.
            self.redeploy(case);
        }
    }

    fn redeploy(&self, case: &Case) {
        if case.manifest["kind"] == "Namespace" {
            // It would be deleted for ever: no controller is there to finish it.
            return;
        }
        // Nor is one there to take finalizers away.
        let free = json!({"metadata": {"finalizers": null}});
        self.api.delete(&case.path).ok();
        self.api.patch(&case.path, Patch::Merge, &free, PERSON).ok();
        let collection = case.path.rsplit_once('/').expect("a path").0;
        let again = self.apply(case.mode, collection, &case.manifest);
        again.unwrap_or_else(|error| panic!("case {}: {error}\n{}", case.number, case.manifest));
    }

    fn judge(&self, scanner: &Scanner, cases: &[Case], phase: &str, failures: &mut Vec<String>) {
        let manifests: Vec<&Value> = cases.iter().map(|case| &case.manifest).collect();
        let found = scanner.scan(&manifests, &self.namespace);
        agreement::judge(self, cases, &found, phase, failures);
        for case in cases {
            let found = found.of(&case.manifest);
            if let Some(problem) = case.problem(found) {
                let Case { number, mode, manifest, what, author, .. } = case;
                failures.push(format!(
                    "case {number} ({mode:?} {}) {phase} by {author}: {problem}\ngit {manifest}\n{}",
                    manifest["kind"],
                    if phase == "deployed" { "" } else { what }
                ));
            }
        }
    }

    /// Git in other words is silent as well.
    fn judge_reworded(&self, scanner: &Scanner, cases: &mut [Case], failures: &mut Vec<String>) {
        let plain: Vec<Value> = cases.iter().map(|case| case.manifest.clone()).collect();
        for case in cases.iter_mut() {
            let schema = self.openapi.kind(&case.manifest);
            mutate::reword(schema, &mut case.manifest, &case.live, &mut case.random);
        }
        self.judge(scanner, cases, "reworded", failures);
        for (case, plain) in cases.iter_mut().zip(plain) {
            case.manifest = plain;
        }
    }
}

impl Case {
    /// What is wrong with what was found.
    fn problem(&self, found: Option<&Vec<Finding>>) -> Option<String> {
        let Some(found) = found else { return Some("was not compared".to_owned()) };
        // Of a mirrored pair one speaks for both: the one that Git declares, else the newer.
        let mirrored = |finding: &Finding, expected: &Expected| {
            let pair =
                |one: &str, other: &str| one.ends_with(".serviceAccount") && other.strip_suffix("Name") == Some(one);
            pair(&finding.path, &expected.0) || pair(&expected.0, &finding.path)
        };
        let says = |finding: &Finding, expected: &Expected| {
            (finding.path == expected.0 && finding.change == expected.1) || mirrored(finding, expected)
        };
        let silent = |expected: &Expected| self.author == CONTROLLER && expected.1 == "added";
        for expected in self.required.iter().filter(|expected| !silent(expected)) {
            let Some(finding) = found.iter().find(|finding| says(finding, expected)) else {
                return Some(format!("{expected:?} is not among {found:?}"));
            };
            let origin = if self.author == PERSON { "manual" } else { "controller" };
            if expected.1 != "removed" && (finding.origin != origin || finding.manager.as_deref() != Some(self.author))
            {
                return Some(format!("is not said to be {origin} by {}: {finding:?}", self.author));
            }
        }
        let known = |finding: &&Finding| {
            self.required.iter().chain(&self.allowed).any(|expected| says(finding, expected) && !silent(expected))
        };
        // Judged when restored: nothing is required then.
        let put_back = |finding: &&Finding| {
            self.required.is_empty()
                && finding.change == "added"
                && self.put_back.iter().any(|gone| finding.path.starts_with(&gone.0))
        };
        let surplus: Vec<_> = found.iter().filter(|finding| !known(finding) && !put_back(finding)).collect();
        (!surplus.is_empty()).then(|| format!("{surplus:?} is too much; asked {:?}", self.required))
    }
}
