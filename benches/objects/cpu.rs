//! Time that this process computed, whoever else the machine worked for meanwhile.

use std::fs;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};

/// The time that all threads of this process have spent on a processor.
pub struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        spent()
    }

    fn end(&self, start: Duration) -> Duration {
        // A sample shorter than a tick of the scheduler may show no time at all, which no sample takes.
        spent().saturating_sub(start).max(Duration::from_nanos(1))
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// Rule: `Documentation/scheduler/sched-stats.rst` of Linux: the first field is the time on the processor.
fn spent() -> Duration {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanoseconds = |text: String| text.split(' ').next().and_then(|field| field.parse::<u64>().ok());
    let of_thread = |thread: fs::DirEntry| nanoseconds(fs::read_to_string(thread.path().join("schedstat")).ok()?);
    Duration::from_nanos(threads.filter_map(of_thread).sum())
}
