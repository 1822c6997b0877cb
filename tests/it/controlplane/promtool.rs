//! promtool judges metrics and rules.

use std::fs;

use crate::fixture::promtool;

#[test]
fn promtool_accepts_good_metrics_and_refuses_bad_ones() {
    let good = "# HELP driftd_objects Objects declared in Git.\n# TYPE driftd_objects gauge\ndriftd_objects 3\n";
    let accepted = promtool(&["check", "metrics"], good);
    assert!(accepted.status.success(), "{}", String::from_utf8_lossy(&accepted.stderr));
    let bad = good.replace("driftd_objects", "driftd_objects_total");
    let refused = promtool(&["check", "metrics"], &bad);
    assert!(!refused.status.success());
    assert!(
        String::from_utf8(refused.stderr).unwrap().contains("non-counter metrics should not have \"_total\" suffix")
    );
}

#[test]
fn promtool_runs_rule_tests() {
    let folder = tempfile::tempdir().unwrap();
    let rules = "groups: [{name: drift, rules: [{alert: Drift, expr: drifted > 0}]}]\n";
    fs::write(folder.path().join("rules.yaml"), rules).unwrap();
    let verdict = |series: &str| {
        let path = folder.path().join("test.yaml");
        let test = format!(
            "rule_files: [rules.yaml]\ntests: [{{interval: 1m, input_series: [{{series: drifted, values: '{series}'}}], \
             alert_rule_test: [{{eval_time: 1m, alertname: Drift, exp_alerts: [{{}}]}}]}}]\n"
        );
        fs::write(&path, test).unwrap();
        promtool(&["test", "rules", path.to_str().unwrap()], "").status.success()
    };
    assert!(verdict("1 1"));
    assert!(!verdict("0 0"));
}
