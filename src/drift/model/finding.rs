//! One difference between Git and the cluster, and the words that judge it.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{FieldPath, ImageChange, ObjectKey, Position, Shown, hex};

/// Defines an enum of plain words with its `ALL`, `as_str` and `Display`; serialised as the word.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word of reports.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// The verdict on one object.
    State {
        /// Every declared field agrees and nothing was added.
        InSync = "in-sync",
        /// It exists and differs.
        Modified = "modified",
        /// In Git, not in the cluster.
        Missing = "missing",
        /// In the cluster, not in Git.
        Extra = "extra",
        /// It could not be compared; a [`super::Gap`] says why.
        Unknown = "unknown",
    }
}

impl State {
    /// Whether this verdict is drift (`unknown` is not: it is ignorance).
    #[must_use]
    pub const fn is_drift(self) -> bool {
        matches!(self, Self::Modified | Self::Missing | Self::Extra)
    }
}

words! {
    /// What happened to a field.
    Change {
        /// Both sides have the field.
        Changed = "changed",
        /// Git declares it, the cluster lacks it.
        Removed = "removed",
        /// The cluster has it, Git does not declare it.
        Added = "added",
    }
}

words! {
    /// What a finding is about.
    Category {
        /// Image name, tag or digest.
        Image = "image",
        /// `ConfigMap` data, environment, arguments and whatever has no word of its own.
        Config = "config",
        /// Replicas, autoscalers, resources and where Pods may run.
        Scaling = "scaling",
        /// Volumes, Ingress, Service, nodes.
        Infrastructure = "infrastructure",
        /// What the application depends on: data sources, `NetworkPolicy`, `ExternalName`.
        Dependency = "dependency",
        /// Secrets, RBAC, security contexts, identities, admission.
        Security = "security",
        /// Scraping and alerting.
        Monitoring = "monitoring",
        /// Labels, annotations, finalizers.
        Metadata = "metadata",
    }
}

words! {
    /// How much it matters, in rising order.
    Severity {
        /// Worth knowing.
        Low = "low",
        /// Worth a look on a working day.
        Medium = "medium",
        /// Worth a look today.
        High = "high",
        /// Worth waking somebody.
        Critical = "critical",
    }
}

words! {
    /// Why the field differs.
    Origin {
        /// Written by something that is no deployer and no controller.
        Manual = "manual",
        /// The live value is that of an earlier commit.
        Outdated = "outdated",
        /// A deployer once set it and Git no longer has it.
        Stale = "stale",
        /// Written by a controller.
        Controller = "controller",
        /// Nothing tells.
        Unknown = "unknown",
    }
}

words! {
    /// How a manager wrote, as `managedFields` says it.
    Operation {
        /// Server-side apply.
        Apply = "Apply",
        /// Every other write.
        Update = "Update",
    }
}

words! {
    /// Why Pods stay as they are although their workload's template says otherwise.
    Holdup {
        /// The Deployment's own deadline has passed without progress.
        DeadlineExceeded = "progress-deadline-exceeded",
        /// The Deployment is paused, and Git does not say so.
        Paused = "paused",
        /// Nothing has happened for longer than a step of a rollout takes.
        Overdue = "overdue",
        /// No rollout: the tag has come to mean another image between two pulls.
        MovedTag = "moved-tag",
    }
}

/// How many of a workload's Pods run the live value of a finding, or another one that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PodShare {
    /// Those that differ.
    pub count: usize,
    /// All that the workload has.
    pub of: usize,
    /// Why they stay.
    pub because: Holdup,
}

/// `2 of 3 Pods: the rollout is stuck, its progress deadline is exceeded`.
impl fmt::Display for PodShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.because {
            Holdup::DeadlineExceeded => "the rollout is stuck, its progress deadline is exceeded",
            Holdup::Paused => "the rollout stands still, it is paused and Git does not say so",
            Holdup::Overdue => "the rollout is stuck, its last step is overdue",
            Holdup::MovedTag => "the tag was moved, other Pods of the same revision run another digest of it",
        };
        write!(f, "{} of {} Pods: {why}", self.count, self.of)
    }
}

/// Who wrote a field last, as `metadata.managedFields` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manager {
    /// The field manager: `kubectl-edit`.
    pub name: String,
    /// Apply or Update.
    pub operation: Operation,
    /// The manager's last write to the object, in whole seconds: an upper bound for this field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
}

/// One difference at one field.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Stable for the same environment, object, path and change: 16 hex digits.
    pub id: String,
    /// Names list elements by their merge key.
    pub path: FieldPath,
    /// RFC 6901, into the live object, or into the desired one for `removed`.
    pub pointer: String,
    /// What happened.
    pub change: Change,
    /// What Git declares; absent for `added`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired: Option<Shown>,
    /// What the cluster has; absent for `removed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Shown>,
    /// Which parts of an image reference differ; absent where the field holds none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageChange>,
    /// Which share of the workload's Pods it is about; absent where it is about the object itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<PodShare>,
    /// What it is about.
    pub category: Category,
    /// How much it matters.
    pub severity: Severity,
    /// Why it differs.
    pub origin: Origin,
    /// How many commits behind the branch's tip the newest commit is that declares what lives; absent where none of
    /// the last hundred does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commits_behind: Option<u32>,
    /// That commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Who wrote it; absent for `removed` and where nothing tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<Manager>,
    /// The declaring line; for `added`, that of the nearest declared parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Position>,
}

impl Finding {
    /// The [`Self::id`] of a finding: the same for the same environment, object, path and change, whatever the values.
    #[must_use]
    pub fn id_of(environment: &str, key: &ObjectKey, path: &FieldPath, change: Change) -> String {
        digest_of(environment, key, path, &[change.as_str()])
    }

    /// The [`Self::id`] of a finding about Pods: never that of one about the field of the template itself.
    #[must_use]
    pub fn id_of_pods(environment: &str, key: &ObjectKey, path: &FieldPath, because: Holdup) -> String {
        // A rollout that is stuck for another reason by now is the same finding still.
        let what = if because == Holdup::MovedTag { "moved-tag" } else { "rollout" };
        digest_of(environment, key, path, &["pods", what])
    }
}

fn digest_of(environment: &str, key: &ObjectKey, path: &FieldPath, more: &[&str]) -> String {
    let (kind, namespace, name) = key.identity();
    let (path, namespace) = (path.to_string(), namespace.as_deref().unwrap_or(""));
    let mut digest = Sha256::new();
    for part in [environment, &kind.group, &kind.kind, namespace, &name, &path].iter().chain(more) {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    hex(&digest.finalize()[..8])
}
