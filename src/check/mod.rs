//! One pass over the chosen environments, and what its outcome means.

mod fail_on;

use std::sync::Arc;

use crate::config::{Config, Environment};
use crate::drift::promotion::{Promotion, PromotionState};
use crate::pipeline::{self, Pipeline, Promotions};
use crate::report::{Report, Verdict};

pub use fail_on::{Rule, RuleError};

/// Names that the configuration does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no environment is named {}; the configuration has {}", quoted(.unknown), quoted(.known))]
pub struct UnknownEnvironments {
    /// Every one that was asked for in vain.
    pub unknown: Vec<String>,
    /// Every one that there is.
    pub known: Vec<String>,
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{}`", name.escape_debug())).collect::<Vec<_>>().join(", ")
}

/// The environments that are asked for by name, in the order of the configuration; all of them for no name.
///
/// # Errors
/// All names that the configuration does not have.
pub fn choose(config: &Config, names: &[String]) -> Result<Vec<Arc<Environment>>, UnknownEnvironments> {
    let known = || config.environments.iter().map(|environment| &environment.name);
    let unknown: Vec<String> = names.iter().filter(|name| !known().any(|other| other == *name)).cloned().collect();
    if !unknown.is_empty() {
        return Err(UnknownEnvironments { unknown, known: known().cloned().collect() });
    }
    let wanted = |environment: &&Arc<Environment>| names.is_empty() || names.contains(&environment.name);
    Ok(config.environments.iter().filter(wanted).cloned().collect())
}

/// Scans the environments side by side and joins their reports in the given order; `None` for no environment.
pub async fn run(pipeline: &Pipeline, environments: &[Arc<Environment>], promotions: Promotions) -> Option<Report> {
    let expanded = environments.iter().map(|environment| pipeline.expand(environment));
    let environments = futures_util::future::join_all(expanded).await.concat();
    let scans = environments.iter().map(|environment| pipeline.scan(environment));
    let (scans, promotions) = tokio::join!(futures_util::future::join_all(scans), promotions.look(pipeline::now()));
    Some(Report { promotions, ..Report::new(scans)? })
}

/// What promotions mean: somebody has to look, or not all of them are known.
#[must_use]
pub fn promotion_verdict(promotions: &[Promotion]) -> Verdict {
    if promotions.iter().any(Promotion::needs_attention) {
        return Verdict::Drift;
    }
    let unknown = promotions.iter().any(|promotion| promotion.state == PromotionState::Unknown);
    if unknown { Verdict::Incomplete } else { Verdict::InSync }
}

/// What a report means to somebody who asks about drift that matches any of `rules`, or about any drift where
/// there is no rule.
#[must_use]
pub fn verdict(report: &Report, rules: &[Rule]) -> Verdict {
    let mut objects = report.environments.iter().flat_map(|environment| &environment.objects);
    let drifts = objects.clone().any(|object| object.state.is_drift());
    let counts =
        if rules.is_empty() { drifts } else { objects.any(|object| rules.iter().any(|rule| rule.matches(object))) };
    let complete = report.complete && report.summary.objects.unknown == 0;
    match (counts, complete) {
        (true, _) => Verdict::Drift,
        (false, false) => Verdict::Incomplete,
        (false, true) if drifts => Verdict::Tolerated,
        (false, true) => Verdict::InSync,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::drift::model::{
        Assessment, Category, Gap, GapReason, ObjectAssessment, ObjectKey, Origin, Severity, Stage, State, TypeKey,
    };
    use crate::report::{EnvironmentReport, Identity};

    fn missing_service() -> ObjectAssessment {
        ObjectAssessment {
            category: Some(Category::Infrastructure),
            severity: Some(Severity::Medium),
            origin: Some(Origin::Unknown),
            ..ObjectAssessment::new(
                ObjectKey { type_key: TypeKey::new("v1", "Service"), namespace: None, name: "s".into() },
                State::Missing,
            )
        }
    }

    fn gap() -> Gap {
        Gap {
            stage: Stage::List,
            scope: "v1/Secret".into(),
            reason: GapReason::Forbidden,
            message: String::new(),
            source: None,
        }
    }

    fn report(objects: Vec<ObjectAssessment>, gaps: Vec<Gap>) -> Report {
        let identity = Identity { name: "e".into(), repository: "r".into(), branch: "b".into(), cluster: "c".into() };
        let times = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        Report::new(vec![EnvironmentReport::new(identity, None, Assessment { objects, gaps }, times)]).unwrap()
    }

    #[test]
    fn the_verdict_over_all_cases() {
        let drift = || vec![missing_service()];
        let rule = |text: &str| vec![text.parse::<Rule>().unwrap()];
        let (any, low, high) = (vec![], rule("severity>=low"), rule("severity>=high"));
        let cases = [
            (vec![], vec![], &any, Verdict::InSync),
            (vec![], vec![], &high, Verdict::InSync),
            (vec![], vec![gap()], &any, Verdict::Incomplete),
            (vec![], vec![gap()], &low, Verdict::Incomplete),
            (drift(), vec![], &any, Verdict::Drift),
            (drift(), vec![], &low, Verdict::Drift),
            (drift(), vec![], &high, Verdict::Tolerated),
            (drift(), vec![gap()], &any, Verdict::Drift),
            (drift(), vec![gap()], &low, Verdict::Drift),
            (drift(), vec![gap()], &high, Verdict::Incomplete),
        ];
        for (objects, gaps, rules, expected) in cases {
            let case = format!("{} objects, {} gaps, {rules:?}", objects.len(), gaps.len());
            assert_eq!(verdict(&report(objects, gaps), rules), expected, "{case}");
        }
    }

    #[test]
    fn an_unknown_object_is_never_in_sync() {
        let unknown = ObjectAssessment { state: State::Unknown, ..missing_service() };
        assert_eq!(verdict(&report(vec![unknown], vec![]), &[]), Verdict::Incomplete);
    }

    #[test]
    fn any_rule_is_enough() {
        let rules = ["severity>=high", "state=missing"].map(|text| text.parse().unwrap());
        assert_eq!(verdict(&report(vec![missing_service()], vec![]), &rules), Verdict::Drift);
    }
}
