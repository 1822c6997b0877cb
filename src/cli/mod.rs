//! The command line: what can be asked for, and how the program ends.

mod commands;
mod exit;
mod logging;
mod output;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

use self::logging::{LogFormat, LogLevel};
use self::output::{Color, Output};
use crate::check::Rule;
use crate::config;
use crate::git;
use crate::pipeline;

pub use exit::Exit;
pub use logging::report_panic;

/// Tells whether what runs on Kubernetes is what Git says.
#[derive(Debug, Parser)]
#[command(name = "driftd", version, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// The least important log lines to write; beside it the variable `DRIFTD_LOG` takes a filter.
    #[arg(long, global = true, value_enum)]
    log_level: Option<LogLevel>,
    /// How log lines are written to stderr.
    #[arg(long, global = true, value_enum, default_value = "text")]
    log_format: LogFormat,
    /// When to colour the output.
    #[arg(long, global = true, value_enum, default_value = "auto")]
    color: Color,
}

const EXIT_CODES: &str = "Exit codes: 0 nothing drifts, 1 drift, 2 wrong usage or configuration, \
3 no drift found but not everything could be compared, 101 a bug, 130 interrupted.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch the environments of a configuration and export what drifts as Prometheus metrics.
    Run(Run),
    /// Compare the environments of a configuration once; also `driftd --check`.
    Check(Check),
    /// Compare two files or folders of manifests, without a cluster or Git.
    Diff(Diff),
    /// Tell how the environment branches stand to each other: what waits, what was never brought back or tested.
    Promotion(Promotion),
    /// Tell what drifted, by whom and for how long, from the state file.
    History(History),
    /// Show a sample platform with its drift, without a cluster or a network.
    Demo,
    /// Look at a configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Tell everything that is wrong with a configuration at once.
    Validate(ConfigFile),
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Debug, Args)]
struct Run {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    opinion: Opinion,
}

#[derive(Debug, Args)]
struct Opinion {
    /// Who is asked, in place of what the configuration says: `server` also has the API server try an apply of each
    /// object, as a second opinion. That takes the right to patch; nothing is written.
    #[arg(long, value_enum)]
    strategy: Option<Strategy>,
}

/// Who is asked whether an environment is in sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Strategy {
    /// driftd alone, with rights to read.
    Local,
    /// And the API server, by the dry-run of an apply.
    Server,
}

impl Opinion {
    fn file(&self, path: PathBuf) -> config::ConfigFile {
        let strategy = self.strategy.map(|strategy| match strategy {
            Strategy::Local => config::Strategy::Local,
            Strategy::Server => config::Strategy::Server,
        });
        config::ConfigFile::new(path, strategy)
    }
}

#[derive(Debug, Args)]
struct Check {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    opinion: Opinion,
    /// Only this environment; may be repeated.
    #[arg(long = "environment", value_name = "NAME")]
    environments: Vec<String>,
    /// Fail only on drift of this kind: severity>=high, category=security, origin=manual, state=missing.
    /// A comma is and, a repeated flag is or.
    #[arg(long, value_name = "RULE")]
    fail_on: Vec<Rule>,
    /// Print ignore rules for what is found, ready to paste into the configuration, in place of the report.
    #[arg(long)]
    suggest_ignores: bool,
    #[command(flatten)]
    results: Results,
}

#[derive(Debug, Args)]
struct Promotion {
    #[command(flatten)]
    file: ConfigFile,
    /// text (default, a table) or json, on stdout or in a file; may be repeated.
    #[arg(short, long = "output", value_name = "FORMAT[=PATH]")]
    output: Vec<Output>,
}

#[derive(Debug, Args)]
struct History {
    #[command(flatten)]
    file: ConfigFile,
    /// Only of this environment.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Only what stood within the last 7d, 12h, 1h30m; everything that is on record by default.
    #[arg(long, value_name = "SPAN", value_parser = since)]
    since: Option<Timestamp>,
    /// text (default, a table) or json, on stdout or in a file; may be repeated.
    #[arg(short, long = "output", value_name = "FORMAT[=PATH]")]
    output: Vec<Output>,
}

fn since(text: &str) -> Result<Timestamp, &'static str> {
    config::moment(text, pipeline::now()).ok_or("it is no span of time; write `7d`, `12h` or `1h30m`")
}

#[derive(Debug, Args)]
struct Diff {
    /// What should be: a YAML or JSON file, or a folder of them.
    desired: PathBuf,
    /// What is, such as the output of `kubectl get -o yaml`.
    live: PathBuf,
    /// List live objects that DESIRED does not declare, too.
    #[arg(long)]
    extras: bool,
    #[command(flatten)]
    results: Results,
}

#[derive(Debug, Args)]
struct Results {
    /// text (default) or json, on stdout or in a file; may be repeated.
    #[arg(short, long = "output", value_name = "FORMAT[=PATH]")]
    output: Vec<Output>,
    /// List objects that are in sync, too.
    #[arg(long)]
    all: bool,
}

/// Does what the arguments ask for, the program's name first among them.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    if let Some(answered) = git::answer_ssh() {
        return if answered.is_ok() { Exit::Success } else { Exit::Usage };
    }
    let cli = match Cli::try_parse_from(with_check_as_command(arguments.into_iter().collect())) {
        Ok(cli) => cli,
        Err(error) => {
            // Where nobody reads, nothing is left to be told.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Success };
        }
    };
    match commands::run(cli) {
        Ok(exit) => exit,
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "error: {error}");
            error.exit()
        }
    }
}

/// `driftd --check …` and `driftd --config FILE --check` are `driftd check …`.
fn with_check_as_command(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let begins_with_flag = arguments.get(1).is_some_and(|first| first.as_encoded_bytes().starts_with(b"-"));
    if begins_with_flag && let Some(position) = arguments.iter().position(|argument| argument == "--check") {
        arguments.remove(position);
        arguments.insert(1, "check".into());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn check_may_be_written_as_a_flag() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        let read = |text| with_check_as_command(words(text));
        assert_eq!(read("driftd --check --config f"), words("driftd check --config f"));
        assert_eq!(read("driftd --config f --check"), words("driftd check --config f"));
        assert_eq!(read("driftd diff --check"), words("driftd diff --check"));
        assert_eq!(read("driftd check --config f"), words("driftd check --config f"));
    }
}
