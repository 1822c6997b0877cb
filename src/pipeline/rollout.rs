//! What runs in the Pods of declared workloads: looked up where it may differ, and brought into the report.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::StreamExt as _;
use jiff::Timestamp;

use crate::drift::classify::{self, Subject};
use crate::drift::model::{
    Candidate, Change, Declarations, Desired, FieldPath, Finding, Gap, GapReason, ImageChange, ObjectAssessment,
    ObjectKey, Origin, Packed, PathStep, PodShare, Pointer, Position, Redaction, Shown, State, Warning,
};
use crate::drift::rollout::{
    self, Because, Deviation, Kind, Labels, Metadata, Place, Pod, Revision, Rollout, Template, Workload,
};
use crate::live::{Listing, Source, Wanted};

use super::{Rules, Seen};

/// Requests under way at once.
const CONCURRENCY: usize = 8;

/// The rollouts that have to be judged, each with its workload.
pub(super) type Rollouts = Vec<(ObjectKey, Rollout)>;

/// The templates that may be read, by the kind of their workloads and the namespace.
type Revisions = BTreeMap<(Kind, String), Vec<Revision>>;

/// The Pods of each namespace, or why they are not known.
pub(super) type Listed = Vec<(String, Result<Vec<Pod>, Gap>)>;

/// Pods by the namespace, kind and name of what controls them.
type Owned<'p> = HashMap<(&'p str, &'p str, &'p str), Vec<&'p Pod>>;

/// The namespaces in which something is looked for that makes Pods.
pub(super) fn namespaces(wanted: &[Wanted]) -> BTreeSet<String> {
    let workloads = wanted.iter().filter(|scope| Kind::of(&scope.type_key).is_some());
    workloads.filter_map(|scope| scope.namespace.clone()).collect()
}

/// A declared workload that lives, and what its Pods are looked up by.
struct Declared<'a> {
    desired: &'a Packed,
    template: Option<&'a Template>,
    kind: Kind,
    namespace: &'a str,
}

impl Declared<'_> {
    fn scope(&self) -> (Kind, String) {
        (self.kind, self.namespace.to_owned())
    }

    /// The rollout with the Pods and revisions that are this object's and not those of an earlier one of its name.
    fn rollout(
        &self,
        workload: Workload,
        pods: &[&Pod],
        revisions: &[Revision],
        nodes: Option<Arc<HashMap<String, Labels>>>,
    ) -> Rollout {
        let controls = |object: &Metadata| object.controller().is_some_and(|owner| owner.uid == workload.metadata.uid);
        let is_own = |pod: &&&Pod| match pod.metadata.controller() {
            Some(set) if self.kind == Kind::Deployment => {
                let set = revisions.iter().find(|revision| revision.metadata.uid == set.uid);
                set.is_none_or(|set| controls(&set.metadata))
            }
            _ => controls(&pod.metadata),
        };
        Rollout {
            kind: self.kind,
            declared: self.desired.unpack().content,
            pods: pods.iter().filter(is_own).copied().cloned().collect(),
            revisions: revisions.iter().filter(|revision| controls(&revision.metadata)).cloned().collect(),
            nodes,
            workload,
        }
    }

    fn pods<'m>(&'m self, owned: &'m Owned<'_>) -> &'m [&'m Pod] {
        owned.get(&(self.namespace, self.kind.as_str(), &self.desired.key.name)).map(Vec::as_slice).unwrap_or_default()
    }
}

/// What could not be read on the way.
#[derive(Default)]
struct Unread(Vec<Gap>);

impl Unread {
    /// What was read. A right that is missing is noted: no declared object depends on it. Anything else is a gap.
    fn take<T>(&mut self, read: Result<T, Gap>) -> Option<T> {
        match read {
            Ok(read) => return Some(read),
            Err(gap) if matches!(gap.reason, GapReason::Forbidden | GapReason::NotServed) => {
                tracing::info!(scope = gap.scope, "running images are judged without: {}", gap.message);
            }
            Err(gap) if self.0.contains(&gap) => {}
            Err(gap) => self.0.push(gap),
        }
        None
    }
}

/// Everything that is needed to judge the workloads whose Pods do not all run the image of the template, and what is not
/// known of them. Where all do, which is nearly always and everywhere, the Pods are all that is read.
pub(super) async fn look(
    source: &Source,
    declared: &Declarations,
    listing: &Listing<Seen>,
    pods: Listed,
    mirrors: &BTreeMap<String, String>,
) -> (Rollouts, Vec<Gap>) {
    let mut unread = Unread::default();
    let pods = pods.into_iter().filter_map(|(namespace, pods)| Some((namespace, unread.take(pods)?))).collect();
    let workloads: Vec<Declared<'_>> =
        declared.objects().iter().filter_map(|object| workload(object, listing)).collect();
    let mut revisions = Revisions::new();
    let deployments = workloads.iter().filter(|one| one.kind == Kind::Deployment);
    let mut scopes: BTreeSet<_> = deployments.map(Declared::scope).collect();
    scopes.retain(|(_, namespace)| are_unclear(&pods, namespace));
    read_revisions(source, scopes, &mut revisions, &mut unread).await;
    let (suspects, unlike) = suspects(&workloads, &by_workload(&pods, &revisions), mirrors);
    if suspects.is_empty() {
        return (Vec::new(), unread.0);
    }
    let scopes = suspects.iter().map(|one| one.scope()).filter(|scope| !revisions.contains_key(scope)).collect();
    read_revisions(source, scopes, &mut revisions, &mut unread).await;
    let nodes = if unlike { unread.take(source.nodes().await).map(Arc::new) } else { None };
    let owned = by_workload(&pods, &revisions);
    let mut rollouts = Vec::new();
    for (suspect, workload) in read_workloads(source, suspects).await {
        let Some(workload) = unread.take(workload) else { continue };
        let revisions = revisions.get(&suspect.scope()).map(Vec::as_slice).unwrap_or_default();
        let pods = suspect.pods(&owned);
        let key = suspect.desired.key.clone();
        rollouts.push((key, suspect.rollout(workload, pods, revisions, nodes.clone())));
    }
    (rollouts, unread.0)
}

/// The workloads whose Pods deserve a closer look, and whether it takes the Nodes for it.
fn suspects<'w>(
    workloads: &'w [Declared<'w>],
    owned: &Owned<'_>,
    mirrors: &BTreeMap<String, String>,
) -> (Vec<&'w Declared<'w>>, bool) {
    let (mut suspects, mut unlike) = (Vec::new(), false);
    for workload in workloads {
        let own: Vec<&Pod> = workload.pods(owned).iter().copied().filter(|pod| pod.is_alive()).collect();
        let of_two_images = rollout::are_unlike(&own);
        let others = |template| rollout::are_others(template, &own, mirrors);
        if of_two_images || workload.template.is_some_and(others) {
            suspects.push(workload);
        }
        unlike |= of_two_images;
    }
    (suspects, unlike)
}

fn workload<'a>(desired: &'a Packed, listing: &'a Listing<Seen>) -> Option<Declared<'a>> {
    let kind = Kind::of(&desired.key.type_key)?;
    let seen = listing.get(&desired.key).filter(|seen| !seen.is_terminating())?;
    Some(Declared { desired, template: seen.template.as_deref(), kind, namespace: desired.key.namespace.as_deref()? })
}

async fn read_revisions(
    source: &Source,
    scopes: BTreeSet<(Kind, String)>,
    revisions: &mut Revisions,
    unread: &mut Unread,
) {
    let lists = scopes.into_iter().map(|(kind, namespace)| async move {
        let list = source.revisions(kind, &namespace).await;
        ((kind, namespace), list)
    });
    let lists: Vec<_> = lists.collect();
    let lists: Vec<_> = futures_util::stream::iter(lists).buffered(CONCURRENCY).collect().await;
    revisions.extend(lists.into_iter().map(|(scope, list)| (scope, unread.take(list).unwrap_or_default())));
}

async fn read_workloads<'w>(
    source: &Source,
    suspects: Vec<&'w Declared<'w>>,
) -> Vec<(&'w Declared<'w>, Result<Workload, Gap>)> {
    let reads = suspects.into_iter().map(|suspect| async move {
        let workload = source.workload(suspect.kind, suspect.namespace, &suspect.desired.key.name).await;
        (suspect, workload)
    });
    let reads: Vec<_> = reads.collect();
    futures_util::stream::iter(reads).buffered(CONCURRENCY).collect().await
}

/// Whether Pods of a namespace belong to `ReplicaSet`s whose names do not tell their Deployment.
fn are_unclear(pods: &HashMap<String, Vec<Pod>>, namespace: &str) -> bool {
    let of_replica_set = |pod: &&Pod| pod.metadata.controller().is_some_and(|owner| owner.kind == "ReplicaSet");
    let mut all = pods.get(namespace).into_iter().flatten().filter(of_replica_set);
    all.any(|pod| deployment_by_name(pod).is_none())
}

/// The Deployment of a Pod by the name of its `ReplicaSet`.
///
/// Rule: `pkg/controller/deployment/sync.go`, `getNewReplicaSet`: the Deployment's name, a dash, and the hash that also
/// labels the Pod.
fn deployment_by_name(pod: &Pod) -> Option<&str> {
    let hash = pod.metadata.labels.pod_template_hash.as_deref()?;
    pod.metadata.controller()?.name.strip_suffix(hash)?.strip_suffix('-')
}

/// Pods by namespace, kind and name of the workload that controls them, those of a Deployment through their `ReplicaSet`.
fn by_workload<'p>(pods: &'p HashMap<String, Vec<Pod>>, revisions: &'p Revisions) -> Owned<'p> {
    let sets = revisions.iter().filter(|((kind, _), _)| *kind == Kind::Deployment).flat_map(|(_, sets)| sets);
    let sets: HashMap<&str, &Revision> = sets.map(|set| (set.metadata.uid.as_str(), set)).collect();
    let mut owned = Owned::new();
    for (namespace, pod) in pods.iter().flat_map(|(namespace, pods)| pods.iter().map(move |pod| (namespace, pod))) {
        let Some(made_by) = pod.metadata.controller() else { continue };
        let workload = match sets.get(made_by.uid.as_str()).and_then(|set| set.metadata.controller()) {
            Some(of_set) => Some((of_set.kind.as_str(), of_set.name.as_str())),
            None if made_by.kind == "ReplicaSet" => {
                deployment_by_name(pod).map(|name| (Kind::Deployment.as_str(), name))
            }
            None => Some((made_by.kind.as_str(), made_by.name.as_str())),
        };
        if let Some((kind, name)) = workload {
            owned.entry((namespace, kind, name)).or_default().push(pod);
        }
    }
    owned
}

/// Brings what the Pods of `rollouts` run at `now` into the verdicts on their workloads.
pub(super) fn judge(
    objects: &mut [ObjectAssessment],
    rollouts: &Rollouts,
    declared: &Declarations,
    (environment, rules): (&str, &Rules),
    now: Timestamp,
) {
    let places: HashMap<_, usize> = match rollouts.as_slice() {
        [] => return,
        _ => objects.iter().enumerate().map(|(place, object)| (object.key.identity(), place)).collect(),
    };
    for (key, rollout) in rollouts {
        let Some(desired) = declared.get(key).map(Packed::unpack) else { continue };
        let desired = &desired;
        let place = places.get(&key.identity());
        let Some(object) = place.and_then(|place| objects.get_mut(*place)) else { continue };
        if !matches!(object.state, State::InSync | State::Modified) {
            continue;
        }
        for deviation in rollout::judge(rollout, &rules.image_mirrors, now) {
            let told = Told::new(&deviation, desired, environment, &rules.redaction);
            match deviation.because {
                Because::Of(because) => {
                    let pods = PodShare { count: deviation.count, of: deviation.of, because };
                    object.findings.push(told.finding(desired, environment, pods));
                }
                Because::Deliberate(why) => object.warnings.push(told.statement(&deviation, why)),
            }
        }
        object.findings.sort_by_cached_key(|finding| finding.path.to_string());
        object.warnings.sort_by_cached_key(|warning| warning.path.to_string());
        object.settle();
    }
}

/// A deviation as it may be shown.
struct Told {
    path: FieldPath,
    pointer: Pointer,
    source: Position,
    desired: Shown,
    live: Shown,
}

impl Told {
    fn new(deviation: &Deviation, desired: &Desired, environment: &str, redaction: &Redaction) -> Self {
        let Place { list, index, name } = &deviation.place;
        let list_of = |root: Pointer| ["spec", "template", "spec", list].iter().fold(root, |at, key| at.key(key));
        let mut steps: Vec<PathStep> =
            ["spec", "template", "spec", list].map(|key| PathStep::Key(key.to_owned())).to_vec();
        steps.push(PathStep::Element(vec![("name".to_owned(), name.as_str().into())]));
        steps.push(PathStep::Key("image".to_owned()));
        let path = FieldPath::from(steps);
        let declared = desired.content.pointer(list_of(Pointer::root()).as_str()).and_then(|list| list.as_array());
        let written = declared.and_then(|list| list.iter().position(|own| own["name"] == name.as_str()));
        let place = written.map_or(list_of(Pointer::root()), |at| list_of(Pointer::root()).index(at).key("image"));
        let candidate = Candidate::new(environment, &desired.key, &desired.content);
        let show = |image: &str| redaction.show(&candidate, &path, &image.into());
        Self {
            pointer: list_of(Pointer::root()).index(*index).key("image"),
            source: desired.position(&place),
            desired: show(&deviation.desired),
            live: show(&deviation.live),
            path,
        }
    }

    fn finding(self, desired: &Desired, environment: &str, pods: PodShare) -> Finding {
        let (category, severity) = classify::field(&Subject {
            kind: &desired.key.type_key.kind_key(),
            path: &self.path,
            change: Change::Changed,
            desired: Some(&self.desired),
            live: Some(&self.live),
        });
        Finding {
            id: Finding::id_of_pods(environment, &desired.key, &self.path, pods.because),
            pointer: self.pointer.to_string(),
            change: Change::Changed,
            image: ImageChange::between(&self.path, &self.desired, &self.live),
            pods: Some(pods),
            desired: Some(self.desired),
            live: Some(self.live),
            category,
            severity,
            origin: Origin::Unknown,
            commits_behind: None,
            revision: None,
            manager: None,
            source: Some(self.source),
            path: self.path,
        }
    }

    /// What is as the workload is told to keep it is no drift, and is said all the same.
    fn statement(self, deviation: &Deviation, why: &str) -> Warning {
        let image = self.live.as_str().unwrap_or_default();
        let message = format!("{} of {} Pods run {image}, because {why}", deviation.count, deviation.of);
        Warning { path: self.path, message, source: self.source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::model::Stage;

    #[test]
    fn a_missing_right_is_noted_and_any_other_failure_is_one_gap() {
        let gap = |reason| Gap {
            stage: Stage::List,
            scope: "v1/Pod in trino".into(),
            reason,
            message: String::new(),
            source: None,
        };
        let mut unread = Unread::default();
        for reason in [GapReason::Forbidden, GapReason::NotServed, GapReason::Failed, GapReason::Failed] {
            assert_eq!(unread.take(Err::<(), Gap>(gap(reason))), None);
        }
        assert_eq!(unread.take(Ok(1)), Some(1));
        assert_eq!(unread.0, [gap(GapReason::Failed)]);
    }
}
