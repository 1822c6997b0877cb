//! One difference between Git and the cluster, and the words that judge it.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{FieldPath, ObjectKey, Position, Shown, hex};

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
        let (kind, namespace, name) = key.identity();
        let path = path.to_string();
        let namespace = namespace.as_deref().unwrap_or("");
        let mut digest = Sha256::new();
        for part in [environment, &kind.group, &kind.kind, namespace, &name, &path, change.as_str()] {
            digest.update(part.as_bytes());
            digest.update([0]);
        }
        hex(&digest.finalize()[..8])
    }
}
