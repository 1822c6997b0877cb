//! Applications of one source, against what Argo CD's own steps make of them.

use serde_json::json;

use super::fleet::{Fleet, URL, gaps, is_silent, names};
use crate::render::{CHART, KUSTOMIZATION};

const FOLLOW: &str = "argocd: {applications: apps}";

/// An Application `shop` in the namespace `trino`; `source` are the lines of its source, `more` of its spec.
fn application(source: &str, more: &str) -> String {
    let indent = |text: &str, by: &str| {
        if text.is_empty() { String::new() } else { format!("{by}{}\n", text.replace('\n', &format!("\n{by}"))) }
    };
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: shop, namespace: argocd}}\nspec:\n  \
         project: default\n  destination: {{server: https://kubernetes.default.svc, namespace: trino}}\n  source:\n    \
         repoURL: {URL}\n    targetRevision: HEAD\n{}{}",
        indent(source, "    "),
        indent(more, "  ")
    )
}

fn fleet(files: &[(&str, &str)], source: &str, more: &str) -> Fleet {
    let application = application(source, more);
    Fleet::new(&[files, &[("apps/shop.yaml", application.as_str())]].concat())
}

#[test]
fn helm_of_an_application_is_what_argo_cd_makes_of_it() {
    let files =
        [&CHART[..], &[("envs/prod.yaml", "replicas: 7\ngreeting: prod\n"), ("envs/motd.txt", "a, b\n")]].concat();
    let fleet = fleet(
        &files,
        "path: ./app/
helm:
  releaseName: store
  valueFiles: [values-prod.yaml, missing.yaml, /envs/prod.yaml, '../envs/$ARGOCD_APP_NAME.yaml']
  ignoreMissingValueFiles: true
  values: 'greeting: from-values'
  valuesObject: {sub: {colour: blue}}
  parameters:
  - {name: greeting, value: 'hello, $ARGOCD_APP_NAME $$x'}
  - {name: sub.size, value: '3', forceString: true}
  fileParameters: [{name: password, path: ../envs/motd.txt}]
  skipCrds: true
  passCredentials: true
  version: v3
  kubeVersion: 1.30.0
  apiVersions: [data.example.com/v1/Catalog]",
        "",
    );
    let official = fleet.official(
        "helm",
        &[
            "template",
            "store",
            "app",
            "--namespace=trino",
            "--no-hooks",
            "--kube-version=1.30.0",
            "--api-versions=data.example.com/v1/Catalog",
            "--values=app/values-prod.yaml",
            "--values=envs/prod.yaml",
            "--set=sub.colour=blue",
            "--set=greeting=hello\\, shop $x",
            "--set-string=sub.size=3",
            "--set-file=password=envs/motd.txt",
        ],
    );
    fleet.deploy(&official, "trino");
    let environment = fleet.environment(FOLLOW, "fleet:shop");
    assert!(is_silent(&environment) > 3, "{environment:#}");
    assert_eq!((&environment["renderer"], &environment["hooks"]), (&json!("helm"), &json!(2)));
    assert!(official.contains("replicas: 7") && official.contains("hello, shop $x") && !official.contains("CustomRes"));
}

#[test]
fn kustomize_of_an_application_is_what_kustomize_edit_makes_of_it() {
    let extra = [(
        "components/note/kustomization.yaml",
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: {note: from-component}\n",
    )];
    let fleet = fleet(
        &[&KUSTOMIZATION[..], &extra].concat(),
        "path: overlays/prod
kustomize:
  namePrefix: a-
  nameSuffix: -z
  namespace: trino
  images: ['example.org/web:$ARGOCD_APP_NAME', example.org/other=example.org/mirror@sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3]
  replicas: [{name: web, count: 9}]
  commonLabels: {team: '$ARGOCD_APP_NAME'}
  labelWithoutSelector: true
  commonAnnotations: {owner: '$ARGOCD_APP_NAME'}
  commonAnnotationsEnvsubst: true
  components: [../../components/note]
  patches:
  - target: {kind: Deployment}
    patch: '[{\"op\": \"add\", \"path\": \"/spec/paused\", \"value\": false}]'",
        "",
    );
    let patch =
        "- target: {kind: Deployment}\n  patch: '[{\"op\": \"add\", \"path\": \"/spec/paused\", \"value\": false}]'\n";
    let folder = fleet.checkout();
    let at = folder.path().join("overlays/prod");
    let file = at.join("kustomization.yaml");
    let run = |arguments: &[&str]| crate::render::official("kustomize", arguments, &at);
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replacen("replacements:\n", &format!("{patch}replacements:\n"), 1);
    std::fs::write(&file, text).unwrap();
    for arguments in [
        &["edit", "set", "nameprefix", "--", "a-"][..],
        &["edit", "set", "namesuffix", "--", "-z"],
        &[
            "edit",
            "set",
            "image",
            "example.org/web:shop",
            "example.org/other=example.org/mirror@sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3",
        ],
        &["edit", "set", "replicas", "web=9"],
        &["edit", "add", "label", "--without-selector", "team:shop"],
        &["edit", "add", "annotation", "owner:shop"],
        &["edit", "set", "namespace", "--", "trino"],
        &["edit", "add", "component", "../../components/note"],
    ] {
        run(arguments);
    }
    let official = run(&["build", "."]);
    for part in [
        "example.org/web:shop",
        "replicas: 9",
        "team: shop",
        "owner: shop",
        "from-component",
        "paused: false",
        "name: a-",
    ] {
        assert!(official.contains(part), "{part}: {official}");
    }
    fleet.deploy(&official, "trino");
    let environment = fleet.environment(FOLLOW, "fleet:shop");
    assert!(is_silent(&environment) > 3, "{environment:#}");
    assert_eq!(environment["renderer"], "kustomize");
    // One change in the cluster is one finding, at the file that kustomize says it comes from.
    fleet.deploy(&official.replace("replicas: 9", "replicas: 2"), "trino");
    let environment = fleet.environment(FOLLOW, "fleet:shop");
    let drift: Vec<_> = environment["objects"].as_array().unwrap().iter().filter(|o| o["state"] != "in-sync").collect();
    assert_eq!((drift.len(), &drift[0]["findings"][0]["path"]), (1, &json!("spec.replicas")), "{environment:#}");
}

fn map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

#[test]
fn a_directory_is_what_its_settings_leave_of_it() {
    let [own, deep, left, hook] = ["own", "deep", "left", "hook"].map(map);
    let hook = hook.replace("name: hook", "name: hook, annotations: {argocd.argoproj.io/hook: PreSync}");
    let files = [
        ("plain/own.yaml", own.as_str()),
        ("plain/sub/deep.yaml", &deep),
        ("plain/sub/left.yaml", &left),
        ("plain/hook.yaml", &hook),
    ];
    for (settings, expected) in [
        ("", &["own"][..]),
        ("directory: {recurse: true}", &["deep", "left", "own"]),
        ("directory: {recurse: true, exclude: '{sub/l*,other}'}", &["deep", "own"]),
        ("directory: {recurse: true, include: '*/deep.yaml'}", &["deep"]),
    ] {
        let fleet = fleet(&files, &format!("path: plain\n{settings}"), "");
        let live = expected.iter().map(|name| map(name)).collect::<Vec<_>>().join("---\n");
        fleet.deploy(&live, "trino");
        let environment = fleet.environment(FOLLOW, "fleet:shop");
        assert_eq!(is_silent(&environment), expected.len(), "{settings}: {environment:#}");
        assert_eq!(environment["renderer"], "plain");
    }
}

#[test]
fn the_namespace_that_argo_cd_keeps_is_declared() {
    let more = "syncPolicy:\n  syncOptions: [CreateNamespace=true]\n  managedNamespaceMetadata: {labels: {team: a}}";
    let own = map("own");
    let fleet = fleet(&[("plain/own.yaml", own.as_str())], "path: plain", more);
    let namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: trino, labels: {team: a}}\n";
    fleet.deploy(&format!("{own}{namespace}"), "trino");
    assert_eq!(is_silent(&fleet.environment(FOLLOW, "fleet:shop")), 2);
    fleet.deploy(&format!("{own}{}", namespace.replace("team: a", "team: b")), "trino");
    let environment = fleet.environment(FOLLOW, "fleet:shop");
    let object =
        &environment["objects"].as_array().unwrap().iter().find(|object| object["kind"] == "Namespace").unwrap();
    assert_eq!(object["findings"][0]["path"], "metadata.labels.team", "{environment:#}");
    assert_eq!(object["source"]["file"], "apps/shop.yaml");
}

#[test]
fn ignored_differences_hide_what_they_name_and_nothing_else() {
    let deployment = |replicas: u32, image: &str, note: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, annotations: {{a.b/c: {note}}}}}\nspec:\n  replicas: {replicas}\n  \
             selector: {{matchLabels: {{a: b}}}}\n  template:\n    metadata: {{labels: {{a: b}}}}\n    spec: {{containers: \
             [{{name: x, image: '{image}'}}, {{name: y, image: 'y:1'}}]}}\n"
        )
    };
    let git = deployment(1, "x:1", "git");
    for (rule, left) in [
        ("jsonPointers: [/spec/replicas]", 2),
        ("jsonPointers: [/spec/template/spec/containers/0/image]", 2),
        ("jsonPointers: [/spec/template/spec/containers/1/image]", 3),
        ("jsonPointers: [/metadata/annotations/a.b~1c]", 2),
        (
            "jqPathExpressions: ['.spec.template.spec.containers[] | select(.name == \"x\") | .image', .spec.replicas]",
            1,
        ),
        ("jqPathExpressions: ['.metadata.annotations[\"a.b/c\"]']", 2),
        ("name: other, jsonPointers: [/spec]", 3),
    ] {
        let more = format!("ignoreDifferences: [{{group: apps, kind: Deployment, {rule}}}]");
        let fleet = fleet(&[("plain/web.yaml", git.as_str())], "path: plain", &more);
        fleet.deploy(&deployment(2, "x:2", "live"), "trino");
        let environment = fleet.environment(FOLLOW, "fleet:shop");
        assert_eq!(environment["objects"][0]["findings"].as_array().unwrap().len(), left, "{rule}: {environment:#}");
        assert_eq!(environment["complete"], true, "{environment:#}");
    }
    let more = "ignoreDifferences:\n- kind: ConfigMap\n- group: apps\n  kind: Deployment\n  jqPathExpressions: ['.spec | keys']";
    let fleet = fleet(&[("plain/web.yaml", git.as_str())], "path: plain", more);
    fleet.deploy(&git, "trino");
    let environment = fleet.environment(FOLLOW, "fleet:shop");
    assert!(
        gaps(&environment).contains("apps/shop.yaml:15: spec.ignoreDifferences[1].jqPathExpressions[0] of Application shop cannot be read as a path"),
        "{environment:#}"
    );
}

#[test]
fn every_field_that_is_not_honoured_is_named_with_its_line_and_nothing_is_rendered() {
    let own = map("own");
    for (source, more, expected) in [
        ("path: plain\nplugin: {}", "", "apps/shop.yaml:11: spec.source.plugin of Application shop is not honoured"),
        (
            "path: plain\nhelm: {valuesLiteral: x}",
            "",
            "spec.source.helm.valuesLiteral of Application shop is not honoured",
        ),
        (
            "path: plain\nkustomize: {version: v4.5.7}",
            "",
            "spec.source.kustomize.version of Application shop is not honoured",
        ),
        ("path: plain\ndirectory: {jsonnet: {extVars: [{name: a, value: b}]}}", "", "spec.source.directory.jsonnet of"),
        (
            "path: plain\ndirectory: {include: '[a-z].yaml'}",
            "",
            "spec.source.directory.include of Application shop has more than",
        ),
        ("path: plain\ndirectory: {recurse: true}\nkustomize: {namePrefix: a-}", "", "stands beside `kustomize`"),
        ("path: ../x", "", "spec.source.path of Application shop is no folder of the repository"),
        (
            "path: plain\nhelm: {valueFiles: ['https://example.org/values.yaml']}",
            "",
            "valueFiles[0] of Application shop is an address",
        ),
        ("path: plain\nhelm: {version: v2}", "", "spec.source.helm.version of Application shop is no version"),
        (
            "path: plain",
            "sourceHydrator: {drySource: {path: x}}",
            "spec.sourceHydrator of Application shop is not honoured",
        ),
        ("chart: tea", "", "spec.source.chart of Application shop lies outside of the repository; allow it"),
        ("path: nowhere", "", "nowhere"),
    ] {
        let fleet = fleet(&[("plain/own.yaml", own.as_str())], source, more);
        fleet.deploy(&own, "trino");
        let environment = fleet.environment(FOLLOW, "fleet:shop");
        assert!(gaps(&environment).contains(expected), "{expected}: {environment:#}");
        assert_eq!((environment["objects"].as_array().unwrap().len(), &environment["complete"]), (0, &json!(false)));
    }
}

#[test]
fn what_the_folder_holds_beside_manifests_is_not_overlooked() {
    let own = map("own");
    for (file, expected) in [
        ("plain/.argocd-source.yaml", "plain/.argocd-source.yaml changes what the Application says"),
        ("plain/.argocd-source-shop.yaml", "plain/.argocd-source-shop.yaml changes what the Application says"),
        ("plain/more.jsonnet", "plain/more.jsonnet would be evaluated"),
    ] {
        let fleet = fleet(&[("plain/own.yaml", own.as_str()), (file, "{}\n")], "path: plain", "");
        let environment = fleet.environment(FOLLOW, "fleet:shop");
        assert!(gaps(&environment).contains(expected), "{environment:#}");
        assert_eq!(environment["objects"].as_array().unwrap().len(), 0);
    }
}

#[test]
fn an_unknown_repository_or_cluster_is_named() {
    let own = map("own");
    let application = application("path: plain", "");
    let elsewhere = application.replace(URL, "https://git.example.org/team/other.git");
    let remote =
        application.replace("https://kubernetes.default.svc", "https://1.2.3.4").replace("name: shop", "name: far");
    let fleet = Fleet::new(&[("plain/own.yaml", own.as_str()), ("apps/a.yaml", &elsewhere), ("apps/b.yaml", &remote)]);
    let report = fleet.report(FOLLOW);
    assert_eq!(names(&report), ["fleet:shop", "fleet:far"]);
    assert!(gaps(&report["environments"][0]).contains(
        "apps/a.yaml:8: spec.source.repoURL of Application shop names a repository that the configuration does not have"
    ));
    assert!(
        gaps(&report["environments"][1])
            .contains("apps/b.yaml:6: spec.destination.server of Application far is no known cluster")
    );
    // Where the operator says which destinations are this cluster, the others are another environment's.
    let report = fleet.report("argocd: {applications: apps, destinations: [https://1.2.3.4]}");
    assert_eq!(names(&report), ["fleet:far"]);
    assert_eq!(gaps(&report["environments"][0]), "");
}

#[test]
fn an_application_set_is_a_gap_and_never_passed_over() {
    let own = map("own");
    let set = "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: many, namespace: argocd}\n";
    let shop = application("path: plain", "");
    let fleet = Fleet::new(&[("plain/own.yaml", own.as_str()), ("apps/a.yaml", &shop), ("apps/set.yaml", set)]);
    let report = fleet.report(FOLLOW);
    assert_eq!(names(&report), ["fleet:shop", "fleet"]);
    assert_eq!(gaps(&report["environments"][0]), "");
    assert!(gaps(&report["environments"][1]).contains("apps/set.yaml:1 declares an ApplicationSet, which is not read"));
}

#[test]
fn applications_are_found_however_they_are_kept() {
    let own = map("own");
    let shop = application("path: plain", "");
    let namespaced = shop.replace("namespace: argocd", "namespace: team-a");
    let twice = shop.clone();
    let fleet = Fleet::new(&[
        ("plain/own.yaml", own.as_str()),
        ("apps/x/a.yaml", &shop),
        ("apps/y/b.yaml", &namespaced),
        ("other/c.yaml", &twice),
        ("apps/z/d.yaml", "a: [\n"),
    ]);
    // Globs, and namespaces other than Argo CD's own.
    let report = fleet.report("argocd: {applications: 'apps/**/*.yaml'}");
    assert_eq!(names(&report), ["fleet:shop", "fleet:team-a_shop", "fleet"]);
    assert!(gaps(&report["environments"][2]).contains("apps/z/d.yaml"), "{report:#}");
    // One of them under the environment's own name.
    let report = fleet.report("argocd: {applications: apps/x, only: shop}");
    assert_eq!(names(&report), ["fleet"]);
    assert_eq!(report["environments"][0]["objects"][0]["state"], "missing", "{report:#}");
    let report = fleet.report("argocd: {applications: [apps/x, other]}");
    assert!(gaps(&report["environments"][1]).contains("other/c.yaml:1 declares shop once more"), "{report:#}");
    let report = fleet.report("argocd: {applications: plain}");
    assert!(gaps(&report["environments"][0]).contains("declares no Application nothing"), "{report:#}");
}
