//! What a template makes of chance and of the time is never drift; what was rendered once is not rendered again.

use std::fs;

use driftd::pipeline::Pipeline;
use serde_json::{Value, json};

use super::site::{NAMESPACE, Site, object};
use super::trees::{CHART, KUSTOMIZATION};
use crate::fixture::{program, script};

const CHANCE: [(&str, &str); 4] = [
    ("app/Chart.yaml", "apiVersion: v2\nname: chance\nversion: 1.0.0\n"),
    (
        "app/templates/secret.yaml",
        "apiVersion: v1
kind: Secret
metadata: {name: credentials, labels: {stage: prod}}
data: {password: {{ randAlphaNum 16 | b64enc }}, user: {{ \"app\" | b64enc }}}
",
    ),
    (
        "app/templates/day.yaml",
        "apiVersion: v1
kind: ConfigMap
metadata: {name: day, annotations: {day: '{{ now | date \"2006-01-02\" }}', second: '{{ now | unixEpoch }}'}}
data: {colour: blue}
",
    ),
    ("app/templates/plain.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {colour: blue}\n"),
];

/// The live objects of an earlier day: of the chart's own rendering, as it was then.
const YESTERDAY: &str = "
{apiVersion: v1, kind: Secret, metadata: {name: credentials, namespace: trino, labels: {stage: prod}}, data: {password: aHVudGVyMg==, user: YXBw}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: day, namespace: trino, annotations: {day: '2020-02-03', second: '1580723000'}}, data: {colour: blue}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: plain, namespace: trino}, data: {colour: blue}}
";

#[test]
fn chance_and_time_are_warnings() {
    let site = Site::new(&CHANCE);
    site.configure("path: app");
    site.live(YESTERDAY);
    let ended = site.check(&["-o", "json", "--all"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let report = &ended.json()["environments"][0];
    assert_eq!(report["summary"]["objects"]["inSync"], 3, "{report:#}");
    let warnings = |kind: &str, name: &str| -> Vec<(String, String)> {
        let warnings = object(report, kind, name)["warnings"].as_array().cloned().unwrap_or_default();
        let told = |warning: &Value| {
            assert!(warning["message"].as_str().unwrap().starts_with("non-deterministic render:"), "{warning}");
            (warning["path"].as_str().unwrap().to_owned(), warning["source"]["file"].as_str().unwrap().to_owned())
        };
        warnings.iter().map(told).collect()
    };
    let own = |path: &str, file: &str| (path.to_owned(), file.to_owned());
    assert_eq!(warnings("Secret", "credentials"), [own("data.password", "app/templates/secret.yaml")]);
    assert_eq!(
        warnings("ConfigMap", "day"),
        [
            own("metadata.annotations.day", "app/templates/day.yaml"),
            own("metadata.annotations.second", "app/templates/day.yaml")
        ]
    );
    assert_eq!(warnings("ConfigMap", "plain"), []);
    assert!(!ended.stdout.contains("aHVudGVyMg"), "{}", ended.stdout);
}

#[test]
fn a_change_beside_them_is_found() {
    let site = Site::new(&CHANCE);
    site.configure("path: app");
    site.live(&YESTERDAY.replace("stage: prod", "stage: qa").replace("user: YXBw", "user: cm9vdA=="));
    let report = site.report();
    let findings = object(&report, "Secret", "credentials")["findings"].as_array().unwrap();
    let paths: Vec<&str> = findings.iter().map(|finding| finding["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["data.user", "metadata.labels.stage"]);
    assert_eq!(report["summary"]["findings"], 2, "{report:#}");
}

#[test]
fn an_object_with_a_name_of_chance_is_unknown_not_missing() {
    let job = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 'run-{{ now | unixEpoch }}'}\ndata: {a: b}\n";
    let site = Site::new(&[CHANCE[0], ("app/templates/run.yaml", job)]);
    site.configure("path: app");
    let ended = site.check(&["-o", "json"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stdout);
    let report = &ended.json()["environments"][0];
    assert_eq!(report["summary"]["objects"]["unknown"], 1);
    assert_eq!(report["gaps"][0]["source"]["file"], "app/templates/run.yaml");
    assert!(report["gaps"][0]["message"].as_str().unwrap().starts_with("non-deterministic render:"), "{report:#}");
}

#[test]
fn the_same_inputs_are_rendered_once() {
    let site = Site::new(&CHART);
    let log = site.path("log");
    script(&site.path("helm"), &format!("echo \"$1\" >>{}\nexec {} \"$@\"", log.display(), program("helm").display()));
    let lines = "path: app\nhelm: {releaseName: shop}";
    site.configure_with(lines, "helm: {binary: ./helm}");
    let official =
        site.official("helm", &["template", "shop", "app", "--namespace", NAMESPACE, "--include-crds", "--no-hooks"]);
    site.deploy(&official.replace("replicas: 1", "replicas: 5"));
    let config = site.config();
    let pipeline = Pipeline::new(&config).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scan = || runtime.block_on(pipeline.scan(&config.environments[0]));
    let renders = || fs::read_to_string(&log).unwrap().lines().filter(|line| *line == "template").count();
    assert_eq!(scan().summary.findings, 1);
    // Once, and once more to tell drift from chance.
    assert_eq!(renders(), 2);
    assert_eq!(scan().summary.findings, 1);
    let mut files = CHART.to_vec();
    files.push(("elsewhere/settings.yaml", "a: b"));
    let elsewhere = site.repository().commit("main", &files);
    let report = scan();
    assert_eq!((report.revision.as_deref(), report.summary.findings), (Some(&*elsewhere), 1));
    assert_eq!(renders(), 2, "a push that touches another folder renders nothing");
    files[1] = (
        "app/values.yaml",
        "replicas: 5\ngreeting: \"hello {{ .Release.Name }}\"\nsub: {colour: red}\npassword: canary-7e1d\n",
    );
    site.repository().commit("main", &files);
    assert_eq!(scan().summary.findings, 0);
    assert_eq!(renders(), 3);
    assert_eq!(json!(scan().rendering.renderer), json!("helm"));
}

#[test]
fn what_an_earlier_commit_rendered_is_outdated_and_nothing_else() {
    let site = Site::new(&CHART);
    let lines = "path: app\nhelm: {releaseName: shop}";
    site.configure(lines);
    let official =
        site.official("helm", &["template", "shop", "app", "--namespace", NAMESPACE, "--include-crds", "--no-hooks"]);
    let first = site.repository().path().to_owned();
    let first = driftd::git::read(&first, "main", &[]).unwrap().revision;
    let values = "replicas: 3\ngreeting: \"hello {{ .Release.Name }}\"\nsub: {colour: red}\npassword: canary-7e1d\n";
    let mut files = CHART.to_vec();
    files[1].1 = values;
    files.push(("elsewhere/a.yaml", ""));
    site.repository().commit("main", &files);
    files.push(("elsewhere/b.yaml", ""));
    site.repository().commit("main", &files);
    let finding = |report: &Value| object(report, "Deployment", "shop-web")["findings"][0].clone();
    site.deploy(&official);
    let lagging = finding(&site.report());
    assert_eq!(lagging["origin"], "outdated", "{lagging:#}");
    assert_eq!((&lagging["commitsBehind"], &lagging["revision"]), (&json!(2), &json!(first)));
    site.deploy(&official.replace("replicas: 1", "replicas: 5"));
    let tampered = finding(&site.report());
    assert_eq!((&tampered["origin"], &tampered["commitsBehind"]), (&json!("unknown"), &Value::Null));
}

#[test]
fn the_text_of_a_base_is_no_earlier_declaration() {
    let site = Site::new(&KUSTOMIZATION);
    site.configure("path: overlays/prod");
    let official = site.official("kustomize", &["build", "overlays/prod"]);
    let mut files = KUSTOMIZATION.to_vec();
    let base = KUSTOMIZATION[6].1.replace("labels: {app: web}", "labels: {app: web, tier: front}");
    files[6].1 = &base;
    site.repository().commit("main", &files);
    // The base always said one replica, the overlay always three: nothing was ever deployed with one.
    site.deploy(&official.replace("replicas: 3", "replicas: 1"));
    let report = site.report();
    let findings = object(&report, "Deployment", "prod-web")["findings"].as_array().unwrap();
    let paths: Vec<&str> = findings.iter().map(|finding| finding["path"].as_str().unwrap()).collect();
    assert!(paths.contains(&"spec.replicas"), "{paths:?}");
    assert!(findings.iter().all(|finding| finding["commitsBehind"].is_null()), "{findings:#?}");
}
