//! Series as bytes: rendered when the state changes, copied when a scrape asks.

mod environment;
mod family;
mod process;
mod promotion;
mod text;

use std::collections::BTreeMap;

pub use environment::{MAX_DRIFTED_OBJECTS, Observed, Standing};
pub use family::{FAMILIES, Family, Kind};
pub use text::Format;

use crate::drift::history::Event;
use crate::drift::model::{Origin, Stage};

/// The commit that this binary was built from, where the build was told.
pub const REVISION: Option<&str> = option_env!("DRIFTD_REVISION");

/// The compiler that made this binary.
pub const RUSTC: &str = env!("DRIFTD_RUSTC");

/// Scans that left a gap at a stage, since the start.
pub type ScanErrors = BTreeMap<Stage, u64>;

/// What happened to findings, since the start.
pub type Events = BTreeMap<(Event, Origin), u64>;

/// How the configuration stands that everything rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configuration {
    /// A number that differs where the text of the configuration in force differs; absent where it is no file.
    pub digest: Option<u64>,
    /// Why the file as it is now is not followed.
    pub failure: Option<String>,
}

/// The samples of one environment, family by family, in the order of [`FAMILIES`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Samples(Vec<String>);

/// Renders what is known of one environment.
#[must_use]
pub fn render(observed: &Observed<'_>) -> Samples {
    Samples(FAMILIES.iter().map(|family| environment::samples(family, observed)).collect())
}

/// Joins the environments' samples to the body of a scrape in one format, still without
/// [`closing`].
#[must_use]
pub fn join(environments: &[&Samples], format: Format) -> String {
    let mut body = String::new();
    for (position, family) in FAMILIES.iter().enumerate() {
        let samples: String =
            environments.iter().filter_map(|samples| samples.0.get(position)).map(String::as_str).collect();
        if !samples.is_empty() {
            text::write_header(&mut body, family, format);
            body.push_str(&samples);
        }
    }
    body
}

/// What ends the body of a scrape: the series of the process, as they are now, and the format's own end.
#[must_use]
pub fn closing(configuration: &Configuration, format: Format) -> String {
    let mut body = String::new();
    process::write_configuration(&mut body, configuration, format);
    process::write(&mut body, format);
    body.push_str(format.end());
    body
}
