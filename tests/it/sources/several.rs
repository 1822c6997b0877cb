//! Applications of several sources, of other repositories and of charts from elsewhere; changes that come by Git.

use serde_json::json;

use super::fleet::{Fleet, URL, gaps, is_silent, url};
use crate::fixture::GitRepository;
use crate::render::{CHART, official, tea};

const FOLLOW: &str = "argocd: {applications: apps}";

fn application(sources: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: shop}}\nspec:\n  project: default\n  \
         destination: {{name: in-cluster, namespace: trino}}\n  source: {{repoURL: nowhere, path: unused}}\n  sources:\n{sources}"
    )
}

#[test]
fn several_sources_are_one_environment_and_value_files_come_from_others() {
    let values = GitRepository::new();
    values.commit("main", &[("prod/values.yaml", "replicas: 4\n")]);
    values.commit("next", &[("prod/values.yaml", "replicas: 5\n")]);
    let elsewhere = url(values.path());
    let application = application(&format!(
        "  - {{repoURL: {URL}, path: app, helm: {{skipCrds: true, ignoreMissingValueFiles: true, valueFiles: [$own/app/values-prod.yaml, $values/prod/values.yaml, $values/none.yaml]}}}}\n  \
         - {{repoURL: '{elsewhere}', targetRevision: next, ref: values}}\n  - {{repoURL: {URL}, ref: own}}\n  - {{repoURL: {URL}, path: plain, targetRevision: main}}\n"
    ));
    let own = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own}\n";
    let mut fleet =
        Fleet::new(&[&CHART[..], &[("plain/own.yaml", own), ("apps/shop.yaml", application.as_str())]].concat());
    let environment = fleet.environment(FOLLOW, "fleet:shop");
    assert!(
        gaps(&environment).contains("spec.sources[1].repoURL of Application shop names a repository"),
        "{environment:#}"
    );
    fleet.beside("values", &values);
    let template = [
        "template",
        "shop",
        "app",
        "--namespace=trino",
        "--no-hooks",
        "--values=app/values-prod.yaml",
        "--set=replicas=5",
    ];
    let rendered = fleet.official("helm", &template);
    assert!(rendered.contains("replicas: 5"));
    fleet.deploy(&format!("{rendered}\n---\n{own}"), "trino");
    let environment = fleet.environment(FOLLOW, "fleet:shop");
    assert!(is_silent(&environment) > 3, "{environment:#}");
    assert_eq!(environment["renderer"], "helm, plain");
    // What another repository says, and what the Application itself says, is what is compared from then on.
    values.commit("next", &[("prod/values.yaml", "replicas: 6\n")]);
    let environment = fleet.environment(FOLLOW, "fleet:shop");
    assert_eq!(environment["summary"]["findings"], 1, "{environment:#}");
    fleet.change("apps/shop.yaml", &application.replace("$values/prod/values.yaml", "$values/none.yaml"));
    let environment = fleet.environment(FOLLOW, "fleet:shop");
    let modified =
        environment["objects"].as_array().unwrap().iter().find(|object| object["state"] == "modified").unwrap();
    assert_eq!(modified["findings"][0]["desired"], 3, "{environment:#}");
    assert_eq!(fleet.repository().path().exists(), environment["complete"] == json!(true));
}

#[test]
fn a_chart_from_elsewhere_is_fetched_where_that_is_allowed() {
    let (server, folder) = tea();
    let application = application(&format!(
        "  - {{repoURL: '{server}', chart: tea, targetRevision: 1.2.3, helm: {{valueFiles: [$values/leaves.yaml], valuesObject: {{}}}}}}\n  - {{repoURL: {URL}, ref: values}}\n"
    ));
    let fleet = Fleet::new(&[("leaves.yaml", "leaves: black\n"), ("apps/shop.yaml", application.as_str())]);
    let refused = fleet.environment(FOLLOW, "fleet:shop");
    assert!(
        gaps(&refused).contains("apps/shop.yaml:9: spec.sources[0].chart of Application shop lies outside"),
        "{refused:#}"
    );
    let arguments = ["template", "shop", "tea-1.2.3.tgz", "--namespace=trino", "--set=leaves=black"];
    fleet.deploy(&official("helm", &arguments, folder.path()), "trino");
    let allowed = fleet.environment(&format!("{FOLLOW}\nhelm: {{remoteCharts: allowed}}"), "fleet:shop");
    assert_eq!(is_silent(&allowed), 1, "{allowed:#}");
    let ranged = Fleet::new(&[("apps/shop.yaml", &application.replace("1.2.3", "1.*"))]);
    let ranged = ranged.environment(&format!("{FOLLOW}\nhelm: {{remoteCharts: allowed}}"), "fleet:shop");
    assert!(
        gaps(&ranged).contains("spec.sources[0].targetRevision of Application shop is no exact version"),
        "{ranged:#}"
    );
}
