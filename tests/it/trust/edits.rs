//! Manual changes of every kind that production sees, each with what must be said of it.

use serde_json::{Value, json};

use crate::fixture::{Api, Patch, canary};

/// What somebody does to one object.
enum Act {
    Patch(Patch, Value),
    Delete,
}

/// A manual change and what must be said of it.
pub struct Edit {
    kind: (&'static str, &'static str),
    object: (&'static str, &'static str),
    manager: &'static str,
    act: Act,
    /// Path, change; a removal names no author.
    expected: Vec<(&'static str, &'static str)>,
}

fn edit(
    kind: (&'static str, &'static str),
    object: (&'static str, &'static str),
    manager: &'static str,
    act: Act,
    expected: &[(&'static str, &'static str)],
) -> Edit {
    Edit { kind, object, manager, act, expected: expected.to_vec() }
}

fn merge(patch: Value) -> Act {
    Act::Patch(Patch::Merge, patch)
}

fn strategic(patch: Value) -> Act {
    Act::Patch(Patch::Strategic, patch)
}

fn steps(patch: Value) -> Act {
    Act::Patch(Patch::Json, patch)
}

/// A strategic patch of one container of a Pod template.
fn container(name: &str, patch: &Value) -> Act {
    let mut container = patch.clone();
    container["name"] = name.into();
    strategic(json!({"spec": {"template": {"spec": {"containers": [container]}}}}))
}

const DEPLOYMENT: (&str, &str) = ("apps/v1", "Deployment");
const STATEFUL_SET: (&str, &str) = ("apps/v1", "StatefulSet");
const SERVICE: (&str, &str) = ("v1", "Service");
const COORDINATOR: (&str, &str) = ("trino", "trino-coordinator");

/// Every change, no two on the same field.
pub fn all() -> Vec<Edit> {
    [workloads(), settings(), network(), rest()].into_iter().flatten().collect()
}

fn workloads() -> Vec<Edit> {
    vec![
        edit(
            DEPLOYMENT,
            COORDINATOR,
            "kubectl-edit",
            container("trino", &json!({"image": "trinodb/trino:1"})),
            &[("spec.template.spec.containers[name=trino].image", "changed")],
        ),
        edit(
            DEPLOYMENT,
            ("hive", "hive-metastore"),
            "kubectl-set",
            container("metastore", &json!({"env": [{"name": "HEAP", "value": "4g"}]})),
            &[("spec.template.spec.containers[name=metastore].env[name=HEAP]", "added")],
        ),
        edit(
            DEPLOYMENT,
            ("trino", "trino-worker"),
            "kubectl-edit",
            container("trino", &json!({"env": [{"name": "MINIO_ACCESS_KEY", "$patch": "delete"}]})),
            &[("spec.template.spec.containers[name=trino].env[name=MINIO_ACCESS_KEY]", "removed")],
        ),
        edit(
            DEPLOYMENT,
            ("redis", "redis"),
            "kubectl-edit",
            container("shell", &json!({"image": "busybox", "securityContext": {"privileged": true}})),
            &[("spec.template.spec.containers[name=shell]", "added")],
        ),
        edit(
            STATEFUL_SET,
            ("minio", "minio"),
            "node-fetch",
            merge(json!({"spec": {"replicas": 9}})),
            &[("spec.replicas", "changed")],
        ),
        edit(
            STATEFUL_SET,
            ("hive", "hive-mysql"),
            "kubectl-patch",
            merge(json!({"spec": {"template": {"spec": {"nodeSelector": {"disk": "slow"}}}}})),
            &[("spec.template.spec.nodeSelector", "added")],
        ),
        edit(
            ("batch/v1", "CronJob"),
            ("trino", "table-maintenance"),
            "kubectl-patch",
            merge(json!({"spec": {"suspend": true}})),
            &[("spec.suspend", "added")],
        ),
    ]
}

fn settings() -> Vec<Edit> {
    vec![
        edit(
            ("v1", "ConfigMap"),
            ("redis", "redis"),
            "kubectl-edit",
            merge(json!({"data": {"redis.conf": "maxmemory 1gb"}})),
            &[("data[\"redis.conf\"]", "changed")],
        ),
        edit(
            ("v1", "ConfigMap"),
            ("trino", "trino-catalogs"),
            "Mozilla",
            merge(json!({"data": {"tpch.properties": "connector.name=tpch"}})),
            &[("data[\"tpch.properties\"]", "added")],
        ),
        edit(
            ("v1", "Secret"),
            ("trino", "trino-credentials"),
            "kubectl-edit",
            merge(json!({"stringData": {"minio-secret-key": canary("edited")}})),
            &[("data.minio-secret-key", "changed")],
        ),
        edit(
            SERVICE,
            ("minio", "minio"),
            "kubectl-label",
            merge(json!({"metadata": {"labels": {"incident": "4711"}}})),
            &[("metadata.labels.incident", "added")],
        ),
    ]
}

fn network() -> Vec<Edit> {
    vec![
        edit(
            SERVICE,
            ("redis", "redis"),
            "kubectl-edit",
            steps(json!([{"op": "replace", "path": "/spec/ports/0/port", "value": 6380}])),
            &[("spec.ports[port=6379,protocol=TCP]", "removed"), ("spec.ports[port=6380,protocol=TCP]", "added")],
        ),
        edit(
            SERVICE,
            ("trino", "trino"),
            "kubectl-patch",
            merge(json!({"spec": {"type": "NodePort"}})),
            &[("spec.type", "changed")],
        ),
        edit(
            ("networking.k8s.io/v1", "Ingress"),
            ("trino", "trino"),
            "kubectl-edit",
            steps(json!([{"op": "replace", "path": "/spec/rules/0/host", "value": "old.example.org"}])),
            &[("spec.rules", "changed")],
        ),
        edit(
            ("networking.k8s.io/v1", "NetworkPolicy"),
            ("trino", "trino-worker"),
            "kubectl-edit",
            steps(json!([
                {"op": "add", "path": "/spec/ingress/0/from/-", "value": {"ipBlock": {"cidr": "0.0.0.0/0"}}}
            ])),
            &[("spec.ingress", "changed")],
        ),
    ]
}

fn rest() -> Vec<Edit> {
    vec![
        edit(
            ("rbac.authorization.k8s.io/v1", "Role"),
            ("trino", "trino-config-reader"),
            "kubectl-edit",
            steps(json!([{"op": "add", "path": "/rules/0/verbs/-", "value": "delete"}])),
            &[("rules", "changed")],
        ),
        edit(
            ("autoscaling/v2", "HorizontalPodAutoscaler"),
            ("trino", "trino-worker"),
            "kubectl-patch",
            merge(json!({"spec": {"maxReplicas": 99}})),
            &[("spec.maxReplicas", "changed")],
        ),
        edit(
            ("v1", "PersistentVolumeClaim"),
            ("trino", "trino-query-history"),
            "kubectl-edit",
            merge(json!({"spec": {"resources": {"requests": {"storage": "999Gi"}}}})),
            &[("spec.resources.requests.storage", "changed")],
        ),
        edit(
            ("monitoring.coreos.com/v1", "ServiceMonitor"),
            ("monitoring", "trino"),
            "node-fetch",
            steps(json!([{"op": "replace", "path": "/spec/endpoints/0/interval", "value": "5m"}])),
            &[("spec.endpoints", "changed")],
        ),
        edit(("policy/v1", "PodDisruptionBudget"), ("minio", "minio"), "", Act::Delete, &[]),
    ]
}

impl Edit {
    /// Makes the change; returns the object as it was.
    pub fn make(&self, api: &Api) -> Value {
        let path = api.path(self.kind.0, self.kind.1, self.object.0, self.object.1);
        let before = api.get(&path).expect("the object is deployed");
        if self.kind.1 == "PersistentVolumeClaim" {
            // Only a bound claim may be resized; no controller binds one here.
            let bound = json!({"status": {"phase": "Bound"}});
            api.patch(&format!("{path}/status"), Patch::Merge, &bound, "kube-controller-manager").expect("bound");
        }
        match &self.act {
            Act::Patch(kind, body) => api.patch(&path, *kind, body, self.manager).expect("the change is allowed"),
            Act::Delete => api.delete(&path).expect("the deletion is allowed"),
        };
        before
    }

    /// Takes the change back, under the name of a person; what was deleted comes back with the next deployment.
    pub fn undo(&self, api: &Api, mut before: Value) {
        let path = api.path(self.kind.0, self.kind.1, self.object.0, self.object.1);
        if matches!(self.act, Act::Delete) {
            return;
        }
        if self.kind.1 == "PersistentVolumeClaim" {
            // A claim cannot shrink: it is made anew.
            api.patch(&path, Patch::Merge, &json!({"metadata": {"finalizers": null}}), "kubectl-edit")
                .expect("unbound");
            api.delete(&path).expect("the deletion is allowed");
            return;
        }
        before["metadata"].as_object_mut().expect("metadata").remove("managedFields");
        before["metadata"]["resourceVersion"] =
            api.get(&path).expect("it is there")["metadata"]["resourceVersion"].clone();
        api.put(&path, &before, "kubectl-replace").expect("the way back is allowed");
    }

    /// The lines that a report must hold.
    pub fn expected(&self) -> Vec<String> {
        let object = format!("{} {}", self.kind.1, self.object.1);
        if matches!(self.act, Act::Delete) {
            return vec![format!("{object}: missing")];
        }
        let line = |(path, change): &(&str, &str)| {
            let (manager, origin) =
                if *change == "removed" { ("-", self.origin_of_a_removal()) } else { (self.manager, "manual") };
            format!("{object}: {path} {change} by {manager} ({origin})")
        };
        self.expected.iter().map(line).collect()
    }

    /// A removal leaves no owner: it is manual where the person who made it still owns something of the object.
    fn origin_of_a_removal(&self) -> &'static str {
        if self.expected.iter().any(|(_, change)| *change != "removed") { "manual" } else { "unknown" }
    }
}

/// Every named author has the time of the change.
pub fn assert_authors_have_times(report: &Value) {
    for object in report["environments"][0]["objects"].as_array().expect("objects") {
        for finding in object["findings"].as_array().expect("findings") {
            let manager = &finding["manager"];
            assert!(manager.is_null() || manager["time"].is_string(), "{finding}");
        }
    }
}
