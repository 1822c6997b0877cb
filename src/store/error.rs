//! Why the record cannot be used.

use rusqlite::ErrorCode;

/// Why the record of drift cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file or its folder cannot be used.
    #[error("cannot use the state file {file}: {source}; its folder must exist and be writable")]
    Place {
        /// The file.
        file: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another driftd has the file.
    #[error(
        "another driftd uses the state file {file}; give each instance a file of its own, and this one goes on in memory \
         until the other has ended"
    )]
    Taken {
        /// The file.
        file: String,
    },
    /// A query failed.
    #[error("cannot use the state file {file}: {why}")]
    Failed {
        /// The file.
        file: String,
        /// What `SQLite` says, and what to do.
        why: String,
    },
    /// The file was opened anew since the environment's record was read.
    #[error("the state file {file} was opened anew; it is written at the next scan")]
    Reopened {
        /// The file.
        file: String,
    },
    /// A bug: the work on the file ended without a result.
    #[error("the work on the state file ended without a result, which is a bug in driftd: {0}")]
    Died(String),
    /// There is no record yet.
    #[error("there is no state file {file} yet; `driftd run` creates it")]
    Missing {
        /// The file.
        file: String,
    },
    /// Not a record of driftd, or of a newer one.
    #[error("the state file {file} {why}")]
    Unfit {
        /// The file.
        file: String,
        /// What it is instead.
        why: String,
    },
}

/// Whether the file can be used again as it is once the cause has gone.
pub(super) fn passes(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Whether the file itself is broken.
pub(super) fn is_corrupt(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// What `SQLite` says, and what to do where that is known.
pub(super) fn words(error: &rusqlite::Error) -> String {
    let advice = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "; free space on its disk",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => "; make the file and its folder writable",
        Some(ErrorCode::CannotOpen) => "; check the rights on it and on its folder",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "; it is set aside at the next scan",
        _ => "",
    };
    format!("{error}{advice}")
}
