//! A sweep over many rendered environments of one repository, against running the official programs for all of them.

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

use std::thread;
use std::time::{Duration, Instant};

use driftd::config::Config;
use driftd::pipeline::Pipeline;
use futures_util::future::join_all;
use tokio::runtime::Runtime;

use fixture::{Fleet, program};

const ROUNDS: usize = 5;

fn main() {
    // `cargo test --all-targets` runs benchmarks too, without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let size = std::env::var("DRIFTD_BENCH_ENVIRONMENTS").map_or(200, |count| count.parse().expect("a number"));
    let mut fleet = Fleet::new(size);
    let config = fleet.config(program, "");
    let runtime = Runtime::new().unwrap();
    let pipeline = Pipeline::new(&config).unwrap();
    println!("{size} environments");
    println!("{:<40} {:>9.1?}", "first sweep", sweep(&runtime, &pipeline, &config));
    let mut rounds: [Vec<Duration>; 4] = Default::default();
    for _ in 0..ROUNDS {
        rounds[0].push(sweep(&runtime, &pipeline, &config));
        fleet.touch([0]);
        rounds[1].push(sweep(&runtime, &pipeline, &config));
        fleet.touch(0..size);
        rounds[2].push(sweep(&runtime, &pipeline, &config));
        rounds[3].push(official(&fleet, size));
    }
    let [unchanged, one, all, official] = rounds.map(median);
    for (what, time) in [
        ("sweep, nothing changed", unchanged),
        ("sweep, a commit to one environment", one),
        ("sweep, a commit to all", all),
        ("the official programs for all", official),
    ] {
        println!("{what:<40} {time:>9.1?}  1/{:.1}", official.as_secs_f64() / time.as_secs_f64());
    }
}

/// Every environment once, side by side as the daemon scans them.
fn sweep(runtime: &Runtime, pipeline: &Pipeline, config: &Config) -> Duration {
    let begin = Instant::now();
    let reports = runtime.block_on(join_all(config.environments.iter().map(|environment| pipeline.scan(environment))));
    let time = begin.elapsed();
    for report in reports {
        assert!(report.complete && report.out_of_sync().count() == 0, "{}: {:?}", report.name, report.gaps);
    }
    time
}

/// Each program once for each environment, on every processor.
fn official(fleet: &Fleet, size: usize) -> Duration {
    let checkout = fleet.checkout();
    let workers = thread::available_parallelism().unwrap().get();
    let begin = Instant::now();
    thread::scope(|scope| {
        for worker in 0..workers {
            let folder = checkout.path();
            scope.spawn(move || {
                (worker..size).step_by(workers).for_each(|number| drop(Fleet::official(number, folder)));
            });
        }
    });
    begin.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
