//! The commands: each wires rooms together and decides nothing.

use std::future::Future;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::exit::Exit;
use super::logging::{self, FilterError, LogLevel};
use super::output::{Color, Output, OutputError, Outputs, to_stdout};
use super::{Check, Cli, Command, ConfigCommand, Diff, History, Promotion, Results};
use crate::check::{self, Rule, UnknownEnvironments};
use crate::config::{Config, ConfigError, ConfigFile};
use crate::daemon::{self, DaemonError};
use crate::demo::{self, DemoError};
use crate::http::{Access, AccessError};
use crate::pipeline::{self, DiffError, Pipeline, PipelineError, Promotions, Undeclared};
use crate::report::{Listing, Report, Verdict};
use crate::store::{self, Question, StoreError};

/// Why a command ended before its time.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Environments(#[from] UnknownEnvironments),
    #[error(transparent)]
    Filter(#[from] FilterError),
    #[error(transparent)]
    Open(OutputError),
    /// The scan was done; its exit code stands, unless it says that all is well.
    #[error("{error}")]
    Write { error: OutputError, verdict: Verdict },
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    #[error(transparent)]
    Diff(#[from] DiffError),
    /// Its panic has told what happened.
    #[error("the comparison ended without a report")]
    Died,
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    #[error("interrupted")]
    Interrupted,
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error(transparent)]
    Demo(#[from] DemoError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing on record can be read by another process.
    #[error(
        "{0} names no `state` file: its history is in the memory of the daemon; name one, or ask the daemon at /api/v1/history"
    )]
    NoState(String),
}

impl CommandError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Died
            | Self::Daemon(DaemonError::TaskEnded(_))
            | Self::Demo(DemoError::Daemon(DaemonError::TaskEnded(_))) => Exit::Bug,
            Self::Interrupted
            | Self::Daemon(DaemonError::Aborted)
            | Self::Demo(DemoError::Daemon(DaemonError::Aborted)) => Exit::Interrupted,
            Self::Write { verdict: Verdict::Drift, .. } => Exit::Drift,
            Self::Write { .. } => Exit::Incomplete,
            _ => Exit::Usage,
        }
    }
}

pub(super) fn run(cli: Cli) -> Result<Exit, CommandError> {
    let default = match cli.command {
        Command::Run(_) | Command::Demo => LogLevel::Info,
        _ => LogLevel::Warn,
    };
    logging::start(cli.log_level, default, cli.log_format)?;
    match cli.command {
        Command::Run(arguments) => daemon(arguments.opinion.file(arguments.file.config)),
        Command::Demo => demo(cli.color),
        Command::Check(arguments) => check(&arguments, cli.color),
        Command::Promotion(arguments) => promotion(&arguments, cli.color),
        Command::History(arguments) => history(&arguments, cli.color),
        Command::Diff(arguments) => diff(&arguments, cli.color),
        Command::Config(ConfigCommand::Validate(file)) => validate(&file.config, cli.color),
    }
}

fn daemon(file: ConfigFile) -> Result<Exit, CommandError> {
    serve(daemon::run(file))?;
    Ok(Exit::Success)
}

fn demo(color: Color) -> Result<Exit, CommandError> {
    // A closed standard output is no reason to stop serving.
    let tell = |text: &[u8]| drop(to_stdout(color, |out| out.write_all(text)));
    serve(demo::run(tell))?;
    Ok(Exit::Success)
}

/// How long work that cannot be interrupted, such as reading a repository, may hold the exit.
const LAST_WORK: Duration = Duration::from_secs(5);

/// Drives a daemon to its end.
fn serve<E>(work: impl Future<Output = Result<(), E>>) -> Result<(), CommandError>
where
    CommandError: From<E>,
{
    let runtime = runtime()?;
    let ended = runtime.block_on(work);
    // Whoever aborts, or sees a bug, does not want to wait.
    runtime.shutdown_timeout(if ended.is_ok() { LAST_WORK } else { Duration::ZERO });
    Ok(ended?)
}

fn check(arguments: &Check, color: Color) -> Result<Exit, CommandError> {
    let config = arguments.opinion.file(arguments.file.config.clone()).load()?;
    let environments = check::choose(&config, &arguments.environments)?;
    let outputs = if arguments.suggest_ignores {
        let wanted: Vec<Output> = arguments.results.output.iter().cloned().chain([Output::IGNORES]).collect();
        Outputs::open(&wanted, color).map_err(CommandError::Open)?
    } else {
        open(&arguments.results, color)?
    };
    let pipeline = Pipeline::new(&config)?;
    let promotions = Promotions::among(&config, &environments, pipeline.repositories())?;
    let report = one_shot(check::run(&pipeline, &environments, promotions))?.ok_or(CommandError::Died)?;
    finish(&report, &arguments.fail_on, &arguments.results, outputs)
}

fn promotion(arguments: &Promotion, color: Color) -> Result<Exit, CommandError> {
    let config = Config::load(&arguments.file.config)?;
    let outputs = Outputs::open(&arguments.output, color).map_err(CommandError::Open)?;
    let promotions = Promotions::new(&config)?;
    let now = pipeline::now();
    let found = one_shot(promotions.look(now))?;
    let verdict = check::promotion_verdict(&found);
    let written = outputs.write_promotions(&found, now);
    written.map_err(|error| CommandError::Write { error, verdict })?;
    Ok(verdict.into())
}

fn history(arguments: &History, color: Color) -> Result<Exit, CommandError> {
    let config = Config::load(&arguments.file.config)?;
    let Some(state) = &config.state else {
        return Err(CommandError::NoState(arguments.file.config.display().to_string()));
    };
    let question = Question { environment: arguments.environment.clone(), since: arguments.since };
    let entries = store::read(state, &question)?;
    if entries.is_empty()
        && let Some(name) = &arguments.environment
    {
        check::choose(&config, std::slice::from_ref(name)).map(drop)?;
    }
    let outputs = Outputs::open(&arguments.output, color).map_err(CommandError::Open)?;
    let written = outputs.write_history(&entries, pipeline::now());
    written.map_err(|error| CommandError::Write { error, verdict: Verdict::InSync })?;
    Ok(Exit::Success)
}

fn diff(arguments: &Diff, color: Color) -> Result<Exit, CommandError> {
    let outputs = open(&arguments.results, color)?;
    let (desired, live) = (arguments.desired.clone(), arguments.live.clone());
    let undeclared = if arguments.extras { Undeclared::Listed } else { Undeclared::Ignored };
    let work = move || pipeline::diff(&desired, &live, undeclared);
    let compared = one_shot(async { tokio::task::spawn_blocking(work).await })?;
    let environment = compared.map_err(|_| CommandError::Died)??;
    let report = Report::new(vec![environment]).ok_or(CommandError::Died)?;
    finish(&report, &[], &arguments.results, outputs)
}

fn validate(path: &Path, color: Color) -> Result<Exit, CommandError> {
    let config = Config::load(path)?;
    if let Some(file) = &config.web_config {
        Access::load(Some(file))?;
    }
    let environments = config.environments.len();
    to_stdout(color, |out| writeln!(out, "{} is valid; environments: {environments}", path.display()))?;
    Ok(Exit::Success)
}

fn open(results: &Results, color: Color) -> Result<Outputs, CommandError> {
    Outputs::open(&results.output, color).map_err(CommandError::Open)
}

fn finish(report: &Report, rules: &[Rule], results: &Results, outputs: Outputs) -> Result<Exit, CommandError> {
    let verdict = check::verdict(report, rules);
    let listing = if results.all { Listing::All } else { Listing::OutOfSync };
    outputs.write(report, listing, verdict).map_err(|error| CommandError::Write { error, verdict })?;
    Ok(verdict.into())
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// How long a fetch that was stopped has to end, so that its temporary folder can go.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// Drives `work` to its end or to Ctrl-C; what still runs after a last moment is left behind.
fn one_shot<F: Future>(work: F) -> Result<F::Output, CommandError> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            biased;
            Ok(()) = tokio::signal::ctrl_c() => Err(CommandError::Interrupted),
            output = work => Ok(output),
        }
    });
    runtime.shutdown_timeout(LAST_MOMENT);
    outcome
}
