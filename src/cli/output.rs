//! Where results go: stdout and files, in the formats that were asked for.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;

use anstream::{AutoStream, ColorChoice};
use clap::ValueEnum;
use jiff::Timestamp;

use crate::drift::history::Entry;
use crate::drift::promotion::Promotion;
use crate::report::{self, Listing, Report, Verdict};

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For scripts.
    Json,
    /// Ignore rules for what was found, to paste into the configuration.
    Ignores,
}

/// `FORMAT[=PATH]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    format: Format,
    /// Absent for stdout.
    path: Option<PathBuf>,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The format does not exist.
    #[error("`{0}` is no format: it is one of text, json, and `=PATH` behind it writes a file")]
    Format(String),
    /// `FORMAT=` without a path.
    #[error("no path stands behind `=`; name a file, or leave the `=` out for stdout")]
    NoPath,
    /// Two outputs at one place.
    #[error("two outputs go to {0}; give each a file of its own with -o FORMAT=PATH")]
    Twice(String),
    /// A file or stdout cannot be written.
    #[error("cannot write {place}: {source}")]
    Write {
        /// The path, or `stdout`.
        place: String,
        /// What the system says.
        source: io::Error,
    },
}

impl FromStr for Output {
    type Err = OutputError;

    fn from_str(text: &str) -> Result<Self, OutputError> {
        let (format, path) = text.split_once('=').map_or((text, None), |(format, path)| (format, Some(path)));
        let format = match format {
            "text" => Format::Text,
            "json" => Format::Json,
            other => return Err(OutputError::Format(other.escape_debug().to_string())),
        };
        match path {
            Some("") => Err(OutputError::NoPath),
            path => Ok(Self { format, path: path.map(PathBuf::from) }),
        }
    }
}

impl Output {
    /// Ignore rules on stdout: `--suggest-ignores`.
    pub const IGNORES: Self = Self { format: Format::Ignores, path: None };

    /// JSON has no styles: it passes as it is, and stripping would only damage its values.
    const fn color(&self, wanted: Color) -> Color {
        match self.format {
            Format::Text => wanted,
            Format::Json | Format::Ignores => Color::Always,
        }
    }

    fn place(&self) -> String {
        self.path.as_ref().map_or_else(|| "stdout".into(), |path| path.display().to_string())
    }
}

/// Outputs that are open.
#[derive(Debug)]
pub struct Outputs {
    open: Vec<(Output, Option<File>)>,
    color: Color,
}

impl Outputs {
    /// Opens every output before the work begins, so that a wrong path costs no scan; text on stdout for none.
    ///
    /// # Errors
    /// A file cannot be created, or two outputs go to the same place.
    pub fn open(outputs: &[Output], color: Color) -> Result<Self, OutputError> {
        let default = [Output { format: Format::Text, path: None }];
        let outputs = if outputs.is_empty() { &default } else { outputs };
        let mut places = HashSet::new();
        if let Some(twice) = outputs.iter().find(|output| !places.insert(&output.path)) {
            return Err(OutputError::Twice(twice.place()));
        }
        let mut open = Vec::with_capacity(outputs.len());
        for output in outputs {
            let file = output.path.as_ref().map(File::create).transpose();
            let file = file.map_err(|source| OutputError::Write { place: output.place(), source })?;
            open.push((output.clone(), file));
        }
        Ok(Self { open, color })
    }

    /// Writes the report to every output.
    ///
    /// # Errors
    /// The first output that cannot be written; a reader that went away is no error.
    pub fn write(self, report: &Report, listing: Listing, verdict: Verdict) -> Result<(), OutputError> {
        self.write_each(|format, bytes| match format {
            Format::Text => report::text::write(report, listing, verdict, bytes),
            Format::Json => report::json::write(report, listing, bytes),
            Format::Ignores => report::ignores::write(report, bytes),
        })
    }

    /// Writes the promotions to every output.
    ///
    /// # Errors
    /// The first output that cannot be written; a reader that went away is no error.
    pub fn write_promotions(self, promotions: &[Promotion], now: Timestamp) -> Result<(), OutputError> {
        self.write_each(|format, bytes| match format {
            Format::Json => report::promotion::json(promotions, bytes),
            Format::Text | Format::Ignores => report::promotion::table(promotions, now, bytes),
        })
    }

    /// Writes what is on record to every output.
    ///
    /// # Errors
    /// The first output that cannot be written; a reader that went away is no error.
    pub fn write_history(self, entries: &[Entry], now: Timestamp) -> Result<(), OutputError> {
        self.write_each(|format, bytes| match format {
            Format::Json => report::history::json(entries, bytes),
            Format::Text | Format::Ignores => report::history::table(entries, now, bytes),
        })
    }

    fn write_each(self, render: impl Fn(Format, &mut Vec<u8>) -> io::Result<()>) -> Result<(), OutputError> {
        let rendered = |format| {
            let mut bytes = Vec::new();
            render(format, &mut bytes).map(|()| bytes)
        };
        for (output, file) in self.open {
            let place = output.place();
            let color = output.color(self.color);
            let written = match file {
                Some(file) => {
                    let mut out = AutoStream::new(file, color.choice(ColorChoice::Never));
                    rendered(output.format).and_then(|bytes| flush(&bytes, &mut out))
                }
                None => to_stdout(color, |out| flush(&rendered(output.format)?, out)),
            };
            written.map_err(|source| OutputError::Write { place, source })?;
        }
        Ok(())
    }
}

impl Color {
    fn choice(self, auto: ColorChoice) -> ColorChoice {
        match self {
            Self::Auto => auto,
            Self::Always => ColorChoice::AlwaysAnsi,
            Self::Never => ColorChoice::Never,
        }
    }
}

fn flush(bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(bytes)?;
    out.flush()
}

/// Lets `write` write to stdout; a reader that went away is no error.
///
/// # Errors
/// Any other failure to write.
pub fn to_stdout(color: Color, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let stdout = io::stdout();
    let choice = color.choice(AutoStream::choice(&stdout));
    let mut out = AutoStream::new(stdout.lock(), choice);
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
