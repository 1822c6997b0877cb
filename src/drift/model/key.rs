//! What an object is called: group, version, kind, namespace and name.

use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeStruct};

/// A kind at the version at which it is read: `apps/v1` `Deployment`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeKey {
    /// Empty for the core group.
    pub group: String,
    /// Without the group: `v1`, `v2beta1`.
    pub version: String,
    /// `Deployment`, as written in a manifest.
    pub kind: String,
}

impl TypeKey {
    /// Splits a manifest's `apiVersion` (`v1`, `apps/v1`) and joins it with its `kind`.
    #[must_use]
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group: group.into(), version: version.into(), kind: kind.into() }
    }

    /// Whether its objects are core Secrets, whose values nobody sees.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.group.is_empty() && self.kind == "Secret"
    }

    /// As it stands in a manifest: `v1` for the core group, else `group/version`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The same kind whatever its version.
    #[must_use]
    pub fn kind_key(&self) -> KindKey {
        KindKey { group: self.group.clone(), kind: self.kind.clone() }
    }
}

/// `apps/v1/Deployment`, the form that gaps and messages use.
impl fmt::Display for TypeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.api_version(), self.kind)
    }
}

/// A kind whatever its version: objects are the same object at every version of their group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KindKey {
    /// Empty for the core group.
    pub group: String,
    /// `Deployment`.
    pub kind: String,
}

/// What makes an object the same one, at whatever version: kind, namespace, name.
pub type Identity = (KindKey, Option<String>, String);

/// Whether objects of a kind live in a namespace; the cluster says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// In the cluster as a whole.
    Cluster,
}

/// One object of a cluster.
///
/// Two keys are the same object when group, kind, namespace and name agree ([`ObjectKey::identity`]);
/// the version says how it is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    /// Kind and the version that Git declares.
    pub type_key: TypeKey,
    /// Absent for cluster-scoped objects.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
}

impl ObjectKey {
    /// What identifies the object, without the version.
    #[must_use]
    pub fn identity(&self) -> Identity {
        (self.type_key.kind_key(), self.namespace.clone(), self.name.clone())
    }
}

/// The order of every report: namespace, kind, group, name; then version, so that the order is total.
impl Ord for ObjectKey {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.namespace, &self.type_key.kind, &self.type_key.group, &self.name, &self.type_key.version).cmp(&(
            &other.namespace,
            &other.type_key.kind,
            &other.type_key.group,
            &other.name,
            &other.type_key.version,
        ))
    }
}

impl PartialOrd for ObjectKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `apps/v1/Deployment trino/coordinator`, the namespace left out where there is none.
impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.type_key)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

impl Serialize for ObjectKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("ObjectKey", 4)?;
        out.serialize_field("apiVersion", &self.type_key.api_version())?;
        out.serialize_field("kind", &self.type_key.kind)?;
        match &self.namespace {
            Some(namespace) => out.serialize_field("namespace", namespace)?,
            None => out.skip_field("namespace")?,
        }
        out.serialize_field("name", &self.name)?;
        out.end()
    }
}
