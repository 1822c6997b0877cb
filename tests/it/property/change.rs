//! One change of what lives, and what must be said of it.

use serde_json::{Value, json};

use super::deploy::Mode;
use super::expect::{Place, places};
use super::mutate;
use super::openapi::Schema;
use super::random::Random;
use super::scan::as_compared;
use crate::fixture::{Api, Patch};

pub const PERSON: &str = "kubectl-edit";
const CONTROLLER: &str = "kube-controller-manager";
/// The field manager of `kubectl scale` and of `kubectl apply --server-side`.
pub const KUBECTL: &str = "kubectl";

/// Who changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// Edits the object.
    Person,
    /// Writes the same in other words: lists in another order, amounts in another notation.
    Rewriter,
    /// A person who uses the scale subresource.
    Scaler,
    /// A person who applies another manifest, server-side.
    Applier,
    /// Edits the object, as controllers do.
    Controller,
    /// Deploys what Git does not say, or no longer.
    Deployer,
}

/// Who is said to be behind a finding: origin and field manager.
pub type Blame = (&'static str, Option<&'static str>);

/// What must be said; no blame where it must not be said at all.
#[derive(Debug, Clone)]
pub struct Expected {
    pub place: Place,
    pub blame: Option<Blame>,
}

/// A change that was made.
#[derive(Default)]
pub struct Change {
    pub author: Option<Author>,
    pub required: Vec<Expected>,
    /// What the server made of it beside that.
    pub allowed: Vec<Place>,
    /// What restoring writes: of a field that Git does not declare, whoever puts it back is the author.
    pub put_back: Vec<Place>,
    pub what: String,
}

/// An object that can be changed.
pub struct Subject<'a> {
    pub api: &'a Api,
    pub schema: Schema<'a>,
    pub mode: Mode,
    pub manifest: &'a Value,
    pub path: &'a str,
    /// As it lives, untouched.
    pub live: &'a Value,
}

impl Subject<'_> {
    /// Tries one change; `None` where the server refuses it or nothing comes of it.
    pub fn change(&self, random: &mut Random) -> Option<Change> {
        let scales = ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "Engine"];
        let author = match random.below(100) {
            0..15 if scales.iter().any(|kind| self.manifest["kind"] == **kind) => Author::Scaler,
            0..45 => Author::Person,
            45..60 => Author::Controller,
            60..80 => Author::Rewriter,
            80..90 => Author::Applier,
            // A Namespace cannot be deployed twice: no controller is there to finish its deletion.
            _ if self.manifest["kind"] == "Namespace" => Author::Person,
            _ => Author::Deployer,
        };
        match author {
            Author::Person => self.edited(author, PERSON, random),
            Author::Controller => self.edited(author, CONTROLLER, random),
            Author::Rewriter => self.rewritten(random),
            Author::Scaler => self.scaled(random),
            Author::Applier | Author::Deployer => self.deployed(author, random),
        }
    }

    fn edited(&self, author: Author, manager: &str, random: &mut Random) -> Option<Change> {
        let mut wanted = self.live.clone();
        if !mutate::mutate(self.schema, &mut wanted, random) {
            return None;
        }
        let after = self.api.put(self.path, &wanted, manager).ok()?;
        let asked = places(self.schema, &as_compared(self.manifest), self.live, &wanted);
        let asks = |place: &Place| asked.iter().any(|other| other.0 == place.0);
        self.judged(author, &after, asks)
    }

    fn rewritten(&self, random: &mut Random) -> Option<Change> {
        let mut wanted = self.live.clone();
        mutate::reword(self.schema, &mut wanted, &Value::Null, random);
        let after = self.api.put(self.path, &wanted, PERSON).ok()?;
        let same = |object: &Value| {
            let mut object = object.clone();
            object["metadata"] = Value::Null;
            object
        };
        (same(&after) != same(self.live)).then(|| Change {
            author: Some(Author::Rewriter),
            what: format!("before {}\nafter {after}", self.live),
            ..Change::default()
        })
    }

    fn scaled(&self, random: &mut Random) -> Option<Change> {
        let scale = json!({"spec": {"replicas": 3 + random.below(50)}});
        self.api.patch(&format!("{}/scale", self.path), Patch::Merge, &scale, KUBECTL).ok()?;
        let after = self.api.get(self.path).ok()?;
        self.judged(Author::Scaler, &after, |place| place.0 == "spec.replicas")
    }

    /// Deploys another manifest: anew in the same way, as if Git had said so before, or over what lives by hand.
    fn deployed(&self, author: Author, random: &mut Random) -> Option<Change> {
        let mut earlier = self.manifest.clone();
        if !mutate::mutate(self.schema, &mut earlier, random) || !earlier["metadata"].is_object() {
            return None;
        }
        let desired = as_compared(self.manifest);
        let asked = places(self.schema, &desired, &desired, &as_compared(&earlier));
        let after = match author {
            Author::Applier => self.api.patch(self.path, Patch::ApplyByForce, &earlier, KUBECTL),
            _ => self.mode.again(self.api, self.path, &earlier),
        };
        let after = after.ok()?;
        let below = |place: &str, asked: &str| {
            place.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        // What the server fills in for a field that was not declared then is a default of that time.
        let asks = |place: &Place| {
            asked.iter().any(|asked| below(&place.0, &asked.0) && (place.1 != "added" || asked.1 == "added"))
        };
        self.judged(author, &after, asks)
    }

    fn judged(&self, author: Author, after: &Value, asks: impl Fn(&Place) -> bool) -> Option<Change> {
        let desired = as_compared(self.manifest);
        let differs = places(self.schema, &desired, self.live, after);
        let (mut required, mut allowed): (Vec<Place>, Vec<Place>) = differs.into_iter().partition(asks);
        let mut put_back = places(self.schema, &desired, after, self.live);
        if after["metadata"]["managedFields"].is_null() {
            // Nothing tells any longer that a policy wrote it, nor ever will.
            let label = ("metadata.labels[\"policy.example.com/cost-centre\"]".to_owned(), "added");
            allowed.push(label.clone());
            put_back.push(label);
        }
        if required.iter().any(|place| place.0 == "spec.manualSelector") {
            // What the server selected is then as good as declared, and Git does not declare it.
            allowed.push(("spec.selector.matchLabels".to_owned(), "added"));
        }
        required.retain(|place| place.1 != "vanished");
        if required.is_empty() {
            // Without effect, or with one elsewhere.
            return None;
        }
        let required = required.into_iter().map(|place| {
            let blame = self.blame(author, &place, after);
            Expected { place, blame }
        });
        Some(Change {
            author: Some(author),
            required: required.collect(),
            allowed,
            put_back,
            what: format!("before {}\nafter {after}", self.live),
        })
    }

    /// Whether Git declares the zero of a field, which is as good as silence where the server fills it in.
    fn leaves_to_the_server(&self, place: &str) -> bool {
        self.manifest.pointer(&format!("/{}", place.replace('.', "/"))).is_some_and(|value| *value == "")
    }

    /// Who must be said to be behind a change.
    fn blame(&self, author: Author, (place, change): &Place, after: &Value) -> Option<Blame> {
        const NOBODY: Blame = ("unknown", None);
        let deployer = Some(self.mode.manager());
        let entries = after["metadata"]["managedFields"].as_array().map_or(&[][..], Vec::as_slice);
        match (*change, author) {
            // Made with nothing but a name, or once changed to what no schema fits, an object has no managedFields, and
            // the server never keeps any.
            _ if entries.is_empty() => Some(NOBODY),
            // The server resets what was written there: nobody owns it.
            _ if self.manifest["kind"] == "CertificateSigningRequest" && place.starts_with("spec.") => Some(NOBODY),
            ("removed", _) => Some(if wrote_last(entries) { ("manual", None) } else { NOBODY }),
            (_, Author::Person | Author::Rewriter) => Some(("manual", Some(PERSON))),
            (_, Author::Scaler) if entries.iter().any(|entry| entry["subresource"] == "scale") => {
                Some(("manual", Some(KUBECTL)))
            }
            (_, Author::Applier) => Some(("manual", Some(KUBECTL))),
            // The scale subresource leaves no owner on what server-side apply made.
            (_, Author::Scaler) => Some(NOBODY),
            ("added", Author::Controller) => None,
            (change, Author::Deployer)
                if is_allocated(self.manifest, place) && (change == "added" || self.leaves_to_the_server(place)) =>
            {
                None
            }
            (_, Author::Controller) => Some(("controller", Some(CONTROLLER))),
            ("added", Author::Deployer) => self.mode.leaves_its_declaration().then_some(("stale", deployer)),
            (_, Author::Deployer) => Some(("unknown", deployer)),
        }
    }
}

/// Whether the cluster fills the field in: nobody's where Git is silent and no person wrote it.
fn is_allocated(manifest: &Value, place: &str) -> bool {
    let fields: &[&str] = match manifest["kind"].as_str().unwrap_or_default() {
        "Service" => {
            &["spec.clusterIP", "spec.clusterIPs", "spec.healthCheckNodePort", "spec.ipFamilies", "spec.ipFamilyPolicy"]
        }
        "PersistentVolumeClaim" => &["spec.volumeName", "spec.storageClassName"],
        "PersistentVolume" => &["spec.claimRef"],
        "Node" => &["spec.podCIDR", "spec.podCIDRs"],
        "Pod" => {
            let of_admission =
                ["nodeName", "imagePullSecrets", "serviceAccount", "tolerations", "priority", "preemptionPolicy"];
            return of_admission.iter().any(|field| place.starts_with(&format!("spec.{field}")))
                || place.contains(".resources.");
        }
        "Ingress" => &["spec.ingressClassName"],
        "Job" => &["spec.selector"],
        _ => &[],
    };
    place.ends_with(".nodePort") || place.ends_with(".caBundle") || fields.iter().any(|field| place.starts_with(field))
}

/// Whether a person is the latest writer.
fn wrote_last(entries: &[Value]) -> bool {
    let of = |person: bool| {
        let theirs = entries
            .iter()
            .filter(move |entry| [PERSON, KUBECTL].iter().any(|name| entry["manager"] == **name) == person);
        theirs.filter_map(|entry| entry["time"].as_str()).max()
    };
    of(true).is_some_and(|person| of(false).is_none_or(|other| person >= other))
}
