//! One object of the property test: how it is changed and restored, and what is wrong with what is said of it.

use serde_json::Value;

use super::change::{Author, Change, Expected, PERSON, Subject};
use super::deploy::Mode;
use super::expect::Place;
use super::openapi::Schema;
use super::random::Random;
use super::scan::{Finding, Said};
use crate::fixture::Api;

/// How often something else is tried where the server refuses a change or nothing comes of it.
const ATTEMPTS: usize = 40;

pub struct Case {
    pub number: usize,
    pub mode: Mode,
    pub random: Random,
    /// What Git declares.
    pub manifest: Value,
    pub path: String,
    /// The object as the server has it, untouched.
    pub live: Value,
    /// What the server drops of what Git declares.
    pub lost: Vec<String>,
    /// It could not be made anew: another object has taken its port meanwhile.
    pub is_gone: bool,
    /// The latest change.
    pub change: Change,
}

impl Case {
    /// Changes one thing that the server accepts and keeps.
    pub fn change(&mut self, api: &Api, schema: Schema<'_>) {
        for _ in 0..ATTEMPTS {
            let Self { mode, manifest, path, live, random, .. } = self;
            let subject = Subject { api, schema, mode: *mode, manifest, path, live };
            if let Some(change) = subject.change(random) {
                self.change = change;
                return;
            }
            self.reset(api);
            if self.is_gone {
                return;
            }
        }
    }

    /// Makes the object anew where an attempt touched it.
    fn reset(&mut self, api: &Api) {
        let now = api.get(&self.path);
        if now.as_ref().is_ok_and(|now| now["metadata"]["resourceVersion"] == self.live["metadata"]["resourceVersion"])
        {
            return;
        }
        if self.manifest["kind"] == "Namespace" {
            self.put_back(api).expect("labels and annotations can be put back");
        } else {
            self.redeploy(api);
        }
        if !self.is_gone {
            self.live = api.get(&self.path).expect("it is there");
        }
    }

    /// Puts back what was there before the change.
    pub fn restore(&mut self, api: &Api) {
        if self.is_gone {
            return;
        }
        let by_a_deployer = self.change.author == Some(Author::Deployer);
        if by_a_deployer || self.put_back(api).is_err() {
            // What can only grow is made anew.
            self.redeploy(api);
        }
        (self.change.required, self.change.allowed) = (vec![], vec![]);
    }

    fn put_back(&self, api: &Api) -> kube::Result<Value> {
        let mut before = self.live.clone();
        let metadata = before["metadata"].as_object_mut().expect("metadata");
        metadata.remove("managedFields");
        let now = api.get(&self.path).expect("it is there");
        before["metadata"]["resourceVersion"] = now["metadata"]["resourceVersion"].clone();
        before["metadata"]["uid"] = now["metadata"]["uid"].clone();
        api.put(&self.path, &before, PERSON)
    }

    fn redeploy(&mut self, api: &Api) {
        if let Err(error) = self.mode.again(api, &self.path, &self.manifest) {
            eprintln!("gone: case {}: {error}", self.number);
            self.is_gone = true;
        }
    }

    /// What is wrong with what was said.
    pub fn problem(&self, said: Option<&Said>) -> Option<String> {
        let Some(Said { findings, warnings }) = said else { return Some("was not compared".to_owned()) };
        let stands = |lost: &&String| !findings.iter().any(|finding| lost.starts_with(&finding.path));
        if let Some(lost) = self.lost.iter().filter(stands).find(|lost| !warnings.contains(lost)) {
            return Some(format!("{lost} is not said to have no effect: {warnings:?}, {findings:?}"));
        }
        for Expected { place, blame } in &self.change.required {
            let Some((origin, manager)) = blame else { continue };
            let Some(finding) = findings.iter().find(|finding| says(finding, place)) else {
                return Some(format!("{place:?} is not among {findings:?}"));
            };
            // A zero that a deployer did not declare has no owner.
            let nobodys = self.change.author == Some(Author::Deployer) && finding.manager.is_none();
            if finding.origin != *origin || (finding.manager.as_deref() != *manager && !nobodys) {
                return Some(format!("is not said to be {origin} by {manager:?}: {finding:?}"));
            }
        }
        let surplus: Vec<_> = findings.iter().filter(|finding| !self.is_known(finding)).collect();
        (!surplus.is_empty()).then(|| format!("{surplus:?} is too much; asked {:?}", self.change.required))
    }

    fn is_known(&self, finding: &Finding) -> bool {
        let Change { required, allowed, put_back, .. } = &self.change;
        let blamed = required.iter().filter(|expected| expected.blame.is_some()).map(|expected| &expected.place);
        // Judged when restored: nothing is required then.
        let is_put_back = required.is_empty()
            && finding.change == "added"
            && put_back.iter().any(|gone| finding.path.starts_with(&gone.0));
        // What was not even declared then was not dropped.
        let is_lost = finding.change == "removed"
            && self.change.author == Some(Author::Deployer)
            && self.lost.contains(&finding.path);
        is_put_back || is_lost || blamed.chain(allowed).any(|place| says(finding, place))
    }
}

/// Whether a finding is about a place; of a mirrored pair one speaks for both: the one that Git declares, else the newer.
fn says(finding: &Finding, place: &Place) -> bool {
    let twins = |one: &str, other: &str| {
        [("serviceAccount", "Name"), ("dataSource", "Ref")]
            .iter()
            .any(|(field, ending)| one.ends_with(field) && other.strip_suffix(ending) == Some(one))
    };
    let mirrored = twins(&finding.path, &place.0) || twins(&place.0, &finding.path);
    mirrored || (finding.path == place.0 && finding.change == place.1)
}
