//! The tables, and how those of earlier releases become today's.

use rusqlite::{Connection, TransactionBehavior};

/// What tells a file of driftd from any other `SQLite` file: `drft` in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x6472_6674;

/// Each step makes a file of the version before one of its own version, which is its place in the list, from 1.
/// A step that was released is never changed.
///
/// Times are milliseconds of unix time. `last_seen` is absent while the environment's latest scan sees the finding: a
/// scan that changes nothing then writes one row, not one for each finding.
pub(super) const STEPS: &[&str] = &[
    "CREATE TABLE scans (
        environment TEXT NOT NULL PRIMARY KEY,
        ended INTEGER NOT NULL,
        complete INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE episodes (
        environment TEXT NOT NULL,
        api_group TEXT NOT NULL,
        version TEXT NOT NULL,
        kind TEXT NOT NULL,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        finding TEXT NOT NULL,
        first_seen INTEGER NOT NULL,
        path TEXT NOT NULL,
        change TEXT,
        state TEXT NOT NULL,
        category TEXT,
        severity TEXT,
        origin TEXT,
        manager TEXT,
        operation TEXT,
        manager_time INTEGER,
        revision TEXT,
        last_seen INTEGER,
        resolved INTEGER,
        resolved_revision TEXT,
        PRIMARY KEY (environment, api_group, kind, namespace, name, finding, first_seen)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX resolved_episodes ON episodes (resolved) WHERE resolved IS NOT NULL;",
    // The tips are commit ids of 20 bytes, one behind the other, the latest last.
    "CREATE TABLE branches (
        environment TEXT NOT NULL PRIMARY KEY,
        since INTEGER NOT NULL,
        tips BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;",
];

/// The version of today's files.
pub(super) fn version() -> i32 {
    i32::try_from(STEPS.len()).unwrap_or(i32::MAX)
}

/// The version of a file, 0 for one without tables.
pub(super) fn version_of(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings a file of an earlier version to today's, whole or not at all.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = version_of(&transaction)?;
    for step in STEPS.iter().skip(usize::try_from(from).unwrap_or(0)) {
        transaction.execute_batch(step)?;
    }
    // Written also where nothing changes: a file that cannot be written is found out here.
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", version())?;
    transaction.commit()
}
