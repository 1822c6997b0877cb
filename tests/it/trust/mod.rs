//! Silent right after a deployment, exact about every manual change, honest about what it cannot know.

mod corpora;
mod edits;
mod extra;
mod faults;
mod platform;
mod special;
mod thirty_five;

use serde_json::Value;

use crate::agreement::{Dispute, class_of};
use crate::fixture::{ControlPlane, Ended};
use platform::{Deployer, Platform};

/// What a report says, one line for each finding: object, path, change, manager, origin.
pub fn findings(report: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut lines = Vec::new();
    for object in report["environments"][0]["objects"].as_array().expect("objects") {
        let name = format!("{} {}", text(&object["kind"]), text(&object["name"]));
        if object["state"] == "missing" {
            lines.push(format!("{name}: missing"));
        }
        for finding in object["findings"].as_array().expect("findings") {
            let [path, change, origin] = ["path", "change", "origin"].map(|key| text(&finding[key]));
            let manager = text(&finding["manager"]["name"]);
            lines.push(format!("{name}: {path} {change} by {manager} ({origin})"));
        }
    }
    lines.sort();
    lines
}

#[track_caller]
fn assert_silent(ended: &Ended) {
    let report = ended.json();
    assert_eq!(findings(&report), [""; 0], "{}", ended.stderr);
    assert_eq!(report["environments"][0]["gaps"], serde_json::json!([]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

/// The server's dry-run finds what driftd finds of every declared field, but for the classes that are explained.
#[track_caller]
fn assert_agreed(ended: &Ended) {
    let report = ended.json();
    let counts = &report["summary"]["dryRun"];
    let mut unexplained = Vec::new();
    for object in report["environments"][0]["objects"].as_array().expect("objects") {
        let opinion = &object["dryRun"];
        for disagreement in opinion["disagreements"].as_array().into_iter().flatten() {
            let dispute = Dispute::of_report(&object["kind"], disagreement);
            if class_of(&dispute).is_none() {
                unexplained.push(format!("{} {}: {disagreement}", object["kind"], object["name"]));
            }
        }
        if let Some(withheld) = opinion.get("comparedLocally") {
            eprintln!("{} {}: {withheld}", object["kind"], object["name"]);
        }
    }
    eprintln!("{counts}");
    assert_eq!(unexplained, [""; 0]);
    assert!(counts["agreed"].as_u64() > counts["comparedLocally"].as_u64().map(|count| count * 4), "{counts}");
}

/// The whole story on one cluster: deployed, silent; edited, exact; restored, silent again.
fn silent_exact_silent(deployer: Deployer) {
    let plane = ControlPlane::start();
    let platform = Platform::deploy(&plane, deployer);
    assert_silent(&platform.check());

    let edits = edits::all();
    assert!(edits.len() >= 15);
    let before: Vec<_> = edits.iter().map(|edit| edit.make(plane.admin().api())).collect();
    let ended = platform.check();
    let mut expected: Vec<String> = edits.iter().flat_map(edits::Edit::expected).collect();
    expected.sort();
    assert_eq!(findings(&ended.json()), expected, "{}", ended.stderr);
    assert_eq!(ended.code, Some(1));
    edits::assert_authors_have_times(&ended.json());
    platform.check_at_length();

    for (edit, before) in edits.iter().zip(before) {
        edit.undo(plane.admin().api(), before);
    }
    platform.apply();
    assert_silent(&platform.check());
}

#[test]
fn client_side_deployed_platform_is_silent_exact_and_silent_again() {
    silent_exact_silent(Deployer::ClientSide);
}

#[test]
fn server_side_deployed_platform_is_silent_exact_and_silent_again() {
    silent_exact_silent(Deployer::ServerSide);
}
