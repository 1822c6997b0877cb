//! The tips that branches had, as rows: one for each environment.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::drift::promotion::{CommitId, SeenBranch};

/// Writes where the branches of environments stood.
pub(super) fn record(connection: &mut Connection, branches: &[(String, SeenBranch)]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for (environment, SeenBranch { since, tips }) in branches {
        let tips: Vec<u8> = tips.iter().flat_map(|tip| tip.0).collect();
        transaction.execute(
            "INSERT INTO branches (environment, since, tips) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET since = excluded.since, tips = excluded.tips",
            params![environment, since.as_millisecond(), tips],
        )?;
    }
    transaction.commit()
}

/// Where the branch of an environment stood; none where that was never recorded.
pub(super) fn recall(connection: &Connection, environment: &str) -> rusqlite::Result<Option<SeenBranch>> {
    let row = connection
        .query_row("SELECT since, tips FROM branches WHERE environment = ?1", [environment], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    Ok(row.and_then(|(since, tips)| {
        let tips = tips.as_chunks().0.iter().map(|id| CommitId(*id)).collect();
        Some(SeenBranch { since: Timestamp::from_millisecond(since).ok()?, tips })
    }))
}
