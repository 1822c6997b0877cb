//! Everything that judging one live object takes: stands while commit, rules and the cluster's kinds stand.

use std::collections::HashMap;
use std::sync::Arc;

use crate::drift::attribute::Autoscalers;
use crate::drift::compare;
use crate::drift::extras::{Mark, Sighting, is_the_clusters, marks};
use crate::drift::model::{
    Answer, Declarations, Desired, FieldPath, Finding, Identity, Live, ObjectAssessment, ObjectKey, Packed, Schema,
    State, TypeKey, Warning,
};
use crate::drift::normalise::complete;
use crate::drift::rollout::{Kind, Template};
use crate::live::{Found, Keyed};

use super::evaluate::Judge;
use super::{Readings, Rules, hooks};

/// One environment's declarations, packed, with the schemas and autoscalers by which they are judged.
///
/// There is one way to a verdict, for a scan and for a single event alike: [`Self::look`] at every live object when it
/// arrives, which judges it and keeps little of what is in sync, then [`Self::verdict`] on every declared object by
/// what was last seen of it. Both are pure and may be called from several threads at once.
#[derive(Debug)]
pub struct Standing {
    environment: String,
    rules: Arc<Rules>,
    declared: Declarations,
    schemas: HashMap<TypeKey, Arc<Schema>>,
    autoscalers: Autoscalers,
    unknown_shape: Arc<Schema>,
}

/// What is kept of a live object once it has been looked at.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Which object.
    pub key: ObjectKey,
    /// At which of its states it was read.
    pub resource_version: Option<Box<str>>,
    /// What [`is_the_clusters`] says of it.
    pub is_the_clusters: bool,
    /// The marks of deployers that Git does not declare.
    pub marks: Vec<Mark>,
    /// The images of a workload's template.
    pub template: Option<Box<Template>>,
    kept: Kept,
}

#[derive(Debug, Clone)]
enum Kept {
    /// Nobody declares it.
    Undeclared,
    /// It is in sync, whatever else comes to be known.
    InSync(Box<Settled>),
    /// It drifts, or what it means takes more than the object itself.
    Whole(Box<Live>),
}

/// All there is to say of an object that is in sync.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Settled {
    /// Ordered by path.
    pub warnings: Vec<Warning>,
    /// Ordered by path.
    pub controller_owned: Vec<FieldPath>,
}

/// What only some objects take to be judged, asked for once the objects are known.
#[derive(Debug, Default)]
pub struct Second {
    /// What they are at other versions.
    pub readings: Readings,
    /// What the API server's dry-run says of each object; empty where it was not asked.
    pub answers: HashMap<Identity, Answer>,
}

impl Keyed for Seen {
    fn key(&self) -> &ObjectKey {
        &self.key
    }
}

impl Seen {
    /// The object itself, where it has to be judged by more than it says.
    #[must_use]
    pub fn whole(&self) -> Option<&Live> {
        match &self.kept {
            Kept::Whole(live) => Some(live),
            Kept::Undeclared | Kept::InSync(_) => None,
        }
    }

    /// Whether it waits for its finalizers.
    #[must_use]
    pub fn is_terminating(&self) -> bool {
        self.whole().is_some_and(|live| live.terminating)
    }

    /// As far as it is counted.
    #[must_use]
    pub fn sighting(&self) -> Sighting<'_> {
        Sighting { key: &self.key, is_the_clusters: self.is_the_clusters }
    }
}

impl Standing {
    /// What `environment` declares, and how it is judged.
    #[must_use]
    pub fn new(
        environment: &str,
        declared: Declarations,
        schemas: HashMap<TypeKey, Arc<Schema>>,
        autoscalers: Autoscalers,
        rules: Arc<Rules>,
    ) -> Self {
        let environment = environment.to_owned();
        Self { environment, rules, declared, schemas, autoscalers, unknown_shape: Arc::default() }
    }

    /// The environment's name.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// What Git declares.
    #[must_use]
    pub const fn declared(&self) -> &Declarations {
        &self.declared
    }

    /// What the objects are judged by.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The shapes of a kind; those of one that no schema knows are all unknown.
    #[must_use]
    pub fn schema(&self, type_key: &TypeKey) -> &Schema {
        self.schemas.get(type_key).unwrap_or(&self.unknown_shape)
    }

    /// Puts other autoscalers in place, and names the declared objects to which they may do something else than
    /// before: each has to be read and looked at again.
    pub fn scale(&mut self, autoscalers: Autoscalers) -> Vec<ObjectKey> {
        let before = std::mem::replace(&mut self.autoscalers, autoscalers);
        let keys = self.declared.keys().filter(|key| before.of(key) != self.autoscalers.of(key));
        keys.cloned().collect()
    }

    /// Judges a live object by itself, and keeps of it what later steps need: nearly nothing where it is in sync.
    #[must_use]
    pub fn look(&self, live: Live) -> Seen {
        self.see(live, |declared, desired, live| self.settled(declared, desired, live))
    }

    /// Keeps a live object whole if it is declared: something else than the object itself will be asked about it.
    #[must_use]
    pub fn keep(&self, live: Live) -> Seen {
        self.see(live, |_, _, _| None)
    }

    fn see(&self, live: Live, settled: impl Fn(&Packed, Desired, &Live) -> Option<Settled>) -> Seen {
        let declared = self.declared.get(&live.key);
        let desired = declared.map(Packed::unpack);
        let template = Kind::of(&live.key.type_key).and_then(|_| Template::of(&live.content));
        Seen {
            key: live.key.clone(),
            resource_version: live.resource_version.clone(),
            is_the_clusters: is_the_clusters(&live),
            marks: desired.as_ref().map(|desired| marks(desired, &live)).unwrap_or_default(),
            template: template.map(Box::new),
            kept: match declared.zip(desired).map(|(declared, desired)| settled(declared, desired, &live)) {
                None => Kept::Undeclared,
                Some(Some(settled)) => Kept::InSync(Box::new(settled)),
                Some(None) => Kept::Whole(Box::new(live)),
            },
        }
    }

    /// What there is to say of an object that is in sync, where nothing that is not known yet can change it.
    fn settled(&self, declared: &Packed, desired: Desired, live: &Live) -> Option<Settled> {
        // Where Git declares a kind at several versions, each object comes at each of them.
        if live.key != desired.key || live.terminating {
            return None;
        }
        // Nearly all are equal: then nobody is asked for, and nothing is copied.
        if !desired.is_encrypted && self.is_equal(desired, live) {
            return Some(Settled::default());
        }
        let desired = declared.unpack();
        let assumed = desired.is_encrypted.then(|| desired.assuming(live));
        let readings = Readings::default();
        let judge = self.judge(assumed.as_ref().unwrap_or(&desired), &readings);
        let judged = judge.judged(live);
        // Another version's words may name the author of a difference, never make one of what is equal.
        if judged.differs && !live.other_versions().is_empty() {
            return None;
        }
        let object = judge.told(live, judged, None);
        let settled = Settled { warnings: object.warnings, controller_owned: object.controller_owned };
        (object.state == State::InSync).then_some(settled)
    }

    /// Whether nothing differs, and nothing is declared in vain.
    fn is_equal(&self, desired: Desired, live: &Live) -> bool {
        let schema = self.schema(&desired.key.type_key);
        let root = schema.root(&desired.key.type_key);
        if !compare::knows_all(schema, root, &desired.content) {
            return false;
        }
        let full = complete(schema, root, desired.content);
        let context = compare::Context { schema, image_mirrors: &self.rules.image_mirrors };
        compare::equal(context, root, &full, &live.content)
    }

    /// The verdict on a declared object by what was last seen of it; `None` for a hook that has run and is gone, which
    /// nobody misses.
    #[must_use]
    pub fn verdict(&self, declared: &Packed, found: Found<&Seen>, second: &Second) -> Option<ObjectAssessment> {
        (!hooks::is_gone(declared, found)).then(|| self.verdict_on(declared, found, second))
    }

    fn verdict_on(&self, declared: &Packed, found: Found<&Seen>, second: &Second) -> ObjectAssessment {
        let bare = |state| Judge::bare(declared, state);
        let live = match found {
            Found::Absent => return Judge::missing(declared),
            Found::Unknown => return bare(State::Unknown),
            Found::Here(seen) => match &seen.kept {
                Kept::Undeclared => return bare(State::Unknown),
                Kept::InSync(settled) => {
                    let Settled { warnings, controller_owned } = (**settled).clone();
                    return ObjectAssessment { warnings, controller_owned, ..bare(State::InSync) };
                }
                Kept::Whole(live) if live.terminating => {
                    return ObjectAssessment { terminating: true, ..Judge::missing(declared) };
                }
                Kept::Whole(live) => live,
            },
        };
        let desired = declared.unpack();
        let assumed = desired.is_encrypted.then(|| desired.assuming(live));
        let judge = self.judge(assumed.as_ref().unwrap_or(&desired), &second.readings);
        judge.told(live, judge.judged(live), second.answers.get(&declared.key.identity()))
    }

    /// What differs between a declaration, this one or another, and its live counterpart.
    pub(super) fn findings(&self, desired: &Desired, live: &Live, readings: &Readings) -> Vec<Finding> {
        let assumed = desired.is_encrypted.then(|| desired.assuming(live));
        self.judge(assumed.as_ref().unwrap_or(desired), readings).judged(live).findings
    }

    fn judge<'a>(&'a self, desired: &'a Desired, readings: &'a Readings) -> Judge<'a> {
        Judge {
            environment: &self.environment,
            schema: self.schema(&desired.key.type_key),
            rules: &self.rules,
            desired,
            scaled: self.autoscalers.of(&desired.key),
            readings: readings.of(&desired.key),
        }
    }
}

#[cfg(test)]
mod tests;
