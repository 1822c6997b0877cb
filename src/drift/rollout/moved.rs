//! Tags that were moved between two pulls: the same reference, and another image behind it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Pod, Rollout};

/// Pods in which the same reference should be the same image: of one revision, on one platform, and with the same form
/// of `imageID`, since runtimes tell either the digest in a registry or one of their own.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group<'a> {
    revision: &'a str,
    image: &'a str,
    platform: (Option<&'a str>, Option<&'a str>),
    in_registry: bool,
}

/// One container that runs.
struct Running<'a> {
    created: Option<Timestamp>,
    digest: &'a str,
}

/// What those Pods run whose digest is not that of the youngest Pod of their group: `nginx:1@sha256:…`, once for each.
///
/// A tag of several platforms has a digest for each of them, so Pods are compared only where their Nodes are known.
pub(super) fn images(rollout: &Rollout, container: &str) -> Vec<String> {
    let Some(nodes) = &rollout.nodes else { return Vec::new() };
    let platform = |pod: &Pod| {
        let labels = nodes.get(&pod.spec.node_name)?;
        Some((labels.os.as_deref(), labels.arch.as_deref()))
    };
    let mut groups: BTreeMap<Group<'_>, Vec<Running<'_>>> = BTreeMap::new();
    for pod in rollout.alive() {
        let Some((platform, (image, id))) = platform(pod).zip(tagged(pod, container)) else { continue };
        let (digest, in_registry) = digest(id);
        let group = Group { revision: pod.revision(), image, platform, in_registry };
        groups.entry(group).or_default().push(Running { created: pod.metadata.creation_timestamp, digest });
    }
    let odd = |(group, running): (Group<'_>, Vec<Running<'_>>)| {
        let youngest = running.iter().max_by_key(|one| (one.created, one.digest)).map(|one| one.digest);
        let differ = running.into_iter().filter(move |one| Some(one.digest) != youngest);
        differ.map(move |one| format!("{}@{}", group.image, one.digest)).collect::<Vec<_>>()
    };
    groups.into_iter().flat_map(odd).collect()
}

/// Whether Pods of one revision run different digests of one reference, on whatever platforms.
pub(super) fn are_unlike(pods: &[&Pod], container: &str) -> bool {
    let mut first: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for pod in pods {
        if let Some((image, id)) = tagged(pod, container) {
            first.entry((pod.revision(), image)).or_default().insert(digest(id).0);
        }
    }
    first.values().any(|digests| digests.len() > 1)
}

/// The reference and `imageID` of a container; none where the reference names a digest, which nobody can move.
fn tagged<'a>(pod: &'a Pod, container: &str) -> Option<(&'a str, &'a str)> {
    let image = pod.spec.image(container).filter(|image| !image.contains('@'))?;
    Some((image, pod.image_id(container)?))
}

/// The digest of an `imageID`, and whether it is that of a registry: `docker-pullable://nginx@sha256:…`.
fn digest(id: &str) -> (&str, bool) {
    match id.rsplit_once('@') {
        Some((_, digest)) => (digest, true),
        None => (id.rsplit_once("://").map_or(id, |(_, own)| own), false),
    }
}
