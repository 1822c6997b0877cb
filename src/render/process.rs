//! A child process: what it may take, and that nothing of it is left behind.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::network::Wall;
use super::workspace::Workspace;
use crate::config::Limits;

/// What is kept of what a child says on standard error.
const COMPLAINT: usize = 64 << 10;
/// Bytes of any file that a child writes.
const FILE: u64 = 1 << 30;
/// How many processors' worth of time a child may take: an end for one whose parent was killed.
const PROCESSORS: u64 = 16;

/// What is to be run.
#[derive(Debug)]
pub(super) struct Job<'a> {
    /// An absolute path.
    pub program: &'a Path,
    pub arguments: Vec<String>,
    /// Where it runs: below it lie its home and its temporary files.
    pub workspace: &'a Workspace,
    /// Its working directory.
    pub folder: PathBuf,
    /// Beside those that every child has.
    pub variables: Vec<(&'static str, String)>,
    pub reach: Reach,
    pub limits: Limits,
}

/// Whom a child may speak to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nobody.
    Nobody,
    /// Everybody that driftd itself may speak to.
    Everybody,
}

/// What a child left behind.
#[derive(Debug)]
pub(super) struct Ended {
    pub status: ExitStatus,
    pub output: Vec<u8>,
    /// May quote values: only [`super::complaint`] may show it.
    pub complaint: Vec<u8>,
}

/// Why a child came to no end of its own.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error("cannot be started: {0}")]
    Start(io::Error),
    #[error("had not ended after {0}s and was killed; raise `rendering.timeout`, or look for what hangs")]
    Time(f64),
    #[error("printed more than {0} MiB and was killed; raise `rendering.output` if that is right")]
    Output(u64),
    #[error("cannot be read from: {0}")]
    Read(io::Error),
}

/// Runs a child to its end. Dropped before, it kills the child and everything that it started.
pub(super) async fn run(job: Job<'_>, wall: &Wall) -> Result<Ended, RunError> {
    // One that speaks to others waits for them and not for a processor.
    let _turn = if job.reach == Reach::Nobody { wall.turn().await } else { None };
    let time = job.limits.time;
    let output = job.limits.output;
    let mut child = command(&job, wall).spawn().map_err(RunError::Start)?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    group.limit(job.limits);
    let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(RunError::Start(io::Error::other("it has no output")));
    };
    let leader = async {
        let status = child.wait().await.map_err(RunError::Read)?;
        // Whatever it left running would keep the pipes open.
        group.kill();
        Ok(status)
    };
    let whole = async { tokio::try_join!(leader, take(out, output), take_first(err, output)) };
    match tokio::time::timeout(time, whole).await {
        Ok(ended) => ended.map(|(status, output, complaint)| Ended { status, output, complaint }),
        Err(_) => Err(RunError::Time(time.as_secs_f64())),
    }
}

fn command(job: &Job<'_>, wall: &Wall) -> Command {
    let mut words = wall.words(job.reach, &resources(job.limits));
    words.push(job.program.as_os_str().to_owned());
    let mut command = Command::new(words.remove(0));
    command.args(words).args(&job.arguments).current_dir(&job.folder);
    command.env_clear().envs(job.workspace.variables()).envs(super::network::variables(job.reach));
    // The collector of the official programs, written in Go, works harder before the hard limit is met.
    command.env("GOMEMLIMIT", (job.limits.memory / 8 * 7).to_string());
    command.envs(job.variables.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    command
}

/// What the kernel holds each process of a child to.
fn resources(limits: Limits) -> [(Resource, u64); 4] {
    let seconds = limits.time.as_secs().saturating_mul(PROCESSORS);
    [(Resource::Data, limits.memory), (Resource::Fsize, FILE), (Resource::Core, 0), (Resource::Cpu, seconds)]
}

/// A process group that does not outlive this value.
struct Group(Option<Pid>);

impl Group {
    /// From outside, for a machine that cannot do it before the program starts.
    fn limit(&self, limits: Limits) {
        let Some(pid) = self.0 else { return };
        for (resource, value) in resources(limits) {
            let limit = Rlimit { current: Some(value), maximum: Some(value) };
            if let Err(error) = prlimit(Some(pid), resource, limit) {
                // A child that has ended already needs none.
                tracing::debug!(?resource, %error, "a limit of a renderer could not be set");
            }
        }
    }

    fn kill(&self) {
        if let Some(pid) = self.0 {
            // Nobody left to kill is what is wanted.
            kill_process_group(pid, Signal::KILL).ok();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn take(from: impl AsyncRead + Unpin, limit: u64) -> Result<Vec<u8>, RunError> {
    let mut bytes = Vec::new();
    from.take(limit + 1).read_to_end(&mut bytes).await.map_err(RunError::Read)?;
    if bytes.len() as u64 > limit { Err(RunError::Output(limit >> 20)) } else { Ok(bytes) }
}

/// All is read, so that the child can go on; the beginning is kept.
async fn take_first(mut from: impl AsyncRead + Unpin, limit: u64) -> Result<Vec<u8>, RunError> {
    let (mut kept, mut total, mut buffer) = (Vec::new(), 0, vec![0; 16 << 10]);
    loop {
        let read = from.read(&mut buffer).await.map_err(RunError::Read)?;
        if read == 0 {
            return Ok(kept);
        }
        let room = COMPLAINT.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..read.min(room)]);
        total += read as u64;
        if total > limit {
            return Err(RunError::Output(limit >> 20));
        }
    }
}
