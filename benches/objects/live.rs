//! What an API server makes of a manifest: defaults, allocated fields, status and managedFields.

use serde_json::{Map, Value, json};

const CREATED: &str = "2026-10-21T12:57:11Z";
const UPDATED: &str = "2026-11-19T22:48:33Z";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The fields by which the elements of a list are keyed.
const MERGE_KEYS: [(&str, &[&str]); 8] = [
    ("containers", &["name"]),
    ("env", &["name"]),
    ("volumes", &["name"]),
    ("imagePullSecrets", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("conditions", &["type"]),
    ("containerPorts", &["containerPort", "protocol"]),
    ("servicePorts", &["port", "protocol"]),
];

/// The live object; every second one was deployed by `kubectl apply`, the others by server-side apply.
pub fn complete(declared: &Value, index: usize) -> Value {
    let mut live = declared.clone();
    let (controller, status) = match declared["kind"].as_str().unwrap_or_default() {
        "Deployment" => deployment(&mut live),
        "Service" => service(&mut live, index),
        "Ingress" => ingress(),
        "HorizontalPodAutoscaler" => autoscaler(),
        _ => ("", Value::Null),
    };
    let mut managed = Vec::new();
    if index.is_multiple_of(2) {
        live["metadata"]["annotations"][LAST_APPLIED] = format!("{declared}\n").into();
        managed.push(entry("kubectl-client-side-apply", "Update", declared, owned(&live)));
    } else {
        managed.push(entry("kustomize-controller", "Apply", declared, owned(declared)));
    }
    if !status.is_null() {
        let mut written = entry(controller, "Update", declared, json!({"f:status": fields(&status)}));
        written["subresource"] = "status".into();
        managed.push(written);
        live["status"] = status;
    }
    fill(
        &mut live["metadata"],
        &json!({
            "creationTimestamp": CREATED,
            "resourceVersion": (100_000 + index).to_string(),
            "uid": format!("7d2ef132-e2bc-4774-b9b7-{index:012}"),
            "managedFields": managed,
        }),
    );
    live
}

fn deployment(live: &mut Value) -> (&'static str, Value) {
    live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "2".into();
    live["metadata"]["generation"] = 2.into();
    let rolling = json!({"maxSurge": "25%", "maxUnavailable": "25%"});
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": rolling});
    let spec = json!({"revisionHistoryLimit": 10, "progressDeadlineSeconds": 600, "strategy": strategy});
    fill(&mut live["spec"], &spec);
    let pod = &mut live["spec"]["template"]["spec"];
    let account = pod["serviceAccountName"].clone();
    let defaults = json!({
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "serviceAccount": account,
    });
    fill(pod, &defaults);
    pod["volumes"][0]["configMap"]["defaultMode"] = 420.into();
    for container in pod["containers"].as_array_mut().into_iter().flatten() {
        let probe =
            json!({"timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3, "httpGet": {"scheme": "HTTP"}});
        let defaults = json!({
            "imagePullPolicy": "IfNotPresent",
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "readinessProbe": probe,
        });
        fill(container, &defaults);
        container["ports"][0]["protocol"] = "TCP".into();
        container["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] = "v1".into();
    }
    let replicas = live["spec"]["replicas"].clone();
    let status = json!({
        "observedGeneration": 2,
        "replicas": replicas,
        "readyReplicas": replicas,
        "availableReplicas": replicas,
        "updatedReplicas": replicas,
        "conditions": [
            condition("Available", "MinimumReplicasAvailable", "Deployment has minimum availability."),
            condition("Progressing", "NewReplicaSetAvailable", "ReplicaSet has successfully progressed."),
        ],
    });
    ("kube-controller-manager", status)
}

fn service(live: &mut Value, index: usize) -> (&'static str, Value) {
    let address = format!("10.0.{}.{}", index / 250 % 250, 1 + index % 250);
    let defaults = json!({
        "type": "ClusterIP",
        "clusterIP": address,
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "sessionAffinity": "None",
    });
    fill(&mut live["spec"], &defaults);
    live["spec"]["clusterIPs"] = json!([live["spec"]["clusterIP"]]);
    for port in live["spec"]["ports"].as_array_mut().into_iter().flatten() {
        port["protocol"] = "TCP".into();
    }
    live["status"] = json!({"loadBalancer": {}});
    ("", Value::Null)
}

fn ingress() -> (&'static str, Value) {
    ("ingress-controller", json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}]}}))
}

fn autoscaler() -> (&'static str, Value) {
    let status = json!({
        "currentReplicas": 3,
        "desiredReplicas": 3,
        "lastScaleTime": UPDATED,
        "conditions": [
            condition("AbleToScale", "ReadyForNewScale", "recommended size matches current size"),
            condition("ScalingActive", "ValidMetricFound", "the HPA was able to compute the replica count"),
            condition("ScalingLimited", "DesiredWithinRange", "the desired count is within the acceptable range"),
        ],
    });
    ("kube-controller-manager", status)
}

fn condition(kind: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": "True", "lastTransitionTime": UPDATED, "reason": reason, "message": message})
}

/// Adds what `target` lacks.
fn fill(target: &mut Value, defaults: &Value) {
    for (key, default) in defaults.as_object().into_iter().flatten() {
        match target.get_mut(key) {
            Some(own) => fill(own, default),
            None => target[key.as_str()] = default.clone(),
        }
    }
}

fn entry(manager: &str, operation: &str, object: &Value, fields: Value) -> Value {
    json!({
        "apiVersion": object["apiVersion"],
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        "manager": manager,
        "operation": operation,
        "time": if operation == "Apply" { CREATED } else { UPDATED },
    })
}

/// What who wrote all of the object owns.
fn owned(object: &Value) -> Value {
    let mut own = object.clone();
    for (parent, key) in
        [("", "apiVersion"), ("", "kind"), ("", "status"), ("/metadata", "name"), ("/metadata", "namespace")]
    {
        if let Some(map) = own.pointer_mut(parent).and_then(Value::as_object_mut) {
            map.remove(key);
        }
    }
    fields(&own)
}

/// A value as `FieldsV1` writes it.
fn fields(value: &Value) -> Value {
    let Value::Object(map) = value else { return json!({}) };
    map.iter().map(|(key, value)| (format!("f:{key}"), field(key, value))).collect::<Map<_, _>>().into()
}

fn field(key: &str, value: &Value) -> Value {
    let Value::Array(items) = value else { return fields(value) };
    let list = match (key, items.first()) {
        ("ports", Some(port)) if port.get("containerPort").is_some() => "containerPorts",
        ("ports", _) => "servicePorts",
        _ => key,
    };
    let Some((_, keys)) = MERGE_KEYS.iter().find(|(name, _)| *name == list) else { return json!({}) };
    let mut all = Map::new();
    for item in items {
        let mut own = fields(item);
        own["."] = json!({});
        let key: Map<String, Value> = keys
            .iter()
            .map(|key| ((*key).to_owned(), item.get(key).cloned().unwrap_or_else(|| "TCP".into())))
            .collect();
        all.insert(format!("k:{}", Value::Object(key)), own);
    }
    all.into()
}
