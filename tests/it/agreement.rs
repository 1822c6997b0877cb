//! The classes of disagreement between driftd and the server-side dry-run, as `docs/agreement.md` explains them.

use serde_json::Value;

/// A declared field on which the two disagree.
#[derive(Debug)]
pub struct Dispute<'a> {
    /// Of which kind the object is.
    pub kind: &'a str,
    pub path: &'a str,
    /// What driftd finds: `changed`, `removed` or nothing.
    pub local: Option<&'a str>,
    /// What an apply would find.
    pub server: Option<&'a str>,
}

impl<'a> Dispute<'a> {
    /// One of a report.
    pub fn of_report(kind: &'a Value, disagreement: &'a Value) -> Self {
        let text = |key: &str| disagreement[key].as_str();
        let (local, server) = (text("local"), text("server"));
        Self { kind: kind.as_str().expect("text"), path: text("path").expect("text"), local, server }
    }
}

/// A class: its name in the documentation, and which disagreements are of it.
type Class = (&'static str, fn(&Dispute<'_>) -> bool);

/// Each is a row of the table in the documentation.
const CLASSES: [Class; 9] = [
    // The dry-run owns a field that its answer lacks.
    ("declared as null", |dispute| dispute.is_the_servers("added")),
    ("injected CA bundle", |dispute| dispute.is_the_servers("changed") && dispute.path.ends_with(".caBundle")),
    ("set by an autoscaler", |dispute| {
        let of_a_container = dispute.path.contains(".containers[name=") && dispute.path.contains("].resources.");
        dispute.is_the_servers("changed") && (dispute.path == "spec.replicas" || of_a_container)
    }),
    ("mirrored image", |dispute| dispute.is_the_servers("changed") && dispute.path.ends_with("].image")),
    ("rewritten at admission", |dispute| {
        dispute.local == Some("changed") && dispute.server.is_none() && dispute.path.ends_with("].image")
    }),
    ("order of a set inside one value", |dispute| {
        dispute.is_the_servers("changed") && dispute.path.ends_with("].restartPolicyRules")
    }),
    ("empty beside a change", |dispute| {
        dispute.is_the_servers("changed") && dispute.kind == "Service" && dispute.path == "spec.sessionAffinityConfig"
    }),
    ("older name of a field", |dispute| {
        dispute.local == Some("changed") && dispute.server.is_none() && dispute.path.ends_with(".spec.serviceAccount")
    }),
    ("time of the write", |dispute| {
        dispute.is_the_servers("changed") && dispute.kind == "ResourceSlice" && dispute.path == "spec.devices"
    }),
];

impl Dispute<'_> {
    /// Whether driftd finds nothing where an apply would find `change`.
    fn is_the_servers(&self, change: &str) -> bool {
        self.local.is_none() && self.server == Some(change)
    }
}

/// The class that explains a disagreement; a new one has none.
pub fn class_of(dispute: &Dispute<'_>) -> Option<&'static str> {
    CLASSES.iter().find(|(_, holds)| holds(dispute)).map(|(name, _)| *name)
}

#[test]
fn every_class_is_a_row_of_the_documentation_and_every_row_a_class() {
    let text = include_str!("../../docs/agreement.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| **")?.split_once("**")).map(|(name, _)| name);
    assert_eq!(rows.collect::<Vec<_>>(), CLASSES.map(|(name, _)| name));
}

#[test]
fn a_disagreement_of_no_class_is_not_explained() {
    let dispute = |path, local, server| Dispute { kind: "Deployment", path, local, server };
    assert_eq!(class_of(&dispute("spec.paused", None, Some("changed"))), None);
    assert_eq!(class_of(&dispute("spec.replicas", Some("changed"), None)), None);
    assert_eq!(class_of(&dispute("spec.replicas", None, Some("changed"))), Some("set by an autoscaler"));
}
