//! What the log tells of an environment: each fact once when it becomes true, and once when it ends.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::drift::model::{Category, Gap, GapReason, ObjectAssessment, Origin, Severity, Stage, State, StateCounts};
use crate::report::EnvironmentReport;

/// So many of one scan are told one by one, of further ones the number.
const MOST: usize = 100;

/// What was told last of one environment.
#[derive(Debug, Default)]
pub(super) struct Journal {
    drift: BTreeMap<Place, Drift>,
    gaps: BTreeSet<(Stage, String, GapReason)>,
    scanned: Option<(Option<String>, StateCounts)>,
}

/// Where something drifts, and in what way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    object: String,
    /// Empty where the object as a whole drifts.
    path: String,
    /// `missing`, `extra`, or what happened to the field.
    what: &'static str,
}

/// What else is told; no value of either side.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Drift {
    state: State,
    judged: Option<(Category, Severity, Origin)>,
    manager: Option<String>,
}

/// What a report says that was not told before.
#[derive(Debug, Default, PartialEq)]
struct News {
    appeared: Vec<(Place, Drift)>,
    resolved: Vec<Place>,
    opened: Vec<Gap>,
    closed: Vec<(Stage, String)>,
}

impl Journal {
    /// Tells what is new in `report`.
    pub(super) fn tell(&mut self, report: &EnvironmentReport) {
        let environment = report.name.as_str();
        self.tell_scan(report);
        let News { appeared, resolved, opened, closed } = self.news(report);
        for gap in opened {
            tracing::warn!(environment, stage = %gap.stage, scope = gap.scope, "{}", gap.message);
        }
        for (stage, scope) in closed {
            tracing::info!(environment, %stage, scope, "can be compared again");
        }
        for (Place { object, path, what }, drift) in appeared.iter().take(MOST) {
            let word = |of: fn((Category, Severity, Origin)) -> &'static str| drift.judged.map_or("", of);
            tracing::info!(
                environment,
                object,
                state = %drift.state,
                path,
                change = what,
                category = word(|(category, _, _)| category.as_str()),
                severity = word(|(_, severity, _)| severity.as_str()),
                origin = word(|(_, _, origin)| origin.as_str()),
                manager = drift.manager.as_deref().unwrap_or_default(),
                "drift appeared"
            );
        }
        for Place { object, path, what } in resolved.iter().take(MOST) {
            tracing::info!(environment, object, path, change = what, "drift resolved");
        }
        for (number, what) in [(appeared.len(), "more drift appeared"), (resolved.len(), "more drift resolved")] {
            if number > MOST {
                tracing::info!(environment, number = number - MOST, "{what}");
            }
        }
    }

    /// A scan that found what the one before found is told to those who ask for everything.
    fn tell_scan(&mut self, report: &EnvironmentReport) {
        let counts = report.summary.objects;
        let scanned = Some((report.revision.clone(), counts));
        let environment = report.name.as_str();
        let revision = report.revision.as_deref().unwrap_or_default();
        let StateCounts { in_sync, modified, missing, extra, unknown } = counts;
        if self.scanned == scanned {
            tracing::debug!(environment, revision, in_sync, modified, missing, extra, unknown, "scanned");
        } else {
            tracing::info!(environment, revision, in_sync, modified, missing, extra, unknown, "scanned");
            self.scanned = scanned;
        }
    }

    fn news(&mut self, report: &EnvironmentReport) -> News {
        let now: BTreeMap<Place, Drift> = report.objects.iter().flat_map(drift).collect();
        let seen: HashSet<String> = report
            .objects
            .iter()
            .filter(|object| object.state != State::Unknown)
            .map(|object| object.key.to_string())
            .collect();
        let mut news = News::default();
        let before = std::mem::replace(&mut self.drift, now);
        news.appeared.extend(
            self.drift
                .iter()
                .filter(|(place, _)| !before.contains_key(*place))
                .map(|(at, of)| (at.clone(), of.clone())),
        );
        for (place, drift) in before {
            // What could not be looked at has not ended.
            let looked_at = report.complete || seen.contains(&place.object);
            match (self.drift.contains_key(&place), looked_at) {
                (true, _) => {}
                (false, true) => news.resolved.push(place),
                (false, false) => drop(self.drift.insert(place, drift)),
            }
        }
        let gap_of = |gap: &Gap| (gap.stage, gap.scope.clone(), gap.reason);
        let gaps: BTreeSet<_> = report.gaps.iter().map(gap_of).collect();
        let mut told = BTreeSet::new();
        news.opened.extend(
            report.gaps.iter().filter(|gap| !self.gaps.contains(&gap_of(gap)) && told.insert(gap_of(gap))).cloned(),
        );
        let before = std::mem::replace(&mut self.gaps, gaps);
        let closed = before.into_iter().map(|(stage, scope, _)| (stage, scope));
        let open: BTreeSet<_> = self.gaps.iter().map(|(stage, scope, _)| (*stage, scope.clone())).collect();
        news.closed.extend(closed.filter(|gap| !open.contains(gap)));
        news
    }
}

/// The drift of one object.
fn drift(object: &ObjectAssessment) -> Vec<(Place, Drift)> {
    let told = |path: String, what, judged: Option<(Category, Severity, Origin)>, manager| {
        let place = Place { object: object.key.to_string(), path, what };
        (place, Drift { state: object.state, judged, manager })
    };
    match object.state {
        State::InSync | State::Unknown => Vec::new(),
        State::Missing | State::Extra => {
            vec![told(String::new(), object.state.as_str(), object.judgements().next(), None)]
        }
        State::Modified => {
            let each = object.findings.iter().map(|finding| {
                let judged = (finding.category, finding.severity, finding.origin);
                let manager = finding.manager.as_ref().map(|manager| manager.name.clone());
                told(finding.path.to_string(), finding.change.as_str(), Some(judged), manager)
            });
            each.collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::model::{Assessment, ObjectKey, TypeKey};
    use crate::report::Identity;

    fn object(name: &str, state: State) -> ObjectAssessment {
        let type_key = TypeKey { group: String::new(), version: "v1".into(), kind: "ConfigMap".into() };
        ObjectAssessment::new(ObjectKey { type_key, namespace: None, name: name.into() }, state)
    }

    fn gap(message: &str) -> Gap {
        let scope = "repository platform".to_owned();
        Gap { stage: Stage::Git, scope, reason: GapReason::Unreachable, message: message.into(), source: None }
    }

    fn report(objects: Vec<ObjectAssessment>, gaps: Vec<Gap>) -> EnvironmentReport {
        let [name, repository, branch, cluster] = ["prod", "platform", "prod", "eu"].map(str::to_owned);
        let identity = Identity { name, repository, branch, cluster };
        let now = crate::pipeline::now();
        EnvironmentReport::new(identity, None, Assessment { objects, gaps }, (now, now))
    }

    fn names(news: &News) -> (Vec<&str>, Vec<&str>) {
        let appeared = news.appeared.iter().map(|(place, _)| place.object.as_str()).collect();
        (appeared, news.resolved.iter().map(|place| place.object.as_str()).collect())
    }

    #[test]
    fn drift_is_told_once_when_it_appears_and_once_when_it_ends() {
        let mut journal = Journal::default();
        let drifting = || report(vec![object("settings", State::Missing)], Vec::new());
        assert_eq!(names(&journal.news(&drifting())), (vec!["v1/ConfigMap settings"], vec![]));
        assert_eq!(journal.news(&drifting()), News::default());
        let mended = report(vec![object("settings", State::InSync)], Vec::new());
        assert_eq!(names(&journal.news(&mended)), (vec![], vec!["v1/ConfigMap settings"]));
        assert_eq!(journal.news(&mended), News::default());
    }

    #[test]
    fn what_cannot_be_looked_at_has_not_ended() {
        let mut journal = Journal::default();
        journal.news(&report(vec![object("one", State::Missing), object("two", State::Extra)], Vec::new()));
        // An extra object that cannot be seen is not even in the report.
        let blind = journal.news(&report(vec![object("one", State::Unknown)], vec![gap("no answer")]));
        assert_eq!((names(&blind), blind.opened.len()), ((vec![], vec![]), 1));
        let again = journal.news(&report(vec![object("one", State::Missing), object("two", State::Extra)], Vec::new()));
        assert_eq!((names(&again), again.closed.len()), ((vec![], vec![]), 1));
    }

    #[test]
    fn a_gap_is_told_once_whatever_its_age() {
        let mut journal = Journal::default();
        let count = |news: News| (news.opened.len(), news.closed.len());
        assert_eq!(count(journal.news(&report(Vec::new(), vec![gap("fetched 1m ago"), gap("and twice")]))), (1, 0));
        assert_eq!(count(journal.news(&report(Vec::new(), vec![gap("fetched 2m ago")]))), (0, 0));
        assert_eq!(count(journal.news(&report(Vec::new(), Vec::new()))), (0, 1));
    }
}
