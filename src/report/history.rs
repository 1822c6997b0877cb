//! The history of drift: as a table for people, as JSON for scripts.

use std::io::{self, Write};

use anstyle::Style;
use jiff::Timestamp;
use serde::Serialize;

use super::SCHEMA_VERSION;
use super::text::{DIM, GREEN, RED, YELLOW, escape, span};
use crate::drift::history::Entry;
use crate::drift::model::{Origin, Severity};

/// The history as `driftd history -o json` prints it and `/api/v1/history` answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: u32,
    entries: &'a [Entry],
}

/// Writes the entries as indented JSON with a newline at its end.
///
/// # Errors
/// What `out` answers.
pub fn json(entries: &[Entry], out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Document { schema_version: SCHEMA_VERSION, entries })?;
    out.write_all(b"\n")
}

/// Writes a table with a line for each entry. Ages are relative to `now`.
///
/// # Errors
/// What `out` answers.
pub fn table(entries: &[Entry], now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    if entries.is_empty() {
        return writeln!(out, "no drift is on record");
    }
    let head = ["ENVIRONMENT", "SINCE", "FOR", "SEVERITY", "ORIGIN", "BY", "OBJECT", "WHAT"];
    let rows: Vec<[String; 8]> = entries.iter().map(|entry| row(entry, now)).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    for (title, width) in head.iter().zip(&widths) {
        write!(out, "{DIM}{title:<width$}{DIM:#}  ")?;
    }
    writeln!(out)?;
    for (entry, row) in entries.iter().zip(&rows) {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let style = style_of(entry, column);
            write!(out, "{style}{cell:<width$}{style:#}  ")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn row(entry: &Entry, now: Timestamp) -> [String; 8] {
    let word = |word: Option<&'static str>| word.unwrap_or("-").to_owned();
    let what = match entry.change {
        Some(change) => format!("{} {change}", escape(&entry.path)),
        None => entry.state.to_string(),
    };
    [
        escape(&entry.environment),
        format!("{:.0} ({})", entry.first_seen, span(entry.first_seen, now)),
        lasted(entry, now),
        word(entry.severity.map(Severity::as_str)),
        word(entry.origin.map(Origin::as_str)),
        entry.manager.as_ref().map_or_else(|| "-".to_owned(), |manager| escape(&manager.name)),
        escape(&entry.key.to_string()),
        what,
    ]
}

/// `2h05m`, or `2h05m, stands`.
fn lasted(entry: &Entry, now: Timestamp) -> String {
    let end = entry.resolved.unwrap_or(now);
    let seconds = end.as_second().saturating_sub(entry.first_seen.as_second()).max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let length = match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m"),
        3600..86400 => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    };
    if entry.resolved.is_some() { length } else { format!("{length}, stands") }
}

const fn style_of(entry: &Entry, column: usize) -> Style {
    match (column, entry.severity) {
        (2, _) if entry.resolved.is_some() => GREEN,
        (3, Some(Severity::Critical | Severity::High)) => RED,
        (3, Some(Severity::Medium)) => YELLOW,
        _ => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::model::{Category, Change, Manager, ObjectKey, Operation, State, TypeKey};

    fn at(text: &str) -> Timestamp {
        format!("2026-11-21T{text}Z").parse().unwrap()
    }

    fn entry() -> Entry {
        Entry {
            environment: "prod".into(),
            key: ObjectKey {
                type_key: TypeKey::new("apps/v1", "Deployment"),
                namespace: Some("trino".into()),
                name: "worker".into(),
            },
            path: "spec.replicas".into(),
            change: Some(Change::Changed),
            state: State::Modified,
            category: Some(Category::Scaling),
            severity: Some(Severity::High),
            origin: Some(Origin::Manual),
            manager: Some(Manager { name: "edit\u{1b}[31m".into(), operation: Operation::Update, time: None }),
            first_seen: at("08:00:00"),
            last_seen: at("09:00:00"),
            resolved: Some(at("09:30:00")),
            revision: Some("c0ffee".into()),
            resolved_revision: None,
        }
    }

    #[test]
    fn a_line_tells_what_drifted_who_and_how_long() {
        let stands = Entry { resolved: None, change: None, state: State::Missing, ..entry() };
        let mut out = Vec::new();
        table(&[entry(), stands], at("10:00:00"), &mut out).unwrap();
        let text = anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string();
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
            .collect();
        let since = "2026-11-21T08:00:00Z (2h00m ago)";
        let object = "apps/v1/Deployment trino/worker";
        assert_eq!(lines[1][..5], ["prod", since, "1h30m", "high", "manual"]);
        assert_eq!(lines[1][6..], [object, "spec.replicas changed"]);
        assert_eq!(lines[2][2..4], ["2h00m, stands", "high"]);
        assert_eq!(lines[2][6..], [object, "missing"]);
        assert!(!text.contains('\u{1b}'), "what a cluster names its managers cannot paint the terminal: {text:?}");
    }

    #[test]
    fn the_json_has_the_names_of_the_contract() {
        let mut out = Vec::new();
        json(&[entry()], &mut out).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(document["schemaVersion"], 1);
        let keys: Vec<&String> = document["entries"][0].as_object().unwrap().keys().collect();
        for key in [
            "environment",
            "apiVersion",
            "kind",
            "namespace",
            "name",
            "path",
            "change",
            "state",
            "origin",
            "manager",
            "firstSeen",
            "lastSeen",
            "resolved",
            "revision",
        ] {
            assert!(keys.iter().any(|own| *own == key), "{key} in {keys:?}");
        }
    }
}
