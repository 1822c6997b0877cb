//! The samples of one environment: its drift, its freshness, and what it is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::family::{
    DRIFT_START, DRIFTED_RESOURCES, DRY_RUN, ENVIRONMENT_INFO, EVENTS, FINDINGS, FINDINGS_BY_CATEGORY, FLAPPING,
    Family, IMAGE_DRIFT, LAST_SCAN, LAST_SUCCESS, NAMESPACE_OBJECTS, RESOURCE_DRIFTED, RESOURCES, REVISION_INFO,
    RULE_EXPIRY, SCAN_ERRORS, SCAN_SUCCESS, SERIES_DROPPED, SETTLING, SUPPRESSED,
};
use super::text::{seconds, write_sample};
use super::{Events, ScanErrors, promotion};
use crate::drift::extras::NamespaceCoverage;
use crate::drift::history::Event;
use crate::drift::ignore::Ignored;
use crate::drift::model::{Category, Finding, ObjectAssessment, Origin, PathStep, Severity, Stage, State, Summary};
use crate::drift::promotion::Promotion;

/// So many drifted objects of an environment have series of their own, the most severe first.
pub const MAX_DRIFTED_OBJECTS: usize = 10_000;

/// What is known of one environment.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// Its name.
    pub name: &'a str,
    /// The repository's name.
    pub repository: &'a str,
    /// The branch.
    pub branch: &'a str,
    /// The cluster's name.
    pub cluster: &'a str,
    /// The commit that the latest scan read.
    pub revision: Option<&'a str>,
    /// What stands; absent until its first scan has ended.
    pub standing: Option<Standing<'a>>,
    /// When the latest scan ended.
    pub last_scan: Option<Timestamp>,
    /// When the latest complete scan ended.
    pub last_success: Option<Timestamp>,
    /// Counted since the start.
    pub errors: &'a ScanErrors,
    /// Counted since the start.
    pub events: &'a Events,
    /// How it stands to the environment that it is promoted from; absent where there is none, and until the first look.
    pub promotion: Option<&'a Promotion>,
}

/// What stands of an environment's drift.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// Whether the latest scan compared everything.
    pub complete: bool,
    /// Counts over `objects`.
    pub summary: &'a Summary,
    /// In report order.
    pub objects: &'a [ObjectAssessment],
    /// What ignore rules hide.
    pub ignored: &'a Ignored,
    /// How much of each namespace Git declares.
    pub coverage: &'a [NamespaceCoverage],
}

/// The samples of `family`; empty for those that belong to no environment.
pub(super) fn samples(family: &Family, observed: &Observed<'_>) -> String {
    let mut out = Lines { out: String::new(), family, environment: observed.name };
    match &observed.standing {
        // Zero would claim that there is no drift; where nothing was compared, nothing is claimed.
        Some(standing) if is_informed(standing) => drift_samples(&mut out, standing),
        Some(standing) if *family == RESOURCES => {
            out.add(&[State::Unknown.label()], standing.summary.objects.get(State::Unknown));
        }
        Some(standing) if *family == DRIFTED_RESOURCES => drifted_resources(&mut out, standing),
        _ => {}
    }
    state_samples(&mut out, observed);
    if let Some(promotion) = observed.promotion {
        promotion::samples(&mut out, promotion);
    }
    out.out
}

fn is_informed(standing: &Standing<'_>) -> bool {
    standing.complete || standing.objects.iter().any(|object| object.state != State::Unknown)
}

/// Writes samples of one family of one environment.
pub(super) struct Lines<'a> {
    out: String,
    pub(super) family: &'a Family,
    environment: &'a str,
}

impl Lines<'_> {
    /// `values` are those of the labels behind `environment`.
    pub(super) fn add(&mut self, values: &[&str], value: impl std::fmt::Display) {
        let mut all = vec![self.environment];
        all.extend_from_slice(values);
        write_sample(&mut self.out, self.family, &all, value);
    }
}

trait Label {
    /// The word of a label value, which has no dash.
    fn label(self) -> &'static str;
}

impl Label for State {
    fn label(self) -> &'static str {
        match self {
            Self::InSync => "in_sync",
            other => other.as_str(),
        }
    }
}

fn drift_samples(out: &mut Lines<'_>, standing: &Standing<'_>) {
    match *out.family {
        RESOURCES => {
            for state in State::ALL {
                out.add(&[state.label()], standing.summary.objects.get(*state));
            }
        }
        DRIFTED_RESOURCES => drifted_resources(out, standing),
        FINDINGS => findings(out, standing),
        FINDINGS_BY_CATEGORY => findings_by_category(out, standing),
        RESOURCE_DRIFTED => resource_drifted(out, standing),
        DRIFT_START => {
            for object in with_series(standing) {
                if let Some(since) = object.since {
                    out.add(&object_labels(object), seconds(since));
                }
            }
        }
        FLAPPING => {
            for object in standing.objects.iter().filter(|object| !object.flapping.is_empty()).take(MAX_DRIFTED_OBJECTS)
            {
                out.add(&object_labels(object), 1);
            }
        }
        IMAGE_DRIFT => {
            for object in with_series(standing) {
                images(out, object);
            }
        }
        NAMESPACE_OBJECTS => {
            for of in standing.coverage {
                out.add(&[&of.namespace, "true"], of.declared);
                out.add(&[&of.namespace, "false"], of.undeclared);
            }
        }
        SETTLING => {
            let all = || standing.objects.iter().flat_map(|object| &object.settling);
            for origin in Origin::ALL {
                let count = all().filter(|settling| settling.finding.origin == *origin).count();
                out.add(&[origin.as_str()], count);
            }
        }
        SUPPRESSED => {
            for rule in standing.ignored.rules() {
                out.add(&[&rule.rule], rule.findings);
            }
        }
        DRY_RUN => {
            if let Some(counts) = &standing.summary.dry_run {
                out.add(&["agreed"], counts.agreed);
                out.add(&["disagreed"], counts.disagreed);
                out.add(&["compared_locally"], counts.compared_locally);
            }
        }
        SERIES_DROPPED => {
            out.add(&[], drifted(standing).count().saturating_sub(MAX_DRIFTED_OBJECTS));
        }
        _ => {}
    }
}

fn state_samples(out: &mut Lines<'_>, observed: &Observed<'_>) {
    let Observed { last_scan, last_success, errors, .. } = observed;
    match *out.family {
        SCAN_SUCCESS => {
            if let Some(standing) = &observed.standing {
                out.add(&[], u8::from(standing.complete));
            }
        }
        RULE_EXPIRY => {
            for rule in observed.standing.iter().flat_map(|standing| standing.ignored.rules()) {
                if let Some(end) = rule.expires {
                    out.add(&[&rule.rule], seconds(end));
                }
            }
        }
        LAST_SCAN => {
            if let Some(time) = last_scan {
                out.add(&[], seconds(*time));
            }
        }
        LAST_SUCCESS => {
            if let Some(time) = last_success {
                out.add(&[], seconds(*time));
            }
        }
        SCAN_ERRORS => {
            for stage in Stage::ALL {
                out.add(&[stage.as_str()], errors.get(&stage).copied().unwrap_or(0));
            }
        }
        EVENTS if observed.standing.is_some() => {
            for (event, origin) in
                Event::COUNTED.into_iter().flat_map(|event| Origin::ALL.iter().map(move |origin| (event, *origin)))
            {
                let count = observed.events.get(&(event, origin)).copied().unwrap_or(0);
                out.add(&[event.as_str(), origin.as_str()], count);
            }
        }
        ENVIRONMENT_INFO => out.add(&[observed.repository, observed.branch, observed.cluster], 1),
        REVISION_INFO => {
            if let Some(revision) = observed.revision {
                out.add(&[revision], 1);
            }
        }
        _ => {}
    }
}

fn drifted<'a>(standing: &Standing<'a>) -> impl Iterator<Item = &'a ObjectAssessment> + use<'a> {
    standing.objects.iter().filter(|object| object.state.is_drift())
}

/// The drifted objects that have series of their own: the most severe first, else in report order.
fn with_series<'a>(standing: &Standing<'a>) -> Vec<&'a ObjectAssessment> {
    let mut objects: Vec<_> = drifted(standing).collect();
    if objects.len() > MAX_DRIFTED_OBJECTS {
        objects.sort_by_key(|object| std::cmp::Reverse(object.severity));
        objects.truncate(MAX_DRIFTED_OBJECTS);
    }
    objects
}

fn object_labels(object: &ObjectAssessment) -> [&str; 4] {
    let key = &object.key;
    [key.namespace.as_deref().unwrap_or_default(), &key.type_key.group, &key.type_key.kind, &key.name]
}

fn drifted_resources(out: &mut Lines<'_>, standing: &Standing<'_>) {
    let mut counts: BTreeMap<[&str; 4], usize> = BTreeMap::new();
    for object in standing.objects.iter().filter(|object| object.state != State::InSync) {
        let [namespace, group, kind, _] = object_labels(object);
        *counts.entry([namespace, group, kind, object.state.label()]).or_default() += 1;
    }
    for (labels, count) in counts {
        out.add(&labels, count);
    }
}

fn findings(out: &mut Lines<'_>, standing: &Standing<'_>) {
    let mut counts: BTreeMap<(Severity, Origin), usize> = BTreeMap::new();
    for (_, severity, origin) in standing.objects.iter().flat_map(ObjectAssessment::judgements) {
        *counts.entry((severity, origin)).or_default() += 1;
    }
    for severity in Severity::ALL {
        for origin in Origin::ALL {
            let count = counts.get(&(*severity, *origin)).copied().unwrap_or(0);
            out.add(&[severity.as_str(), origin.as_str()], count);
        }
    }
}

fn findings_by_category(out: &mut Lines<'_>, standing: &Standing<'_>) {
    for category in Category::ALL {
        let count = standing.summary.by_category.get(category.as_str()).copied().unwrap_or(0);
        out.add(&[category.as_str()], count);
    }
}

fn resource_drifted(out: &mut Lines<'_>, standing: &Standing<'_>) {
    for object in with_series(standing) {
        let [namespace, group, kind, name] = object_labels(object);
        let category = object.category.map_or("", Category::as_str);
        let severity = object.severity.map_or("", Severity::as_str);
        let origin = object.origin.map_or("", Origin::as_str);
        out.add(&[namespace, group, kind, name, object.state.label(), category, severity, origin], 1);
    }
}

/// One sample for each container; a set, since two fields outside any container may differ in the same way.
fn images(out: &mut Lines<'_>, object: &ObjectAssessment) {
    let images: BTreeSet<_> = object.findings.iter().filter_map(image).collect();
    let [namespace, group, kind, name] = object_labels(object);
    for (container, desired, live) in images {
        out.add(&[namespace, group, kind, name, container, desired, live], 1);
    }
}

fn image(finding: &Finding) -> Option<(&str, &str, &str)> {
    if finding.category != Category::Image {
        return None;
    }
    let (Some(Value::String(desired)), Some(Value::String(live))) =
        (finding.desired.as_deref(), finding.live.as_deref())
    else {
        return None;
    };
    let container = finding.path.steps().iter().rev().find_map(|step| match step {
        PathStep::Element(keys) => keys.iter().find(|(key, _)| key == "name")?.1.as_str(),
        _ => None,
    });
    Some((container.unwrap_or_default(), desired, live))
}

#[cfg(test)]
mod tests;
