//! Pods against the template of their workload: which of them run another image, though no rollout will replace them.

mod moved;
mod object;
mod stand;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::model::{Holdup, ImageReference, TypeKey};

pub use object::{
    Condition, Container, ContainerStatus, Labels, Metadata, Node, Ordinals, Owner, Pod, PodSpec, PodStatus, Revision,
    RollingUpdate, Template, UpdateStrategy, Workload, WorkloadMetadata, WorkloadSpec, WorkloadStatus,
};

use stand::Stand;

/// The kinds whose Pods are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Keeps its revisions as `ReplicaSet`s, which own its Pods.
    Deployment,
    /// Owns its Pods.
    StatefulSet,
    /// Owns its Pods.
    DaemonSet,
}

impl Kind {
    /// The kind, if it is one of these.
    #[must_use]
    pub fn of(type_key: &TypeKey) -> Option<Self> {
        let kinds =
            [("Deployment", Self::Deployment), ("StatefulSet", Self::StatefulSet), ("DaemonSet", Self::DaemonSet)];
        let found = kinds.into_iter().find(|(kind, _)| *kind == type_key.kind && type_key.group == "apps");
        found.map(|(_, kind)| kind)
    }

    /// As Pods name their owner.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
        }
    }
}

/// A workload with all that it takes to judge its Pods.
#[derive(Debug, Clone)]
pub struct Rollout {
    /// Which kind.
    pub kind: Kind,
    /// As it lives, read after its Pods.
    pub workload: Workload,
    /// What Git declares of it.
    pub declared: Value,
    /// Its Pods that are alive, and those that are being deleted.
    pub pods: Vec<Pod>,
    /// Its templates, earlier and present ones, as far as they may be read.
    pub revisions: Vec<Revision>,
    /// The Nodes by name; absent where they may not be read.
    pub nodes: Option<Arc<HashMap<String, Labels>>>,
}

/// Where in a template a container stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `containers` or `initContainers`.
    pub list: &'static str,
    /// Counted from 0.
    pub index: usize,
    /// The container's name.
    pub name: String,
}

/// Pods whose container runs another image than the template says, or than the other Pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// Which container.
    pub place: Place,
    /// The template's image.
    pub desired: String,
    /// The image of most of these Pods.
    pub live: String,
    /// How many they are.
    pub count: usize,
    /// How many Pods the workload has.
    pub of: usize,
    /// Why they stay.
    pub because: Because,
}

/// Why Pods stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// Nobody asked for it.
    Of(Holdup),
    /// The workload is told so; a clause that goes on from "because".
    Deliberate(&'static str),
}

/// What deviates at `now`; nothing during an ordinary rollout.
#[must_use]
pub fn judge(rollout: &Rollout, mirrors: &BTreeMap<String, String>, now: Timestamp) -> Vec<Deviation> {
    let mut found = Vec::new();
    for (place, container) in places(&rollout.workload.spec.template) {
        let others = rollout.others(container, mirrors);
        if !others.is_empty() {
            let stand = Stand::of(rollout, &others, now);
            for because in stand.reasons() {
                let held: Vec<&str> = stand.held(because).filter_map(|pod| pod.spec.image(&container.name)).collect();
                found.extend(rollout.deviation(&place, container, &held, because));
            }
        }
        let moved = moved::images(rollout, &container.name);
        let moved: Vec<&str> = moved.iter().map(String::as_str).collect();
        found.extend(rollout.deviation(&place, container, &moved, Because::Of(Holdup::MovedTag)));
    }
    found
}

/// Whether any of `pods` was made with another image than the `template` of their workload says: then it is worth a
/// closer look.
#[must_use]
pub fn are_others(template: &Template, pods: &[&Pod], mirrors: &BTreeMap<String, String>) -> bool {
    places(template).any(|(_, container)| {
        let other = |pod: &&Pod| {
            pod.spec.image(&container.name).is_some_and(|own| !ImageReference::same(&container.image, own, mirrors))
        };
        pods.iter().any(other)
    })
}

/// Whether Pods of one revision run different images under one reference: then it takes their Nodes to judge them.
#[must_use]
pub fn are_unlike(pods: &[&Pod]) -> bool {
    let names: BTreeSet<&str> = pods.iter().flat_map(|pod| pod.spec.all()).map(|own| own.name.as_str()).collect();
    names.into_iter().any(|name| moved::are_unlike(pods, name))
}

/// The containers of a template.
fn places(template: &Template) -> impl Iterator<Item = (Place, &Container)> {
    let listed = |list, containers: &'_ [Container]| -> Vec<Place> {
        let place = |(index, container): (usize, &Container)| Place { list, index, name: container.name.clone() };
        containers.iter().enumerate().map(place).collect()
    };
    let PodSpec { containers, init_containers, .. } = &template.spec;
    let places = listed("containers", containers).into_iter().chain(listed("initContainers", init_containers));
    places.zip(template.spec.all())
}

impl Rollout {
    /// The Pods that count.
    fn alive(&self) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(|pod| pod.is_alive())
    }

    /// The Pods whose container was made of a template with another image.
    ///
    /// What admission makes of a Pod's image is not another image: where the template of the Pod's own revision says
    /// what the live one says, the Pod is as it should be.
    fn others(&self, container: &Container, mirrors: &BTreeMap<String, String>) -> Vec<&Pod> {
        let same = |image: &str| ImageReference::same(&container.image, image, mirrors);
        let is_other = |pod: &&Pod| {
            let revision = self.revisions.iter().find(|revision| revision.made(pod));
            let planned = revision.and_then(|revision| revision.image(&container.name));
            pod.spec.image(&container.name).is_some_and(|own| !same(own)) && !planned.is_some_and(same)
        };
        self.alive().filter(is_other).collect()
    }

    fn deviation(&self, place: &Place, container: &Container, held: &[&str], because: Because) -> Option<Deviation> {
        let live = most_common(held)?.to_owned();
        Some(Deviation {
            place: place.clone(),
            desired: container.image.clone(),
            live,
            count: held.len(),
            of: self.alive().count(),
            because,
        })
    }
}

/// Among equally frequent ones the first by name.
fn most_common<'a>(images: &[&'a str]) -> Option<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for image in images {
        *counts.entry(image).or_default() += 1;
    }
    let most = counts.values().max().copied()?;
    counts.into_iter().find(|(_, count)| *count == most).map(|(image, _)| image)
}

#[cfg(test)]
mod tests;
