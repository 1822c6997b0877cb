//! The record of drift that outlives the process: a `SQLite` file, or memory where no file is named.

mod branches;
mod episodes;
mod error;
mod file;
mod key;
mod schema;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use crate::drift::history::{Entry, Episode, FLAPPING_WINDOW, Look};
use crate::drift::promotion::SeenBranch;

pub use error::StoreError;
pub use key::{KeyError, random_redactor, redactor};

/// The record of all environments of one daemon.
///
/// It never stops anybody: what fails is told, and tried anew at the next call.
#[derive(Debug)]
pub struct Store {
    place: Place,
    retention: SignedDuration,
    state: Mutex<State>,
}

#[derive(Debug)]
enum Place {
    Memory,
    File(PathBuf),
}

#[derive(Debug, Default)]
struct State {
    open: Option<Open>,
    /// How often a file was opened.
    sessions: u64,
}

/// A file at work.
#[derive(Debug)]
struct Open {
    connection: Connection,
    /// Held as long as the connection: no other daemon writes meanwhile.
    _lock: Option<File>,
    pruned: Option<Timestamp>,
}

/// One opening of the file; what is written belongs to the one in which the environment's record was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session(u64);

/// What is on record of an environment.
#[derive(Debug)]
pub struct Recalled {
    /// For writing.
    pub session: Session,
    /// What stood, and what was resolved lately, by the first sight.
    pub episodes: Vec<Episode>,
    /// Whether a complete scan is on record.
    pub look: Look,
}

/// A scan as the record knows it.
#[derive(Debug, Clone, Copy)]
pub struct Scanned<'a> {
    /// The environment.
    pub environment: &'a str,
    /// When it ended.
    pub ended: Timestamp,
    /// Whether it compared everything.
    pub look: Look,
    /// The commit that it read.
    pub revision: Option<&'a str>,
}

/// What of the record is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// Of this environment only.
    pub environment: Option<String>,
    /// Only what stood at this moment or later.
    pub since: Option<Timestamp>,
}

impl Store {
    /// A record in `file`, or in memory for none. What was resolved longer than `retention` ago is forgotten.
    ///
    /// The file is opened at once; where that fails it is told in the log, and tried anew at each use.
    #[must_use]
    pub fn new(file: Option<&Path>, retention: Duration) -> Self {
        let store = Self {
            place: file.map_or(Place::Memory, |file| Place::File(file.to_owned())),
            retention: SignedDuration::try_from(retention).unwrap_or(SignedDuration::MAX),
            state: Mutex::default(),
        };
        if let Err(error) = store.with(|_, _| Ok(())) {
            tracing::error!("the history is kept in memory only: {error}");
        }
        if let Some(file) = file {
            key::provide(file);
        }
        store
    }

    /// What is on record of an environment, for somebody who begins to scan it.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn recall(&self, environment: &str, now: Timestamp) -> Result<Recalled, StoreError> {
        let lately = now.saturating_sub(FLAPPING_WINDOW).unwrap_or(Timestamp::MIN);
        self.with(|open, session| {
            let (episodes, look) = episodes::recall(&mut open.connection, environment, lately)?;
            Ok(Recalled { session, episodes, look })
        })
    }

    /// Records that a scan has ended, and what has happened to `episodes`, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written, or is another one by now: then the record must be recalled first.
    pub fn record(&self, session: Session, scan: Scanned<'_>, episodes: &[Episode]) -> Result<(), StoreError> {
        let oldest = scan.ended.saturating_sub(self.retention).unwrap_or(Timestamp::MIN);
        let written = self.with(|open, current| {
            if current != session {
                return Ok(false);
            }
            episodes::record(&mut open.connection, scan, episodes)?;
            if open.pruned.is_none_or(|last| scan.ended.duration_since(last).abs() >= SignedDuration::from_hours(1)) {
                episodes::prune(&open.connection, oldest)?;
                open.pruned = Some(scan.ended);
            }
            Ok(true)
        })?;
        if written { Ok(()) } else { Err(StoreError::Reopened { file: self.place.to_string() }) }
    }

    /// The record that answers `question`, the latest first sight first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn entries(&self, question: &Question) -> Result<Vec<Entry>, StoreError> {
        self.with(|open, _| episodes::entries(&open.connection, question))
    }

    /// Where the branch of an environment stood; none where that was never recorded.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn recall_branch(&self, environment: &str) -> Result<Option<SeenBranch>, StoreError> {
        self.with(|open, _| branches::recall(&open.connection, environment))
    }

    /// Records where the branches of environments stood, all or none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn record_branches(&self, branches: &[(String, SeenBranch)]) -> Result<(), StoreError> {
        self.with(|open, _| branches::record(&mut open.connection, branches))
    }

    /// Works with the file, which is opened where it is not; after a failure it is opened anew the next time.
    fn with<T>(&self, work: impl FnOnce(&mut Open, Session) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let mut state = self.lock();
        if state.open.is_none() {
            state.open = Some(self.place.open()?);
            state.sessions += 1;
        }
        let session = Session(state.sessions);
        let Some(open) = &mut state.open else { return Err(StoreError::Reopened { file: self.place.to_string() }) };
        work(open, session).map_err(|error| {
            if !error::passes(&error) {
                state.open = None;
            }
            StoreError::Failed { file: self.place.to_string(), why: error::words(&error) }
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while it held the lock left a transaction that SQLite rolls back.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn open(&self) -> Result<Open, StoreError> {
        match self {
            Self::File(path) => {
                let (connection, lock) = file::open(path)?;
                Ok(Open { connection, _lock: Some(lock), pruned: None })
            }
            Self::Memory => {
                let open = || {
                    let mut connection = Connection::open_in_memory()?;
                    schema::migrate(&mut connection)?;
                    Ok(Open { connection, _lock: None, pruned: None })
                };
                open().map_err(|error| StoreError::Failed { file: self.to_string(), why: error::words(&error) })
            }
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// The record in `file` that answers `question`, read beside a daemon that may be writing it.
///
/// # Errors
/// There is no file, it is none of driftd's or of a newer one, or it cannot be read.
pub fn read(file: &Path, question: &Question) -> Result<Vec<Entry>, StoreError> {
    let connection = file::open_to_read(file)?;
    episodes::entries(&connection, question)
        .map_err(|error| StoreError::Failed { file: file.display().to_string(), why: error::words(&error) })
}

/// Where the branch of an environment stood as far as `file` tells, read beside a daemon that may be writing it.
///
/// # Errors
/// There is no file, it is none of driftd's or of a newer one, or it cannot be read.
pub fn read_branch(file: &Path, environment: &str) -> Result<Option<SeenBranch>, StoreError> {
    let connection = file::open_to_read(file)?;
    let read = || match schema::version_of(&connection)? {
        // They came with the second version.
        ..2 => Ok(None),
        _ => branches::recall(&connection, environment),
    };
    read().map_err(|error| StoreError::Failed { file: file.display().to_string(), why: error::words(&error) })
}
