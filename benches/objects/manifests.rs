//! What Git declares: eight common kinds, varied.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::Random;

type Make = fn(&mut Random, usize, &str) -> Value;

/// One maker for each kind.
pub const KINDS: [Make; 8] =
    [deployment, service, config_map, secret, ingress, service_account, role_binding, horizontal_pod_autoscaler];

const COMPONENTS: [&str; 6] = ["api", "worker", "gateway", "scheduler", "exporter", "frontend"];
const WORDS: [&str; 10] =
    ["cache", "queue", "session", "payment", "catalog", "search", "ledger", "billing", "profile", "report"];

fn name(application: usize) -> String {
    format!("app-{application:04}")
}

fn metadata(random: &mut Random, application: usize, namespace: &str) -> Value {
    json!({
        "name": name(application),
        "namespace": namespace,
        "labels": {
            "app.kubernetes.io/name": name(application),
            "app.kubernetes.io/component": random.of(&COMPONENTS),
            "app.kubernetes.io/part-of": random.of(&WORDS),
            "team": format!("team-{}", random.below(12)),
        },
        "annotations": {
            "example.org/owner": format!("{}@example.org", random.of(&WORDS)),
            "example.org/runbook": format!("https://runbooks.example.org/{}/{}", random.of(&WORDS), name(application)),
        },
    })
}

fn deployment(random: &mut Random, application: usize, namespace: &str) -> Value {
    let labels = json!({"app.kubernetes.io/name": name(application)});
    let mut containers = vec![container(random, "main", application)];
    if random.below(3) == 0 {
        containers.push(container(random, "proxy", application));
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(random, application, namespace),
        "spec": {
            "replicas": 1 + random.below(5),
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": name(application),
                    "securityContext": {"runAsNonRoot": true, "runAsUser": 1000},
                    "containers": containers,
                    "volumes": [
                        {"name": "config", "configMap": {"name": name(application)}},
                        {"name": "scratch", "emptyDir": {}},
                    ],
                },
            },
        },
    })
}

fn container(random: &mut Random, container: &str, application: usize) -> Value {
    let mut env = vec![
        json!({"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}),
        json!({"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": name(application), "key": "password"}}}),
    ];
    for number in 0..=random.below(5) {
        let key = format!("{}_{number}", random.of(&WORDS).to_uppercase());
        env.push(json!({"name": key, "value": format!("{}:{}", random.of(&WORDS), random.below(10_000))}));
    }
    json!({
        "name": container,
        "image": format!("registry.example.org/{}/{container}:{}.{}", random.of(&WORDS), random.below(9), random.below(30)),
        "args": ["--config", "/etc/app/app.properties", format!("--threads={}", 1 + random.below(32))],
        "env": env,
        "ports": [{"name": "http", "containerPort": 8080 + random.below(20)}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
        "resources": {
            "requests": {"cpu": "250m", "memory": "256Mi"},
            "limits": {"memory": format!("{}Mi", 256 + 128 * random.below(8))},
        },
        "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/app", "readOnly": true},
            {"name": "scratch", "mountPath": "/tmp"},
        ],
    })
}

fn service(random: &mut Random, application: usize, namespace: &str) -> Value {
    let mut service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(random, application, namespace),
        "spec": {
            "selector": {"app.kubernetes.io/name": name(application)},
            "ports": [
                {"name": "http", "port": 80, "targetPort": "http"},
                {"name": "metrics", "port": 9000 + random.below(100), "targetPort": 9090},
            ],
        },
    });
    // The test control plane has 254 cluster addresses, 10,000 objects have 1,250 Services.
    if !application.is_multiple_of(8) {
        service["spec"]["clusterIP"] = "None".into();
    }
    service
}

fn config_map(random: &mut Random, application: usize, namespace: &str) -> Value {
    let mut properties = String::new();
    for number in 0..20 + random.below(40) {
        let line = format!("{}.{}.{number}={}\n", random.of(&WORDS), random.of(&WORDS), random.below(100_000));
        properties.push_str(&line);
    }
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(random, application, namespace),
        "data": {
            "app.properties": properties,
            "log.level": random.of(&["debug", "info", "warn"]),
            "endpoint": format!("https://{}.example.org/v1", random.of(&WORDS)),
        },
    })
}

fn secret(random: &mut Random, application: usize, namespace: &str) -> Value {
    let mut data = Map::new();
    for key in ["password", "token", "client-id", "client-secret", "ca.crt"] {
        let bytes: Vec<u8> =
            (0..24 + random.below(160)).map(|_| random.of(b"abcdefghijkmnopqrstuvwxyz23456789")).collect();
        data.insert(key.to_owned(), STANDARD.encode(bytes).into());
    }
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(random, application, namespace),
        "type": "Opaque",
        "data": data,
    })
}

fn ingress(random: &mut Random, application: usize, namespace: &str) -> Value {
    let host = format!("{}.{}.example.org", name(application), random.of(&WORDS));
    let path = |path: String| {
        json!({
            "path": path,
            "pathType": "Prefix",
            "backend": {"service": {"name": name(application), "port": {"name": "http"}}},
        })
    };
    let mut paths = vec![path("/".to_owned())];
    for _ in 0..=random.below(4) {
        paths.push(path(format!("/{}", random.of(&WORDS))));
    }
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(random, application, namespace),
        "spec": {
            "ingressClassName": "nginx",
            "tls": [{"hosts": [host], "secretName": format!("{}-tls", name(application))}],
            "rules": [{"host": host, "http": {"paths": paths}}],
        },
    })
}

fn service_account(random: &mut Random, application: usize, namespace: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(random, application, namespace),
        "automountServiceAccountToken": false,
        "imagePullSecrets": [{"name": "registry"}],
    })
}

fn role_binding(random: &mut Random, application: usize, namespace: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata(random, application, namespace),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [
            {"kind": "ServiceAccount", "name": name(application), "namespace": namespace},
            {"kind": "Group", "name": random.of(&WORDS), "apiGroup": "rbac.authorization.k8s.io"},
        ],
    })
}

fn horizontal_pod_autoscaler(random: &mut Random, application: usize, namespace: &str) -> Value {
    let metric = |resource: &str, utilization: usize| {
        json!({
            "type": "Resource",
            "resource": {"name": resource, "target": {"type": "Utilization", "averageUtilization": utilization}},
        })
    };
    json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(random, application, namespace),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name(application)},
            "minReplicas": 1,
            "maxReplicas": 6 + random.below(20),
            "metrics": [metric("cpu", 50 + random.below(40)), metric("memory", 60 + random.below(30))],
        },
    })
}
