//! Episodes as rows.

use std::fmt::Display;

use jiff::Timestamp;
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, Row, Statement, named_params, params};

use super::{Question, Scanned};
use crate::drift::history::{Entry, Episode, Look, Sight};
use crate::drift::model::{Category, Change, Manager, ObjectKey, Operation, Origin, Severity, State, TypeKey};

/// So many resolved episodes are kept, the latest ones, however young the others are.
pub(super) const KEPT: i64 = 100_000;

const UPSERT: &str = "INSERT INTO episodes (
        environment, api_group, version, kind, namespace, name, finding, first_seen, path, change, state, category,
        severity, origin, manager, operation, manager_time, revision, last_seen, resolved, resolved_revision
    ) VALUES (
        :environment, :api_group, :version, :kind, :namespace, :name, :finding, :first_seen, :path, :change, :state,
        :category, :severity, :origin, :manager, :operation, :manager_time, :revision, :last_seen, :resolved,
        iif(:resolved IS NULL, NULL, :revision)
    ) ON CONFLICT DO UPDATE SET
        version = excluded.version, change = excluded.change, state = excluded.state, category = excluded.category,
        severity = excluded.severity, origin = excluded.origin, manager = excluded.manager,
        operation = excluded.operation, manager_time = excluded.manager_time, last_seen = excluded.last_seen,
        resolved = excluded.resolved, resolved_revision = excluded.resolved_revision";

const COLUMNS: &str =
    "environment, api_group, version, kind, namespace, name, finding, first_seen, path, change, state,
    category, severity, origin, manager, operation, manager_time, revision, resolved, resolved_revision,
    coalesce(last_seen, (SELECT ended FROM scans WHERE scans.environment = episodes.environment), first_seen) AS seen";

/// Writes what a scan has brought, in one transaction.
pub(super) fn record(connection: &mut Connection, scan: Scanned<'_>, episodes: &[Episode]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let ended = scan.ended.as_millisecond();
    transaction
        .prepare(
            "INSERT INTO scans (environment, ended, complete) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET ended = excluded.ended, complete = coalesce(excluded.complete, complete)",
        )?
        .execute(params![scan.environment, ended, (scan.look == Look::Everywhere).then_some(ended)])?;
    {
        let mut upsert = transaction.prepare(UPSERT)?;
        for episode in episodes {
            write(&mut upsert, scan, episode)?;
        }
    }
    transaction.commit()
}

fn write(upsert: &mut Statement<'_>, scan: Scanned<'_>, episode: &Episode) -> rusqlite::Result<usize> {
    let Episode { key, manager, .. } = episode;
    let (last_seen, resolved) = match episode.sight {
        Sight::Standing => (None, None),
        Sight::Hidden { last_seen } => (Some(last_seen), None),
        Sight::Resolved { last_seen, at } => (Some(last_seen), Some(at)),
    };
    let time = |time: Option<Timestamp>| time.map(Timestamp::as_millisecond);
    upsert.execute(named_params! {
        ":environment": scan.environment,
        ":api_group": key.type_key.group,
        ":version": key.type_key.version,
        ":kind": key.type_key.kind,
        ":namespace": key.namespace.as_deref().unwrap_or_default(),
        ":name": key.name,
        ":finding": episode.finding,
        ":first_seen": episode.first_seen.as_millisecond(),
        ":path": episode.path,
        ":change": episode.change.map(Change::as_str),
        ":state": episode.state.as_str(),
        ":category": episode.category.map(Category::as_str),
        ":severity": episode.severity.map(Severity::as_str),
        ":origin": episode.origin.map(Origin::as_str),
        ":manager": manager.as_ref().map(|manager| &manager.name),
        ":operation": manager.as_ref().map(|manager| manager.operation.as_str()),
        ":manager_time": time(manager.as_ref().and_then(|manager| manager.time)),
        ":revision": scan.revision,
        ":last_seen": time(last_seen),
        ":resolved": time(resolved),
    })
}

/// What stood in an environment and what was resolved since `lately`. What the latest scan saw was seen by no later
/// one: from here on that is on record too.
pub(super) fn recall(
    connection: &mut Connection,
    environment: &str,
    lately: Timestamp,
) -> rusqlite::Result<(Vec<Episode>, Look)> {
    let transaction = connection.transaction()?;
    transaction.execute(
        "UPDATE episodes SET last_seen = coalesce((SELECT ended FROM scans WHERE environment = ?1), first_seen)
         WHERE environment = ?1 AND resolved IS NULL AND last_seen IS NULL",
        [environment],
    )?;
    let complete = "SELECT count(*) FROM scans WHERE environment = ?1 AND complete IS NOT NULL";
    let complete: i64 = transaction.query_row(complete, [environment], |row| row.get(0))?;
    let episodes = transaction
        .prepare(&format!(
            "SELECT {COLUMNS} FROM episodes WHERE environment = ?1 AND (resolved IS NULL OR resolved >= ?2)
             ORDER BY first_seen"
        ))?
        .query_map(params![environment, lately.as_millisecond()], |row| {
            let entry = entry(row)?;
            let last_seen = entry.last_seen;
            Ok(Episode {
                finding: row.get("finding")?,
                sight: entry.resolved.map_or(Sight::Hidden { last_seen }, |at| Sight::Resolved { last_seen, at }),
                key: entry.key,
                path: entry.path,
                change: entry.change,
                state: entry.state,
                category: entry.category,
                severity: entry.severity,
                origin: entry.origin,
                manager: entry.manager,
                first_seen: entry.first_seen,
            })
        })?
        .collect::<Result<_, _>>()?;
    transaction.commit()?;
    Ok((episodes, if complete > 0 { Look::Everywhere } else { Look::Partial }))
}

/// Forgets what has not stood since `oldest`, and the oldest of what is too much.
pub(super) fn prune(connection: &Connection, oldest: Timestamp) -> rusqlite::Result<()> {
    connection.execute(
        "DELETE FROM episodes WHERE coalesce(resolved, last_seen,
            (SELECT ended FROM scans WHERE scans.environment = episodes.environment), first_seen) < ?1",
        [oldest.as_millisecond()],
    )?;
    connection.execute(
        "DELETE FROM episodes WHERE resolved <=
            (SELECT resolved FROM episodes WHERE resolved IS NOT NULL ORDER BY resolved DESC LIMIT 1 OFFSET ?1)",
        [KEPT],
    )?;
    Ok(())
}

/// What is on record, the latest first sight first.
pub(super) fn entries(connection: &Connection, question: &Question) -> rusqlite::Result<Vec<Entry>> {
    connection
        .prepare(&format!(
            "SELECT {COLUMNS} FROM episodes
             WHERE (?1 IS NULL OR environment = ?1) AND (?2 IS NULL OR coalesce(resolved, seen) >= ?2)
             ORDER BY first_seen DESC, environment, namespace, kind, api_group, name, path, finding"
        ))?
        .query_map(params![question.environment, question.since.map(Timestamp::as_millisecond)], entry)?
        .collect()
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let namespace: String = row.get("namespace")?;
    let type_key = TypeKey { group: row.get("api_group")?, version: row.get("version")?, kind: row.get("kind")? };
    let manager = row.get::<_, Option<String>>("manager")?.map(|name| {
        let operation = word(row, "operation", Operation::ALL)?;
        let time = time(row, "manager_time")?;
        Ok::<_, rusqlite::Error>(Manager { name, operation: operation.unwrap_or(Operation::Update), time })
    });
    Ok(Entry {
        environment: row.get("environment")?,
        key: ObjectKey { type_key, namespace: (!namespace.is_empty()).then_some(namespace), name: row.get("name")? },
        path: row.get("path")?,
        change: word(row, "change", Change::ALL)?,
        state: word(row, "state", State::ALL)?.unwrap_or(State::Unknown),
        category: word(row, "category", Category::ALL)?,
        severity: word(row, "severity", Severity::ALL)?,
        origin: word(row, "origin", Origin::ALL)?,
        manager: manager.transpose()?,
        first_seen: time(row, "first_seen")?.unwrap_or_default(),
        last_seen: time(row, "seen")?.unwrap_or_default(),
        resolved: time(row, "resolved")?,
        revision: row.get("revision")?,
        resolved_revision: row.get("resolved_revision")?,
    })
}

fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    let milliseconds: Option<i64> = row.get(column)?;
    milliseconds.map(Timestamp::from_millisecond).transpose().map_err(|_| unreadable(Type::Integer))
}

/// One of the words of an enum.
fn word<T: Copy + Display>(row: &Row<'_>, column: &str, all: &[T]) -> rusqlite::Result<Option<T>> {
    let Some(text) = row.get::<_, Option<String>>(column)? else { return Ok(None) };
    let found = all.iter().copied().find(|word| word.to_string() == text);
    found.map(Some).ok_or_else(|| unreadable(Type::Text))
}

fn unreadable(of: Type) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, of, Box::new(FromSqlError::InvalidType))
}
