//! What the API server says when it is asked to try what Git declares: the second opinion on one object.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::autoscaler::modernise;
use super::object::{SERVER_METADATA, take_last_applied};
use super::{Change, FieldPath, Live, ObjectKey, Shown};

/// The field manager under which the server is asked.
///
/// A name of its own, under which nothing is ever written: it owns no field, so the server has nothing to take away in
/// its name, and what differs in the answer differs because of what Git declares. Under the deployer's name the fields
/// that it once declared would vanish; under `kubectl` the server also rewrites the last-applied annotation.
pub const DRY_RUN_MANAGER: &str = "driftd-dry-run";

/// The object as it would be after an apply, or why that is not known.
pub type Answer = Result<Live, Withheld>;

/// The second opinion on one object. It stands beside the verdict and never changes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Opinion {
    /// The declared fields on which the server and driftd disagree, ordered by path; none where they agree.
    Disagreements(Vec<Disagreement>),
    /// The server gave no answer that could be used: driftd's own comparison stands alone.
    ComparedLocally(Withheld),
}

/// A declared field that differs for one of the two and not for the other.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Disagreement {
    /// Where in the object.
    pub path: FieldPath,
    /// What driftd finds there; absent where it finds nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<Change>,
    /// What an apply would find there; absent where it would write nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Change>,
    /// What the cluster has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Shown>,
    /// What an apply would leave there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<Shown>,
}

/// Why there is no second opinion. Its text is driftd's own: what the server says may quote the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Withheld {
    /// One word for scripts.
    pub reason: WithheldReason,
    /// A sentence for people: what failed and what to do about it.
    pub message: String,
}

/// Why there is no second opinion, one word for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithheldReason {
    /// The credentials lack the right `patch` (403).
    Forbidden,
    /// Admission refused the object: a webhook, a policy, a quota.
    Denied,
    /// The server calls what would come of it invalid (422).
    Invalid,
    /// The object changed or vanished since it was listed.
    Changed,
    /// The values are encrypted: there is nothing that could be applied.
    Encrypted,
    /// The server does not say that it can try a patch of this kind: it might write it.
    Unsupported,
    /// There is no API server: the cluster is a snapshot.
    NoServer,
    /// The time for this object or for all of them is over.
    TimedOut,
    /// Anything else.
    Failed,
}

impl WithheldReason {
    /// The word of reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::Changed => "changed",
            Self::Encrypted => "encrypted",
            Self::Unsupported => "unsupported",
            Self::NoServer => "no-server",
            Self::TimedOut => "timed-out",
            Self::Failed => "failed",
        }
    }
}

/// A declared object as it goes to the API server, a Secret's values included: it can be sent, and neither read nor
/// printed.
pub struct Unsealed {
    content: Value,
}

impl fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unsealed")
    }
}

impl Unsealed {
    /// Takes in an object as Git writes it; it is sent at the version at which it is compared.
    #[must_use]
    pub fn new(mut content: Value) -> Self {
        modernise(&mut content);
        Self { content }
    }

    /// Whether it is of the kind and name of `key`.
    #[must_use]
    pub fn is_of(&self, key: &ObjectKey) -> bool {
        let text = |pointer| self.content.pointer(pointer).and_then(Value::as_str);
        text("/apiVersion") == Some(&key.type_key.api_version())
            && text("/kind") == Some(&key.type_key.kind)
            && text("/metadata/name") == Some(&key.name)
    }

    /// The body of a request that applies it in `namespace`, without what only the server writes.
    #[must_use]
    pub fn into_body(mut self, namespace: Option<&str>) -> Vec<u8> {
        take_last_applied(&mut self.content);
        if let Some(map) = self.content.as_object_mut() {
            map.remove("status");
        }
        if let Some(metadata) = self.content.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in SERVER_METADATA {
                metadata.remove(field);
            }
            match namespace {
                Some(namespace) => metadata.insert("namespace".to_owned(), namespace.into()),
                None => metadata.remove("namespace"),
            };
        }
        self.content.to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_sent_has_its_namespace_and_nothing_that_only_the_server_writes() {
        let unsealed = Unsealed::new(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {
                "name": "s", "uid": "1", "resourceVersion": "2", "creationTimestamp": null, "managedFields": [],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
            },
            "stringData": {"p": "hunter2"},
            "status": {},
        }));
        assert_eq!(format!("{unsealed:?}"), "Unsealed");
        let body: Value = serde_json::from_slice(&unsealed.into_body(Some("trino"))).unwrap();
        let expected = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "trino"},
            "stringData": {"p": "hunter2"},
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn an_object_of_the_cluster_is_sent_without_a_stray_namespace() {
        let content = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "namespace": "x"}});
        let body: Value = serde_json::from_slice(&Unsealed::new(content).into_body(None)).unwrap();
        assert_eq!(body["metadata"], json!({"name": "n"}));
    }
}
