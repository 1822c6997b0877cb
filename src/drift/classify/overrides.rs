//! Severities that the configuration sets in place of the table's.

use serde_json::Value;

use crate::drift::model::{
    Candidate, Category, Coverage, Declarations, ObjectAssessment, ObjectMatch, PathPattern, Severity, State,
};

/// One rule of the configuration; the first that fits a finding decides.
#[derive(Debug, Clone, PartialEq)]
pub struct SeverityRule {
    /// On which objects.
    pub objects: ObjectMatch,
    /// Which fields; none means every field, and objects that are missing or extra.
    pub paths: Vec<PathPattern>,
    /// Only findings of this category.
    pub category: Option<Category>,
    /// What they are worth.
    pub severity: Severity,
}

impl SeverityRule {
    fn is_about(&self, category: Category) -> bool {
        self.category.is_none_or(|own| own == category)
    }

    /// A finding that holds other fields, too, is never made less severe by a rule about one of them.
    fn judge(&self, coverage: Coverage, before: Severity) -> Option<Severity> {
        match coverage {
            Coverage::Whole => Some(self.severity),
            Coverage::Part => Some(self.severity.max(before)),
            Coverage::None => None,
        }
    }
}

/// Judges the findings of an environment anew by `rules`.
pub fn overrule(rules: &[SeverityRule], environment: &str, declared: &Declarations, objects: &mut [ObjectAssessment]) {
    if rules.is_empty() {
        return;
    }
    for object in objects.iter_mut().filter(|object| object.state.is_drift()) {
        let key = object.key.clone();
        let content = declared.get(&key).map_or(Value::Null, |desired| desired.unpack().content);
        let candidate = Candidate::new(environment, &key, &content);
        let rules: Vec<&SeverityRule> = rules.iter().filter(|rule| rule.objects.fits(&candidate)).collect();
        overrule_object(&rules, object);
    }
}

fn overrule_object(rules: &[&SeverityRule], object: &mut ObjectAssessment) {
    if matches!(object.state, State::Missing | State::Extra) {
        let category = object.category;
        let whole = rules.iter().find(|rule| rule.paths.is_empty() && category.is_some_and(|own| rule.is_about(own)));
        if let Some(rule) = whole {
            object.severity = Some(rule.severity);
        }
        return;
    }
    for finding in &mut object.findings {
        let coverage = |rule: &SeverityRule| match rule.paths.as_slice() {
            [] => Coverage::Whole,
            paths => PathPattern::coverage(paths, &finding.path, finding.desired.as_deref(), finding.live.as_deref()),
        };
        let fitting = rules.iter().filter(|rule| rule.is_about(finding.category));
        if let Some(severity) = fitting.into_iter().find_map(|rule| rule.judge(coverage(rule), finding.severity)) {
            finding.severity = severity;
        }
    }
    object.settle();
}
