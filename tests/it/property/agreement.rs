//! The server-side dry-run as a second opinion on every case: where it would change no declared field, driftd finds
//! none, and the other way round, but for the classes that `docs/agreement.md` explains.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

use serde_json::Value;

use super::expect::places;
use super::openapi::OpenApi;
use super::scan::{Found, as_compared};
use crate::agreement::{Dispute, class_of};
use crate::fixture::{Api, Patch};

/// An object about which the dry-run is asked.
pub struct Asked<'a> {
    /// What it is called in a failure.
    pub name: String,
    pub manifest: &'a Value,
    pub path: &'a str,
}

/// Asks about every object and adds the disagreements that no class explains to `failures`.
pub fn judge(
    api: &Api,
    openapi: &OpenApi,
    cases: &[Asked<'_>],
    found: &Found,
    phase: &str,
    failures: &mut Vec<String>,
) {
    let told = Mutex::new(Told::default());
    thread::scope(|scope| {
        for part in cases.chunks(cases.len().div_ceil(4).max(1)) {
            scope.spawn(|| part.iter().for_each(|case| judge_case((api, openapi), case, found, phase, &told)));
        }
    });
    let Told { asked, refused, agreed, classes, unexplained } = told.into_inner().expect("no thread died");
    eprintln!(
        "{phase}: of {asked} dry-runs {refused} were refused, {agreed} found what driftd finds, explained: {classes:?}"
    );
    assert!(refused * 2 < asked || asked == 0, "the dry-run answers for most objects");
    // A case alone may change what is not declared.
    assert!(agreed > 0 || phase != "changed" || cases.len() < 100, "changes of declared fields are among the cases");
    failures.extend(unexplained);
}

#[derive(Default)]
struct Told {
    asked: usize,
    refused: usize,
    /// Dry-runs and findings that tell of a declared field that differs, and of the same one.
    agreed: usize,
    classes: BTreeMap<&'static str, usize>,
    unexplained: Vec<String>,
}

fn judge_case((api, openapi): (&Api, &OpenApi), case: &Asked<'_>, found: &Found, phase: &str, told: &Mutex<Told>) {
    let live = api.get(case.path).expect("it is there");
    let answer = api.patch(&format!("{}?dryRun=All", case.path), Patch::ApplyByForce, case.manifest, "second");
    told.lock().expect("no thread died").asked += 1;
    let Ok(answer) = answer else {
        told.lock().expect("no thread died").refused += 1;
        return;
    };
    // The server keeps a request for a certificate as it was first made, and ignores what is applied to it.
    let declared =
        |change: &str| ["changed", "removed"].contains(&change) && case.manifest["kind"] != "CertificateSigningRequest";
    let local =
        found.of(case.manifest).into_iter().flat_map(|said| &said.findings).filter(|finding| declared(finding.change));
    let local: Vec<(String, &str)> = local.map(|finding| (finding.path.clone(), finding.change)).collect();
    let desired = as_compared(case.manifest);
    let mut server = places(openapi.kind(case.manifest), &desired, &answer, &live);
    server.retain(|(_, change)| declared(change));
    if !local.is_empty() && !server.is_empty() {
        told.lock().expect("no thread died").agreed += 1;
    }
    let kind = case.manifest["kind"].as_str().expect("text");
    for dispute in disputes(kind, &local, &server) {
        let mut told = told.lock().expect("no thread died");
        match class_of(&dispute) {
            Some(class) => *told.classes.entry(class).or_default() += 1,
            None => told.unexplained.push(format!(
                "{} {phase}: {dispute:?}\ngit {}\nlive {live}\ndry-run {answer}",
                case.name, case.manifest
            )),
        }
    }
}

/// What only one of the two finds.
fn disputes<'a>(kind: &'a str, local: &'a [(String, &str)], server: &'a [(String, &str)]) -> Vec<Dispute<'a>> {
    let alone = |one: &(String, &str), others: &[(String, &str)]| !others.iter().any(|other| overlap(&one.0, &other.0));
    let ours = local.iter().filter(|one| alone(one, server));
    let theirs = server.iter().filter(|one| alone(one, local));
    let ours = ours.map(|(path, change)| Dispute { kind, path, local: Some(*change), server: None });
    ours.chain(theirs.map(|(path, change)| Dispute { kind, path, local: None, server: Some(*change) })).collect()
}

/// Whether one field holds the other.
fn overlap(one: &str, other: &str) -> bool {
    let holds = |outer: &str, inner: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    holds(one, other) || holds(other, one)
}
