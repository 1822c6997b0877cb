//! Which objects a rule of the configuration is about.

use std::str::FromStr;

use serde_json::{Map, Value};

use super::{Glob, ObjectKey};

/// Conditions on an object; those that are absent hold for every object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObjectMatch {
    /// `Deployment`.
    pub kind: Option<Glob>,
    /// `apps`; empty for the core group.
    pub group: Option<Glob>,
    /// `v1`.
    pub version: Option<Glob>,
    /// `metadata.namespace`; never holds for a cluster-scoped object.
    pub namespace: Option<Glob>,
    /// `metadata.name`.
    pub name: Option<Glob>,
    /// On the labels that Git declares.
    pub labels: Option<LabelSelector>,
    /// The environment's name in the configuration.
    pub environment: Option<Glob>,
}

/// An object as far as rules look at it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The environment's name.
    pub environment: &'a str,
    /// Which object.
    pub key: &'a ObjectKey,
    /// Its `metadata.labels`.
    pub labels: Option<&'a Map<String, Value>>,
}

impl<'a> Candidate<'a> {
    /// The object `key` with what `content` says of its labels.
    #[must_use]
    pub fn new(environment: &'a str, key: &'a ObjectKey, content: &'a Value) -> Self {
        let labels = content.pointer("/metadata/labels").and_then(Value::as_object);
        Self { environment, key, labels }
    }
}

impl ObjectMatch {
    /// Whether all conditions hold.
    #[must_use]
    pub fn fits(&self, object: &Candidate<'_>) -> bool {
        let holds = |glob: &Option<Glob>, name: Option<&str>| {
            glob.as_ref().is_none_or(|glob| name.is_some_and(|name| glob.fits(name)))
        };
        let key = object.key;
        self.fits_environment(object.environment)
            && holds(&self.kind, Some(&key.type_key.kind))
            && holds(&self.group, Some(&key.type_key.group))
            && holds(&self.version, Some(&key.type_key.version))
            && holds(&self.namespace, key.namespace.as_deref())
            && holds(&self.name, Some(&key.name))
            && self.labels.as_ref().is_none_or(|selector| selector.fits(object.labels))
    }

    /// Whether objects of an environment can be meant at all.
    #[must_use]
    pub fn fits_environment(&self, environment: &str) -> bool {
        self.environment.as_ref().is_none_or(|glob| glob.fits(environment))
    }

    /// Whether it names any condition.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A label selector as `kubectl -l` takes it: `app=trino,tier in (web, api),!canary`.
///
/// Rule: `k8s.io/apimachinery/pkg/labels`: `!=` and `notin` hold also where the label is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    Exists(String),
    Absent(String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
}

/// Why a text is no label selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is no label selector at `{0}`")]
pub struct SelectorError(String);

impl LabelSelector {
    fn fits(&self, labels: Option<&Map<String, Value>>) -> bool {
        let value = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
        let among =
            |key: &str, values: &[String]| value(key).is_some_and(|value| values.iter().any(|one| one == value));
        self.0.iter().all(|requirement| match requirement {
            Requirement::Exists(key) => value(key).is_some(),
            Requirement::Absent(key) => value(key).is_none(),
            Requirement::In(key, values) => among(key, values),
            Requirement::NotIn(key, values) => !among(key, values),
        })
    }
}

impl FromStr for LabelSelector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let mut depth = 0_u32;
        let outside = |character: char| {
            match character {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            character == ',' && depth == 0
        };
        text.split(outside).map(|part| requirement(part.trim())).collect::<Result<_, _>>().map(Self)
    }
}

fn requirement(text: &str) -> Result<Requirement, SelectorError> {
    let wrong = || SelectorError(text.to_owned());
    let key = |key: &str| {
        let key = key.trim();
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        if key.is_empty() || !key.chars().all(legal) { Err(wrong()) } else { Ok(key.to_owned()) }
    };
    if let Some((left, list)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let values = || list.split(',').map(|value| value.trim().to_owned()).collect();
        return match left.trim().rsplit_once(char::is_whitespace) {
            Some((name, "in")) => Ok(Requirement::In(key(name)?, values())),
            Some((name, "notin")) => Ok(Requirement::NotIn(key(name)?, values())),
            _ => Err(wrong()),
        };
    }
    let value = |value: &str| vec![value.trim().to_owned()];
    if let Some((name, other)) = text.split_once("!=") {
        return Ok(Requirement::NotIn(key(name)?, value(other)));
    }
    if let Some((name, other)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Ok(Requirement::In(key(name)?, value(other)));
    }
    match text.strip_prefix('!') {
        Some(name) => Ok(Requirement::Absent(key(name)?)),
        None => Ok(Requirement::Exists(key(text)?)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::drift::model::TypeKey;

    fn key() -> ObjectKey {
        ObjectKey {
            type_key: TypeKey::new("apps/v1", "Deployment"),
            namespace: Some("trino".into()),
            name: "trino-worker".into(),
        }
    }

    #[test]
    fn all_conditions_must_hold() {
        let (key, content) = (key(), json!({"metadata": {"labels": {"app": "trino"}}}));
        let object = Candidate::new("prod-eu", &key, &content);
        let glob = |text| Some(Glob::new(text));
        let all = ObjectMatch {
            kind: glob("Deployment"),
            group: glob("apps"),
            version: glob("v1"),
            namespace: glob("tr*"),
            name: glob("trino-*"),
            labels: Some("app=trino".parse().unwrap()),
            environment: glob("prod-*"),
        };
        assert!(all.fits(&object));
        for other in [
            ObjectMatch { kind: glob("StatefulSet"), ..all.clone() },
            ObjectMatch { group: glob(""), ..all.clone() },
            ObjectMatch { version: glob("v2"), ..all.clone() },
            ObjectMatch { namespace: glob("hive"), ..all.clone() },
            ObjectMatch { name: glob("trino"), ..all.clone() },
            ObjectMatch { labels: Some("app!=trino".parse().unwrap()), ..all.clone() },
            ObjectMatch { environment: glob("qa"), ..all },
        ] {
            assert!(!other.fits(&object), "{other:?}");
        }
        let cluster_scoped = ObjectKey { namespace: None, ..key };
        let any_namespace = ObjectMatch { namespace: glob("*"), ..ObjectMatch::default() };
        assert!(!any_namespace.fits(&Candidate::new("qa", &cluster_scoped, &content)));
    }

    #[test]
    fn label_selectors_read_as_kubectl_reads_them() {
        let labels = json!({"app": "trino", "tier": "web"});
        let fits = |text: &str| text.parse::<LabelSelector>().unwrap().fits(labels.as_object());
        for text in
            ["app=trino", "app == trino", "tier in (web, api),app", "!canary", "x!=y", "tier notin (db)", "x notin (y)"]
        {
            assert!(fits(text), "{text}");
        }
        for text in ["app=hive", "!app", "canary", "tier in (db)", "tier notin (web)", "app=trino,tier!=web"] {
            assert!(!fits(text), "{text}");
        }
        for text in ["", "a b", "in (x)", "a in (b", "=x", "a,,b"] {
            assert!(text.parse::<LabelSelector>().is_err(), "{text}");
        }
    }
}
