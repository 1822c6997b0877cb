//! What a finding is about and how much it matters.

mod direction;
mod overrides;
mod table;

use serde_json::Value;

pub use overrides::{SeverityRule, overrule};

use super::model::{Category, Change, FieldPath, KindKey, Severity, State};
use direction::Direction;
use table::{FIELDS, OBJECTS, Row};

/// A finding as far as classification looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The kind it is found on.
    pub kind: &'a KindKey,
    /// Where.
    pub path: &'a FieldPath,
    /// What happened.
    pub change: Change,
    /// Git's value.
    pub desired: Option<&'a Value>,
    /// The cluster's value.
    pub live: Option<&'a Value>,
}

/// Judges a field.
#[must_use]
pub fn field(subject: &Subject<'_>) -> (Category, Severity) {
    let names: Vec<&str> = subject.path.names().collect();
    let (category, severity) = judge(FIELDS, subject.kind, &names);
    match direction::direction(subject) {
        Direction::Looser => (Category::Security, Severity::Critical),
        Direction::Tighter if category == Category::Security => (category, severity.min(Severity::Medium)),
        Direction::Tighter | Direction::Unclear => (category, severity),
    }
}

/// Judges an object that is missing or extra: with one that grants too much somebody may do more, with one that
/// restricts too much nobody may.
#[must_use]
pub fn object(kind: &KindKey, state: State) -> (Category, Severity) {
    let (category, severity) = judge(OBJECTS, kind, &[]);
    match (state, kind.kind.as_str()) {
        (State::Extra, "RoleBinding" | "ClusterRoleBinding") => (category, Severity::Critical),
        (State::Extra, kind) if kind.starts_with("Validating") || kind.ends_with("NetworkPolicy") => {
            (category, severity.min(Severity::High))
        }
        _ => (category, severity),
    }
}

fn judge(rows: &[Row], kind: &KindKey, names: &[&str]) -> (Category, Severity) {
    rows.iter()
        .find(|row| row.kinds.iter().any(|of| *of == "*" || *of == kind.kind) && fits(row.path, names))
        // The last row of each table fits everything.
        .map_or((Category::Config, Severity::Medium), |row| (row.category, row.severity))
}

/// Whether field names fit a pattern; map keys may themselves hold dots, so names are consumed by prefix.
fn fits(pattern: &str, names: &[&str]) -> bool {
    if pattern.is_empty() {
        return names.is_empty();
    }
    if let Some(rest) = pattern.strip_prefix("**") {
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        return rest.is_empty() || (0..=names.len()).any(|skip| fits(rest, &names[skip..]));
    }
    let Some((first, others)) = names.split_first() else {
        // `a.**` fits `a` itself, and whatever stands above a field of interest as a whole does not.
        return false;
    };
    if let Some(prefix) =
        pattern.strip_suffix('*').filter(|prefix| first.starts_with(*prefix) && !prefix.contains("**"))
    {
        return others.is_empty() && !prefix.is_empty();
    }
    let Some(rest) = pattern.strip_prefix(first) else { return false };
    match rest.strip_prefix('.') {
        None => rest.is_empty() && others.is_empty(),
        Some("**") => true,
        Some(rest) => fits(rest, others),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::drift::model::PathStep;

    fn path(names: &[&str]) -> FieldPath {
        names.iter().map(|name| PathStep::Key((*name).to_owned())).collect::<Vec<_>>().into()
    }

    fn judged(kind: &str, names: &[&str], desired: Option<Value>, live: Option<Value>) -> (Category, Severity) {
        let change = match (&desired, &live) {
            (Some(_), Some(_)) => Change::Changed,
            (Some(_), None) => Change::Removed,
            _ => Change::Added,
        };
        let kind = KindKey { group: String::new(), kind: kind.to_owned() };
        field(&Subject { kind: &kind, path: &path(names), change, desired: desired.as_ref(), live: live.as_ref() })
    }

    #[test]
    fn each_taxonomy_row_has_its_word() {
        let judged = |kind, names: &[&str]| judged(kind, names, Some(json!("a")), Some(json!("b"))).0;
        let container = ["spec", "template", "spec", "containers"];
        assert_eq!(judged("Deployment", &[&container[..], &["image"]].concat()), Category::Image);
        assert_eq!(judged("Deployment", &[&container[..], &["env", "value"]].concat()), Category::Config);
        assert_eq!(
            judged("Deployment", &[&container[..], &["resources", "limits", "cpu"]].concat()),
            Category::Scaling
        );
        assert_eq!(judged("Deployment", &["spec", "replicas"]), Category::Scaling);
        assert_eq!(judged("ConfigMap", &["data", "catalog.properties"]), Category::Config);
        assert_eq!(judged("Secret", &["data", "password"]), Category::Security);
        assert_eq!(judged("Secret", &["metadata", "labels", "a.b/c"]), Category::Metadata);
        assert_eq!(judged("Role", &["rules"]), Category::Security);
        assert_eq!(judged("Ingress", &["spec", "rules"]), Category::Infrastructure);
        assert_eq!(judged("NetworkPolicy", &["spec", "ingress"]), Category::Dependency);
        assert_eq!(judged("Service", &["spec", "externalName"]), Category::Dependency);
        assert_eq!(judged("ServiceMonitor", &["spec", "endpoints", "interval"]), Category::Monitoring);
        assert_eq!(judged("Pod", &["metadata", "annotations", "prometheus.io/scrape"]), Category::Monitoring);
        assert_eq!(judged("StatefulSet", &["spec", "volumeClaimTemplates"]), Category::Infrastructure);
    }

    #[test]
    fn loosening_security_is_critical_and_tightening_is_not() {
        let context = ["spec", "template", "spec", "containers", "securityContext", "privileged"];
        assert_eq!(judged("Deployment", &context, None, Some(json!(true))), (Category::Security, Severity::Critical));
        assert_eq!(
            judged("Deployment", &context, Some(json!(true)), Some(json!(false))),
            (Category::Security, Severity::Medium)
        );
        let exposed = judged("Service", &["spec", "type"], None, Some(json!("NodePort")));
        assert_eq!(exposed, (Category::Security, Severity::Critical));
    }

    #[test]
    fn rbac_is_judged_by_what_it_grants() {
        let rule = |verbs: &[&str]| json!([{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}]);
        let judged = |desired, live| judged("Role", &["rules"], Some(desired), Some(live)).1;
        assert_eq!(judged(rule(&["get"]), rule(&["get", "delete"])), Severity::Critical);
        assert_eq!(judged(rule(&["get"]), rule(&["*"])), Severity::Critical);
        assert_eq!(judged(rule(&["get", "list"]), rule(&["get"])), Severity::Medium);
        assert_eq!(judged(rule(&["*"]), rule(&["get"])), Severity::Medium);
    }

    #[test]
    fn a_whole_container_with_privileges_is_security() {
        let sidecar = json!({"name": "x", "image": "busybox", "securityContext": {"privileged": true}});
        let names = ["spec", "template", "spec", "containers"];
        assert_eq!(judged("Deployment", &names, None, Some(sidecar)), (Category::Security, Severity::Critical));
    }
}
