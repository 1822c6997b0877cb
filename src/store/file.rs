//! Opening the file: one daemon at a time, and what is none of its files is set aside, never overwritten.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::{StoreError, is_corrupt, words};
use super::schema::{APPLICATION_ID, migrate, version, version_of};

/// Only the owner reads it.
pub(super) const MODE: u32 = 0o600;
/// What every file of `SQLite` begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// How long to wait for a reader.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a file cannot be used as it is.
enum Unfit {
    Foreign,
    Newer(i32),
    Corrupt(String),
}

/// Opens the file for writing, made where there is none, with the lock that keeps other daemons out.
pub(super) fn open(path: &Path) -> Result<(Connection, File), StoreError> {
    let place = |source| StoreError::Place { file: path.display().to_string(), source };
    let lock = lock(path)?;
    if let Err(unfit) = look(path).map_err(place)? {
        set_aside(path, &unfit).map_err(place)?;
    }
    let failed = |error| StoreError::Failed { file: path.display().to_string(), why: words(&error) };
    create(path).map_err(place)?;
    let connection = match prepare(path).map_err(failed)? {
        Ok(connection) => connection,
        Err(unfit) => {
            set_aside(path, &unfit).map_err(place)?;
            create(path).map_err(place)?;
            prepare(path).map_err(failed)?.map_err(|unfit| refused(path, &unfit))?
        }
    };
    Ok((connection, lock))
}

/// Opens the file for reading, beside a daemon that may be writing.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    match look(path) {
        Err(source) => return Err(StoreError::Place { file: path.display().to_string(), source }),
        Ok(Err(unfit)) => return Err(refused(path, &unfit)),
        Ok(Ok(Size::Empty)) => return Err(StoreError::Missing { file: path.display().to_string() }),
        Ok(Ok(Size::Some)) => {}
    }
    let read = || {
        let connection =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(PATIENCE)?;
        let fit = fits(&connection)?;
        Ok(fit.map(|()| connection))
    };
    match read() {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(unfit)) => Err(refused(path, &unfit)),
        Err(error) => Err(StoreError::Failed { file: path.display().to_string(), why: words(&error) }),
    }
}

fn refused(path: &Path, unfit: &Unfit) -> StoreError {
    StoreError::Unfit { file: path.display().to_string(), why: unfit.to_string() }
}

/// The lock stands beside the file: locks on the file itself are `SQLite`'s.
fn lock(path: &Path) -> Result<File, StoreError> {
    let place = |source| StoreError::Place { file: path.display().to_string(), source };
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(MODE).open(beside(path, ".lock"));
    let file = file.map_err(place)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Taken { file: path.display().to_string() }),
        Err(TryLockError::Error(source)) => Err(place(source)),
    }
}

/// The path with `more` behind its name.
pub(super) fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    name.into()
}

enum Size {
    Empty,
    Some,
}

/// What the first bytes tell, without touching anything.
fn look(path: &Path) -> io::Result<Result<Size, Unfit>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(Size::Empty)),
        Err(error) => return Err(error),
    };
    let mut head = Vec::new();
    file.take(100).read_to_end(&mut head)?;
    let number = |at: usize| head.get(at..at + 4).and_then(|bytes| Some(i32::from_be_bytes(bytes.try_into().ok()?)));
    Ok(match (number(60), number(68)) {
        _ if head.is_empty() => Ok(Size::Empty),
        _ if !head.starts_with(MAGIC) => Err(Unfit::Foreign),
        (Some(found), Some(APPLICATION_ID)) if found > version() => Err(Unfit::Newer(found)),
        _ => Ok(Size::Some),
    })
}

fn create(path: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(MODE).open(path)?;
    // Volumes of Pods widen the mode at each mount; where somebody else owns the file its mode is theirs.
    fs::set_permissions(path, Permissions::from_mode(MODE)).or(Ok(()))
}

/// Opens the file, looks it through, and brings it to today's version.
fn prepare(path: &Path) -> rusqlite::Result<Result<Connection, Unfit>> {
    let attempt = || {
        let mut connection =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(PATIENCE)?;
        // What turns out not to be ours stays as it is when it is closed.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        if let Err(unfit) = fits(&connection)? {
            return Ok(Err(unfit));
        }
        let sound: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if sound != "ok" {
            return Ok(Err(Unfit::Corrupt(sound)));
        }
        // A process that dies loses nothing; only where the machine itself dies may the last commits go.
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "normal")?;
        migrate(&mut connection)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        Ok(Ok(connection))
    };
    attempt().or_else(|error| if is_corrupt(&error) { Ok(Err(Unfit::Corrupt(error.to_string()))) } else { Err(error) })
}

/// Whether the tables are driftd's own, of this version or an earlier one; a file without tables is anybody's.
fn fits(connection: &Connection) -> rusqlite::Result<Result<(), Unfit>> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let found = version_of(connection)?;
    Ok(match application {
        APPLICATION_ID if found > version() => Err(Unfit::Newer(found)),
        APPLICATION_ID => Ok(()),
        _ if tables == 0 && application == 0 => Ok(()),
        _ => Err(Unfit::Foreign),
    })
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Foreign => f.write_str("is none of driftd's"),
            Self::Newer(found) => {
                write!(f, "is of a newer driftd (its tables are version {found}, this one knows {})", version())
            }
            Self::Corrupt(why) => write!(f, "is corrupt ({why})"),
        }
    }
}

/// Gives the file another name, with what `SQLite` keeps beside it, and says so.
fn set_aside(path: &Path, unfit: &Unfit) -> io::Result<()> {
    let word = match unfit {
        Unfit::Foreign => "foreign",
        Unfit::Newer(_) => "newer",
        Unfit::Corrupt(_) => "corrupt",
    };
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let names = (0..).map(|number| match number {
        0 => beside(path, &format!(".{word}-{now}")),
        _ => beside(path, &format!(".{word}-{now}-{number}")),
    });
    let mut free = names.filter(|name| !name.exists());
    let Some(aside) = free.next() else { return Err(io::Error::from(io::ErrorKind::AlreadyExists)) };
    for part in ["-wal", "-shm", ""] {
        match fs::rename(beside(path, part), beside(&aside, part)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            moved => moved?,
        }
    }
    tracing::error!(
        "the state file {} {unfit}: it is set aside, unchanged, as {}; a new history begins",
        path.display(),
        aside.display()
    );
    Ok(())
}
