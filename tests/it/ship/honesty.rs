//! The daemon while something is broken: what it knew stands, nothing is called missing, and it recovers by itself.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::Running;
use crate::fixture::{
    ControlPlane, Fault, GitRepository, Kubeconfig, Middleman, Namespace, Patch, Rule, canary, command, eventually,
};

const MAPS: &str = "\
apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: blue}\n---\n\
apiVersion: v1\nkind: ConfigMap\nmetadata: {name: limits}\ndata: {memory: 4G}\n";

/// How long last known drift stands: longer than any test, or hardly.
const LONG: &str = "1h";
const SHORT: &str = "2s";

/// An environment, its cluster, and the daemon that looks at both.
struct Scene {
    namespace: Namespace,
    repository: GitRepository,
    folder: TempDir,
}

impl Scene {
    /// Commits and applies two `ConfigMap`s, a Secret and `more`.
    fn new(plane: &ControlPlane, more: &str) -> Self {
        let manifest = format!("{MAPS}---\n{}{more}", secret());
        let namespace = plane.namespace("honest");
        let repository = GitRepository::new();
        repository.commit("prod", &[("all.yaml", &manifest)]);
        let scene = Self { namespace, repository, folder: tempfile::tempdir().expect("a temporary folder") };
        scene.namespace.admin.server_side_apply(&manifest, "pipeline");
        scene
    }

    /// Writes a configuration for the cluster of `kubeconfig`.
    fn configure(&self, kubeconfig: &Path, max_staleness: &str) -> PathBuf {
        self.configure_each(&[("prod", kubeconfig)], max_staleness)
    }

    /// The same for several environments of the same branch, each in a cluster of its own.
    fn configure_each(&self, environments: &[(&str, &Path)], max_staleness: &str) -> PathBuf {
        let clusters: Vec<_> =
            environments.iter().map(|(name, kubeconfig)| json!({"name": name, "kubeconfig": kubeconfig})).collect();
        let environments: Vec<_> = environments
            .iter()
            .map(|(name, _)| {
                json!({"name": name, "repository": "platform", "branch": "prod", "cluster": name,
                       "namespace": self.namespace.name})
            })
            .collect();
        let config = json!({
            "interval": "1s",
            "settling": {"outdated": "0s"},
            "maxStaleness": max_staleness,
            "http": {"listen": "127.0.0.1:0"},
            "clusters": clusters,
            "repositories": [{"name": "platform", "url": self.repository.path()}],
            "environments": environments,
            "deployers": ["pipeline"],
        });
        let file = self.folder.path().join("driftd.yaml");
        fs::write(&file, config.to_string()).expect("the folder is writable");
        file
    }

    /// What `kubectl edit` does to the ConfigMap `settings`.
    fn paint(&self, colour: &str) {
        let path = self.namespace.path("v1", "ConfigMap", "settings");
        let change = json!({"data": {"colour": colour}});
        self.namespace.admin.api().patch(&path, Patch::Merge, &change, "kubectl-edit").expect("allowed");
    }
}

fn secret() -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: database}}\nstringData: {{p: {}}}\n", canary("honest"))
}

/// The daemon, ready, and what can be read from its metrics.
struct Daemon {
    process: Running,
}

impl Daemon {
    fn start(config: &Path) -> Self {
        let process = Running::start(&mut command(&["run", "--config", config.to_str().expect("UTF-8")]));
        process.await_ready();
        Self { process }
    }

    /// Counts of prod: in sync, modified, missing, extra, unknown.
    fn counts(&self) -> [Option<u64>; 5] {
        counts(&self.process.get("/metrics"), "prod")
    }

    /// Waits for the state in which the latest scan of prod compared everything, or did not, and has these counts.
    #[track_caller]
    fn awaits(&self, what: &str, success: u8, expected: [u64; 5]) -> String {
        let mut last = String::new();
        let line = format!("driftd_scan_success{{environment=\"prod\"}} {success}\n");
        let seen = eventually_told(what, &mut last, |last| {
            *last = self.process.get("/metrics");
            last.contains(&line) && counts(last, "prod") == expected.map(Some)
        });
        assert!(seen, "{what}: {last}");
        last
    }

    /// When the drift of the ConfigMap `settings` began, as its series tells.
    fn since(&self) -> String {
        let metrics = self.process.get("/metrics");
        let own = |line: &&str| {
            line.starts_with("driftd_resource_drift_start_timestamp_seconds{") && line.contains("name=\"settings\"")
        };
        let line = metrics.lines().find(own).unwrap_or_else(|| panic!("no drift of settings in {metrics}"));
        line.rsplit(' ').next().expect("a value").to_owned()
    }

    /// Why the latest scan was not complete: stage and reason of each gap.
    fn gaps(&self) -> Vec<(String, String)> {
        let report: Value = serde_json::from_str(&self.process.get("/api/v1/report")).expect("JSON");
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let gaps = report["environments"][0]["gaps"].as_array().cloned().unwrap_or_default();
        gaps.iter().map(|gap| (word(&gap["stage"]), word(&gap["reason"]))).collect()
    }
}

/// [`eventually`], but with what was seen last for whoever reads the failure.
fn eventually_told(what: &str, last: &mut String, mut holds: impl FnMut(&mut String) -> bool) -> bool {
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        eventually(what, || holds(last).then_some(()));
    }));
    told.is_ok()
}

fn counts(metrics: &str, environment: &str) -> [Option<u64>; 5] {
    ["in_sync", "modified", "missing", "extra", "unknown"].map(|state| {
        let name = format!("driftd_resources{{environment=\"{environment}\",state=\"{state}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok())
    })
}

/// A user who may read what the scene declares, and the path of the Role by which they may read `ConfigMap`s.
fn reader(plane: &ControlPlane, namespace: &str) -> (Kubeconfig, String) {
    let read = ["get", "list", "watch"];
    let user = plane.user(&[
        Rule::namespaced(namespace, &[""], &["secrets"], &read),
        Rule::namespaced(namespace, &[""], &["configmaps"], &read),
    ]);
    let roles = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles");
    let list = plane.admin().api().get(&roles).expect("Roles can be listed");
    let role =
        list["items"].as_array().into_iter().flatten().find(|role| role["rules"][0]["resources"][0] == "configmaps");
    let name = role.expect("the Role was made")["metadata"]["name"].as_str().expect("a name").to_owned();
    (user, format!("{roles}/{name}"))
}

#[test]
fn a_right_that_is_taken_leaves_drift_standing_until_it_is_given_back() {
    let plane = ControlPlane::shared();
    let scene = Scene::new(plane, "");
    let (user, role) = reader(plane, &scene.namespace.name);
    let daemon = Daemon::start(&scene.configure(user.path(), LONG));
    daemon.awaits("all is quiet", 1, [3, 0, 0, 0, 0]);
    scene.paint("red");
    daemon.awaits("the change is seen", 1, [2, 1, 0, 0, 0]);
    let since = daemon.since();
    let api = plane.admin().api();
    let granted = api.get(&role).expect("the Role is there")["rules"].clone();
    api.patch(&role, Patch::Merge, &json!({"rules": []}), "tests").expect("allowed");
    daemon.awaits("the right is missed; drift stands, the rest of the kind is unknown", 0, [1, 1, 0, 0, 1]);
    assert_eq!(daemon.gaps(), [("list".to_owned(), "forbidden".to_owned())]);
    assert_eq!(daemon.since(), since);
    api.patch(&role, Patch::Merge, &json!({"rules": granted}), "tests").expect("allowed");
    daemon.awaits("all is known again", 1, [2, 1, 0, 0, 0]);
    assert_eq!(daemon.since(), since);
    scene.paint("blue");
    daemon.awaits("the change is undone", 1, [3, 0, 0, 0, 0]);
}

#[test]
fn drift_that_cannot_be_checked_for_long_is_withdrawn_and_never_missing() {
    let plane = ControlPlane::shared();
    let scene = Scene::new(plane, "");
    let (user, role) = reader(plane, &scene.namespace.name);
    let daemon = Daemon::start(&scene.configure(user.path(), SHORT));
    scene.paint("red");
    daemon.awaits("the change is seen", 1, [2, 1, 0, 0, 0]);
    plane.admin().api().patch(&role, Patch::Merge, &json!({"rules": []}), "tests").expect("allowed");
    let metrics = daemon.awaits("nothing is claimed any more", 0, [1, 0, 0, 0, 2]);
    assert!(!metrics.contains("driftd_resource_drifted{"), "{metrics}");
}

#[test]
fn a_definition_that_is_deleted_is_missing_and_its_objects_unknown() {
    let plane = ControlPlane::shared();
    let group = format!("{}.example.org", plane.namespace("honest-group").name);
    let definition = format!(
        "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: widgets.{group}}}\nspec:\n  \
         group: {group}\n  scope: Namespaced\n  names: {{plural: widgets, kind: Widget}}\n  versions:\n  - {{name: v1, served: true, \
         storage: true, schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}\n"
    );
    let widget = format!("---\napiVersion: {group}/v1\nkind: Widget\nmetadata: {{name: w}}\nspec: {{size: 3}}\n");
    let scene = Scene::new(plane, &definition);
    let admin = &scene.namespace.admin;
    let define = || {
        admin.server_side_apply_by_force(definition.trim_start_matches("---\n"), "pipeline");
        eventually("the kind is served", || {
            admin
                .kubectl(&["apply", "--server-side", "--field-manager=pipeline", "-f", "-"], &widget)
                .status
                .success()
                .then_some(())
        });
    };
    define();
    scene.repository.commit("prod", &[("all.yaml", &format!("{MAPS}---\n{}{definition}{widget}", secret()))]);
    let daemon = Daemon::start(&scene.configure(admin.path(), LONG));
    daemon.awaits("all is quiet", 1, [5, 0, 0, 0, 0]);
    let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.{group}");
    plane.admin().api().delete(&path).expect("allowed");
    daemon.awaits("the definition is missing, its object unknown", 0, [3, 0, 1, 0, 1]);
    define();
    daemon.awaits("all is quiet again", 1, [5, 0, 0, 0, 0]);
}

#[test]
fn an_api_server_that_restarts_takes_nothing_away() {
    let mut plane = ControlPlane::start();
    let scene = Scene::new(&plane, "");
    let daemon = Daemon::start(&scene.configure(scene.namespace.admin.path(), LONG));
    scene.paint("red");
    daemon.awaits("the change is seen", 1, [2, 1, 0, 0, 0]);
    let since = daemon.since();
    plane.stop_apiserver();
    daemon.awaits("the drift stands, the rest is unknown", 0, [0, 1, 0, 0, 2]);
    plane.start_apiserver();
    daemon.awaits("all is known again", 1, [2, 1, 0, 0, 0]);
    assert_eq!(daemon.since(), since);
    scene.paint("blue");
    daemon.awaits("the change is undone", 1, [3, 0, 0, 0, 0]);
}

/// A fault between driftd and the API server: while it lasts drift stands and nothing is missing; afterwards all is known.
fn survives(fault: Fault, stage: &str, reason: &str) {
    let plane = ControlPlane::shared();
    let scene = Scene::new(plane, "");
    let middleman = Middleman::before(&scene.namespace.admin);
    let daemon = Daemon::start(&scene.configure(&middleman.path(), LONG));
    scene.paint("red");
    daemon.awaits("the change is seen", 1, [2, 1, 0, 0, 0]);
    let since = daemon.since();
    middleman.fail("/configmaps", fault);
    daemon.awaits("the kind cannot be listed", 0, [1, 1, 0, 0, 1]);
    assert_eq!(daemon.gaps(), [(stage.to_owned(), reason.to_owned())]);
    assert!(middleman.faults() > 0);
    middleman.mend();
    daemon.awaits("all is known again", 1, [2, 1, 0, 0, 0]);
    assert_eq!(daemon.since(), since);
    scene.paint("blue");
    daemon.awaits("the change is undone", 1, [3, 0, 0, 0, 0]);
}

#[test]
fn a_server_that_throttles_is_survived() {
    survives(Fault::Refuse(429), "list", "failed");
}

#[test]
fn a_server_that_fails_is_survived() {
    survives(Fault::Refuse(500), "list", "failed");
}

#[test]
fn a_list_that_breaks_off_is_survived() {
    survives(Fault::BreakOff, "connect", "unreachable");
}

#[test]
fn a_list_whose_next_page_has_expired_is_not_the_whole_list() {
    let plane = ControlPlane::shared();
    let scene = Scene::new(plane, "");
    let middleman = Middleman::before(&scene.namespace.admin);
    middleman.page(1);
    let daemon = Daemon::start(&scene.configure(&middleman.path(), LONG));
    daemon.awaits("all is quiet, page by page", 1, [3, 0, 0, 0, 0]);
    middleman.fail("continue=", Fault::Refuse(410));
    eventually("what the other pages had is unknown, and nothing missing", || {
        let [_, modified, missing, extra, unknown] = daemon.counts();
        assert_eq!([modified, missing, extra], [Some(0); 3]);
        (unknown > Some(0)).then_some(())
    });
    middleman.mend();
    daemon.awaits("all is known again", 1, [3, 0, 0, 0, 0]);
}

#[test]
fn credentials_that_were_replaced_are_read_again() {
    let plane = ControlPlane::shared();
    let scene = Scene::new(plane, "");
    let api = plane.admin().api();
    let accounts = format!("/api/v1/namespaces/{}/serviceaccounts", scene.namespace.name);
    let bindings = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings", scene.namespace.name);
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader"}});
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "namespace": scene.namespace.name, "name": "reader"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    });
    api.create(&accounts, &account, "tests").expect("the name is new");
    api.create(&bindings, &binding, "tests").expect("the role exists");
    let token = scene.folder.path().join("token");
    let renew = || {
        let user = plane.service_account(&scene.namespace.name, "reader");
        fs::write(&token, user.token()).expect("the folder is writable");
        user
    };
    let user = renew();
    eventually("the rights are in effect", || {
        user.api().get(&format!("/api/v1/namespaces/{}/secrets", scene.namespace.name)).ok().map(drop)
    });
    let text = fs::read_to_string(user.path()).expect("the kubeconfig is there");
    let mut kubeconfig: Value = serde_json::from_str(&text).expect("JSON");
    kubeconfig["users"][0]["user"] = json!({"tokenFile": token});
    let file = scene.folder.path().join("kubeconfig");
    fs::write(&file, kubeconfig.to_string()).expect("the folder is writable");
    let daemon = Daemon::start(&scene.configure(&file, LONG));
    scene.paint("red");
    daemon.awaits("the change is seen", 1, [2, 1, 0, 0, 0]);
    // With its ServiceAccount a token ends.
    api.delete(&format!("{accounts}/reader")).expect("allowed");
    daemon.awaits("the token is refused", 0, [0, 1, 0, 0, 2]);
    assert!(daemon.gaps().iter().all(|(_, reason)| reason == "unauthorized"), "{:?}", daemon.gaps());
    api.create(&accounts, &account, "tests").expect("the name is free");
    renew();
    daemon.awaits("the new token is read", 1, [2, 1, 0, 0, 0]);
}

#[test]
fn an_environment_that_hangs_delays_no_other() {
    let plane = ControlPlane::shared();
    let scene = Scene::new(plane, "");
    let middleman = Middleman::before(&scene.namespace.admin);
    let config = scene.configure_each(&[("prod", scene.namespace.admin.path()), ("hanging", &middleman.path())], SHORT);
    let daemon = Daemon::start(&config);
    middleman.fail("/configmaps", Fault::Hang);
    eventually("the other environment hangs", || (middleman.faults() > 0).then_some(()));
    scene.paint("red");
    daemon.awaits("the change is seen in the one", 1, [2, 1, 0, 0, 0]);
    eventually("the other one claims nothing", || {
        let metrics = daemon.process.get("/metrics");
        let failed = metrics.contains("driftd_scan_success{environment=\"hanging\"} 0\n");
        (failed && counts(&metrics, "hanging")[2] != Some(1)).then_some(())
    });
    scene.paint("blue");
    daemon.awaits("and undone", 1, [3, 0, 0, 0, 0]);
    assert_eq!(daemon.counts()[1], Some(0));
    middleman.mend();
    eventually("the other one recovers", || {
        let metrics = daemon.process.get("/metrics");
        (counts(&metrics, "hanging") == [3, 0, 0, 0, 0].map(Some)).then_some(())
    });
}
