//! The text formats of Prometheus: 0.0.4 and `OpenMetrics` 1.0; sample lines are the same in both.

use std::fmt::{Display, Write};

use jiff::Timestamp;

use super::family::{Family, Kind};

/// A format of the body of a scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

impl Format {
    /// The `Content-Type` of the body.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// What the body must end with.
    pub(super) const fn end(self) -> &'static str {
        match self {
            Self::Text => "",
            Self::OpenMetrics => "# EOF\n",
        }
    }
}

/// Writes `# HELP` and `# TYPE`; `OpenMetrics` names a counter without its `_total`.
pub(super) fn write_header(out: &mut String, family: &Family, format: Format) {
    let name = match (format, family.kind) {
        (Format::OpenMetrics, Kind::Counter) => family.name.trim_end_matches("_total"),
        _ => family.name,
    };
    // Writing to a String cannot fail.
    let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} {}", family.help, family.kind.as_str());
}

/// Writes one sample; `values` are those of the family's labels, in their order.
pub(super) fn write_sample(out: &mut String, family: &Family, values: &[&str], value: impl Display) {
    debug_assert_eq!(family.labels.len(), values.len(), "{}", family.name);
    out.push_str(family.name);
    let mut separator = '{';
    for (label, value) in family.labels.iter().zip(values) {
        out.push(separator);
        separator = ',';
        out.push_str(label);
        out.push_str("=\"");
        escape_into(out, value);
        out.push('"');
    }
    if separator == ',' {
        out.push('}');
    }
    let _ = writeln!(out, " {value}");
}

fn escape_into(out: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}

/// A point in time as unix seconds, to the millisecond.
pub(super) fn seconds(time: Timestamp) -> String {
    let milliseconds = time.as_millisecond();
    let (whole, rest) = (milliseconds.div_euclid(1000), milliseconds.rem_euclid(1000));
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:03}") }
}

#[cfg(test)]
mod tests {
    use super::super::family::{IMAGE_DRIFT, OPEN_FDS, REVISION_INFO, SCAN_ERRORS};
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        let mut out = String::new();
        write_sample(&mut out, &REVISION_INFO, &["a\\b", "say \"hi\"\nü"], 1);
        assert_eq!(out, "driftd_git_revision_info{environment=\"a\\\\b\",revision=\"say \\\"hi\\\"\\nü\"} 1\n");
    }

    #[test]
    fn a_family_without_labels_has_no_braces() {
        let mut out = String::new();
        write_sample(&mut out, &OPEN_FDS, &[], 7);
        assert_eq!(out, "process_open_fds 7\n");
    }

    #[test]
    fn only_openmetrics_names_a_counter_without_total() {
        let header = |format| {
            let mut out = String::new();
            write_header(&mut out, &SCAN_ERRORS, format);
            write_header(&mut out, &IMAGE_DRIFT, format);
            out
        };
        assert!(header(Format::Text).contains("# TYPE driftd_scan_errors_total counter\n"));
        assert!(header(Format::OpenMetrics).contains("# TYPE driftd_scan_errors counter\n"));
        assert!(header(Format::OpenMetrics).contains("# TYPE driftd_image_drift_info gauge\n"));
    }

    #[test]
    fn times_are_unix_seconds() {
        assert_eq!(seconds("2026-11-21T10:00:00Z".parse().unwrap()), "1795255200");
        assert_eq!(seconds("2026-11-21T10:00:00.0421Z".parse().unwrap()), "1795255200.042");
    }
}
