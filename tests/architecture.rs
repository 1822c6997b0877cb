//! The import order of the rooms, kept: every `crate::` path in the source points to the left.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from left to right; a room may use only rooms to its left. Rooms of one line know nothing of each
/// other.
const ORDER: &[&[&str]] = &[
    &["yaml"],
    &["drift::model"],
    &[
        "drift::normalise",
        "drift::compare",
        "drift::attribute",
        "drift::classify",
        "drift::extras",
        "drift::ignore",
        "drift::rollout",
        "drift::schema",
        "drift::second",
        "drift::history",
        "drift::promotion",
    ],
    &["manifest"],
    &["config"],
    &["git", "source"],
    &["render", "live", "store"],
    &["report", "metrics"],
    &["pipeline"],
    &["board"],
    &["http"],
    &["check", "daemon"],
    &["demo"],
    &["cli"],
    &["main"],
];

/// What a pure room may not name: crates and modules that act on the world or on the clock.
const IMPURE: &[&str] = &[
    "tokio",
    "kube",
    "git2",
    "axum",
    "std::fs",
    "std::env",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "std::process",
    "std::thread",
    "rusqlite",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "println!",
    "eprintln!",
];
const PURE: &[&str] = &["yaml", "drift", "manifest", "report", "source"];

/// Code without its comments and string literals, good enough to look for paths in.
fn code(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or("");
        for (index, part) in line.split('"').enumerate() {
            if index % 2 == 0 {
                out.push_str(part);
            }
        }
        out.push('\n');
    }
    out
}

/// The room of a file: its first folder or file below `src`, two levels deep inside `drift`.
fn room_of(file: &Path) -> Option<String> {
    let mut parts = file
        .with_extension("")
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect::<Vec<_>>();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    match parts.first()?.as_str() {
        "lib" => None,
        "drift" => (parts.len() > 1).then(|| format!("drift::{}", parts[1])),
        room => Some(room.to_owned()),
    }
}

/// Every room that the code of a file names, with the crate's own paths and `super::` ones resolved.
fn edges(room: &str, text: &str) -> Vec<String> {
    let code = code(text).replace(char::is_whitespace, "");
    let mut found = Vec::new();
    for root in ["crate::", "driftd::"] {
        for (index, _) in code.match_indices(root) {
            for target in targets(&code[index + root.len()..]) {
                found.push(target);
            }
        }
    }
    if room.starts_with("drift::") {
        // Inside the heart a room's own modules stand deeper than its siblings: only names of rooms are edges.
        for (index, _) in code.match_indices("super::") {
            for target in targets(&format!("drift::{}", &code[index + "super::".len()..])) {
                if rank(&target).is_some() {
                    found.push(target);
                }
            }
        }
    }
    found.retain(|target| target != room);
    found
}

/// The rooms at the head of a path: `drift::{a::X, b}` names `drift::a` and `drift::b`.
fn targets(path: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let first = word(path);
    if first.is_empty() {
        return group(path).iter().flat_map(|item| targets(item)).collect();
    }
    if first != "drift" {
        return vec![first];
    }
    let rest = path.strip_prefix("drift::").unwrap_or("");
    let second = word(rest);
    if second.is_empty() {
        return group(rest).iter().map(|item| format!("drift::{}", word(item))).collect();
    }
    vec![format!("drift::{second}")]
}

/// The items of a `{…}` group at the head of `text`.
fn group(text: &str) -> Vec<String> {
    let Some(inner) = text.strip_prefix('{') else { return Vec::new() };
    let (mut depth, mut items, mut item) = (1, Vec::new(), String::new());
    for c in inner.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if c == ',' && depth == 1 {
            items.push(std::mem::take(&mut item));
        } else {
            item.push(c);
        }
    }
    items.push(item);
    items.retain(|item| !item.is_empty() && item != "self");
    items
}

fn rank(room: &str) -> Option<usize> {
    ORDER.iter().position(|rooms| rooms.contains(&room))
}

/// What is wrong with one file.
fn offences(file: &Path, text: &str) -> Vec<String> {
    let Some(room) = room_of(file) else { return Vec::new() };
    let Some(own) = rank(&room) else {
        return vec![format!("{}: the room {room} has no place in the order", file.display())];
    };
    let mut offences: Vec<String> = edges(&room, text)
        .into_iter()
        .filter_map(|target| match rank(&target) {
            None => Some(format!("{}: {room} uses {target}, which has no place in the order", file.display())),
            Some(other) if other >= own => Some(format!("{}: {room} may not use {target}", file.display())),
            Some(_) => None,
        })
        .collect();
    if PURE.contains(&room.split("::").next().unwrap_or_default()) && !is_test(file) {
        let code = code(text);
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        offences.extend(
            IMPURE
                .iter()
                .filter(|word| names(code, word))
                .map(|word| format!("{}: the pure room {room} names {word}", file.display())),
        );
    }
    if !text.starts_with("//! ") {
        offences.push(format!("{}: does not open with a //! sentence", file.display()));
    }
    offences
}

fn is_test(file: &Path) -> bool {
    file.file_stem().is_some_and(|stem| stem == "tests")
}

/// Whether `code` names a path that begins with `word`, as a word of its own.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(index, _)| {
        let before = code[..index].chars().next_back();
        let after = code[index + word.len()..].chars().next();
        let joined = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let is_crate_name = !word.contains("::") && !word.ends_with('!');
        !joined(before) && !joined(after) && (!is_crate_name || code[index + word.len()..].starts_with("::"))
    })
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_edge_points_to_the_left() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 20, "the sources were not found");
    let offences: Vec<String> = files
        .iter()
        .flat_map(|file| offences(file.strip_prefix(&root).unwrap(), &fs::read_to_string(file).unwrap()))
        .collect();
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

#[test]
fn a_wrong_edge_is_found() {
    let found = |file: &str, text: &str| offences(Path::new(file), text);
    let clean = "//! A file.\nuse crate::drift::model::ObjectKey;\n";
    assert_eq!(found("pipeline/mod.rs", clean), [""; 0]);
    assert_eq!(found("drift/compare/mod.rs", clean), [""; 0]);
    for (file, text) in [
        ("drift/compare/mod.rs", "//! A.\nuse crate::drift::{attribute::Ownership, model::Live};\n"),
        ("drift/compare/mod.rs", "//! A.\nuse super::attribute::Ownership;\n"),
        ("drift/model/key.rs", "//! A.\nuse crate::{config::Config};\n"),
        ("live/mod.rs", "//! A.\nfn f() { crate::pipeline::run() }\n"),
        ("live/mod.rs", "//! A.\nuse crate::render::plain;\n"),
        ("drift/compare/mod.rs", "//! A.\nuse tokio::sync::Mutex;\n"),
        ("report/text.rs", "//! A.\nfn f() { std::fs::read(\"x\"); }\n"),
        ("drift/history.rs", "//! A.\nfn f() { jiff::Timestamp::now(); }\n"),
        ("nowhere/mod.rs", "//! A.\n"),
        ("config/mod.rs", "use std::path::Path;\n"),
    ] {
        assert_eq!(found(file, text).len(), 1, "{file}: {text}");
    }
}

/// The lines of a recipe of the justfile, comments and `@` left out.
fn recipe(justfile: &str, name: &str) -> Vec<String> {
    let head = |line: &&str| line.starts_with(name) && line[name.len()..].starts_with(':');
    let body = justfile.lines().skip_while(|line| !head(line)).skip(1);
    body.take_while(|line| line.starts_with("    "))
        .map(|line| line.trim().trim_start_matches('@').to_owned())
        .collect()
}

#[test]
fn continuous_integration_runs_what_the_justfile_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let justfile = fs::read_to_string(root.join("justfile")).unwrap();
    let script = fs::read_to_string(root.join(".ci/run")).unwrap();
    let recipes = justfile.lines().find_map(|line| line.strip_prefix("ci:")).unwrap();
    let wanted: Vec<String> = recipes.split_whitespace().flat_map(|name| recipe(&justfile, name)).collect();
    assert!(wanted.len() >= 5, "{wanted:?}");
    let run: Vec<&str> = script.lines().filter(|line| wanted.iter().any(|wanted| wanted == line)).collect();
    assert_eq!(run, wanted, "the steps of .ci/run, in the order of `just ci`");
}
