//! Ignore rules: nothing is hidden silently, and what is suggested works.

use serde_json::{Value, json};

use super::stage::Stage;

const DESIRED: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: worker
  namespace: trino
  labels: {app: trino}
  annotations:
    example.org/owner: platform
spec:
  replicas: 2
  selector: {matchLabels: {app: trino}}
  template:
    metadata: {labels: {app: trino}}
    spec:
      containers:
      - name: trino
        image: trinodb/trino:476
        env: [{name: HEAP, value: 4g}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: trino}
data: {a.properties: \"x=1\", mode: fast}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: worker, namespace: trino}
spec: {minAvailable: 1, selector: {matchLabels: {app: trino}}}
";

const LIVE: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: worker
  namespace: trino
  labels: {app: trino, incident: \"4711\"}
  annotations:
    example.org/owner: somebody
  managedFields:
  - manager: kubectl-edit
    operation: Update
    apiVersion: apps/v1
    time: 2026-11-20T09:00:00Z
    fieldsType: FieldsV1
    fieldsV1:
      f:metadata: {f:labels: {f:incident: {}}, f:annotations: {f:driftd.io/ignore: {}}}
      f:spec:
        f:replicas: {}
        f:template:
          f:spec:
            f:containers:
              'k:{\"name\":\"trino\"}':
                f:env: {'k:{\"name\":\"DEBUG\"}': {.: {}, f:name: {}, f:value: {}}}
spec:
  replicas: 5
  selector: {matchLabels: {app: trino}}
  template:
    metadata: {labels: {app: trino}}
    spec:
      containers:
      - name: trino
        image: trinodb/trino:470
        env: [{name: HEAP, value: 4g}, {name: DEBUG, value: \"1\"}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: trino}
data: {a.properties: \"x=2\", mode: fast}
";

fn environment(report: &Value) -> &Value {
    &report["environments"][0]
}

fn paths(findings: &Value) -> Vec<&str> {
    findings.as_array().map(|all| all.iter().filter_map(|one| one["path"].as_str()).collect()).unwrap_or_default()
}

const RULES: &str = "\
ignore:
  - name: keda
    match: {kind: Deployment, namespace: trino, name: \"work*\", labelSelector: app=trino, environment: prod}
    paths: [spec.replicas, \"spec.template.spec.containers[name=trino].env[*]\"]
    reason: scaled by KEDA
    owner: platform-team
    expires: 2999-01-31
  - match: {kind: Deployment}
    paths: [\"metadata.annotations[\\\"example.org/*\\\"]\"]
    reason: was fine last year
    expires: 2020-01-31
  - match: {kind: StatefulSet}
    paths: [spec.replicas]
    reason: never needed
  - match: {kind: PodDisruptionBudget, name: worker}
    reason: deleted on purpose
";

#[test]
fn what_rules_hide_is_counted_named_and_shown_on_demand() {
    let stage = Stage::new(DESIRED, LIVE, RULES);
    let ended = stage.check(&["-o", "json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let report = ended.json();
    assert_eq!(report["summary"]["suppressed"], 3);
    assert_eq!(
        report["summary"]["objects"],
        json!({"inSync": 1, "modified": 2, "missing": 0, "extra": 0, "unknown": 0})
    );
    let prod = environment(&report);
    assert_eq!(
        prod["suppressed"],
        json!([
            {"rule": "keda", "reason": "scaled by KEDA", "owner": "platform-team",
             "expires": "2999-01-31T00:00:00Z", "findings": 2},
            {"rule": "ignore[3]", "reason": "deleted on purpose", "findings": 1},
        ])
    );
    assert_eq!(prod["unusedRules"], json!([{"rule": "ignore[2]", "reason": "never needed", "findings": 0}]));
    assert_eq!(prod["expiredRules"][0]["rule"], "ignore[1]");
    let worker = &prod["objects"][1];
    assert_eq!(
        paths(&worker["findings"]),
        [
            "metadata.annotations[\"example.org/owner\"]",
            "metadata.labels.incident",
            "spec.template.spec.containers[name=trino].image"
        ]
    );
    assert_eq!(worker.get("suppressed"), None);

    let all = stage.check(&["-o", "json", "--all"]).json();
    let objects = &environment(&all)["objects"];
    assert_eq!(
        paths(&objects[1]["suppressed"]),
        ["spec.replicas", "spec.template.spec.containers[name=trino].env[name=DEBUG]"]
    );
    assert_eq!(objects[1]["suppressed"][0]["suppressedBy"], "keda");
    assert_eq!(objects[1]["suppressed"][0]["manager"]["name"], "kubectl-edit");
    assert_eq!((&objects[2]["kind"], &objects[2]["state"]), (&json!("PodDisruptionBudget"), &json!("in-sync")));
    assert_eq!(objects[2]["suppressed"][0]["change"], "removed");
}

#[test]
fn the_text_tells_what_is_hidden_by_whom_and_what_has_expired() {
    let stage = Stage::new(DESIRED, LIVE, RULES);
    let text = stage.check(&[]).stdout;
    for part in [
        "4 findings (",
        "; 3 suppressed",
        "suppressed  2 findings by keda: scaled by KEDA (platform-team)",
        "suppressed  1 finding by ignore[3]: deleted on purpose",
        "expired     ignore[1]: was fine last year hides nothing since 2020-01-31",
    ] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    assert!(!text.contains("spec.replicas") && !text.contains("unused"), "{text}");
    let text = stage.check(&["--all"]).stdout;
    for part in ["spec.replicas", "suppressed by keda", "removed  the object", "unused      ignore[2]: never needed"] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
}

#[test]
fn a_wholly_hidden_environment_is_in_sync() {
    let stage = Stage::new(DESIRED, LIVE, "ignore: [{match: {namespace: trino}, reason: a playground}]\n");
    let ended = stage.check(&["-o", "json", "--fail-on", "severity>=low"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    let report = ended.json();
    assert_eq!((&report["summary"]["findings"], &report["summary"]["suppressed"]), (&json!(0), &json!(7)));
    assert_eq!(environment(&report)["objects"], json!([]));
}

#[test]
fn what_is_suggested_silences_exactly_what_was_found() {
    let stage = Stage::new(DESIRED, LIVE, "");
    let found = stage.check(&["-o", "json"]).json();
    let file = stage.file("report.json");
    let output = format!("json={}", file.display());
    let suggested = stage.check(&["--suggest-ignores", "-o", &output]);
    assert_eq!(suggested.code, Some(1), "{}", suggested.stderr);
    let written: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(written["summary"], found["summary"]);

    stage.configure(&suggested.stdout);
    let ended = stage.check(&["-o", "json", "--all"]);
    assert_eq!(ended.code, Some(0), "{}\n{}\n{}", suggested.stdout, ended.stderr, ended.stdout);
    let report = ended.json();
    assert_eq!(report["summary"]["suppressed"], found["summary"]["findings"]);
    let rules = environment(&report)["suppressed"].as_array().unwrap();
    assert_eq!(rules.len(), 3, "one for each object: {rules:?}");
    assert_eq!(environment(&report)["unusedRules"], json!([]));

    // Another field of the same object is still found.
    let silent = stage.check(&["--suggest-ignores"]);
    assert_eq!((silent.code, silent.stdout.as_str()), (Some(0), "ignore: []\n"));
    stage.configure(&suggested.stdout.replace("data[\\\"a.properties\\\"]", "data.mode"));
    assert_eq!(stage.check(&[]).code, Some(1));
}

#[test]
fn the_report_and_the_suggestion_cannot_both_go_to_stdout() {
    let ended = Stage::new(DESIRED, LIVE, "").check(&["--suggest-ignores", "-o", "json"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("two outputs go to stdout"), "{}", ended.stderr);
}

#[test]
fn an_object_in_git_may_ask_to_be_left_alone_and_one_in_the_cluster_may_not() {
    let annotated = |text: &str, value: &str| {
        text.replacen("  annotations:\n", &format!("  annotations:\n    driftd.io/ignore: {value}\n"), 1)
    };
    let stage = Stage::new(&annotated(DESIRED, "spec, metadata"), &annotated(LIVE, "spec, metadata"), "");
    let report = stage.check(&["-o", "json"]).json();
    assert_eq!(environment(&report)["suppressed"][0]["rule"], "driftd.io/ignore");
    assert_eq!(environment(&report)["suppressed"][0]["findings"], 5);

    let report = Stage::new(DESIRED, &annotated(LIVE, "all"), "").check(&["-o", "json"]).json();
    assert_eq!(report["summary"]["suppressed"], 0);
    let worker = &environment(&report)["objects"][1];
    assert!(paths(&worker["findings"]).contains(&"metadata.annotations[\"driftd.io/ignore\"]"), "{worker}");

    let ended = Stage::new(&annotated(DESIRED, "spec..x"), LIVE, "").check(&[]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("app.yaml:8: the annotation driftd.io/ignore holds `spec..x`"), "{}", ended.stdout);
}

#[test]
fn rules_that_are_wrong_are_told_with_their_lines() {
    let stage = Stage::new(DESIRED, LIVE, "ignore:\n  - {match: {kind: Pod}, paths: [\"a[b\"], expires: never}\n");
    let ended = stage.check(&[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    for part in ["driftd.yaml:6: ignore[0].paths[0]: has a `[`", "driftd.yaml:6: ignore[0].expires: is no date"] {
        assert!(ended.stderr.contains(part), "no {part} in\n{}", ended.stderr);
    }
}
