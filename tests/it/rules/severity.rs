//! Severities that the configuration sets, by object, field, category and environment.

use serde_json::Value;

use super::stage::Stage;

const DESIRED: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker, namespace: trino}
spec:
  replicas: 2
  selector: {matchLabels: {app: trino}}
  template:
    metadata: {labels: {app: trino}}
    spec:
      containers:
      - name: trino
        image: trinodb/trino:476
        resources: {limits: {cpu: \"1\", memory: 1Gi}}
---
apiVersion: v1
kind: Service
metadata: {name: trino, namespace: trino}
spec: {ports: [{port: 80}]}
";

const LIVE: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker, namespace: trino}
spec:
  replicas: 5
  selector: {matchLabels: {app: trino}}
  template:
    metadata: {labels: {app: trino}}
    spec:
      containers:
      - {name: trino, image: \"trinodb/trino:470\"}
";

/// `path severity` of every finding, the missing Service at the empty path.
fn severities(rules: &str) -> Vec<String> {
    let report = Stage::new(DESIRED, LIVE, rules).check(&["-o", "json"]).json();
    let objects = report["environments"][0]["objects"].as_array().unwrap().clone();
    let told = |value: &Value, path: &str| format!("{path} {}", value["severity"].as_str().unwrap_or("?"));
    objects
        .iter()
        .flat_map(|object| {
            let findings = object["findings"].as_array().unwrap().iter();
            let missing = (object["state"] == "missing").then(|| told(object, ""));
            let short = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
            findings.map(move |finding| told(finding, &short(finding["path"].as_str().unwrap()))).chain(missing)
        })
        .collect()
}

#[test]
fn the_first_rule_that_fits_decides_and_the_table_where_none_does() {
    let table = ["replicas medium", "image critical", "limits medium", " high"];
    assert_eq!(severities(""), table);
    assert_eq!(severities("severity: [{category: scaling, severity: low, environment: qa}]\n"), table);
    assert_eq!(
        severities(
            "severity:\n  - {match: {kind: Deployment, name: \"work*\"}, paths: [spec.replicas], severity: high}\n  \
             - {category: scaling, severity: low, environment: prod}\n  - {match: {kind: Service}, severity: critical}\n"
        ),
        ["replicas high", "image critical", "limits low", " critical"]
    );
}

#[test]
fn a_rule_about_one_field_raises_a_finding_that_holds_it_and_never_lowers_it() {
    let rule = |severity: &str| {
        severities(&format!("severity: [{{paths: [\"**.resources.limits.cpu\"], severity: {severity}}}]\n"))[2].clone()
    };
    assert_eq!(rule("critical"), "limits critical");
    assert_eq!(rule("low"), "limits medium");
}
