//! The rules of `--fail-on`: which drift somebody wants to hear about.

use std::str::FromStr;

use crate::drift::model::{Category, ObjectAssessment, Origin, Severity, State};

/// Conditions that drift must meet all of: `severity>=high,origin=manual`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule(Vec<Condition>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    AtLeast(Severity),
    Severity(Severity),
    Category(Category),
    Origin(Origin),
    State(State),
}

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// It is no comparison at all.
    #[error(
        "`{0}` is no condition: write severity>=high, severity=high, category=security, origin=manual or state=missing, several with a comma between them"
    )]
    Condition(String),
    /// The word after the sign does not exist.
    #[error("`{word}` is no {field}: it is one of {words}")]
    Word {
        /// What stands before the sign.
        field: &'static str,
        /// What was found.
        word: String,
        /// What could stand there.
        words: String,
    },
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        text.split(',').map(|part| condition(part.trim())).collect::<Result<_, _>>().map(Self)
    }
}

fn condition(text: &str) -> Result<Condition, RuleError> {
    let (field, sign, word) = match text.split_once(">=") {
        Some((field, word)) => (field, ">=", word),
        None => text.split_once('=').map(|(field, word)| (field, "=", word)).unwrap_or_default(),
    };
    let word = word.trim();
    match (field.trim(), sign) {
        ("severity", ">=") => find("severity", word, Severity::ALL, Severity::as_str).map(Condition::AtLeast),
        ("severity", "=") => find("severity", word, Severity::ALL, Severity::as_str).map(Condition::Severity),
        ("category", "=") => find("category", word, Category::ALL, Category::as_str).map(Condition::Category),
        ("origin", "=") => find("origin", word, Origin::ALL, Origin::as_str).map(Condition::Origin),
        ("state", "=") => {
            let drift: Vec<State> = State::ALL.iter().copied().filter(|state| state.is_drift()).collect();
            find("state of drift", word, &drift, State::as_str).map(Condition::State)
        }
        _ => Err(RuleError::Condition(text.escape_debug().to_string())),
    }
}

fn find<T: Copy>(
    field: &'static str,
    word: &str,
    all: &[T],
    as_str: impl Fn(T) -> &'static str,
) -> Result<T, RuleError> {
    all.iter().copied().find(|value| as_str(*value) == word).ok_or_else(|| RuleError::Word {
        field,
        word: word.escape_debug().to_string(),
        words: all.iter().map(|value| as_str(*value)).collect::<Vec<_>>().join(", "),
    })
}

impl Rule {
    /// Whether the object drifts in a way that meets every condition at once: one finding must meet all of them.
    #[must_use]
    pub fn matches(&self, object: &ObjectAssessment) -> bool {
        object.state.is_drift()
            && object
                .judgements()
                .any(|judgement| self.0.iter().all(|condition| condition.holds(object.state, judgement)))
    }
}

impl Condition {
    fn holds(self, state: State, (category, severity, origin): (Category, Severity, Origin)) -> bool {
        match self {
            Self::AtLeast(least) => severity >= least,
            Self::Severity(wanted) => severity == wanted,
            Self::Category(wanted) => category == wanted,
            Self::Origin(wanted) => origin == wanted,
            Self::State(wanted) => state == wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_is_and() {
        assert_eq!(
            "severity>=high, origin=manual".parse(),
            Ok(Rule(vec![Condition::AtLeast(Severity::High), Condition::Origin(Origin::Manual)]))
        );
        assert_eq!("severity=low".parse(), Ok(Rule(vec![Condition::Severity(Severity::Low)])));
        assert_eq!(
            "category=security,state=missing".parse(),
            Ok(Rule(vec![Condition::Category(Category::Security), Condition::State(State::Missing)]))
        );
    }

    #[test]
    fn what_is_no_rule_is_told_with_what_would_be_one() {
        let error = |text: &str| text.parse::<Rule>().unwrap_err().to_string();
        assert!(error("").contains("is no condition"));
        assert!(error("severity").contains("severity>=high"));
        assert!(error("category>=image").contains("`category>=image` is no condition"));
        assert!(error("severity>=high,,").contains("is no condition"));
        assert_eq!(error("severity>=huge"), "`huge` is no severity: it is one of low, medium, high, critical");
        assert_eq!(error("state=unknown"), "`unknown` is no state of drift: it is one of modified, missing, extra");
    }
}
