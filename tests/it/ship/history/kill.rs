//! The real binary killed by SIGKILL at random moments while drift comes and goes.
//!
//! `DRIFTD_SEED` repeats a run and `DRIFTD_KILLS` makes it longer.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::Value;

use super::super::process::{Running, get};
use super::{Scene, copied, eventually};
use crate::property::Random;

/// How often in CI.
const KILLS: u64 = 10;
/// The longest life of a daemon.
const LIFE: Duration = Duration::from_millis(2500);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// What the test did to an environment: when each of its drifts began, and whether one stands.
#[derive(Default)]
struct Script {
    began: Vec<Timestamp>,
    stands: bool,
    /// Whether anything was done to it since the last kill.
    touched: bool,
}

/// First sights with their ends, in order of time.
type Told = BTreeMap<String, Vec<(Timestamp, Option<Timestamp>)>>;

fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap()
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str().map(|text| text.parse().unwrap())
}

fn told(scene: &Scene) -> Told {
    let mut told = Told::new();
    for entry in scene.entries().iter().rev() {
        assert_eq!((&entry["name"], &entry["path"]), (&"settings".into(), &"data.v".into()), "no false entry");
        let (first, last) = (time(&entry["firstSeen"]).unwrap(), time(&entry["lastSeen"]).unwrap());
        assert!(first <= last && time(&entry["resolved"]).is_none_or(|resolved| last <= resolved), "{entry}");
        let environment = entry["environment"].as_str().unwrap().to_owned();
        told.entry(environment).or_default().push((first, time(&entry["resolved"])));
    }
    told
}

/// The daemon at work for a random while, with drift that comes and goes; then what it said last of the age of each
/// drift, and its end.
fn live(scene: &Scene, scripts: &mut BTreeMap<String, Script>, random: &mut Random) -> BTreeMap<String, Timestamp> {
    let mut daemon = scene.start();
    let end = Instant::now() + LIFE.mul_f64(f64::from(u32::try_from(random.below(1000)).unwrap()) / 1000.0);
    while Instant::now() < end {
        let name = random.one(&scene.names).clone();
        let script = scripts.get_mut(&name).unwrap();
        script.stands = !script.stands;
        script.touched = true;
        if script.stands {
            script.began.push(whole_second(Timestamp::now()));
        }
        scene.set(&name, if script.stands { "1" } else { "0" });
        thread::sleep(Duration::from_millis(random.below(150).try_into().unwrap()));
    }
    let said = said(&daemon);
    daemon.end("KILL");
    said
}

fn said(daemon: &Running) -> BTreeMap<String, Timestamp> {
    let (status, body) = get(daemon.address(), "/api/v1/report");
    if status != 200 {
        return BTreeMap::new();
    }
    let report: Value = serde_json::from_str(&body).unwrap();
    let environments = report["environments"].as_array().unwrap().iter();
    let drifts = environments.filter_map(|environment| {
        let since = time(&environment["objects"].get(0)?["since"])?;
        Some((environment["name"].as_str()?.to_owned(), since))
    });
    drifts.collect()
}

/// What is on record after a kill is what was said before it, and what the test did.
fn check(told: &Told, before: &Told, said: &BTreeMap<String, Timestamp>, scripts: &BTreeMap<String, Script>) {
    for (name, since) in said {
        let known = told.get(name).is_some_and(|entries| entries.iter().any(|(first, _)| first == since));
        assert!(known, "{name} was said to drift since {since}, which is not on record: {told:?}");
    }
    for (name, entries) in told {
        let script = &scripts[name];
        assert!(entries.len() <= script.began.len(), "{name}: {entries:?} of {:?}", script.began);
        for ((first, _), began) in entries.iter().zip(&script.began) {
            assert!(first >= began, "{name}: {first} is before {began}, when that drift began at the earliest");
        }
        for pair in entries.windows(2) {
            assert!(pair[0].1.is_some_and(|resolved| resolved <= pair[1].0), "{name}: {entries:?}");
        }
        let earlier = before.get(name).map(Vec::as_slice).unwrap_or_default();
        for (old, new) in earlier.iter().zip(entries) {
            assert!(old.0 == new.0 && (old.1.is_none() || old.1 == new.1), "{name}: {old:?} became {new:?}");
        }
        assert!(earlier.len() <= entries.len(), "{name} has lost an entry");
        if !script.touched {
            let open = |entries: &[(Timestamp, Option<Timestamp>)]| entries.last().is_some_and(|last| last.1.is_none());
            assert!(!script.stands || !open(earlier) || open(entries), "{name}: what stood has ended by itself");
        }
    }
}

#[test]
fn killed_at_any_moment_it_remembers_what_it_had_said() {
    let (seed, kills) = (setting("DRIFTD_SEED", 7), setting("DRIFTD_KILLS", KILLS));
    println!("DRIFTD_SEED={seed} DRIFTD_KILLS={kills}");
    let names: Vec<String> = (0..8).map(|number| format!("e{number}")).collect();
    let scene = Scene::new(&names.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    let mut random = Random::new(seed);
    let mut scripts: BTreeMap<String, Script> = names.into_iter().map(|name| (name, Script::default())).collect();
    let mut before = Told::new();
    for kill in 1..=kills {
        for script in scripts.values_mut() {
            script.touched = false;
        }
        let said = live(&scene, &mut scripts, &mut random);
        let folder = tempfile::tempdir().unwrap();
        let copy = Connection::open(copied(&scene.state(), folder.path())).unwrap();
        let sound: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok", "after kill {kill}");
        let told = told(&scene);
        check(&told, &before, &said, &scripts);
        before = told;
    }
    let aside = std::fs::read_dir(scene.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let aside: Vec<_> = aside.filter(|name| name.to_string_lossy().starts_with("driftd.db.corrupt")).collect();
    assert!(aside.is_empty(), "{aside:?}");

    let daemon = scene.ready();
    let standing: Vec<&String> = scripts.iter().filter(|(_, script)| script.stands).map(|(name, _)| name).collect();
    let ages = eventually("the report is what was done", || {
        let said = said(&daemon);
        said.keys().eq(standing.iter().copied()).then_some(said)
    });
    let told = told(&scene);
    check(&told, &before, &ages, &scripts);
    for (name, entries) in &told {
        let open = entries.last().filter(|(_, resolved)| resolved.is_none()).map(|(first, _)| first);
        assert_eq!(open, ages.get(name), "{name}");
    }
    println!(
        "{} entries of {} drifts",
        told.values().map(Vec::len).sum::<usize>(),
        scripts.values().map(|script| script.began.len()).sum::<usize>()
    );
}
