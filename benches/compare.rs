//! Objects per second on one core: live JSON read, taken in, normalised and compared with what Git declares.

#![allow(clippy::print_stderr, reason = "a bench tells what it measures")]
#![allow(clippy::expect_used, reason = "a benchmark fails by panicking")]

#[path = "objects/cpu.rs"]
mod cpu;
mod objects;

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput};
use driftd::drift::attribute::Autoscalers;
use driftd::drift::model::{Declarations, Declared, Desired, Live, Redactor, State};
use driftd::drift::schema::kubernetes;
use driftd::live::Listing;
use driftd::manifest;
use driftd::pipeline::{Evidence, Rules, Second, Standing, evaluate};
use objects::Pair;
use serde_json::{Map, Value, json};

use cpu::CpuTime;

const OBJECTS: usize = 2_000;
const SEED: u64 = 20_261_121;

/// What a scan has before the cluster answers, and the answer.
struct Input {
    standing: Arc<Standing>,
    answers: Vec<String>,
    redactor: Redactor,
}

impl Input {
    /// One object of a hundred gets another label where `drifted` says so.
    fn new(drifted: fn(usize) -> bool) -> Self {
        Self::of(&objects::pairs(OBJECTS, &["shop", "billing", "search", "platform"], SEED), drifted)
    }

    fn of(pairs: &[Pair], drifted: fn(usize) -> bool) -> Self {
        let redactor = Redactor::new(&[7; 32]);
        let file = "application.json".into();
        let desired = |declared: &Value| {
            let object = manifest::objects(&file, declared.to_string().as_bytes(), &redactor).remove(0);
            let (declared, position, lines) = object.expect("the manifest is an object");
            Desired::new(declared, position, &lines).pack()
        };
        let answer = |(index, live): (usize, &Value)| {
            let mut live = live.clone();
            if drifted(index) {
                live["metadata"]["labels"]["team"] = "somebody-else".into();
            }
            live.to_string()
        };
        let declared: Declarations = pairs.iter().map(|pair| desired(&pair.declared)).collect();
        let schema = kubernetes::schema();
        let schemas: HashMap<_, _> = declared.keys().map(|key| (key.type_key.clone(), Arc::clone(&schema))).collect();
        let rules = Arc::new(Rules::new(redactor.clone()));
        Self {
            standing: Arc::new(Standing::new("bench", declared, schemas, Autoscalers::default(), rules)),
            answers: pairs.iter().map(|pair| &pair.live).enumerate().map(answer).collect(),
            redactor,
        }
    }

    fn read(&self, text: &str) -> Live {
        let received = serde_json::from_str(text).expect("the answer is an object as JSON");
        Live::from(Declared::received(received, &self.redactor).expect("the object has a name"))
    }

    /// The whole way; tells how many objects are not in sync.
    fn scan(&self) -> usize {
        let mut live = Listing::default();
        for text in &self.answers {
            live.insert(self.standing.look(self.read(text)));
        }
        let (standing, second) = (Arc::clone(&self.standing), Second::default());
        let assessment = evaluate(&Evidence { standing, live, extra: Vec::new(), second, gaps: Vec::new() });
        assessment.objects.iter().filter(|object| object.state != State::InSync).count()
    }
}

/// A `CustomResourceDefinition` whose live JSON takes half a megabyte, without the copy in its annotation.
fn definition() -> Pair {
    let leaf = |index: usize| {
        let text =
            format!("Field {index} says how the controller treats the part of the workload that bears its name.");
        json!({"type": "string", "description": text, "maxLength": 253, "default": "none"})
    };
    let group = |index: usize| {
        let fields: Map<String, Value> = (0..30).map(|field| (format!("field{field}"), leaf(index + field))).collect();
        json!({"type": "object", "description": "A part of the workload.", "required": ["field0"], "properties": fields})
    };
    let groups: Map<String, Value> = (0..108).map(|index| (format!("group{index}"), group(index))).collect();
    let names = json!({"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"});
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": groups}}});
    let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}});
    let declared = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.org"},
        "spec": {"group": "example.org", "names": names, "scope": "Namespaced", "versions": [version]},
    });
    let mut live = declared.clone();
    live["metadata"]["uid"] = "7d2ef132-e2bc-4774-b9b7-000000000001".into();
    live["spec"]["conversion"] = json!({"strategy": "None"});
    live["status"] = json!({"storedVersions": ["v1"]});
    Pair { declared, live }
}

fn measure_definition(criterion: &mut Criterion<CpuTime>) {
    let input = Input::of(&[definition()], |_| false);
    assert_eq!(input.scan(), 0, "the definition is in sync");
    eprintln!("a CustomResourceDefinition of {} bytes", input.answers[0].len());
    let mut group = criterion.benchmark_group("definition");
    group.bench_function("parse only", |bencher| {
        bencher.iter(|| black_box(serde_json::from_str::<Value>(&input.answers[0]).expect("the answer is JSON")));
    });
    let live = input.read(&input.answers[0]);
    group.bench_function("compare", |bencher| {
        bencher.iter_batched(|| live.clone(), |live| input.standing.look(live), BatchSize::LargeInput);
    });
    group.finish();
}

fn measure(criterion: &mut Criterion<CpuTime>) {
    let in_sync = Input::new(|_| false);
    let drifting = Input::new(|index| index % 100 == 0);
    assert_eq!(in_sync.scan(), 0, "every pair is in sync");
    assert_eq!(drifting.scan(), OBJECTS / 100, "one pair of a hundred is not");
    let bytes: usize = in_sync.answers.iter().map(String::len).sum();
    eprintln!("{OBJECTS} objects, {} bytes of live JSON each on average", bytes / OBJECTS);

    let mut group = criterion.benchmark_group("one core");
    group.throughput(Throughput::Elements(OBJECTS as u64));
    group.bench_function("parse only", |bencher| {
        bencher.iter(|| {
            for text in &in_sync.answers {
                black_box(serde_json::from_str::<Value>(text).expect("the answer is JSON"));
            }
        });
    });
    for (name, input) in [("in sync", &in_sync), ("1 % drift", &drifting)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| input.scan());
        });
    }
    group.finish();
}

fn main() {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("the pool is not made yet");
    let mut criterion = Criterion::default().with_measurement(CpuTime).configure_from_args();
    measure(&mut criterion);
    measure_definition(&mut criterion);
    criterion.final_summary();
}
