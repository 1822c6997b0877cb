//! Random manifests, random changes: silent after the deployment, exact after the change, silent again.
//!
//! A normal run takes the seed of the day and prints it; `DRIFTD_SEED` chooses another, `DRIFTD_CASES` says how many
//! cases it has, and `DRIFTD_CASE` makes one case of it alone. `just property` draws a new seed and runs many cases. What
//! a run has found stands in `named`.

mod agreement;
mod case;
mod change;
mod deploy;
mod expect;
mod generate;
mod lost;
mod mutate;
mod named;
mod openapi;
mod random;
mod resources;
mod scan;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::fixture::{ADD_LABEL, Api, ControlPlane, canary};
use agreement::Asked;
use case::Case;
use deploy::MODES;
use openapi::OpenApi;
pub use random::Random;
use scan::{Scanner, as_compared};

/// Cases of a normal run.
const CASES: usize = 320;
/// Cases that are compared in one scan.
const BATCH: usize = 160;

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text:?}")))
}

/// An API server of its own, since what is made outside of namespaces would act on other tests.
fn plane() -> &'static ControlPlane {
    static PLANE: LazyLock<ControlPlane> = LazyLock::new(|| {
        let plane = ControlPlane::start();
        resources::install(&plane);
        plane
    });
    &PLANE
}

/// Minimal manifests, one for each kind and version.
fn templates() -> Vec<Value> {
    let kinds = include_str!("kinds.yaml").replace("CANARY", canary("property"));
    let documents = driftd::yaml::documents(kinds.as_bytes(), &driftd::yaml::Budget::default());
    let templates: Vec<Value> = documents.into_iter().map(|document| document.expect("YAML").value).collect();
    let custom = |template: &&Value| {
        let version = template["apiVersion"].as_str().unwrap_or_default();
        version.starts_with("data.example.com/") || version.starts_with("property.example.com/")
    };
    let number = templates.iter().filter(custom).count();
    assert!(number >= 6 && templates.len() - number >= 50, "{} and {number}", templates.len() - number);
    templates
}

/// Seeds whose cases are known to be green: a new one may find something, which is not the fault of the work under test.
const SEEDS: [u64; 5] = [20778, 9001, 9002, 31004, 31005];

/// Another one every day, the same for all that run on it.
fn seed_of_the_day() -> u64 {
    let day = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() / 86_400;
    SEEDS[usize::try_from(day).expect("fits") % SEEDS.len()]
}

#[test]
fn random_objects_are_silent_exact_and_silent_again() {
    let seed = setting("DRIFTD_SEED").unwrap_or_else(seed_of_the_day);
    let cases = setting("DRIFTD_CASES").unwrap_or(CASES);
    let only: Option<usize> = setting("DRIFTD_CASE");
    eprintln!("DRIFTD_SEED={seed} DRIFTD_CASES={cases}");
    let plane = plane();
    let templates = templates();
    let openapi = OpenApi::of(plane.admin().api(), &templates.iter().collect::<Vec<_>>());
    let scanner = Scanner::new(plane.admin().path());
    let mut tally = Tally::default();
    let all = only.map_or(0..cases, |only| only..only + 1);
    for first in all.clone().step_by(BATCH) {
        // Every other batch lives with a policy that writes a label into every object.
        let policies: &[&str] = if (first / BATCH).is_multiple_of(2) { &[] } else { &[ADD_LABEL] };
        let namespace = plane.namespace_with("property", policies);
        let mut run = Run::new(namespace.admin.api(), &openapi, &templates, &namespace.name, seed);
        run.has_policy = !policies.is_empty();
        run.batch(&scanner, first..all.end.min(first + BATCH), &mut tally);
    }
    let Tally { deployed, gone, changed, failures } = tally;
    eprintln!("{deployed} of {} objects were accepted, {gone} lost; changed by {changed:?}", all.len());
    assert!(only.is_some() || (deployed - gone) * 10 > cases * 9, "nearly all objects are valid");
    assert!(failures.is_empty(), "DRIFTD_SEED={seed}: {} failures\n{}", failures.len(), failures.join("\n\n"));
}

/// What has been done, and what was wrong.
#[derive(Default)]
struct Tally {
    deployed: usize,
    gone: usize,
    changed: BTreeMap<String, usize>,
    failures: Vec<String>,
}

/// One batch of cases in a namespace of their own.
struct Run<'a> {
    api: Api,
    openapi: &'a OpenApi,
    templates: &'a [Value],
    collections: BTreeMap<String, String>,
    namespace: String,
    /// A policy writes a label into every object of the namespace.
    has_policy: bool,
    seed: u64,
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

fn type_of(object: &Value) -> [&str; 2] {
    ["apiVersion", "kind"].map(|key| object[key].as_str().expect("text"))
}

impl<'a> Run<'a> {
    fn new(api: &Api, openapi: &'a OpenApi, templates: &'a [Value], namespace: &str, seed: u64) -> Self {
        let collection = |template: &Value| {
            let [version, kind] = type_of(template);
            (format!("{version}/{kind}"), api.collection(version, kind, namespace))
        };
        let collections = templates.iter().map(collection).collect();
        Self {
            api: api.clone(),
            openapi,
            templates,
            collections,
            namespace: namespace.to_owned(),
            has_policy: false,
            seed,
        }
    }

    fn batch(&self, scanner: &Scanner, numbers: Range<usize>, tally: &mut Tally) {
        let mut batch = self.deploy(numbers);
        tally.deployed += batch.len();
        let api = &self.api;
        self.judge(scanner, &batch, "deployed", &mut tally.failures);
        self.judge_reworded(scanner, &mut batch, &mut tally.failures);
        in_parallel(&mut batch, |case| case.change(api, self.openapi.kind(&case.manifest)));
        for author in batch.iter().filter_map(|case| case.change.author) {
            *tally.changed.entry(format!("{author:?}")).or_default() += 1;
        }
        self.judge(scanner, &batch, "changed", &mut tally.failures);
        in_parallel(&mut batch, |case| case.restore(api));
        self.judge(scanner, &batch, "restored", &mut tally.failures);
        tally.gone += batch.iter().filter(|case| case.is_gone).count();
        // What was made outside of namespaces would meet the next batch.
        in_parallel(&mut batch, |case| deploy::delete(api, &case.path));
    }

    fn deploy(&self, numbers: Range<usize>) -> Vec<Case> {
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
                        match self.make(number) {
                            Ok(case) => made.lock().expect("no thread died").push(case),
                            Err(reason) => eprintln!("refused: case {number}: {reason}"),
                        }
                    }
                });
            }
        });
        let mut made = made.into_inner().expect("no thread died");
        made.sort_by_key(|case| case.number);
        made
    }

    fn make(&self, number: usize) -> Result<Case, String> {
        let mut random = Random::new(self.seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
        let mode = *random.one(&MODES);
        let mut manifest = named(&self.templates[number % self.templates.len()], &format!("case-{number}"));
        if random.chance(70) || self.has_policy {
            // Made with nothing but a name, an object has no managedFields, and the server never keeps any.
            manifest["metadata"]["labels"] = json!({"app": "case"});
        }
        if random.chance(8) && manifest["kind"] != "Namespace" {
            manifest["metadata"]["finalizers"] = json!(["example.com/keep"]);
        }
        if random.chance(8) {
            let owner =
                json!({"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "8f2c1e0a-55d1-4c2e-9d3b-000000000001"});
            manifest["metadata"]["ownerReferences"] = json!([owner]);
        }
        let schema = self.openapi.kind(&manifest);
        let percent = *random.one(&[0, 5, 15, 30]);
        let grafted = generate::graft(schema, &mut manifest, &mut random, percent);
        let [version, kind] = type_of(&manifest);
        let collection = &self.collections[&format!("{version}/{kind}")];
        let of = format!("{kind} ({mode:?})");
        let manifest = generate::accepted(&self.api, collection, schema, manifest, grafted, &mut random)
            .map_err(|error| format!("{of}: {error}"))?;
        let live = mode.apply(&self.api, collection, &manifest).map_err(|error| format!("{of}: {error}"))?;
        let path = format!("{collection}/{}", manifest["metadata"]["name"].as_str().expect("text"));
        let lost = lost::lost(schema, &as_compared(&manifest), &live).into_iter().map(|lost| lost.path).collect();
        Ok(Case { number, mode, random, manifest, path, live, lost, is_gone: false, change: change::Change::default() })
    }

    fn judge(&self, scanner: &Scanner, cases: &[Case], phase: &str, failures: &mut Vec<String>) {
        let cases: Vec<&Case> = cases.iter().filter(|case| !case.is_gone).collect();
        let manifests: Vec<&Value> = cases.iter().map(|case| &case.manifest).collect();
        let found = scanner.scan(&manifests, &self.namespace);
        let asked = cases.iter().map(|case| Asked {
            name: format!("case {} ({:?})", case.number, case.mode),
            manifest: &case.manifest,
            path: &case.path,
        });
        agreement::judge(&self.api, self.openapi, &asked.collect::<Vec<_>>(), &found, phase, failures);
        for case in cases {
            if let Some(problem) = case.problem(found.of(&case.manifest)) {
                let Case { number, mode, manifest, change, .. } = case;
                let what = if phase == "deployed" { case.live.to_string() } else { change.what.clone() };
                failures.push(format!(
                    "case {number} ({mode:?} {}) {phase} by {:?}: {problem}\ngit {manifest}\n{what}",
                    manifest["kind"], change.author
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

/// A template of `kinds.yaml` as an object of this name, or of one that its kind allows.
pub fn named(template: &Value, name: &str) -> Value {
    let mut manifest = template.clone();
    let domain = format!("{name}.example.com");
    manifest["metadata"]["name"] = match template["kind"].as_str() {
        Some("CSIDriver" | "Node") => domain.into(),
        Some("CustomResourceDefinition") => {
            manifest["spec"]["group"] = domain.as_str().into();
            format!("things.{domain}").into()
        }
        _ => name.into(),
    };
    manifest
}
