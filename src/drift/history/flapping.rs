//! Fields that go back and forth: which of them did so often, and lately.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::drift::model::{Identity, Origin};

use super::Episode;

/// So many turns within [`WINDOW`] are no accident: one is drift, two are a repair that did not last.
const TURNS: usize = 3;
/// How long a turn is remembered.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// When each finding appeared, or went back to the value that it had before.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Turns(BTreeMap<Identity, BTreeMap<String, Field>>);

#[derive(Debug, Clone, PartialEq)]
struct Field {
    path: String,
    times: Vec<Timestamp>,
}

impl Turns {
    /// Takes in a turn. Git that moves ahead of the cluster again and again is work, not flapping.
    pub(super) fn record(&mut self, episode: &Episode, time: Timestamp) {
        if episode.origin == Some(Origin::Outdated) {
            return;
        }
        let fields = self.0.entry(episode.key.identity()).or_default();
        let field = fields
            .entry(episode.finding.clone())
            .or_insert_with(|| Field { path: episode.path.clone(), times: Vec::new() });
        field.times.push(time);
    }

    /// Forgets what is too long ago.
    pub(super) fn prune(&mut self, now: Timestamp) {
        self.0.retain(|_, fields| {
            fields.retain(|_, field| {
                field.times.retain(|time| now.duration_since(*time) < WINDOW);
                // More than it takes tells nothing more.
                let surplus = field.times.len().saturating_sub(TURNS);
                field.times.drain(..surplus);
                !field.times.is_empty()
            });
            !fields.is_empty()
        });
    }

    /// The paths of an object that flap, in order.
    pub(super) fn flapping(&self, object: &Identity) -> Vec<String> {
        let fields = self.0.get(object).into_iter().flat_map(BTreeMap::values);
        let mut paths: Vec<String> =
            fields.filter(|field| field.times.len() >= TURNS).map(|field| field.path.clone()).collect();
        paths.sort();
        paths
    }
}
