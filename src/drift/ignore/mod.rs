//! Which findings somebody has decided to live with, and the account of what is hidden so.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

use super::model::{
    Assessment, Candidate, Coverage, Declarations, Desired, Finding, Gap, GapReason, Glob, ObjectAssessment,
    ObjectMatch, Packed, PathPattern, Pointer, Stage, State, Suppressed,
};

/// The annotation of an object in Git: `all`, or paths with a comma between them.
pub const ANNOTATION: &str = "driftd.io/ignore";

/// One rule of the configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IgnoreRule {
    /// Its name, or `ignore[3]`, its place in the configuration.
    pub name: String,
    /// On which objects.
    pub objects: ObjectMatch,
    /// Which fields; none means the whole object, its absence and its presence too.
    pub paths: Vec<PathPattern>,
    /// Which fields, by the places of their elements: what a finding's own pointer leads to, and everything below.
    pub pointers: Vec<Pointer>,
    /// By which field managers; none means by whomever, and by nobody.
    pub managers: Vec<Glob>,
    /// Why.
    pub reason: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// From the beginning of this day (UTC) on it hides nothing any more.
    pub expires: Option<Date>,
}

/// What one rule did in one environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleUse {
    /// Its name or place; [`ANNOTATION`] for what objects say themselves.
    pub rule: String,
    /// Why it hides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// From when on it hides nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// How many findings it hides.
    pub findings: usize,
}

/// The account of all rules in one environment.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ignored {
    /// Rules that hide something.
    pub suppressed: Vec<RuleUse>,
    /// Rules that hide nothing here, told only where everything was compared.
    pub unused_rules: Vec<RuleUse>,
    /// Rules whose time is over; what they hid is drift again.
    pub expired_rules: Vec<RuleUse>,
}

impl Ignored {
    /// Every rule that can be about the environment.
    pub fn rules(&self) -> impl Iterator<Item = &RuleUse> {
        self.suppressed.iter().chain(&self.unused_rules).chain(&self.expired_rules)
    }
}

impl IgnoreRule {
    /// When it ends.
    fn end(&self) -> Option<Timestamp> {
        self.expires.and_then(|date| date.to_zoned(TimeZone::UTC).ok()).map(|zoned| zoned.timestamp())
    }

    fn is_expired(&self, now: Timestamp) -> bool {
        self.end().is_some_and(|end| now >= end)
    }

    fn by(&self, manager: Option<&str>) -> bool {
        self.managers.is_empty() || manager.is_some_and(|name| self.managers.iter().any(|glob| glob.fits(name)))
    }

    fn hides(&self, finding: &Finding) -> bool {
        let within = |pointer: &Pointer| {
            let below = finding.pointer.strip_prefix(pointer.as_str());
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let covered = (self.paths.is_empty() && self.pointers.is_empty())
            || self.pointers.iter().any(within)
            || PathPattern::coverage(&self.paths, &finding.path, finding.desired.as_deref(), finding.live.as_deref())
                == Coverage::Whole;
        covered && self.by(finding.manager.as_ref().map(|manager| manager.name.as_str()))
    }

    fn hides_object(&self) -> bool {
        self.paths.is_empty() && self.pointers.is_empty() && self.by(None)
    }
}

/// Moves every finding that a rule or an object's own annotation hides out of the verdicts at `now`.
///
/// Nothing gets lost: each goes to [`ObjectAssessment::suppressed`] with the name of the first rule that hides it. An
/// annotation that cannot be read hides nothing and becomes a gap.
pub fn apply(
    rules: &[IgnoreRule],
    environment: &str,
    declared: &Declarations,
    assessment: &mut Assessment,
    now: Timestamp,
) -> Ignored {
    let rules: Vec<&IgnoreRule> = rules.iter().filter(|rule| rule.objects.fits_environment(environment)).collect();
    let (expired, valid): (Vec<&IgnoreRule>, Vec<&IgnoreRule>) =
        rules.into_iter().partition(|rule| rule.is_expired(now));
    for object in &mut assessment.objects {
        let desired = declared.get(&object.key);
        let of_its_own = desired.filter(|desired| desired.mentions(ANNOTATION)).map(Packed::unpack);
        let own = match of_its_own.as_ref().map(annotated).transpose() {
            Ok(own) => own.flatten(),
            Err(gap) => {
                assessment.gaps.push(gap);
                None
            }
        };
        if !object.state.is_drift() {
            continue;
        }
        let content = desired.map_or(Value::Null, |desired| desired.unpack().content);
        let key = object.key.clone();
        let candidate = Candidate::new(environment, &key, &content);
        let of_object = valid.iter().copied().filter(|rule| rule.objects.fits(&candidate)).chain(&own);
        hide(object, environment, &of_object.collect::<Vec<_>>());
    }
    account(&valid, &expired, assessment)
}

fn hide(object: &mut ObjectAssessment, environment: &str, rules: &[&IgnoreRule]) {
    if rules.is_empty() {
        return;
    }
    if matches!(object.state, State::Missing | State::Extra) {
        if let Some(rule) = rules.iter().find(|rule| rule.hides_object()) {
            let finding = object.as_finding(environment);
            object.suppressed.push(Suppressed { finding, suppressed_by: rule.name.clone() });
            object.state = State::InSync;
            object.settle();
        }
        return;
    }
    for finding in std::mem::take(&mut object.findings) {
        match rules.iter().find(|rule| rule.hides(&finding)) {
            Some(rule) => object.suppressed.push(Suppressed { finding, suppressed_by: rule.name.clone() }),
            None => object.findings.push(finding),
        }
    }
    if !object.suppressed.is_empty() {
        object.settle();
    }
}

/// What the object's own annotation asks for.
fn annotated(desired: &Desired) -> Result<Option<IgnoreRule>, Gap> {
    let pointer = Pointer::root().key("metadata").key("annotations").key(ANNOTATION);
    let Some(value) = desired.content.pointer(pointer.as_str()).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let refused = |message: String| {
        let source = desired.position(&pointer);
        Gap {
            stage: Stage::Parse,
            scope: desired.key.to_string(),
            reason: GapReason::Malformed,
            message: format!(
                "{source}: the annotation {ANNOTATION} {message}; write `all`, or paths with a comma between them; until \
                 then it hides nothing"
            ),
            source: Some(source),
        }
    };
    let text = value.as_str().ok_or_else(|| refused("is no text".to_owned()))?;
    let paths = match text.trim() {
        "all" => Vec::new(),
        "" => return Err(refused("is empty".to_owned())),
        text => split(text)
            .map(|path| path.trim().parse().map_err(|error| refused(format!("holds `{}`, which {error}", path.trim()))))
            .collect::<Result<_, _>>()?,
    };
    Ok(Some(IgnoreRule { name: ANNOTATION.to_owned(), paths, ..IgnoreRule::default() }))
}

/// The parts between commas that stand in no bracket.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    text.split(move |character| {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
}

fn account(valid: &[&IgnoreRule], expired: &[&IgnoreRule], assessment: &Assessment) -> Ignored {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for suppressed in assessment.objects.iter().flat_map(|object| &object.suppressed) {
        *counts.entry(&suppressed.suppressed_by).or_default() += 1;
    }
    let used = |rule: &&IgnoreRule| RuleUse {
        rule: rule.name.clone(),
        reason: rule.reason.clone(),
        owner: rule.owner.clone(),
        expires: rule.end(),
        findings: counts.get(rule.name.as_str()).copied().unwrap_or(0),
    };
    let (mut suppressed, mut unused): (Vec<_>, Vec<_>) = valid.iter().map(used).partition(|rule| rule.findings > 0);
    if let Some(&findings) = counts.get(ANNOTATION) {
        let reason = Some("the objects say so themselves".to_owned());
        suppressed.push(RuleUse { rule: ANNOTATION.to_owned(), reason, owner: None, expires: None, findings });
    }
    if !assessment.is_complete() {
        unused.clear();
    }
    Ignored { suppressed, unused_rules: unused, expired_rules: expired.iter().map(used).collect() }
}

#[cfg(test)]
mod tests;
