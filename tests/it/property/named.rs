//! What random runs have found on a real API server, each as a case of its own.

use serde_json::{Value, json};

use super::agreement::{self, Asked};
use super::change::{KUBECTL, PERSON};
use super::deploy::Mode;
use super::deploy::Mode::{ClientSide, Helm, ServerSide};
use super::openapi::OpenApi;
use super::scan::Scanner;
use super::{plane, type_of};
use crate::fixture::Patch;

/// What happens after the deployment.
enum Then {
    Nothing,
    /// A person writes the object with this merged into it.
    Edit(Value),
    /// A person writes it with this as one of its fields or elements.
    Set(&'static str, Value),
    /// A person applies this beside what was deployed.
    Apply(&'static str),
    /// What was deployed before is what lives.
    Before(&'static str),
}

struct Named {
    what: &'static str,
    modes: &'static [Mode],
    git: &'static str,
    then: Then,
    /// Path, change and origin of all that must be found.
    found: &'static [(&'static str, &'static str, &'static str)],
    /// What must be said to have no effect.
    vain: &'static [&'static str],
}

const ALL: &[Mode] = &[ClientSide, ServerSide, Helm];

const DAEMON_SET: &str = "{apiVersion: apps/v1, kind: DaemonSet, spec: {selector: {matchLabels: {a: b}}, template: \
    {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: example/a, envFrom: []}]}}}}";
const GPU_POD: &str = "{apiVersion: v1, kind: Pod, metadata: {labels: {a: b}}, spec: {tolerations: [{key: gpu, operator: \
    Exists}], containers: [{name: a, image: example/a}]}}";
const GROUPED_POD: &str = "{apiVersion: v1, kind: Pod, spec: {schedulingGroup: {podGroupName: g}, containers: [{name: a, \
    image: example/a}]}}";
const BINDING: &str = "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, metadata: \
    {labels: {a: b}}, spec: {policyName: nothing, validationActions: [Deny]}}";
const ROLE: &str = "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {labels: {a: b}}, rules: \
    [{apiGroups: [''], resources: [pods], verbs: [get]}]}";
const SLICE: &str = "{apiVersion: resource.k8s.io/v1, kind: ResourceSlice, spec: {driver: gpu.example.com, nodeName: node-1, \
    pool: {name: p, generation: 1, resourceSliceCount: 1}, devices: [{name: d, taints: [{key: broken, effect: \
    NoSchedule}]}]}}";
const CLAIM: &str = "{apiVersion: v1, kind: PersistentVolumeClaim, spec: {accessModes: [ReadWriteOnce], resources: \
    {requests: {storage: 1Gi}}, dataSource: {kind: Other, name: x}}}";

fn of_metadata() -> Vec<Named> {
    vec![
        Named {
            what: "an annotation stands by itself where the server writes others",
            modes: ALL,
            git: DAEMON_SET,
            then: Then::Edit(json!({"metadata": {"annotations": {"a": "b"}}})),
            found: &[("metadata.annotations.a", "added", "manual")],
            vain: &[],
        },
        Named {
            what: "the first annotation brings the map, also beside that of kubectl",
            modes: ALL,
            git: "{apiVersion: v1, kind: ConfigMap, metadata: {labels: {a: b}}, data: {a: b}}",
            then: Then::Edit(json!({"metadata": {"annotations": {"a": "b"}}})),
            found: &[("metadata.annotations", "added", "manual")],
            vain: &[],
        },
        Named {
            what: "of an object without managedFields nobody knows who wrote it",
            modes: &[ServerSide, Helm],
            git: "{apiVersion: v1, kind: ServiceAccount}",
            then: Then::Edit(json!({"metadata": {"labels": {"a": "b"}}})),
            found: &[("metadata.labels", "added", "unknown")],
            vain: &[],
        },
        Named {
            what: "a map that is declared empty owns nothing of what the server copies into it",
            modes: ALL,
            git: "{apiVersion: batch/v1, kind: Job, metadata: {labels: {}}, spec: {template: {metadata: {labels: {a: b}}, \
                  spec: {restartPolicy: Never, containers: [{name: a, image: example/a}]}}}}",
            then: Then::Nothing,
            found: &[],
            vain: &[],
        },
    ]
}

fn of_values() -> Vec<Named> {
    vec![
        Named {
            what: "a zero that is always written is changed, not removed",
            modes: ALL,
            git: "{apiVersion: apps/v1, kind: ControllerRevision, revision: 1, data: {a: 1}}",
            then: Then::Edit(json!({"revision": 0})),
            found: &[("revision", "changed", "manual")],
            vain: &[],
        },
        Named {
            what: "what admission appends to declared tolerations is silent",
            modes: ALL,
            git: GPU_POD,
            then: Then::Nothing,
            found: &[],
            vain: &[],
        },
        Named {
            what: "a toleration that a person adds to declared ones is found",
            modes: ALL,
            git: GPU_POD,
            then: Then::Set("/spec/tolerations/3", json!({"key": "spot", "operator": "Exists"})),
            found: &[("spec.tolerations", "changed", "manual")],
            vain: &[],
        },
        Named {
            what: "what admission appends to declared taints is silent",
            modes: ALL,
            git: "{apiVersion: v1, kind: Node, spec: {taints: [{key: gpu, effect: NoSchedule}]}}",
            then: Then::Nothing,
            found: &[],
            vain: &[],
        },
        Named {
            what: "a Secret that a person adds to a service account is found",
            modes: ALL,
            git: "{apiVersion: v1, kind: ServiceAccount, metadata: {labels: {a: b}}}",
            then: Then::Edit(json!({"secrets": [{"name": "mine"}]})),
            found: &[("secrets", "added", "manual")],
            vain: &[],
        },
        Named {
            what: "an object that is declared at two versions is read at each",
            modes: ALL,
            git: "{apiVersion: property.example.com/v1beta1, kind: Engine, spec: {memory: 1Gi}}",
            then: Then::Nothing,
            found: &[],
            vain: &[],
        },
        Named {
            what: "the other version",
            modes: ALL,
            git: "{apiVersion: property.example.com/v1, kind: Engine, spec: {memory: 1Gi}}",
            then: Then::Nothing,
            found: &[],
            vain: &[],
        },
    ]
}

fn of_removals() -> Vec<Named> {
    vec![
        Named {
            what: "a container that is gone is removed although its empty list has an owner",
            modes: &[ServerSide],
            git: DAEMON_SET,
            then: Then::Set("/spec/template/spec/containers/0/name", json!("b")),
            found: &[
                ("spec.template.spec.containers[name=a]", "removed", "manual"),
                ("spec.template.spec.containers[name=b]", "added", "manual"),
            ],
            vain: &[],
        },
        Named {
            what: "a member that is gone is removed although its set has an owner",
            modes: ALL,
            git: BINDING,
            then: Then::Set("/spec/validationActions", json!(["Audit"])),
            found: &[
                ("spec.validationActions[Audit]", "added", "manual"),
                ("spec.validationActions[Deny]", "removed", "manual"),
            ],
            vain: &[],
        },
        Named {
            what: "a list that was deployed empty is removed",
            modes: ALL,
            git: ROLE,
            then: Then::Before(
                "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {labels: {a: b}}, rules: []}",
            ),
            found: &[("rules", "removed", "unknown")],
            vain: &[],
        },
        Named {
            what: "a map that was deployed empty is removed",
            modes: ALL,
            git: "{apiVersion: v1, kind: ConfigMap, metadata: {labels: {a: b}}, data: {a: b}}",
            then: Then::Before("{apiVersion: v1, kind: ConfigMap, metadata: {labels: {}}, data: {a: b}}"),
            found: &[("metadata.labels", "removed", "unknown")],
            vain: &[],
        },
        Named {
            what: "what a feature gate drops has no effect",
            modes: ALL,
            git: GROUPED_POD,
            then: Then::Nothing,
            found: &[],
            vain: &["spec.schedulingGroup"],
        },
        Named {
            what: "a source of data that the server does not know has no effect",
            modes: ALL,
            git: CLAIM,
            then: Then::Nothing,
            found: &[],
            vain: &["spec.dataSource"],
        },
        Named {
            what: "what the server clears of a service account's Secrets has no effect",
            modes: ALL,
            git: "{apiVersion: v1, kind: ServiceAccount, secrets: [{name: s, namespace: other}]}",
            then: Then::Nothing,
            found: &[],
            vain: &["secrets[name=s].namespace"],
        },
    ]
}

fn of_what_follows_another() -> Vec<Named> {
    vec![
        Named {
            what: "of a mirrored pair that a deployer declared the newer field is found",
            modes: &[ClientSide, ServerSide],
            git: "{apiVersion: v1, kind: PersistentVolumeClaim, spec: {accessModes: [ReadWriteOnce], resources: {requests: \
                  {storage: 1Gi}}}}",
            then: Then::Before(
                "{apiVersion: v1, kind: PersistentVolumeClaim, spec: {accessModes: [ReadWriteOnce], resources: {requests: \
                 {storage: 1Gi}}, dataSourceRef: {apiGroup: example.com, kind: Other, name: x}}}",
            ),
            found: &[("spec.dataSourceRef", "added", "stale")],
            vain: &[],
        },
        Named {
            what: "the time of a taint is found where Git declares it",
            modes: ALL,
            git: "{apiVersion: v1, kind: Node, spec: {taints: [{key: gpu, effect: NoExecute, timeAdded: \
                  '2026-01-02T03:04:05Z'}]}}",
            then: Then::Before("{apiVersion: v1, kind: Node, spec: {taints: [{key: gpu, effect: NoExecute}]}}"),
            found: &[("spec.taints", "changed", "unknown")],
            vain: &[],
        },
        Named {
            what: "the time of a taint is found where a person wrote it and Git has none",
            modes: ALL,
            git: "{apiVersion: v1, kind: Node, spec: {taints: [{key: gpu, effect: NoExecute}]}}",
            then: Then::Set("/spec/taints/0/timeAdded", json!("2026-01-02T03:04:05Z")),
            found: &[("spec.taints", "changed", "manual")],
            vain: &[],
        },
    ]
}

fn of_what_the_server_fills_in() -> Vec<Named> {
    vec![
        Named {
            what: "an older name of a field is found where both names were changed",
            modes: ALL,
            git: "{apiVersion: v1, kind: PodTemplate, metadata: {labels: {a: b}}, template: {metadata: {labels: {a: b}}, \
                  spec: {serviceAccount: mine, containers: [{name: a, image: example/a}]}}}",
            then: Then::Edit(json!({"template": {"spec": {"serviceAccount": "other", "serviceAccountName": "other"}}})),
            found: &[("template.spec.serviceAccount", "changed", "manual")],
            vain: &[],
        },
        Named {
            what: "a struct in which somebody applied nothing is found beside the zero that the server writes into it",
            modes: ALL,
            git: "{apiVersion: apps/v1, kind: StatefulSet, spec: {serviceName: s, selector: {matchLabels: {a: b}}, \
                  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: example/a}]}}}}",
            then: Then::Apply("{spec: {ordinals: {}}}"),
            found: &[("spec.ordinals", "added", "manual")],
            vain: &[],
        },
        Named {
            what: "a zero leaves a field to the server that it fills in",
            modes: ALL,
            git: "{apiVersion: v1, kind: Pod, metadata: {labels: {a: b}}, spec: {serviceAccountName: '', containers: \
                  [{name: a, image: example/a}]}}",
            then: Then::Before(
                "{apiVersion: v1, kind: Pod, metadata: {labels: {a: b}}, spec: {serviceAccountName: x, containers: \
                 [{name: a, image: example/a}]}}",
            ),
            found: &[],
            vain: &[],
        },
        Named {
            what: "what the server clears inside a list that is one value is silent",
            modes: ALL,
            git: "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {labels: {a: b}}, addressType: IPv4, \
                  endpoints: [{addresses: [10.1.2.3], deprecatedTopology: {a: b}}]}",
            then: Then::Nothing,
            found: &[],
            vain: &[],
        },
        Named {
            what: "the time that the server gives the taints of a device is silent",
            modes: ALL,
            git: SLICE,
            then: Then::Nothing,
            found: &[],
            vain: &[],
        },
        Named {
            what: "what else differs in the list of devices is found",
            modes: ALL,
            git: SLICE,
            then: Then::Set("/spec/devices/0/taints/0/effect", json!("NoExecute")),
            found: &[("spec.devices", "changed", "manual")],
            vain: &[],
        },
        Named {
            what: "a set inside an atomic list has no order",
            modes: ALL,
            git: "{apiVersion: property.example.com/v1, kind: Platform, spec: {worker: {spec: {containers: [{name: a, \
                  restartPolicyRules: [{action: a, exitCodes: {operator: In, values: [1, 2]}}]}]}}}}",
            then: Then::Set("/spec/worker/spec/containers/0/restartPolicyRules/0/exitCodes/values", json!([2, 1])),
            found: &[],
            vain: &[],
        },
        Named {
            what: "what the server fills in beside a change is not told apart from it",
            modes: ALL,
            git: "{apiVersion: v1, kind: Service, spec: {selector: {a: b}, ports: [{port: 80}], sessionAffinity: None, \
                  sessionAffinityConfig: {}}}",
            then: Then::Edit(json!({"spec": {"sessionAffinity": "ClientIP"}})),
            found: &[("spec.sessionAffinity", "changed", "manual")],
            vain: &[],
        },
    ]
}

fn read(text: &str) -> Value {
    let mut documents = driftd::yaml::documents(text.as_bytes(), &driftd::yaml::Budget::default());
    documents.remove(0).expect("YAML").value
}

#[test]
fn what_random_runs_have_found_is_right_for_good() {
    let plane = plane();
    let namespace = plane.namespace("named");
    let api = namespace.admin.api();
    let scanner = Scanner::new(plane.admin().path());
    let named: Vec<Named> =
        [of_metadata(), of_values(), of_removals(), of_what_follows_another(), of_what_the_server_fills_in()]
            .into_iter()
            .flatten()
            .collect();
    let cases: Vec<(&Named, Mode, Value, String)> = named
        .iter()
        .flat_map(|case| case.modes.iter().map(move |mode| (case, *mode)))
        .enumerate()
        .map(|(number, (case, mode))| {
            let mut manifest = read(case.git);
            manifest["metadata"]["name"] = format!("named-{number}").into();
            let [version, kind] = type_of(&manifest);
            let path = api.path(version, kind, &namespace.name, &format!("named-{number}"));
            (case, mode, manifest, path)
        })
        .collect();
    let manifests: Vec<&Value> = cases.iter().map(|(_, _, manifest, _)| manifest).collect();
    let openapi = OpenApi::of(api, &manifests);
    for (case, mode, manifest, path) in &cases {
        mode.again(api, path, manifest).unwrap_or_else(|error| panic!("{}: {error}", case.what));
    }
    let said = scanner.scan(&manifests, &namespace.name);
    for (case, mode, manifest, _) in &cases {
        let said = said.of(manifest).expect("it was compared");
        assert!(said.findings.is_empty(), "{} ({mode:?}): {said:?}", case.what);
        assert_eq!(said.warnings, case.vain, "{} ({mode:?}): {said:?}", case.what);
    }
    for (case, mode, _, path) in &cases {
        case.happens(api, *mode, path);
    }
    let said = scanner.scan(&manifests, &namespace.name);
    let asked = cases.iter().map(|(_, mode, manifest, path)| Asked { name: format!("{mode:?}"), manifest, path });
    let mut disputed = Vec::new();
    agreement::judge(api, &openapi, &asked.collect::<Vec<_>>(), &said, "named", &mut disputed);
    assert!(disputed.is_empty(), "{}", disputed.join("\n\n"));
    for (case, mode, manifest, path) in &cases {
        let said = said.of(manifest).expect("it was compared");
        let found: Vec<_> =
            said.findings.iter().map(|finding| (finding.path.as_str(), finding.change, finding.origin)).collect();
        assert_eq!(found, case.found, "{} ({mode:?}): {}", case.what, api.get(path).expect("it lives"));
        super::deploy::delete(api, path);
    }
}

impl Named {
    fn happens(&self, api: &crate::fixture::Api, mode: Mode, path: &str) {
        let done = match &self.then {
            Then::Nothing => return,
            Then::Edit(merged) => api.patch(path, Patch::Merge, merged, PERSON),
            Then::Set(pointer, value) => {
                let steps = json!([{"op": "add", "path": pointer, "value": value}]);
                api.patch(path, Patch::Json, &steps, PERSON)
            }
            Then::Apply(manifest) => {
                let mut manifest = read(manifest);
                let live = api.get(path).expect("it lives");
                for key in ["apiVersion", "kind"] {
                    manifest[key] = live[key].clone();
                }
                api.patch(path, Patch::ApplyByForce, &manifest, KUBECTL)
            }
            Then::Before(manifest) => {
                let mut manifest = read(manifest);
                manifest["metadata"]["name"] = path.rsplit('/').next().into();
                mode.again(api, path, &manifest)
            }
        };
        done.unwrap_or_else(|error| panic!("{}: {error}", self.what));
    }
}
