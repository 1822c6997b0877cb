//! Fuzzing of the YAML reader: no input makes it panic or hang, and what is written is read.
//!
//! A normal run takes a bounded number of fixed cases. `DRIFTD_FUZZ_SECONDS=3600` runs each test
//! for that long on random cases; `--nocapture` shows the counts, the slowest case and the peak of
//! memory.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use driftd::yaml::{Budget, Document, Error, documents};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use crate::yaml::{inputs, same};

/// Runs a property, and tells what it took.
fn fuzz<S: Strategy>(name: &str, strategy: &S, property: impl Fn(&S::Value)) {
    let config = Config { cases: 256, failure_persistence: None, ..Config::default() };
    let seconds = std::env::var("DRIFTD_FUZZ_SECONDS").ok();
    let seconds = seconds.map(|seconds| seconds.parse().expect("DRIFTD_FUZZ_SECONDS is a number"));
    let runner = || match seconds {
        None => TestRunner::new_with_rng(config.clone(), TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
        Some(_) => TestRunner::new(config.clone()),
    };
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(0));
    let (mut cases, slowest) = (0_u64, std::cell::Cell::new(Duration::ZERO));
    loop {
        let outcome = runner().run(strategy, |value| {
            let start = Instant::now();
            property(&value);
            slowest.set(slowest.get().max(start.elapsed()));
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("{name} after {cases} cases: {failure}");
        }
        cases += u64::from(config.cases);
        if Instant::now() >= end {
            break;
        }
    }
    println!("{name}: {cases} cases, slowest {:?}, {}", slowest.get(), peak_memory());
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.unwrap_or("peak of memory unknown").replace('\t', " ")
}

/// What holds for every text.
fn check(text: &[u8]) {
    let budget = Budget { bytes: 1 << 20, depth: 100, nodes: 20_000 };
    let last = u32::try_from(text.split(|b| matches!(b, b'\n' | b'\r')).count()).expect("short") + 1;
    for document in documents(text, &budget) {
        match document {
            Ok(document) => check_places(&document, &document.value, "", last),
            Err(Error { line, column, .. }) => {
                assert!((1..=last).contains(&line) && column > 0, "{line}:{column}");
            }
        }
    }
}

/// Every value has a place within the text, and every number is one that Kubernetes has.
fn check_places(document: &Document, value: &Value, pointer: &str, last: u32) {
    let line = document.lines.line(pointer);
    assert!(line.is_some_and(|line| (1..=last).contains(&line)), "{pointer:?} at {line:?}");
    match value {
        Value::Number(number) => assert!(number.is_i64() || number.is_f64(), "{number}"),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                check_places(document, item, &format!("{pointer}/{index}"), last);
            }
        }
        Value::Object(entries) => {
            for (name, value) in entries {
                let name = name.replace('~', "~0").replace('/', "~1");
                check_places(document, value, &format!("{pointer}/{name}"), last);
            }
        }
        _ => {}
    }
}

/// Pieces that mean something to a YAML reader.
const PIECES: &[&str] = &[
    "a",
    "b: ",
    ":",
    ": ",
    "- ",
    "-",
    "? ",
    "\n",
    "\n  ",
    "\n    ",
    "\t",
    " ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"",
    "'",
    "\\",
    "&a ",
    "*a",
    "*a ",
    "<<: ",
    "!!int ",
    "!!str ",
    "!x ",
    "!",
    "|",
    ">",
    "|2-",
    ">+",
    "#",
    " # c",
    "---",
    "\n---\n",
    "...",
    "\n...\n",
    "%YAML 1.1\n",
    "0755",
    "0x1F",
    "1e400",
    ".inf",
    "~",
    "yes",
    "\r\n",
    "\r",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "é",
    "🚀",
    "\0",
    "\\u12",
    "{\"a\":",
    "1_0",
    "=",
    "@",
    "`",
];

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let piece = proptest::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec());
    prop_oneof![9 => piece, 1 => vec(any::<u8>(), 0..4)]
}

#[test]
fn arbitrary_text_is_read_or_refused() {
    let text = vec(piece(), 0..120).prop_map(|pieces| pieces.concat());
    fuzz("arbitrary text", &text, |text| check(text));
}

#[derive(Debug, Clone)]
enum Edit {
    Insert(Vec<u8>),
    Delete(usize),
    Repeat(usize, usize),
    Flip(u8),
}

fn edit() -> impl Strategy<Value = (prop::sample::Index, Edit)> {
    let edit = prop_oneof![
        4 => piece().prop_map(Edit::Insert),
        2 => (1_usize..20).prop_map(Edit::Delete),
        1 => (1_usize..40, 1_usize..30).prop_map(|(length, times)| Edit::Repeat(length, times)),
        1 => any::<u8>().prop_map(Edit::Flip),
    ];
    (any::<prop::sample::Index>(), edit)
}

fn apply(text: &mut Vec<u8>, at: usize, edit: &Edit) {
    let upto = |length: usize| (at + length).min(text.len());
    match edit {
        Edit::Insert(piece) => drop(text.splice(at..at, piece.iter().copied())),
        Edit::Delete(length) => drop(text.drain(at..upto(*length))),
        Edit::Repeat(length, times) => {
            let part = text[at..upto(*length)].repeat(*times);
            drop(text.splice(at..at, part));
        }
        Edit::Flip(bits) => {
            if let Some(byte) = text.get_mut(at) {
                *byte ^= bits;
            }
        }
    }
}

#[test]
fn mutated_corpus_is_read_or_refused() {
    let texts: Vec<_> = inputs().iter().map(|path| std::fs::read(path).expect("readable")).collect();
    let seeds = vec(proptest::sample::select(texts), 1..4).prop_map(|texts| texts.concat());
    let mutated = (seeds, vec(edit(), 0..12)).prop_map(|(mut text, edits)| {
        for (at, edit) in edits {
            let at = at.index(text.len() + 1);
            apply(&mut text, at, &edit);
        }
        text
    });
    fuzz("mutated corpus", &mutated, |text| check(text));
}

/// Text that looks like something else.
const WORDS: &[&str] =
    &["", "yes", "null", "0755", "1e3", "<<", "~", "- a", "a: b", "#x", " lead", "trail ", "a\nb\n", "\n", "a\n\n b"];

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,8}", "\\PC{0,12}", any::<String>(), proptest::sample::select(WORDS).prop_map(str::to_owned)]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no other", |f| f.is_finite()).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(text(), inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// In double quotes, with everything escaped that YAML or JSON forbids.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' | 'À'..='\u{d7ff}' if c != '\u{2028}' && c != '\u{2029}' => quoted.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]).iter().filter(|_| u32::from(c) <= 0xFFFF) {
                    write!(quoted, "\\u{unit:04x}").expect("a string takes all");
                }
                if u32::from(c) > 0xFFFF {
                    quoted.push(c);
                }
            }
        }
    }
    quoted + "\""
}

fn scalar(value: &Value, indent: usize) -> String {
    match value {
        Value::String(text) if is_literal(text) => {
            let lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
            let chomp = if text.ends_with('\n') { "" } else { "-" };
            let margin = " ".repeat(indent + 2);
            lines.fold(format!("|{chomp}"), |block, line| {
                block + "\n" + if line.is_empty() { "" } else { &margin } + line
            })
        }
        Value::String(text) if text.len() % 2 == 0 && text.chars().all(|c| matches!(c, ' '..='~')) => {
            format!("'{}'", text.replace('\'', "''"))
        }
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// Whether a literal block without an indentation indicator can hold the text.
fn is_literal(text: &str) -> bool {
    let printable = text.chars().all(|c| matches!(c, '\n' | '!'..='~' | ' '));
    printable && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.contains('\n') && !text.ends_with("\n\n")
}

fn block(value: &Value, indent: usize, out: &mut String) {
    let margin = " ".repeat(indent);
    match value {
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                write!(out, "\n{margin}-").expect("a string takes all");
                block(item, indent + 2, out);
            }
        }
        Value::Object(entries) if !entries.is_empty() => {
            for (name, value) in entries {
                write!(out, "\n{margin}{}:", quoted(name)).expect("a string takes all");
                block(value, indent + 2, out);
            }
        }
        other => write!(out, " {}", scalar(other, indent)).expect("a string takes all"),
    }
}

fn flow(value: &Value) -> String {
    let join = |parts: Vec<String>| parts.join(",\n  ");
    match value {
        Value::Array(items) => format!("[{}]", join(items.iter().map(flow).collect())),
        Value::Object(entries) => {
            let pair = |(name, value): (&String, &Value)| format!("{}: {}", quoted(name), flow(value));
            format!("{{ {} }}", join(entries.iter().map(pair).collect()))
        }
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

#[test]
fn what_is_written_is_read() {
    fuzz("written and read", &value(), |value| {
        let wrapped = serde_json::json!({ "v": value });
        let mut in_blocks = String::new();
        block(&wrapped, 0, &mut in_blocks);
        let texts = [
            in_blocks + "\n",
            format!("---\n{}", flow(&wrapped)),
            wrapped.to_string(),
            serde_json::to_string_pretty(&wrapped).expect("JSON"),
        ];
        for text in texts {
            let read = documents(text.as_bytes(), &Budget::default());
            let [Ok(document)] = &read[..] else {
                panic!("{text}\nis read as {:?}", read.iter().map(|d| d.as_ref().err()).collect::<Vec<_>>());
            };
            assert!(same(&document.value, &wrapped), "{text}\nis read as\n{}", document.value);
        }
    });
}
