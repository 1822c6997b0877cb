//! Live objects that Git does not declare, and which of them are nobody's business: the cluster's own, and what
//! controllers make of declared ones.

mod coverage;

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::model::{Desired, Identity, KindKey, Live, ObjectKey};

pub use coverage::{Counted, NamespaceCoverage, Sighting, coverage};

/// Which live objects without a manifest count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Extras {
    /// Those that carry the mark of the deployer which brings this environment.
    #[default]
    Tracked,
    /// Those, and everything in the namespaces in which the environment declares something.
    Namespace,
    /// None.
    Off,
}

/// The mark by which a deployer finds its objects again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// A label with a value.
    Label(&'static str, String),
    /// An annotation with a value.
    Annotation(&'static str, String),
}

/// Labels by which deployers mark what is theirs.
const LABELS: [&str; 6] = [
    "kustomize.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/name",
    "objectset.rio.cattle.io/hash",
    "kapp.k14s.io/app",
    "applyset.kubernetes.io/part-of",
    "app.kubernetes.io/instance",
];
/// The annotation in which Argo CD names the application and the object: `app:group/kind:namespace/name`.
const ARGO_CD: &str = "argocd.argoproj.io/tracking-id";
/// The annotation in which Helm names the release.
const HELM: &str = "meta.helm.sh/release-name";

/// The marks that deployers left on one of an environment's own objects, and that Git itself does not declare.
#[must_use]
pub fn marks(desired: &Desired, live: &Live) -> Vec<Mark> {
    let declared = |mark: &Mark| match mark {
        Mark::Label(key, _) => label(&desired.content, key).is_some(),
        Mark::Annotation(key, _) => annotation(&desired.content, key).is_some(),
    };
    marks_of(live).into_iter().filter(|mark| !declared(mark)).collect()
}

/// The marks of one object. A copied tracking annotation names another object and marks nothing.
fn marks_of(live: &Live) -> Vec<Mark> {
    let labels = LABELS.iter().filter_map(|key| Some(Mark::Label(key, label(&live.content, key)?.to_owned())));
    let release = annotation(&live.content, HELM).map(|release| Mark::Annotation(HELM, release.to_owned()));
    let application = annotation(&live.content, ARGO_CD).and_then(|id| {
        let (application, object) = id.split_once(':')?;
        let KindKey { group, kind } = live.key.type_key.kind_key();
        let namespace = live.key.namespace.as_deref().unwrap_or_default();
        let own = format!("{group}/{kind}:{namespace}/{}", live.key.name);
        // A cluster-scoped object is written with the namespace of its application, or with none.
        let fits = object == own || live.key.namespace.is_none() && object.ends_with(&format!("/{}", live.key.name));
        fits.then(|| Mark::Annotation(ARGO_CD, application.to_owned()))
    });
    labels.chain(release).chain(application).collect()
}

/// Whether one of the environment's `marks` stands on the object.
pub fn is_marked(live: &Live, marks: &BTreeSet<Mark>) -> bool {
    marks_of(live).iter().any(|mark| marks.contains(mark))
}

fn label<'v>(content: &'v Value, key: &str) -> Option<&'v str> {
    content.get("metadata")?.get("labels")?.get(key)?.as_str()
}

fn annotation<'v>(content: &'v Value, key: &str) -> Option<&'v str> {
    content.get("metadata")?.get("annotations")?.get(key)?.as_str()
}

/// Kinds whose objects only the cluster itself writes.
const CLUSTERS_OWN: [(&str, &str); 10] = [
    ("", "Event"),
    ("events.k8s.io", "Event"),
    ("", "Endpoints"),
    ("", "Node"),
    ("", "ComponentStatus"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("coordination.k8s.io", "Lease"),
    ("apps", "ControllerRevision"),
    ("storage.k8s.io", "CSINode"),
    ("storage.k8s.io", "VolumeAttachment"),
];

/// The annotation of a Secret that holds a `ServiceAccount`'s token.
const TOKEN_OF: &str = "kubernetes.io/service-account.name";

/// Objects that every cluster has from its first minute, and Helm's records of its releases: kind and name, `*` at the end for any ending.
const FROM_THE_BEGINNING: [(&str, &str); 9] = [
    ("Secret", "sh.helm.release.v1.*"),
    ("ConfigMap", "kube-root-ca.crt"),
    ("ServiceAccount", "default"),
    ("Service", "kubernetes"),
    ("Namespace", "default"),
    ("Namespace", "kube-*"),
    ("PriorityClass", "system-*"),
    ("ClusterRole", "system:*"),
    ("ClusterRoleBinding", "system:*"),
];

/// Labels and annotations by which the API server marks what it maintains itself.
const MAINTAINED: [&str; 4] = [
    "/metadata/labels/kubernetes.io~1bootstrapping",
    "/metadata/labels/kube-aggregator.kubernetes.io~1automanaged",
    "/metadata/annotations/apf.kubernetes.io~1autoupdate-spec",
    "/metadata/annotations/pv.kubernetes.io~1provisioned-by",
];

/// Types of Secrets that controllers and Helm write.
const SECRET_TYPES: [&str; 3] =
    ["kubernetes.io/service-account-token", "helm.sh/release.v1", "bootstrap.kubernetes.io/token"];

/// The objects among `lives` that are extra: not declared, without an owner, and nobody's but a person's.
pub fn extras<'l>(declared: &[&ObjectKey], lives: impl Iterator<Item = &'l Live>) -> Vec<&'l Live> {
    let others = Others::of(declared);
    lives.filter(|live| others.contain(&live.key) && !is_the_clusters(live)).collect()
}

/// What is neither declared nor made of what is.
struct Others<'d> {
    declared: &'d [&'d ObjectKey],
    known: HashSet<Identity>,
    sets: Vec<&'d ObjectKey>,
}

impl<'d> Others<'d> {
    fn of(declared: &'d [&'d ObjectKey]) -> Self {
        let known = declared.iter().map(|key| key.identity()).collect();
        let sets = declared.iter().copied().filter(|key| key.type_key.kind == "StatefulSet").collect();
        Self { declared, known, sets }
    }

    fn contain(&self, key: &ObjectKey) -> bool {
        !self.known.contains(&key.identity()) && !is_a_claim_of(key, &self.sets) && !is_made_of(key, self.declared)
    }
}

/// Whether an object is the cluster's own or a controller's: nobody's business, declared or not.
#[must_use]
pub fn is_the_clusters(live: &Live) -> bool {
    let KindKey { group, kind } = live.key.type_key.kind_key();
    let name = live.key.name.as_str();
    let owned = live.content.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let secret_type = live.content.get("type").and_then(Value::as_str);
    owned.is_some_and(|owners| !owners.is_empty())
        || is_extraneous(live)
        || CLUSTERS_OWN.contains(&(group.as_str(), kind.as_str()))
        || FROM_THE_BEGINNING.iter().any(|(of, pattern)| *of == kind && fits(pattern, name))
        || MAINTAINED.iter().any(|pointer| live.content.pointer(pointer).is_some())
        || (kind == "Secret" && annotation(&live.content, TOKEN_OF).is_some())
        || (kind == "Secret" && secret_type.is_some_and(|of| SECRET_TYPES.contains(&of)))
}

/// Whether Argo CD was told to live with the object although no application declares it.
///
/// Rule: `controller/state.go`: one of several options with a comma between them.
fn is_extraneous(live: &Live) -> bool {
    let options = annotation(&live.content, "argocd.argoproj.io/compare-options").unwrap_or_default();
    options.split(',').any(|option| option.trim() == "IgnoreExtraneous")
}

fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

/// What controllers make, and of what: they put the maker's name before their own.
const MADE: [(&str, &[&str]); 3] = [
    ("ReplicaSet", &["Deployment"]),
    ("Job", &["CronJob"]),
    ("Pod", &["CronJob", "DaemonSet", "Deployment", "Job", "ReplicaSet", "ReplicationController", "StatefulSet"]),
];

/// Whether an object that names no owner is what a controller made of a declared one: it may have been orphaned.
fn is_made_of(made: &ObjectKey, declared: &[&ObjectKey]) -> bool {
    let Some((_, makers)) = MADE.iter().find(|(kind, _)| *kind == made.type_key.kind) else { return false };
    declared.iter().any(|key| {
        makers.contains(&key.type_key.kind.as_str())
            && key.namespace == made.namespace
            && made.name.strip_prefix(key.name.as_str()).and_then(|rest| rest.strip_prefix('-')).is_some_and(is_given)
    })
}

/// Whether the rest of a name is one that a controller gives: numbers, hashes and random words.
///
/// Rule: `k8s.io/apimachinery`, `pkg/util/rand`, whose alphabet makes no words of any language.
fn is_given(rest: &str) -> bool {
    const ALPHABET: &str = "bcdfghjklmnpqrstvwxz2456789";
    rest.split('-').all(|part| {
        let number = part.bytes().all(|byte| byte.is_ascii_digit());
        !part.is_empty() && (number || part.chars().all(|character| ALPHABET.contains(character)))
    })
}

/// Whether a claim is what a declared `StatefulSet` makes of its template: `TEMPLATE-SET-ORDINAL`.
///
/// Rule: `pkg/controller/statefulset/stateful_set_utils.go`, `getPersistentVolumeClaimName`.
fn is_a_claim_of(claim: &ObjectKey, sets: &[&ObjectKey]) -> bool {
    let Some((rest, ordinal)) = claim.name.rsplit_once('-') else { return false };
    claim.type_key.kind == "PersistentVolumeClaim"
        && ordinal.bytes().all(|byte| byte.is_ascii_digit())
        && sets.iter().any(|set| {
            set.namespace == claim.namespace
                && rest
                    .strip_suffix(set.name.as_str())
                    .is_some_and(|template| template.len() > 1 && template.ends_with('-'))
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::drift::model::{Declared, Redactor, TypeKey};

    fn live(api_version: &str, kind: &str, name: &str, more: Value) -> Live {
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "n"}});
        for (key, value) in more.as_object().unwrap() {
            match key.as_str() {
                "type" => object["type"] = value.clone(),
                key => object["metadata"][key] = value.clone(),
            }
        }
        Declared::new(object, &Redactor::new(&[0; 32])).unwrap().into()
    }

    fn key(kind: &str, name: &str) -> ObjectKey {
        ObjectKey { type_key: TypeKey::new("apps/v1", kind), namespace: Some("n".into()), name: name.into() }
    }

    #[test]
    fn a_hand_made_object_is_extra() {
        let lives = [
            live("apps/v1", "Deployment", "hand-made", json!({})),
            live("v1", "PersistentVolumeClaim", "x-1", json!({})),
        ];
        let set = key("StatefulSet", "db");
        assert_eq!(extras(&[&set], lives.iter()).len(), 2);
    }

    #[test]
    fn what_controllers_made_of_declared_objects_is_not_extra_even_without_an_owner() {
        let (web, nightly) = (key("Deployment", "web"), key("CronJob", "nightly"));
        let made = [
            live("apps/v1", "ReplicaSet", "web-5d9c", json!({})),
            live("v1", "Pod", "web-5d9c-x7k2p", json!({})),
            live("batch/v1", "Job", "nightly-29384", json!({})),
            live("v1", "Pod", "nightly-29384-q", json!({})),
        ];
        assert!(extras(&[&web, &nightly], made.iter()).is_empty());
        let others = [
            live("v1", "Pod", "website", json!({})),
            live("v1", "Pod", "web-debug", json!({})),
            live("batch/v1", "Job", "web-job", json!({})),
            live("apps/v1", "ReplicaSet", "nightly-1", json!({})),
            live("v1", "ConfigMap", "web-settings", json!({})),
        ];
        assert_eq!(extras(&[&web, &nightly], others.iter()).len(), 5);
    }

    #[test]
    fn declared_owned_and_the_clusters_own_are_not() {
        let lives = [
            live("apps/v1", "Deployment", "declared", json!({})),
            live(
                "apps/v1",
                "ReplicaSet",
                "r",
                json!({"ownerReferences": [{"kind": "Deployment", "name": "declared"}]}),
            ),
            live("v1", "ConfigMap", "kube-root-ca.crt", json!({})),
            live("v1", "ServiceAccount", "default", json!({})),
            live("v1", "PersistentVolumeClaim", "data-db-0", json!({})),
            live("v1", "Secret", "sh.helm.release.v1.x.v1", json!({"type": "helm.sh/release.v1"})),
            live("v1", "Endpoints", "e", json!({})),
            live(
                "v1",
                "ConfigMap",
                "tolerated",
                json!({"annotations": {"argocd.argoproj.io/compare-options": "ServerSideDiff=true, IgnoreExtraneous"}}),
            ),
            live(
                "rbac.authorization.k8s.io/v1",
                "ClusterRole",
                "admin",
                json!({"labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}),
            ),
        ];
        let (deployment, set) = (key("Deployment", "declared"), key("StatefulSet", "db"));
        assert!(extras(&[&deployment, &set], lives.iter()).is_empty());
    }

    #[test]
    fn coverage_counts_each_object_once_and_leaves_out_what_is_nobodys() {
        let mut lives = vec![
            live("apps/v1", "Deployment", "declared", json!({})),
            live("apps/v1", "Deployment", "by-hand", json!({})),
            live("v1", "ConfigMap", "kube-root-ca.crt", json!({})),
            live("v1", "Pod", "p", json!({"ownerReferences": [{"kind": "ReplicaSet", "name": "r"}]})),
            live("v1", "Secret", "elsewhere", json!({"namespace": "other"})),
        ];
        lives.push(lives[1].clone());
        let (declared, gone) = (key("Deployment", "declared"), key("Deployment", "gone"));
        let counted = coverage(&[&declared, &gone], lives.iter().map(Sighting::from), Counted::All);
        let expected = NamespaceCoverage { namespace: "n".into(), kinds: Counted::All, declared: 1, undeclared: 1 };
        assert_eq!(counted, [expected]);
    }
}
