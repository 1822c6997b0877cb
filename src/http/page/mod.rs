//! The page: every environment with its verdict, its freshness and its drift; no script, nothing from elsewhere.

mod drift;
mod promotion;
mod words;

use std::sync::LazyLock;

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::board::{Freshness, Notice};
use crate::drift::extras::{Counted, NamespaceCoverage};
use crate::drift::model::{Gap, State, Summary};
use crate::report::EnvironmentReport;
use words::{ago, count, short};

const STYLE: &str = include_str!("style.css");

/// A square with a gap in its frame.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
    %3Cpath d='M6 2H2v12h12v-4M9 2h5v5M14 2 7 9' fill='none' stroke='%230e7490' stroke-width='2'/%3E%3C/svg%3E";

/// Nothing is loaded or run but the page's own style sheet and icon.
static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    HeaderValue::try_from(format!(
        "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    ))
    .ok()
});

/// The value of `Content-Security-Policy`.
pub(super) fn content_security_policy() -> HeaderValue {
    POLICY.clone().unwrap_or_else(|| HeaderValue::from_static("default-src 'none'"))
}

/// The page as it is at `now`.
pub(super) fn render(notice: &Notice, now: Timestamp) -> String {
    let verdict = Verdict::overall(notice);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="refresh" content="30";
                title { (verdict.word()) " · driftd" }
                link rel="icon" href=(PreEscaped(ICON));
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header(notice, verdict, now))
                main {
                    @if let Some(failure) = &notice.configuration.failure { (not_followed(failure)) }
                    (promotion::strip(&notice.promotions, now))
                    @for freshness in &notice.environments {
                        (environment(freshness, notice.environment(&freshness.identity.name), now))
                    }
                }
                (footer())
            }
        }
    };
    page.into_string()
}

/// What is said of an environment, or of all, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    InSync,
    Waiting,
    Incomplete,
    Drift,
}

impl Verdict {
    fn of(report: Option<&EnvironmentReport>) -> Self {
        match report {
            None => Self::Waiting,
            Some(report) if report.objects.iter().any(|object| object.state.is_drift()) => Self::Drift,
            Some(report) if !report.complete || report.summary.objects.get(State::Unknown) > 0 => Self::Incomplete,
            Some(_) => Self::InSync,
        }
    }

    fn overall(notice: &Notice) -> Self {
        let names = notice.environments.iter().map(|environment| environment.identity.name.as_str());
        names.map(|name| Self::of(notice.environment(name))).max().unwrap_or(Self::Waiting)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::InSync => "In sync",
            Self::Waiting => "First scan running",
            Self::Incomplete => "Not fully known",
            Self::Drift => "Drift",
        }
    }

    const fn symbol(self) -> &'static str {
        match self {
            Self::InSync => "✓",
            Self::Waiting => "…",
            Self::Incomplete => "?",
            Self::Drift => "≠",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::InSync => "good",
            Self::Waiting => "idle",
            Self::Incomplete => "warn",
            Self::Drift => "bad",
        }
    }

    fn badge(self) -> Markup {
        html! {
            span class={ "badge " (self.class()) } { span aria-hidden="true" { (self.symbol()) } " " (self.word()) }
        }
    }
}

fn header(notice: &Notice, verdict: Verdict, now: Timestamp) -> Markup {
    html! {
        header.top {
            div.bar {
                p.brand { span.mark aria-hidden="true" { "≠" } "driftd" }
                @if let Some(report) = &notice.report {
                    p.quiet { "last scan " (ago(report.finished_at, now)) }
                }
            }
            h1 { (headline(notice, verdict)) }
            @if let Some(report) = &notice.report { p.lead { (lead(&report.summary)) } }
            @if notice.environments.len() > 1 {
                nav aria-label="Environments" {
                    @for environment in &notice.environments {
                        @let name = &environment.identity.name;
                        @let verdict = Verdict::of(notice.environment(name));
                        a class=(verdict.class()) href={ "#" (anchor(name)) } {
                            span aria-hidden="true" { (verdict.symbol()) } " " (name)
                            span.hidden { ": " (verdict.word()) }
                        }
                    }
                }
            }
        }
    }
}

fn headline(notice: &Notice, verdict: Verdict) -> String {
    let all = notice.environments.len();
    let drifting = notice
        .environments
        .iter()
        .filter(|environment| Verdict::of(notice.environment(&environment.identity.name)) == Verdict::Drift)
        .count();
    match verdict {
        Verdict::InSync => "What runs is what Git says.".to_owned(),
        Verdict::Waiting => "The first scan is running.".to_owned(),
        Verdict::Incomplete => "No drift found, but not everything could be compared.".to_owned(),
        Verdict::Drift if all == 1 => "What runs is not what Git says.".to_owned(),
        Verdict::Drift if drifting == 1 => format!("1 of {all} environments differs from Git."),
        Verdict::Drift => format!("{drifting} of {all} environments differ from Git."),
    }
}

fn lead(summary: &Summary) -> String {
    let counts = &summary.objects;
    let all: usize = State::ALL.iter().map(|state| counts.get(*state)).sum();
    let critical = summary.by_severity.get("critical").copied().unwrap_or(0);
    let mut parts = vec![format!("{} compared", count(all - counts.unknown, "object"))];
    if summary.findings > 0 {
        parts.push(count(summary.findings, "difference"));
    }
    if critical > 0 {
        parts.push(format!("{critical} critical"));
    }
    if counts.unknown > 0 {
        parts.push(format!("{} unknown", count(counts.unknown, "object")));
    }
    parts.join(" · ")
}

fn environment(freshness: &Freshness, report: Option<&EnvironmentReport>, now: Timestamp) -> Markup {
    let identity = &freshness.identity;
    let verdict = Verdict::of(report);
    html! {
        section.environment id=(anchor(&identity.name)) {
            div.head {
                h2 { (identity.name) }
                (verdict.badge())
                @if let Some(report) = report { (counts(report)) }
            }
            dl.facts {
                div { dt { "Git" } dd { (identity.repository) " @ " (identity.branch) } }
                @if let Some(revision) = report.and_then(|report| report.revision.as_deref()) {
                    div { dt { "Revision" } dd { code title=(revision) { (short(revision)) } } }
                }
                div { dt { "Cluster" } dd { (identity.cluster) } }
                div { dt { "Last scan" } dd { (when(freshness.last_scan, now)) } }
                @if let Some(report) = report { (coverage(&report.coverage)) }
                @if freshness.last_success != freshness.last_scan {
                    div { dt { "Last complete scan" } dd { (when(freshness.last_success, now)) } }
                }
            }
            @match report {
                None => p.empty { "The first scan of this environment has not ended yet." },
                Some(report) => {
                    (gaps(&report.gaps))
                    (drift::objects(report, now))
                    @if verdict == Verdict::InSync {
                        p.empty { (count(report.summary.objects.in_sync, "object")) " compared, no difference." }
                    }
                }
            }
        }
    }
}

const MAX_NAMESPACES: usize = 20;

/// How much of each namespace Git declares.
fn coverage(coverage: &[NamespaceCoverage]) -> Markup {
    html! {
        @if !coverage.is_empty() {
            div {
                dt { "Declared in Git" }
                @for of in coverage.iter().take(MAX_NAMESPACES) {
                    @let all = count(of.declared + of.undeclared, "object");
                    dd { (of.namespace) ": " (of.declared) " of " (all)
                        @if of.kinds == Counted::Declared { span.quiet { " of declared kinds" } } }
                }
                @if coverage.len() > MAX_NAMESPACES {
                    dd { "and " (count(coverage.len() - MAX_NAMESPACES, "namespace")) " more in the report" }
                }
            }
        }
    }
}

fn counts(report: &EnvironmentReport) -> Markup {
    html! {
        ul.counts aria-label="Objects by state" {
            @for state in State::ALL {
                @let number = report.summary.objects.get(*state);
                li class=(state) data-none[number == 0] { b { (number) } " " (words::state(*state)) }
            }
        }
    }
}

fn when(time: Option<Timestamp>, now: Timestamp) -> Markup {
    time.map_or_else(|| html! { "not yet" }, |time| ago(time, now))
}

const MAX_GAPS: usize = 50;

fn gaps(gaps: &[Gap]) -> Markup {
    html! {
        @if !gaps.is_empty() {
            div.gaps role="note" {
                h3 { "? " (count(gaps.len(), "gap")) ": not everything could be compared" }
                ul {
                    @for gap in gaps.iter().take(MAX_GAPS) {
                        li {
                            span.tag { (gap.stage) } " " b { (gap.scope) } " " span.quiet { "(" (gap.reason.as_str()) ")" }
                            br;
                            (gap.message)
                            @if let Some(source) = &gap.source { " " code { (source) } }
                        }
                    }
                    @if gaps.len() > MAX_GAPS { li { "and " (gaps.len() - MAX_GAPS) " more in the report" } }
                }
            }
        }
    }
}

/// The configuration file has changed and is wrong.
fn not_followed(failure: &str) -> Markup {
    html! {
        section.environment {
            h2 { "The configuration file as it is now is not followed" }
            p { "The one before stays in force." }
            pre { (failure) }
        }
    }
}

fn footer() -> Markup {
    html! {
        footer {
            p { "driftd " (env!("CARGO_PKG_VERSION")) }
            p {
                a href="/api/v1/report" { "report as JSON" } " · " a href="/api/v1/promotions" { "promotions" } " · " a href="/metrics" { "metrics" }
                " · " a href="/readyz" { "readiness" }
            }
        }
    }
}

/// A name as the fragment of a link: two environments never share one.
fn anchor(name: &str) -> String {
    let mut anchor = "environment-".to_owned();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => anchor.push(char::from(byte)),
            other => anchor.extend(['_', hex(other >> 4), hex(other & 15)]),
        }
    }
    anchor
}

fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).unwrap_or('0')
}

#[cfg(test)]
mod tests;
