//! A `driftd check` on a real API server against merely listing the same objects, and a `driftd diff` of two folders.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking and tells by printing"
)]

#[path = "../tests/it/fixture/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
mod fixture;
mod objects;
#[path = "objects/yaml.rs"]
mod yaml;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use driftd::config::Config;
use driftd::pipeline::Pipeline;
use futures_util::StreamExt as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use fixture::{ControlPlane, GitRepository, Namespace, Patch};
use objects::Pair;

const SEED: u64 = 20_261_121;
const ROUNDS: usize = 9;
const NAMESPACES: usize = 4;
/// As `driftd` lists.
const PAGE: usize = 500;
const CONCURRENCY: usize = 8;

fn main() {
    // `cargo test --all-targets` runs benchmarks too, without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let count = std::env::var("DRIFTD_BENCH_OBJECTS").map_or(2_000, |count| count.parse().expect("a number"));
    let plane = ControlPlane::start();
    let namespaces: Vec<Namespace> = (0..NAMESPACES).map(|_| plane.namespace("bench")).collect();
    let names: Vec<&str> = namespaces.iter().map(|namespace| namespace.name.as_str()).collect();
    let pairs = objects::pairs(count, &names, SEED);
    let collections = apply(&plane, &names, &pairs);
    println!("{count} objects in {} lists", collections.len());
    check(&plane, &pairs, &collections);
    diff(&pairs);
}

/// Applies every object server-side; gives the paths of all collections.
fn apply(plane: &ControlPlane, namespaces: &[&str], pairs: &[Pair]) -> Vec<String> {
    let api = plane.admin().api();
    let in_namespace = |namespace: &&str| {
        let mut collections = BTreeSet::new();
        for object in
            pairs.iter().map(|pair| &pair.declared).filter(|object| object["metadata"]["namespace"] == *namespace)
        {
            let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap();
            let plural = match text("/kind") {
                "Ingress" => "ingresses".to_owned(),
                kind => format!("{}s", kind.to_lowercase()),
            };
            let root = if text("/apiVersion").contains('/') { "apis" } else { "api" };
            let collection = format!("/{root}/{}/namespaces/{namespace}/{plural}", text("/apiVersion"));
            let path = format!("{collection}/{}", text("/metadata/name"));
            api.patch(&path, Patch::Apply, object, "kustomize-controller").unwrap();
            collections.insert(collection);
        }
        collections
    };
    let applied: Vec<BTreeSet<String>> = thread::scope(|scope| {
        let threads: Vec<_> = namespaces.iter().map(|namespace| scope.spawn(move || in_namespace(namespace))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    applied.into_iter().flatten().collect()
}

fn check(plane: &ControlPlane, pairs: &[Pair], collections: &[String]) {
    let repository = GitRepository::new();
    let files: Vec<(String, String)> = files(pairs, |pair| &pair.declared);
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    repository.commit("main", &files);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("driftd.yaml");
    let kubeconfig = plane.admin().path();
    let text = format!(
        "clusters: [{{name: test, kubeconfig: {}}}]\nrepositories: [{{name: platform, url: {}}}]\n\
         environments: [{{name: test, repository: platform, branch: main, cluster: test}}]\n",
        kubeconfig.display(),
        repository.path().display()
    );
    fs::write(&config, text).unwrap();
    let arguments = ["check", "--config", config.to_str().unwrap()];

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let loaded = Config::load(&config).unwrap();
    let pipeline = Pipeline::new(&loaded).unwrap();
    let (mut lists, mut checks, mut scans, mut others) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // Another build of the same program, to tell a change from a busy machine.
    let other = std::env::var("DRIFTD_BENCH_AGAINST").ok();
    // The first round warms the API server's and this process' caches and does not count.
    for _ in 0..=ROUNDS {
        lists.push(timed(|| runtime.block_on(list(kubeconfig, collections))));
        checks.push(timed(|| assert!(driftd(&arguments).wait().unwrap().success(), "all is in sync")));
        if let Some(other) = &other {
            others.push(timed(|| assert!(spawn(other, &arguments).wait().unwrap().success(), "all is in sync")));
        }
        scans.push(timed(|| {
            let report = runtime.block_on(pipeline.scan(&loaded.environments[0]));
            assert!(report.gaps.is_empty() && report.out_of_sync().next().is_none(), "all is in sync");
        }));
    }
    let (list, check, scan) = (median(lists), median(checks), median(scans));
    tell("list", list, list);
    tell("driftd check, from start to end of the process", check, list);
    tell("a later scan of a running daemon", scan, list);
    println!("peak memory of driftd check: {} MB", peak_megabytes(driftd(&arguments)));
    if let Some(other) = &other {
        tell("the other driftd check", median(others), list);
        println!("its peak memory: {} MB", peak_megabytes(spawn(other, &arguments)));
    }
}

fn diff(pairs: &[Pair]) {
    let folder = tempfile::tempdir().unwrap();
    let side = |name: &str, of: fn(&Pair) -> &Value| {
        let side = folder.path().join(name);
        fs::create_dir(&side).unwrap();
        for (name, text) in files(pairs, of) {
            fs::write(side.join(name), text).unwrap();
        }
        side.to_str().unwrap().to_owned()
    };
    let (desired, live) = (side("desired", |pair| &pair.declared), side("live", |pair| &pair.live));
    let arguments = ["diff", &desired, &live];
    let run = || timed(|| assert!(driftd(&arguments).wait().unwrap().success(), "all is in sync"));
    let time = median((0..=ROUNDS).map(|_| run()).collect());
    println!("driftd diff of two folders: {time:.0?}, peak memory {} MB", peak_megabytes(driftd(&arguments)));
}

/// One file for each application.
fn files(pairs: &[Pair], side: fn(&Pair) -> &Value) -> Vec<(String, String)> {
    let document = |pair: &Pair| format!("---\n{}", yaml::document(side(pair)));
    let file = |(index, pairs): (usize, &[Pair])| {
        (format!("application-{index:04}.yaml"), pairs.iter().map(document).collect::<String>())
    };
    pairs.chunks(8).enumerate().map(file).collect()
}

/// Reads every page of every list and looks at nothing but where the next page is.
async fn list(kubeconfig: &Path, collections: &[String]) {
    #[derive(Deserialize)]
    struct Page {
        metadata: Metadata,
        #[serde(rename = "items")]
        _items: IgnoredAny,
    }
    #[derive(Deserialize)]
    struct Metadata {
        #[serde(default, rename = "continue")]
        next: String,
    }
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let client = kube::Client::try_from(config).unwrap();
    let list = |collection: &String| {
        let (client, collection) = (client.clone(), collection.clone());
        async move {
            let mut next = String::new();
            loop {
                let url = format!("{collection}?limit={PAGE}{next}");
                let text = client.request_text(http::Request::get(url).body(Vec::new()).unwrap()).await.unwrap();
                let page: Page = serde_json::from_str(&text).unwrap();
                if page.metadata.next.is_empty() {
                    break;
                }
                next = format!("&continue={}", page.metadata.next);
            }
        }
    };
    futures_util::stream::iter(collections.iter().map(list)).buffered(CONCURRENCY).collect::<Vec<()>>().await;
}

fn driftd(arguments: &[&str]) -> Child {
    spawn(env!("CARGO_BIN_EXE_driftd"), arguments)
}

fn spawn(program: &str, arguments: &[&str]) -> Child {
    Command::new(program).args(arguments).stdout(Stdio::null()).spawn().unwrap()
}

/// The most memory that the process held at once, as far as looking at it again and again shows.
fn peak_megabytes(mut process: Child) -> u64 {
    let mut peak = 0;
    while process.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|number| number.parse().ok());
        peak = peak.max(kilobytes.unwrap_or(0));
        thread::sleep(Duration::from_millis(1));
    }
    peak / 1024
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Without the first.
fn median(mut times: Vec<Duration>) -> Duration {
    times.remove(0);
    times.sort();
    times[times.len() / 2]
}

fn tell(what: &str, time: Duration, bound: Duration) {
    println!("{what}: {time:.0?}, {:.2} times the list", time.as_secs_f64() / bound.as_secs_f64());
}
