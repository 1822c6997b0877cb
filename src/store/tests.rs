//! The file through everything that happens to files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rusqlite::params;
use tempfile::TempDir;

use super::*;
use crate::drift::history::Sight;
use crate::drift::model::{
    Category, Change, Manager, ObjectKey, Operation, Origin, Severity, State as Verdict, TypeKey,
};
use crate::drift::promotion::CommitId;

const RETENTION: Duration = Duration::from_hours(90 * 24);

fn at(minute: i64) -> Timestamp {
    "2026-11-21T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
}

fn episode(name: &str, first_seen: Timestamp, sight: Sight) -> Episode {
    Episode {
        key: ObjectKey {
            type_key: TypeKey::new("apps/v1", "Deployment"),
            namespace: Some("trino".into()),
            name: name.into(),
        },
        finding: "9f2c".into(),
        path: "spec.replicas".into(),
        change: Some(Change::Changed),
        state: Verdict::Modified,
        category: Some(Category::Scaling),
        severity: Some(Severity::High),
        origin: Some(Origin::Manual),
        manager: Some(Manager { name: "edit".into(), operation: Operation::Update, time: Some(at(-9)) }),
        first_seen,
        sight,
    }
}

/// A cluster-scoped object of the core group that is not there.
fn missing(first_seen: Timestamp) -> Episode {
    Episode {
        key: ObjectKey { type_key: TypeKey::new("v1", "Namespace"), namespace: None, name: "trino".into() },
        finding: "missing".into(),
        path: String::new(),
        change: None,
        state: Verdict::Missing,
        manager: None,
        ..episode("", first_seen, Sight::Standing)
    }
}

fn scan(ended: Timestamp) -> Scanned<'static> {
    Scanned { environment: "prod", ended, look: Look::Everywhere, revision: Some("c0ffee") }
}

fn all(store: &Store) -> Vec<Entry> {
    store.entries(&Question::default()).unwrap()
}

struct Place {
    folder: TempDir,
    file: PathBuf,
}

fn place() -> Place {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("driftd.db");
    Place { folder, file }
}

impl Place {
    fn store(&self) -> Store {
        Store::new(Some(&self.file), RETENTION)
    }

    /// A store in which `episodes` are recorded by a scan at minute 0, closed again.
    fn with(episodes: &[Episode]) -> Self {
        let place = place();
        let store = place.store();
        let session = store.recall("prod", at(0)).unwrap().session;
        store.record(session, scan(at(0)), episodes).unwrap();
        place
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The file that was set aside, with what tells why.
    fn aside(&self) -> (String, Vec<u8>) {
        let names = self.names();
        let name = names.iter().find(|name| name.contains('-') && name.ends_with('Z'));
        let name = name.unwrap_or_else(|| panic!("nothing was set aside: {names:?}"));
        let word = name.strip_prefix("driftd.db.").unwrap().split('-').next().unwrap().to_owned();
        (word, fs::read(self.folder.path().join(name)).unwrap())
    }
}

#[test]
fn what_is_recorded_is_told_and_recalled_by_the_next_process() {
    let gone = Sight::Resolved { last_seen: at(-2), at: at(-1) };
    let hidden = Sight::Hidden { last_seen: at(-3) };
    let recorded =
        [missing(at(-20)), episode("a", at(-9), gone), episode("b", at(-8), hidden), episode("c", at(-7), gone)];
    let place = Place::with(&recorded);
    let store = place.store();
    let told = all(&store);
    assert_eq!(told.iter().map(|entry| entry.key.name.as_str()).collect::<Vec<_>>(), ["c", "b", "a", "trino"]);
    assert_eq!(told[3].key, recorded[0].key);
    assert_eq!((told[3].last_seen, told[3].resolved, told[3].change), (at(0), None, None), "the last scan saw it");
    assert_eq!((told[1].last_seen, told[1].resolved), (at(-3), None));
    assert_eq!((told[0].last_seen, told[0].resolved), (at(-2), Some(at(-1))));
    assert_eq!((told[0].manager.clone(), told[0].severity), (recorded[3].manager.clone(), recorded[3].severity));
    assert_eq!((told[0].revision.as_deref(), told[1].resolved_revision.as_deref()), (Some("c0ffee"), None));
    assert_eq!(told[0].resolved_revision.as_deref(), Some("c0ffee"));

    let recalled = store.recall("prod", at(30)).unwrap();
    assert_eq!(recalled.look, Look::Everywhere);
    let stood = Episode { sight: Sight::Hidden { last_seen: at(0) }, ..recorded[0].clone() };
    let [_, a, b, c] = recorded;
    assert_eq!(recalled.episodes, [stood, a, b, c]);
    assert_eq!(store.recall("prod", at(90)).unwrap().episodes.len(), 2, "only what was resolved within the hour");
    let other = store.recall("qa", at(30)).unwrap();
    assert_eq!((other.episodes.len(), other.look), (0, Look::Partial));
}

#[test]
fn one_episode_is_one_entry_whatever_becomes_of_it() {
    let place = Place::with(&[episode("a", at(0), Sight::Standing)]);
    let store = place.store();
    let session = store.recall("prod", at(1)).unwrap().session;
    let write = |minute, sight| store.record(session, scan(at(minute)), &[episode("a", at(0), sight)]).unwrap();
    write(1, Sight::Standing);
    assert_eq!(all(&store)[0].last_seen, at(1));
    store.record(session, scan(at(2)), &[]).unwrap();
    assert_eq!(all(&store)[0].last_seen, at(2), "a scan that changes nothing saw it");
    let write = |minute, sight| store.record(session, scan(at(minute)), &[episode("a", at(0), sight)]).unwrap();
    write(3, Sight::Hidden { last_seen: at(2) });
    store.record(session, scan(at(4)), &[]).unwrap();
    assert_eq!(all(&store)[0].last_seen, at(2), "a scan that could not look saw nothing");
    store
        .record(session, scan(at(5)), &[episode("a", at(0), Sight::Resolved { last_seen: at(2), at: at(5) })])
        .unwrap();
    store.record(session, scan(at(6)), &[episode("a", at(6), Sight::Standing)]).unwrap();
    let ends: Vec<_> = all(&store).iter().map(|entry| (entry.first_seen, entry.resolved)).collect();
    assert_eq!(ends, [(at(6), None), (at(0), Some(at(5)))]);
}

#[test]
fn a_question_leaves_out_other_environments_and_what_had_gone_before() {
    let gone = |first, last| episode("a", at(first), Sight::Resolved { last_seen: at(last), at: at(last) });
    let place = Place::with(&[gone(-90, -80), gone(-60, -50), missing(at(-99))]);
    let store = place.store();
    let qa = store.recall("qa", at(0)).unwrap().session;
    store.record(qa, Scanned { environment: "qa", ..scan(at(0)) }, &[missing(at(-1))]).unwrap();
    let ask = |environment: Option<&str>, since: Option<i64>| {
        let question = Question { environment: environment.map(str::to_owned), since: since.map(at) };
        let entries = store.entries(&question).unwrap();
        assert_eq!(read(&place.file, &question).unwrap(), entries, "another process reads the same");
        entries.iter().map(|entry| entry.first_seen).collect::<Vec<_>>()
    };
    assert_eq!(ask(Some("prod"), None), [at(-60), at(-90), at(-99)]);
    assert_eq!(ask(Some("prod"), Some(-70)), [at(-60), at(-99)]);
    assert_eq!(ask(None, Some(0)), [at(-1), at(-99)], "what stands still stood then");
    assert_eq!(ask(Some("nowhere"), None), []);
}

#[test]
fn what_was_resolved_long_ago_is_forgotten_and_what_stands_is_not() {
    let gone = episode("a", at(-90), Sight::Resolved { last_seen: at(-80), at: at(-80) });
    let place = Place::with(&[gone, missing(at(-99))]);
    let store = Store::new(Some(&place.file), Duration::from_hours(1));
    assert_eq!(all(&store).len(), 2);
    let session = store.recall("prod", at(0)).unwrap().session;
    store.record(session, scan(at(0)), &[missing(at(-99))]).unwrap();
    assert_eq!(all(&store).iter().map(|entry| entry.first_seen).collect::<Vec<_>>(), [at(-99)]);
}

#[test]
fn only_the_owner_reads_the_files_and_the_key_stays() {
    let place = Place::with(&[missing(at(0))]);
    let key = |place: &Place| fs::read(place.folder.path().join("driftd.db.key")).unwrap();
    let before = key(&place);
    let store = place.store();
    assert_eq!(all(&store).len(), 1);
    assert_eq!(key(&place), before);
    for name in place.names() {
        let mode = fs::metadata(place.folder.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert!(place.names().contains(&"driftd.db-wal".to_owned()));
}

#[test]
fn a_second_daemon_is_told_and_takes_over_when_the_first_has_gone() {
    let place = place();
    let first = place.store();
    let second = place.store();
    let error = second.recall("prod", at(0)).unwrap_err();
    assert!(matches!(error, StoreError::Taken { .. }));
    assert!(error.to_string().starts_with("another driftd uses the state file"), "{error}");
    let session = first.recall("prod", at(0)).unwrap().session;
    first.record(session, scan(at(0)), &[missing(at(0))]).unwrap();
    drop(first);
    assert_eq!(second.recall("prod", at(1)).unwrap().episodes.len(), 1);
}

#[test]
fn a_corrupt_file_is_set_aside_and_a_new_one_begins() {
    let place = Place::with(&(0..500).map(|minute| missing(at(minute))).collect::<Vec<_>>());
    let mut bytes = fs::read(&place.file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 3000].fill(0xa5);
    fs::write(&place.file, &bytes).unwrap();
    let store = place.store();
    assert_eq!(all(&store), []);
    assert_eq!(place.aside(), ("corrupt".to_owned(), bytes));
    let session = store.recall("prod", at(0)).unwrap().session;
    store.record(session, scan(at(0)), &[missing(at(0))]).unwrap();
    assert_eq!(all(&store).len(), 1);
}

#[test]
fn a_file_that_breaks_under_a_daemon_is_set_aside_and_the_record_goes_on() {
    let place = Place::with(&[missing(at(0))]);
    let store = place.store();
    let session = store.recall("prod", at(0)).unwrap().session;
    for name in ["driftd.db", "driftd.db-wal"] {
        let path = place.folder.path().join(name);
        let length = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
        fs::write(path, vec![0xa5; length]).unwrap();
    }
    // Only what SQLite has read already is still whole.
    store.with(|open, _| open.connection.execute_batch("PRAGMA shrink_memory")).unwrap();
    let write = |session| store.record(session, scan(at(1)), &[missing(at(0))]);
    let mut session = session;
    let errors = std::iter::from_fn(|| {
        let error = write(session).err()?;
        session = store.recall("prod", at(1)).map_or(session, |recalled| recalled.session);
        Some(error.to_string())
    });
    let errors: Vec<String> = errors.take(5).collect();
    assert!((1..5).contains(&errors.len()), "{errors:?}");
    assert_eq!(place.aside().0, "foreign", "nothing is left of its head");
    assert_eq!(all(&store).len(), 1);
}

#[test]
fn a_file_of_somebody_else_is_set_aside_unchanged() {
    let place = place();
    fs::write(&place.file, "apiVersion: v1\nkind: Config\n").unwrap();
    assert_eq!(all(&place.store()), []);
    assert_eq!(place.aside(), ("foreign".to_owned(), b"apiVersion: v1\nkind: Config\n".to_vec()));

    let other = self::place();
    let connection = Connection::open(&other.file).unwrap();
    connection.execute_batch("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup')").unwrap();
    drop(connection);
    let before = fs::read(&other.file).unwrap();
    assert_eq!(all(&other.store()), []);
    assert_eq!(other.aside(), ("foreign".to_owned(), before));
}

#[test]
fn a_newer_file_is_set_aside_unchanged_also_where_its_last_words_are_not_in_the_file_yet() {
    let place = Place::with(&[missing(at(0))]);
    let newer = |path: &Path| {
        let connection = Connection::open(path).unwrap();
        connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
        connection.execute_batch("CREATE TABLE marvels (name TEXT)").unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
    };
    newer(&place.file);
    let wal = place.folder.path().join("driftd.db-wal");
    let (before, log) = (fs::read(&place.file).unwrap(), fs::read(&wal).unwrap());
    let error = read(&place.file, &Question::default()).unwrap_err().to_string();
    assert!(error.contains("is of a newer driftd (its tables are version 99, this one knows"), "{error}");
    assert_eq!(all(&place.store()), []);
    assert_eq!(place.aside(), ("newer".to_owned(), before));
    let logs = place.names().into_iter().filter(|name| name.ends_with("Z-wal"));
    let logs: Vec<_> = logs.map(|name| fs::read(place.folder.path().join(name)).unwrap()).collect();
    assert_eq!(logs, [log]);
}

#[test]
fn a_process_that_died_before_its_first_table_leaves_a_file_that_is_used() {
    let place = place();
    fs::write(&place.file, "").unwrap();
    assert_eq!(all(&place.store()), []);
    let half = self::place();
    Connection::open(&half.file).unwrap().pragma_update(None, "journal_mode", "wal").unwrap();
    assert!(fs::metadata(&half.file).unwrap().len() > 0);
    assert_eq!(all(&half.store()), []);
    assert!(half.names().iter().all(|name| !name.ends_with('Z')), "{:?}", half.names());
}

#[test]
fn a_folder_that_is_not_there_is_told_and_used_once_it_is() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("later").join("driftd.db");
    let store = Store::new(Some(&file), RETENTION);
    let error = store.recall("prod", at(0)).unwrap_err().to_string();
    assert!(error.contains("later/driftd.db: No such file") && error.contains("must exist and be writable"), "{error}");
    let error = read(&file, &Question::default()).unwrap_err().to_string();
    assert!(error.contains("yet; `driftd run` creates it"), "{error}");
    fs::create_dir(folder.path().join("later")).unwrap();
    let session = store.recall("prod", at(0)).unwrap().session;
    store.record(session, scan(at(0)), &[missing(at(0))]).unwrap();
}

#[test]
fn a_full_disk_is_told_writes_nothing_half_and_passes() {
    let place = Place::with(&[missing(at(0))]);
    let store = place.store();
    let session = store.recall("prod", at(0)).unwrap().session;
    let limit = |pages: i64| {
        let state = store.lock();
        let connection = &state.open.as_ref().unwrap().connection;
        connection.pragma_update(None, "max_page_count", pages).unwrap();
    };
    // SQLite answers a file that may not grow as it does a disk that is full.
    limit(1);
    let many: Vec<_> = (1..500).map(|minute| missing(at(minute))).collect();
    let error = store.record(session, scan(at(1)), &many).unwrap_err().to_string();
    assert!(error.contains("is full") && error.contains("free space on its disk"), "{error}");
    assert_eq!(all(&store).len(), 1);
    limit(1 << 20);
    store.record(session, scan(at(2)), &many).unwrap();
    assert_eq!(all(&store).len(), 500);
}

#[test]
fn what_another_opening_recalled_is_not_written_into_this_one() {
    let place = Place::with(&[missing(at(0))]);
    let store = place.store();
    let stale = store.recall("prod", at(0)).unwrap().session;
    store.lock().open = None;
    let error = store.record(stale, scan(at(1)), &[]).unwrap_err();
    assert!(matches!(error, StoreError::Reopened { .. }), "{error}");
    let session = store.recall("prod", at(1)).unwrap().session;
    store.record(session, scan(at(1)), &[]).unwrap();
}

#[test]
fn without_a_file_everything_is_remembered_until_the_end() {
    let store = Store::new(None, RETENTION);
    let session = store.recall("prod", at(0)).unwrap().session;
    store.record(session, scan(at(0)), &[missing(at(0))]).unwrap();
    assert_eq!(all(&store).len(), 1);
}

#[test]
fn a_row_that_no_driftd_wrote_is_an_error_and_no_panic() {
    let place = Place::with(&[missing(at(0))]);
    let store = place.store();
    let change = |state: &str| {
        let update = |open: &mut Open| open.connection.execute("UPDATE episodes SET state = ?1", params![state]);
        store.with(|open, _| update(open)).unwrap();
    };
    change("purple");
    assert!(store.entries(&Question::default()).is_err());
    change("missing");
    assert_eq!(all(&store).len(), 1);
}

/// The first form of the tables, as it was released: never to be changed.
const FIRST: &str = "
    CREATE TABLE scans (environment TEXT NOT NULL PRIMARY KEY, ended INTEGER NOT NULL, complete INTEGER)
        STRICT, WITHOUT ROWID;
    CREATE TABLE episodes (
        environment TEXT NOT NULL, api_group TEXT NOT NULL, version TEXT NOT NULL, kind TEXT NOT NULL,
        namespace TEXT NOT NULL, name TEXT NOT NULL, finding TEXT NOT NULL, first_seen INTEGER NOT NULL,
        path TEXT NOT NULL, change TEXT, state TEXT NOT NULL, category TEXT, severity TEXT, origin TEXT, manager TEXT,
        operation TEXT, manager_time INTEGER, revision TEXT, last_seen INTEGER, resolved INTEGER,
        resolved_revision TEXT,
        PRIMARY KEY (environment, api_group, kind, namespace, name, finding, first_seen)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX resolved_episodes ON episodes (resolved) WHERE resolved IS NOT NULL;
    INSERT INTO scans VALUES ('prod', 1795255200000, 1795255200000);
    INSERT INTO episodes VALUES ('prod', '', 'v1', 'Namespace', '', 'trino', 'missing', 1795250000000, '', NULL,
        'missing', 'infrastructure', 'high', 'unknown', NULL, NULL, NULL, 'c0ffee', NULL, NULL, NULL);
    PRAGMA application_id = 0x64726674;
    PRAGMA user_version = 1;
";

#[test]
fn a_file_of_the_first_form_is_read_as_it_is_and_brought_to_todays() {
    let place = place();
    Connection::open(&place.file).unwrap().execute_batch(FIRST).unwrap();
    let first = read(&place.file, &Question::default()).unwrap();
    assert_eq!((first.len(), first[0].key.name.as_str()), (1, "trino"));
    assert_eq!(read_branch(&place.file, "prod").unwrap(), None);

    let store = place.store();
    assert_eq!(all(&store), first);
    assert_eq!(store.recall("prod", at(0)).unwrap().episodes.len(), 1);
    assert_eq!(store.recall_branch("prod").unwrap(), None);
    let branch = SeenBranch { since: at(1), tips: vec![CommitId([1; 20]), CommitId([2; 20])] };
    store.record_branches(&[("prod".to_owned(), branch.clone())]).unwrap();
    assert_eq!(store.recall_branch("prod").unwrap(), Some(branch.clone()));
    assert_eq!(read_branch(&place.file, "prod").unwrap(), Some(branch));
    let version = store.with(|open, _| schema::version_of(&open.connection)).unwrap();
    assert_eq!((version, schema::version()), (2, 2));
}
