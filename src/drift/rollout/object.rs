//! Workloads, their revisions and their Pods, as far as the images that run are concerned.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// What every object here is known by.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Its name.
    pub name: String,
    /// Its namespace; empty for a Node.
    pub namespace: String,
    /// Tells an object from a later one of the same name.
    pub uid: String,
    /// When it was made.
    pub creation_timestamp: Option<Timestamp>,
    /// When it has to be gone: the moment of the deletion and the grace that it has.
    pub deletion_timestamp: Option<Timestamp>,
    /// The labels that matter here.
    pub labels: Labels,
    /// Who made it.
    pub owner_references: Vec<Owner>,
}

impl Metadata {
    /// The owner that controls it.
    #[must_use]
    pub fn controller(&self) -> Option<&Owner> {
        self.owner_references.iter().find(|owner| owner.controller)
    }
}

/// The labels that tell revisions and platforms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Labels {
    /// Of the Pods of a Deployment.
    #[serde(rename = "pod-template-hash")]
    pub pod_template_hash: Option<String>,
    /// Of the Pods of a `StatefulSet` or `DaemonSet`, and of a `DaemonSet`'s `ControllerRevision`s.
    #[serde(rename = "controller-revision-hash")]
    pub controller_revision_hash: Option<String>,
    /// Of a Node: `amd64`.
    #[serde(rename = "kubernetes.io/arch")]
    pub arch: Option<String>,
    /// Of a Node: `linux`.
    #[serde(rename = "kubernetes.io/os")]
    pub os: Option<String>,
}

/// One of an object's owners.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Owner {
    /// `ReplicaSet`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Whether it is the one that manages the object.
    pub controller: bool,
}

/// A container of a template or Pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// The reference, as written.
    pub image: String,
}

/// The part of a Pod's `spec` that names images.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// Where it runs; empty while it is pending.
    pub node_name: String,
    /// The containers.
    pub containers: Vec<Container>,
    /// Those that run before them.
    pub init_containers: Vec<Container>,
}

impl PodSpec {
    /// The containers of both lists.
    pub fn all(&self) -> impl Iterator<Item = &Container> {
        self.containers.iter().chain(&self.init_containers)
    }

    /// The image of the container of that name; names are unique over both lists.
    #[must_use]
    pub fn image(&self, container: &str) -> Option<&str> {
        self.all().find(|own| own.name == container).map(|own| own.image.as_str())
    }
}

/// A Pod template.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Template {
    /// Of the Pods made of it.
    pub spec: PodSpec,
}

impl Template {
    /// That of a workload's `content`, if it can be read.
    #[must_use]
    pub fn of(content: &Value) -> Option<Self> {
        Self::deserialize(content.pointer("/spec/template")?).ok()
    }
}

/// A Pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Who it is.
    pub metadata: Metadata,
    /// What it was made to run.
    pub spec: PodSpec,
    /// What it runs.
    pub status: PodStatus,
}

impl Pod {
    /// Whether it runs or is going to.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.metadata.deletion_timestamp.is_none() && !["Succeeded", "Failed"].contains(&self.status.phase.as_str())
    }

    /// The revision of the workload that it was made of: its label, or the `ReplicaSet` that owns it.
    #[must_use]
    pub fn revision(&self) -> &str {
        let Metadata { labels, .. } = &self.metadata;
        labels
            .controller_revision_hash
            .as_deref()
            .or(labels.pod_template_hash.as_deref())
            .or(self.metadata.controller().map(|owner| owner.uid.as_str()))
            .unwrap_or_default()
    }

    /// What the runtime says it pulled for a container.
    #[must_use]
    pub fn image_id(&self, container: &str) -> Option<&str> {
        let PodStatus { container_statuses, init_container_statuses, .. } = &self.status;
        let mut statuses = container_statuses.iter().chain(init_container_statuses);
        let id = statuses.find(|status| status.name == container)?.image_id.as_str();
        (!id.is_empty()).then_some(id)
    }
}

/// The part of a Pod's `status` that tells what runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// `Running`.
    pub phase: String,
    /// Among them `Ready`.
    pub conditions: Vec<Condition>,
    /// One for each container that was started.
    pub container_statuses: Vec<ContainerStatus>,
    /// One for each init container that was started.
    pub init_container_statuses: Vec<ContainerStatus>,
}

/// What runs in a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ContainerStatus {
    /// The container's name.
    pub name: String,
    /// What the runtime pulled: `docker.io/library/nginx@sha256:…`, or `sha256:…`.
    #[serde(rename = "imageID")]
    pub image_id: String,
}

/// A condition of a Pod or Deployment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// `Ready`, `Progressing`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False`, `Unknown`.
    pub status: String,
    /// One word.
    pub reason: String,
    /// When it was last written, in conditions of a Deployment.
    pub last_update_time: Option<Timestamp>,
    /// When its status last changed.
    pub last_transition_time: Option<Timestamp>,
}

/// A `ReplicaSet` or `ControllerRevision`: a template that its workload had once, or has now.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Revision {
    /// Who it is; controlled by the workload.
    pub metadata: Metadata,
    spec: Holder,
    data: Data,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Holder {
    template: Template,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Data {
    spec: Holder,
}

impl Revision {
    /// The image of a container in this revision's template.
    #[must_use]
    pub fn image(&self, container: &str) -> Option<&str> {
        // Only one of the two is filled: a ReplicaSet holds its template under `spec`, a ControllerRevision under `data`.
        self.spec.template.spec.image(container).or_else(|| self.data.spec.template.spec.image(container))
    }

    /// Whether `pod` was made of it.
    #[must_use]
    pub fn made(&self, pod: &Pod) -> bool {
        let hash = pod.metadata.labels.controller_revision_hash.as_deref();
        let owns = pod.metadata.controller().is_some_and(|owner| owner.uid == self.metadata.uid);
        // A StatefulSet labels its Pods with the revision's name, a DaemonSet with the hash that labels the revision.
        owns || hash.is_some()
            && (hash == Some(&self.metadata.name) || hash == self.metadata.labels.controller_revision_hash.as_deref())
    }
}

/// A Deployment, `StatefulSet` or `DaemonSet`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Workload {
    /// Who it is, and who wrote it when.
    pub metadata: WorkloadMetadata,
    /// What it should run, and how it replaces Pods.
    pub spec: WorkloadSpec,
    /// How far it has come.
    pub status: WorkloadStatus,
}

/// The part of a workload's `metadata` that rollouts are judged by.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadMetadata {
    /// Tells it from a later one of the same name.
    pub uid: String,
    /// Counts the writes of its `spec`.
    pub generation: i64,
    /// When it was made.
    pub creation_timestamp: Option<Timestamp>,
    managed_fields: Vec<Entry>,
}

/// An entry of `managedFields`, as far as the template is concerned.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Entry {
    time: Option<Timestamp>,
    subresource: String,
    fields_v1: Fields,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Fields {
    #[serde(rename = "f:spec")]
    spec: SpecFields,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct SpecFields {
    #[serde(rename = "f:template")]
    template: Option<IgnoredAny>,
}

impl WorkloadMetadata {
    /// When the template was last written, at the latest: the last write of anybody who owns a field of it. Absent
    /// where the object does not tell.
    #[must_use]
    pub fn template_written(&self) -> Option<Timestamp> {
        let writes = |entry: &&Entry| entry.subresource.is_empty() && entry.fields_v1.spec.template.is_some();
        let written = self.managed_fields.iter().filter(writes).filter_map(|entry| entry.time).max();
        written.or(self.creation_timestamp)
    }
}

/// The part of a workload's `spec` that rollouts are judged by.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadSpec {
    /// What its Pods should be.
    pub template: Template,
    /// Whether a Deployment replaces no Pod.
    pub paused: bool,
    /// How long a Deployment may be without progress.
    pub progress_deadline_seconds: Option<i64>,
    /// How long a new Pod must be ready before the next one is replaced.
    pub min_ready_seconds: i64,
    /// How a `StatefulSet` or `DaemonSet` replaces Pods.
    pub update_strategy: UpdateStrategy,
    /// Where a `StatefulSet` begins to count.
    pub ordinals: Ordinals,
}

/// How a `StatefulSet` or `DaemonSet` replaces Pods.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateStrategy {
    /// `RollingUpdate`, `OnDelete`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Of a `StatefulSet`.
    pub rolling_update: Option<RollingUpdate>,
}

/// The rolling update of a `StatefulSet`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RollingUpdate {
    /// Pods below this ordinal are left as they are.
    pub partition: Option<i64>,
}

/// Where a `StatefulSet` begins to count.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Ordinals {
    /// The first ordinal.
    pub start: i64,
}

/// The part of a workload's `status` that rollouts are judged by.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadStatus {
    /// The generation that its controller has seen.
    pub observed_generation: i64,
    /// Among them `Progressing`.
    pub conditions: Vec<Condition>,
}

/// A Node by its metadata.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Its name, and the labels that tell its platform.
    pub metadata: Metadata,
}
