//! The objects of an environment that are not in sync, each with what differs.

use jiff::Timestamp;
use maud::{Markup, html};

use super::words::{self, Excerpt, ago, count};
use crate::drift::model::{Change, Finding, Manager, ObjectAssessment, Operation, Opinion, Origin, Severity, State};
use crate::report::EnvironmentReport;

/// More would make the page slow; the report has them all.
const MAX_OBJECTS: usize = 500;
const MAX_FINDINGS: usize = 50;

/// What drifts, the most severe first, then what could not be compared.
pub(super) fn objects(report: &EnvironmentReport, now: Timestamp) -> Markup {
    let mut drifted: Vec<_> = report.objects.iter().filter(|object| object.state.is_drift()).collect();
    drifted.sort_by_key(|object| std::cmp::Reverse(object.severity));
    let unknown: Vec<_> = report.objects.iter().filter(|object| object.state == State::Unknown).collect();
    html! {
        @for object in drifted.iter().take(MAX_OBJECTS) { (drifted_object(object, now)) }
        (more(drifted.len(), "drifted object"))
        (settling(report, now))
        (warnings(report))
        (disputes(report))
        @if !unknown.is_empty() {
            details.blind {
                summary { "? " (count(unknown.len(), "object")) " could not be compared" }
                ul {
                    @for object in unknown.iter().take(MAX_OBJECTS) {
                        li { (title(object)) @if let Some(source) = &object.source { " " code.source { (source) } } }
                    }
                }
                (more(unknown.len(), "object"))
            }
        }
    }
}

/// What differs and does not count yet.
fn settling(report: &EnvironmentReport, now: Timestamp) -> Markup {
    let all: Vec<_> = report
        .objects
        .iter()
        .flat_map(|object| object.settling.iter().map(move |settling| (object, settling)))
        .collect();
    html! {
        @if !all.is_empty() {
            details.blind {
                summary { "… " (count(all.len(), "difference")) " settling: too young to count" }
                ul {
                    @for (object, settling) in all.iter().take(MAX_OBJECTS) {
                        li {
                            (title(object)) " "
                            @if settling.finding.path.steps().is_empty() { (settling.finding.change) " " }
                            @else { code.path { (settling.finding.path) } " " }
                            (origin_words(settling.finding.origin)) ", since " (ago(settling.since, now))
                        }
                    }
                }
                (more(all.len(), "difference"))
            }
        }
    }
}

/// What is no drift and yet not as it should be: fields without effect, objects that two environments declare.
fn warnings(report: &EnvironmentReport) -> Markup {
    let all: Vec<_> =
        report.objects.iter().flat_map(|object| object.warnings.iter().map(move |warning| (object, warning))).collect();
    html! {
        @if !all.is_empty() {
            details.blind {
                summary { "! " (count(all.len(), "warning")) }
                ul {
                    @for (object, warning) in all.iter().take(MAX_OBJECTS) {
                        li {
                            (title(object)) " "
                            @if !warning.path.steps().is_empty() { code.path { (warning.path) } " " }
                            (warning.message) " " code.source { (warning.source) }
                        }
                    }
                }
                (more(all.len(), "warning"))
            }
        }
    }
}

/// Where the API server's dry-run says otherwise, of every object that was compared.
fn disputes(report: &EnvironmentReport) -> Markup {
    let disputed = |object: &ObjectAssessment| match &object.dry_run {
        Some(Opinion::Disagreements(all)) => all.len(),
        _ => 0,
    };
    let all: usize = report.objects.iter().map(disputed).sum();
    let of_object = report.objects.iter().flat_map(|object| match &object.dry_run {
        Some(Opinion::Disagreements(all)) => all.iter().map(|one| (object, one)).collect(),
        _ => Vec::new(),
    });
    let says = |change: Option<Change>| change.map_or("in sync", Change::as_str);
    html! {
        @if all > 0 {
            details.blind {
                summary { "⇄ " (count(all, "field")) " disputed by the API server's dry-run" }
                ul.findings {
                    @for (object, one) in of_object.take(MAX_OBJECTS) {
                        li {
                            (title(object)) " " code.path { (one.path) }
                            p.who { "driftd: " (says(one.local)) " · the dry-run: " (says(one.server)) }
                            @let [applied, live] = words::contrast(one.applied.as_deref(), one.live.as_deref());
                            dl.values {
                                (side("After an apply", applied, "desired"))
                                (side("Cluster", live, "live"))
                            }
                        }
                    }
                }
                (more(all, "disputed field"))
            }
        }
    }
}

fn more(all: usize, word: &str) -> Markup {
    html! {
        @if all > MAX_OBJECTS {
            p.empty { (count(all - MAX_OBJECTS, word)) " more: see " a href="/api/v1/report" { "the report" } }
        }
    }
}

fn title(object: &ObjectAssessment) -> Markup {
    let key = &object.key;
    html! {
        span.kind title=(key.type_key) { (key.type_key.kind) } " "
        span.name { @if let Some(namespace) = &key.namespace { span.quiet { (namespace) "/" } } (key.name) }
    }
}

fn drifted_object(object: &ObjectAssessment, now: Timestamp) -> Markup {
    html! {
        article class=(object.severity.map_or("", Severity::as_str)) {
            div.title {
                h3 { (title(object)) }
                (state_tag(object))
                @if let Some(severity) = object.severity { (severity_tag(severity)) }
                p.origin {
                    @if let Some(origin) = object.origin { (origin_words(origin)) }
                    @if let Some(since) = object.since { " · began " (ago(since, now)) }
                }
            }
            @if object.findings.is_empty() {
                p.whole { (whole(object)) @if let Some(source) = &object.source { " " code.source { (source) } } }
            } @else {
                ul.findings {
                    @for finding in object.findings.iter().take(MAX_FINDINGS) { (field(finding, now)) }
                }
                @if object.findings.len() > MAX_FINDINGS {
                    p.whole { (count(object.findings.len() - MAX_FINDINGS, "difference")) " more: see the report" }
                }
            }
        }
    }
}

const fn whole(object: &ObjectAssessment) -> &'static str {
    match object.state {
        State::Missing if object.terminating => "Git declares it; in the cluster it is being deleted.",
        State::Missing => "Git declares it; the cluster does not have it.",
        State::Extra => "The cluster has it; Git does not declare it.",
        _ => "",
    }
}

fn state_tag(object: &ObjectAssessment) -> Markup {
    let symbol = match object.state {
        State::Missing => "−",
        State::Extra => "+",
        _ => "≠",
    };
    html! { span class={ "tag state " (object.state) } { span aria-hidden="true" { (symbol) } " " (object.state) } }
}

/// As many filled squares as the severity has steps, so that it shows without colour.
fn severity_tag(severity: Severity) -> Markup {
    let squares = match severity {
        Severity::Low => "▪▫▫▫",
        Severity::Medium => "▪▪▫▫",
        Severity::High => "▪▪▪▫",
        Severity::Critical => "▪▪▪▪",
    };
    html! { span class={ "tag severity " (severity) } { span aria-hidden="true" { (squares) } " " (severity) } }
}

const fn origin_words(origin: Origin) -> &'static str {
    match origin {
        Origin::Manual => "by hand",
        Origin::Outdated => "an earlier commit is deployed",
        Origin::Stale => "left behind by a deployer",
        Origin::Controller => "by a controller",
        Origin::Unknown => "by an unknown hand",
    }
}

fn field(finding: &Finding, now: Timestamp) -> Markup {
    let [desired, live] = words::contrast(finding.desired.as_deref(), finding.live.as_deref());
    html! {
        li {
            div.where {
                code.path { (finding.path) }
                span.quiet { (finding.category) " · " (finding.severity) }
            }
            dl.values {
                (side("Git", desired, "desired"))
                (side("Cluster", live, "live"))
            }
            @if let Some(image) = &finding.image { p.who { (image) } }
            @if let Some(pods) = &finding.pods { p.who { b { (pods) } } }
            p.who {
                (change_words(finding.change))
                @if let Some(manager) = &finding.manager { " by " (by(manager, now)) }
                @if let Some(source) = &finding.source { " · " code.source { (source) } }
            }
        }
    }
}

fn side(name: &str, value: Option<Excerpt>, class: &str) -> Markup {
    html! {
        div class=(class) {
            dt { (name) }
            @match value {
                Some(Excerpt { before, differing, after }) => {
                    dd { code { (before) @if !differing.is_empty() { mark { (differing) } } (after) } }
                }
                None => dd.none { "not there" },
            }
        }
    }
}

const fn change_words(change: Change) -> &'static str {
    match change {
        Change::Changed => "changed",
        Change::Removed => "removed from the cluster",
        Change::Added => "added in the cluster",
    }
}

fn by(manager: &Manager, now: Timestamp) -> Markup {
    html! {
        b { (if manager.name.is_empty() { "an unnamed manager" } else { &manager.name }) }
        @if manager.operation == Operation::Apply { " (server-side apply)" }
        @if let Some(time) = manager.time { " " (ago(time, now)) }
    }
}
