//! The report for people: what drifts, where it is declared, by whom it was changed and since when.

mod age;
mod coverage;
mod opinion;
mod rules;
mod value;

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use serde_json::Value;

use self::age::Moment;
pub(super) use self::age::span;
pub(super) use self::value::escape;
use self::value::{LineKind, Sides};
use super::{EnvironmentReport, Listing, Report, Verdict, promotion};
use crate::drift::model::{
    Change, Finding, Gap, ObjectAssessment, ObjectKey, Position, Severity, State, Summary, Warning,
};

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const RED: Style = AnsiColor::Red.on_default();
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
const CYAN: Style = AnsiColor::Cyan.on_default();
/// The digits of a revision that are shown.
pub(super) const REVISION: usize = 12;
/// The widest column of objects that the columns behind it are aligned to.
const WIDEST_NAME: usize = 60;

/// Writes the report with ANSI styles; where they are not wanted, `out` strips them. Ages are relative to the
/// report's own end.
///
/// # Errors
/// What `out` answers.
pub fn write(report: &Report, listing: Listing, verdict: Verdict, out: &mut dyn Write) -> io::Result<()> {
    for environment in &report.environments {
        Page { environment, now: report.finished_at }.write(listing, out)?;
        writeln!(out)?;
    }
    report.promotions.iter().try_for_each(|promotion| promotion::line(promotion, out))?;
    if !report.promotions.is_empty() {
        writeln!(out)?;
    }
    write_verdict(report, verdict, out)
}

fn write_verdict(report: &Report, verdict: Verdict, out: &mut dyn Write) -> io::Result<()> {
    let objects = &report.summary.objects;
    let drifted = objects.modified + objects.missing + objects.extra;
    let gaps = report.environments.iter().map(|environment| environment.gaps.len()).sum();
    let found = format!("{} in {}", count(report.summary.findings, "finding"), count(drifted, "object"));
    let holes = format!("not everything could be compared ({})", count(gaps, "gap"));
    let (style, word, rest) = match verdict {
        Verdict::InSync => (GREEN, "in sync", format!("{} compared, nothing drifts", count(objects.in_sync, "object"))),
        Verdict::Tolerated => (GREEN, "tolerated", format!("{found}, none that --fail-on asks about")),
        Verdict::Drift if gaps > 0 => (RED, "drift", format!("{found}; {holes}")),
        Verdict::Drift => (RED, "drift", found),
        Verdict::Incomplete if drifted > 0 => {
            (YELLOW, "incomplete", format!("{found}, none that --fail-on asks about, but {holes}"))
        }
        Verdict::Incomplete => (YELLOW, "incomplete", format!("no drift was found, but {holes}")),
    };
    let style = style.bold();
    writeln!(out, "{style}{word}{style:#}: {rest}")
}

pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// The part of the report on one environment.
struct Page<'a> {
    environment: &'a EnvironmentReport,
    now: Timestamp,
}

impl Page<'_> {
    fn write(&self, listing: Listing, out: &mut dyn Write) -> io::Result<()> {
        self.write_headline(listing, out)?;
        for gap in &self.environment.gaps {
            writeln!(out)?;
            write_gap(gap, out)?;
        }
        // What Git declares in vain is told wherever it stands.
        let shown = |object: &&ObjectAssessment| {
            let speaks = !object.warnings.is_empty() || object.is_disputed();
            listing == Listing::All || object.state != State::InSync || speaks
        };
        let objects: Vec<&ObjectAssessment> = self.environment.objects.iter().filter(shown).collect();
        let width = objects.iter().map(|object| name(&object.key).chars().count()).max().unwrap_or(0).min(WIDEST_NAME);
        let mut listing_in_sync = false;
        for object in objects {
            // Objects in sync are a list; one that is not stands for itself.
            let in_sync = object.state == State::InSync;
            if !(in_sync && listing_in_sync) {
                writeln!(out)?;
            }
            listing_in_sync = in_sync;
            self.write_object(object, width, out)?;
            if listing == Listing::All {
                write_controller_owned(object, out)?;
                for settling in &object.settling {
                    self.write_finding(&settling.finding, out)?;
                    writeln!(out, "             {DIM}settling: counts from {:.0} on{DIM:#}", settling.until)?;
                }
                for suppressed in &object.suppressed {
                    self.write_finding(&suppressed.finding, out)?;
                    writeln!(out, "             {DIM}suppressed by {}{DIM:#}", escape(&suppressed.suppressed_by))?;
                }
            }
        }
        Ok(())
    }

    fn write_headline(&self, listing: Listing, out: &mut dyn Write) -> io::Result<()> {
        let environment = self.environment;
        let counts = &environment.summary.objects;
        let drifts = counts.modified + counts.missing + counts.extra > 0;
        let (style, word) = match (drifts, environment.complete) {
            (true, true) => (RED, "drift"),
            (true, false) => (RED, "drift, and not everything could be compared"),
            (false, false) => (YELLOW, "not everything could be compared"),
            (false, true) => (GREEN, "in sync"),
        };
        let style = style.bold();
        writeln!(out, "{BOLD}{}{BOLD:#}: {style}{word}{style:#}", escape(&environment.name))?;
        let revision = environment.revision.as_deref().unwrap_or_default();
        let origin: Vec<String> = [
            ("", environment.repository.as_str()),
            ("branch ", &environment.branch),
            ("revision ", revision.get(..REVISION).unwrap_or(revision)),
            ("cluster ", &environment.cluster),
            ("renderer ", environment.rendering.renderer.as_deref().unwrap_or_default()),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(noun, value)| format!("{noun}{}", escape(value)))
        .collect();
        if !origin.is_empty() {
            writeln!(out, "  {}", origin.join(", "))?;
        }
        writeln!(out, "  {}", counted(&environment.summary))?;
        if environment.rendering.hooks > 0 {
            writeln!(out, "  {} left out", count(environment.rendering.hooks, "hook"))?;
        }
        rules::write(&environment.ignored, listing, out)?;
        coverage::write(&environment.coverage, listing, out)
    }

    fn write_object(&self, object: &ObjectAssessment, width: usize, out: &mut dyn Write) -> io::Result<()> {
        let style = state_style(object.state);
        write!(out, "  {style}{:<8}{style:#}  {BOLD}{:<width$}{BOLD:#}", object.state, name(&object.key))?;
        if let Some(source) = &object.source {
            write!(out, "  {CYAN}{}{CYAN:#}", place(source))?;
        }
        if let Some(since) = object.since {
            write!(out, "  since {}", Moment { time: since, now: self.now })?;
        }
        if object.terminating {
            write!(out, "  being deleted, waits for its finalizers")?;
        }
        writeln!(out)?;
        if let (State::Missing | State::Extra, Some(severity), Some(category), Some(origin)) =
            (object.state, object.severity, object.category, object.origin)
        {
            let style = severity_style(severity);
            writeln!(out, "    {style}{severity}{style:#} {category}, origin {origin}")?;
        }
        object.findings.iter().try_for_each(|finding| self.write_finding(finding, out))?;
        object.warnings.iter().try_for_each(|warning| write_warning(warning, out))?;
        object.dry_run.iter().try_for_each(|opinion| opinion::write(opinion, out))
    }

    fn write_finding(&self, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
        let style = match finding.change {
            Change::Changed => YELLOW,
            Change::Removed => RED,
            Change::Added => GREEN,
        };
        let whole = finding.path.steps().is_empty();
        let path = if whole { "the object".to_owned() } else { escape(&finding.path.to_string()) };
        write!(out, "    {style}{:<7}{style:#}  {path}", finding.change)?;
        let style = severity_style(finding.severity);
        writeln!(out, "  {style}{}{style:#} {}", finding.severity, finding.category)?;
        if !whole {
            write_sides(finding.desired.as_deref(), finding.live.as_deref(), out)?;
        }
        if let Some(image) = &finding.image {
            writeln!(out, "             {DIM}{}{DIM:#}", escape(&image.to_string()))?;
        }
        if let Some(pods) = &finding.pods {
            writeln!(out, "             {BOLD}{pods}{BOLD:#}")?;
        }
        match &finding.manager {
            None => write!(out, "             origin {}", finding.origin)?,
            Some(manager) => {
                write!(out, "             {} by {BOLD}{}{BOLD:#}", finding.origin, escape(&manager.name))?;
                write!(out, " ({})", manager.operation)?;
            }
        }
        if let Some(time) = finding.manager.as_ref().and_then(|manager| manager.time) {
            write!(out, " at {}", Moment { time, now: self.now })?;
        }
        if let Some(commits) = finding.commits_behind {
            let plural = if commits == 1 { "" } else { "s" };
            write!(out, ", {commits} commit{plural} behind")?;
        }
        if let Some(source) = &finding.source {
            write!(out, "  {CYAN}{}{CYAN:#}", place(source))?;
        }
        writeln!(out)
    }
}

fn write_sides(desired: Option<&Value>, live: Option<&Value>, out: &mut dyn Write) -> io::Result<()> {
    let (desired, live) = match Sides::of(desired, live) {
        Sides::Values(desired, live) => (desired, live),
        Sides::Lines(lines) => {
            for line in lines {
                let style = match line.kind {
                    LineKind::Both => Style::new(),
                    LineKind::Desired => RED,
                    LineKind::Live => GREEN,
                    LineKind::Note => DIM,
                };
                writeln!(out, "             {style}{}{style:#}", line.text)?;
            }
            return Ok(());
        }
    };
    let absent = || format!("{DIM}(absent){DIM:#}");
    let desired = desired.map_or_else(absent, |text| format!("{RED}{text}{RED:#}"));
    let live = live.map_or_else(absent, |text| format!("{GREEN}{text}{GREEN:#}"));
    writeln!(out, "             {desired} → {live}")
}

fn write_controller_owned(object: &ObjectAssessment, out: &mut dyn Write) -> io::Result<()> {
    let paths: Vec<String> = object.controller_owned.iter().map(|path| escape(&path.to_string())).collect();
    if paths.is_empty() {
        return Ok(());
    }
    writeln!(out, "    {DIM}controller-owned  {}{DIM:#}", paths.join(", "))
}

fn write_warning(warning: &Warning, out: &mut dyn Write) -> io::Result<()> {
    let whole = warning.path.steps().is_empty();
    let path = if whole { "the object".to_owned() } else { escape(&warning.path.to_string()) };
    let message = escape(&warning.message);
    writeln!(out, "    {YELLOW}warning{YELLOW:#}  {path}  {message}  {CYAN}{}{CYAN:#}", place(&warning.source))
}

pub(super) fn write_gap(gap: &Gap, out: &mut dyn Write) -> io::Result<()> {
    let (stage, reason) = (gap.stage.as_str(), gap.reason.as_str());
    writeln!(out, "  {YELLOW}{:<8}{YELLOW:#}  {BOLD}{}{BOLD:#}: {stage} {reason}", "gap", escape(&gap.scope))?;
    for line in gap.message.lines() {
        writeln!(out, "            {}", escape(line))?;
    }
    Ok(())
}

/// `41 in sync, 2 modified, 1 missing; 4 findings (1 critical, 3 low)`.
fn counted(summary: &Summary) -> String {
    let states: Vec<String> = State::ALL
        .iter()
        .map(|state| (summary.objects.get(*state), state))
        .filter(|(number, _)| *number > 0)
        .map(|(number, state)| format!("{number} {}", if *state == State::InSync { "in sync" } else { state.as_str() }))
        .collect();
    let mut text = if states.is_empty() { "no objects".to_owned() } else { states.join(", ") };
    if summary.findings > 0 {
        let severities: Vec<String> = Severity::ALL
            .iter()
            .rev()
            .filter_map(|severity| Some(format!("{} {severity}", summary.by_severity.get(severity.as_str())?)))
            .collect();
        text = format!("{text}; {} ({})", count(summary.findings, "finding"), severities.join(", "));
    }
    if summary.suppressed > 0 {
        text = format!("{text}; {} suppressed", summary.suppressed);
    }
    if let Some(counts) = &summary.dry_run {
        text = format!("{text}; {}", opinion::counted(counts));
    }
    text
}

/// `Deployment trino/coordinator`.
fn name(key: &ObjectKey) -> String {
    let namespace = key.namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
    escape(&format!("{} {namespace}{}", key.type_key.kind, key.name))
}

fn place(position: &Position) -> String {
    escape(&position.to_string())
}

const fn state_style(state: State) -> Style {
    match state {
        State::InSync => GREEN,
        State::Modified | State::Unknown => YELLOW,
        State::Missing | State::Extra => RED,
    }
}

const fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Low => DIM,
        Severity::Medium => Style::new(),
        Severity::High => YELLOW,
        Severity::Critical => RED,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::drift::extras::{Counted, NamespaceCoverage};
    use crate::drift::model::{Holdup, PodShare};

    fn written(report: &Report, listing: Listing, verdict: Verdict) -> String {
        let mut bytes = Vec::new();
        write(report, listing, verdict, &mut bytes).unwrap();
        anstream::adapter::strip_str(&String::from_utf8(bytes).unwrap()).to_string()
    }

    #[test]
    fn a_report_reads_at_a_glance() {
        let text = written(&sample::report(), Listing::OutOfSync, Verdict::Drift);
        assert_eq!(text, include_str!("drift.txt"), "\n{text}");
    }

    #[test]
    fn everything_is_listed_when_all_is_asked_for() {
        let text = written(&sample::report(), Listing::All, Verdict::Drift);
        assert!(
            text.contains("\n\n  in-sync   Service trino/trino                 trino/coordinator.yaml:80\n"),
            "{text}"
        );
        assert!(text.contains("\n\n  in-sync   Service trino/trino  trino/coordinator.yaml:1\n\n"), "{text}");
    }

    #[test]
    fn pods_and_coverage_are_told_in_a_line_each() {
        let mut report = sample::report();
        let image = &mut report.environments[0].objects[1].findings[0];
        image.pods = Some(PodShare { count: 2, of: 3, because: Holdup::DeadlineExceeded });
        report.environments[0].coverage = vec![NamespaceCoverage {
            namespace: "trino".into(),
            kinds: Counted::Declared,
            declared: 41,
            undeclared: 3,
        }];
        let text = written(&report, Listing::All, Verdict::Drift);
        let stuck = "\n             2 of 3 Pods: the rollout is stuck, its progress deadline is exceeded\n";
        assert!(text.contains(stuck), "{text}");
        let coverage =
            "\n  coverage    namespace trino: Git declares 41 of 44 objects of the kinds that it declares there\n";
        assert!(text.contains(coverage), "{text}");
        assert!(!written(&report, Listing::OutOfSync, Verdict::Drift).contains("coverage"));
    }

    #[test]
    fn the_last_line_tells_the_verdict() {
        let last = |verdict| {
            let text = written(&sample::report(), Listing::OutOfSync, verdict);
            text.lines().last().unwrap().to_owned()
        };
        assert_eq!(last(Verdict::Drift), "drift: 5 findings in 3 objects; not everything could be compared (1 gap)");
        assert_eq!(
            last(Verdict::Incomplete),
            "incomplete: 5 findings in 3 objects, none that --fail-on asks about, but not everything could be compared (1 gap)"
        );
        assert_eq!(last(Verdict::Tolerated), "tolerated: 5 findings in 3 objects, none that --fail-on asks about");
        assert_eq!(last(Verdict::InSync), "in sync: 2 objects compared, nothing drifts");
    }

    #[test]
    fn styles_are_the_only_escapes() {
        let mut bytes = Vec::new();
        write(&sample::report(), Listing::All, Verdict::Drift, &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let stray = text.split('\u{1b}').skip(1).find(|rest| {
            let end = rest.find('m').unwrap_or(0);
            !rest.starts_with('[') || !rest[1..end].chars().all(|c| c.is_ascii_digit() || c == ';')
        });
        assert_eq!(stray, None);
        assert!(text.contains("\\u001b[2J"), "{text}");
    }
}
