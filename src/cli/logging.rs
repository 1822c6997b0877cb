//! Logs on stderr, and the words of a panic.

use std::io::{self, Write as _};
use std::panic::PanicHookInfo;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};

/// The variable that holds a filter: `info`, `warn,driftd=debug`.
const VARIABLE: &str = "DRIFTD_LOG";

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The least important lines that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Only errors.
    Error,
    /// And warnings.
    Warn,
    /// And what happens.
    Info,
    /// And why.
    Debug,
    /// And everything.
    Trace,
}

/// `DRIFTD_LOG` holds no filter.
#[derive(Debug, thiserror::Error)]
#[error("the variable {VARIABLE} is no log filter ({0}); write a level such as `info`, or `warn,driftd=debug`")]
pub struct FilterError(#[from] ParseError);

/// Starts the logs: at `level`, else by `DRIFTD_LOG`, else at `default`.
///
/// # Errors
/// `DRIFTD_LOG` is what decides and holds no filter.
pub fn start(level: Option<LogLevel>, default: LogLevel, format: LogFormat) -> Result<(), FilterError> {
    let filter = match (level, std::env::var(VARIABLE)) {
        (None, Ok(filter)) if !filter.is_empty() => EnvFilter::try_new(filter)?,
        _ => own(level.unwrap_or(default)),
    };
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second start in one process keeps the first.
    let _ = match format {
        LogFormat::Text => logs.with_ansi(ansi()).try_init(),
        LogFormat::Json => logs.json().try_init(),
    };
    Ok(())
}

/// Our own lines at `level`; of the libraries below only warnings.
fn own(level: LogLevel) -> EnvFilter {
    let (own, others) = match level {
        LogLevel::Error => (LevelFilter::ERROR, LevelFilter::ERROR),
        LogLevel::Warn => (LevelFilter::WARN, LevelFilter::WARN),
        LogLevel::Info => (LevelFilter::INFO, LevelFilter::WARN),
        LogLevel::Debug => (LevelFilter::DEBUG, LevelFilter::WARN),
        LogLevel::Trace => (LevelFilter::TRACE, LevelFilter::DEBUG),
    };
    EnvFilter::new(format!("{others},driftd={own}"))
}

fn ansi() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

/// Tells that this is a bug and where it is. What the panic says is left out: it may quote a value.
pub fn report_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let version = env!("CARGO_PKG_VERSION");
    // Where stderr is closed nothing is left to be told.
    let _ = writeln!(io::stderr().lock(), "driftd {version}: this is a bug in driftd, at {place}; please report it");
}
