//! What driftd renders equals, object by object, what the official programs print; and where each object comes from.

use serde_json::json;

use super::site::{NAMESPACE, Object, Site, declared, object, objects, official, source};
use super::trees::{CHART, KUSTOMIZATION};

#[test]
fn a_chart_is_what_helm_makes_of_it() {
    let site = Site::new(&CHART);
    site.configure("renderer: helm\npath: app\nhelm: {releaseName: shop, valueFiles: [values-prod.yaml], kubeVersion: v1.33.1, apiVersions: [data.example.com/v1/Catalog], values: {sub: {colour: \"a, b\"}}}");
    let rendered = site.rendered();
    let folder = site.checkout();
    std::fs::write(folder.path().join("inline.yaml"), "sub: {colour: \"a, b\"}").unwrap();
    let arguments = [
        "template",
        "shop",
        "app",
        "--namespace",
        NAMESPACE,
        "--include-crds",
        "--kube-version",
        "v1.33.1",
        "--no-hooks",
        "--api-versions",
        "data.example.com/v1/Catalog",
        "-f",
        "app/values-prod.yaml",
        "-f",
        "inline.yaml",
    ];
    let expected = objects(&official("helm", &arguments, folder.path()));
    let names = |objects: &[Object]| objects.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&declared(&rendered)), names(&expected));
    assert_eq!(rendered.hooks, 2);
    site.deploy(&official("helm", &arguments, folder.path()));
    let report = site.report();
    assert_eq!((&report["complete"], &report["summary"]["findings"]), (&json!(true), &json!(0)), "{report:#}");
    assert_eq!((&report["renderer"], &report["hooks"]), (&json!("helm"), &json!(2)));
    assert_eq!(report["summary"]["objects"]["inSync"], expected.len());
}

#[test]
fn a_chart_without_further_settings_is_equal_to_the_byte() {
    let site = Site::new(&CHART);
    site.configure("path: app");
    let official =
        site.official("helm", &["template", "prod", "app", "--namespace", NAMESPACE, "--no-hooks", "--include-crds"]);
    assert_eq!(declared(&site.rendered()), objects(&official));
    site.configure("path: app\nhelm: {includeCRDs: false}");
    let official = site.official("helm", &["template", "prod", "app", "--namespace", NAMESPACE, "--no-hooks"]);
    assert_eq!(declared(&site.rendered()), objects(&official));
}

#[test]
fn a_kustomization_is_what_kustomize_makes_of_it() {
    let site = Site::new(&KUSTOMIZATION);
    site.configure("path: overlays/prod");
    let official = site.official("kustomize", &["build", "overlays/prod"]);
    let declared = declared(&site.rendered());
    assert_eq!(declared, objects(&official));
    assert!(declared.iter().any(|(name, _)| name.contains("prod-settings-")), "{declared:#?}");
    site.deploy(&official);
    let report = site.report();
    assert_eq!((&report["complete"], &report["summary"]["findings"]), (&json!(true), &json!(0)), "{report:#}");
    assert_eq!(report["renderer"], "kustomize");
}

#[test]
fn a_chart_inside_a_kustomization_needs_permission() {
    let mut files = CHART.map(|(path, text)| (path.replacen("app/", "k/charts/shop/", 1), text)).to_vec();
    let kustomization =
        "helmCharts: [{name: shop, releaseName: shop, namespace: trino, includeCRDs: true, skipHooks: true}]\n";
    files.push(("k/kustomization.yaml".to_owned(), kustomization));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let site = Site::new(&files);
    site.configure("path: k");
    assert!(site.gaps().contains("kustomize failed on k: "), "{}", site.gaps());
    site.configure("path: k\nkustomize: {enableHelm: true}");
    let helm = format!("--helm-command={}", crate::fixture::program("helm").display());
    let official = site.official("kustomize", &["build", "k", "--enable-helm", &helm]);
    assert_eq!(declared(&site.rendered()), objects(&official));
}

#[test]
fn a_program_prints_the_manifests() {
    let settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: blue}\n";
    let site = Site::new(&[("envs/prod/in.txt", settings), ("envs/prod/lib/more.txt", "")]);
    site.configure("renderer: command\npath: envs/prod\ncommand: {argv: [sh, -c, 'cat in.txt']}");
    assert_eq!(declared(&site.rendered()), objects(settings));
    assert_eq!(source(&site.report(), "ConfigMap", "settings"), "envs/prod");
}

#[test]
fn every_object_knows_its_file() {
    let site = Site::new(&CHART);
    site.configure("path: app\nhelm: {releaseName: shop}");
    let report = site.report();
    for (kind, name, file) in [
        ("Deployment", "shop-web", "app/templates/deployment.yaml"),
        ("Secret", "credentials", "app/templates/settings.yaml"),
        ("ConfigMap", "shop-colour", "app/charts/sub/templates/colour.yaml"),
        ("CustomResourceDefinition", "prices.shop.example.org", "app/crds/offers.yaml"),
    ] {
        assert_eq!(source(&report, kind, name), file);
    }
    let site = Site::new(&KUSTOMIZATION);
    site.configure("path: overlays/prod");
    let report = site.report();
    for (kind, name, file) in [
        ("Deployment", "prod-web", "base/web.yaml"),
        ("Service", "prod-web", "base/service.yaml"),
        ("ResourceQuota", "prod-all", "overlays/prod/quota.yaml"),
    ] {
        assert_eq!(source(&report, kind, name), file);
    }
    let generated = report["objects"].as_array().unwrap().iter().find(|object| object["kind"] == "Secret").unwrap();
    assert_eq!(generated["source"]["file"], "overlays/prod/kustomization.yaml");
}

#[test]
fn folders_globs_and_json_are_plain() {
    let map = |name: &str| {
        format!("{{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {{\"name\": \"{name}\"}}}}")
    };
    let [a, b, c, d] = ["a", "b", "c", "d"].map(map);
    let files = [("x/prod/a.json", &*a), ("x/prod/deep/b.yaml", &*b), ("y/prod/c.yml", &*c), ("y/qa/d.yaml", &*d)];
    let site = Site::new(&files);
    let names = |path: &str| {
        site.configure(&format!("path: {path}"));
        let report = site.report();
        assert_eq!(report["renderer"], "plain");
        let objects = report["objects"].as_array().unwrap();
        objects.iter().map(|object| object["name"].as_str().unwrap().to_owned()).collect::<String>()
    };
    assert_eq!(names("x"), "ab");
    assert_eq!(names("'*/prod'"), "abc");
    assert_eq!(names("'**/*.yaml'"), "bd");
    assert_eq!(names("[x/prod/a.json, 'y/q*']"), "ad");
}

#[test]
fn a_rendering_that_drifts_names_the_field_and_the_template() {
    let site = Site::new(&CHART);
    site.configure("path: app\nhelm: {releaseName: shop}");
    let official =
        site.official("helm", &["template", "shop", "app", "--namespace", NAMESPACE, "--include-crds", "--no-hooks"]);
    site.deploy(&official.replace("replicas: 1", "replicas: 5"));
    let report = site.report();
    let web = object(&report, "Deployment", "shop-web");
    assert_eq!(report["summary"]["findings"], 1, "{report:#}");
    assert_eq!(web["findings"][0]["path"], "spec.replicas");
    assert_eq!(web["findings"][0]["source"], json!({"file": "app/templates/deployment.yaml", "line": 1}));
}
