//! Somebody who listens to one watch and remembers what it told.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use driftd::drift::model::{GapReason, Redactor, Scope, TypeKey};
use driftd::live::{Cluster, Restart, Served, Source, Tally, Told, Wanted};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::fixture::eventually;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime can be made"));

/// What a watch has told so far.
#[derive(Debug, Default, Clone)]
pub struct Known {
    /// Resource versions by `namespace/name`.
    pub objects: BTreeMap<String, String>,
    told_again: BTreeMap<String, String>,
    pub lists: usize,
    pub changes: usize,
    pub heard: usize,
    /// Why the scope is lost at present.
    pub lost: Option<(GapReason, String)>,
    pub losses: usize,
    begun: bool,
}

impl Known {
    fn learn(&mut self, told: Told) {
        let name = |key: &driftd::drift::model::ObjectKey| {
            format!("{}/{}", key.namespace.as_deref().unwrap_or_default(), key.name)
        };
        match told {
            Told::Lost(gap) => {
                self.lost = Some((gap.reason, gap.message));
                self.losses += 1;
                return;
            }
            Told::Begins => {
                self.told_again.clear();
                self.begun = true;
            }
            Told::Applied(live) => {
                let version = live.resource_version.as_deref().expect("a server's objects have one").to_owned();
                let into = if self.begun { &mut self.told_again } else { &mut self.objects };
                into.insert(name(&live.key), version);
                self.changes += usize::from(!self.begun);
            }
            Told::Deleted(key) => {
                self.objects.remove(&name(&key)).expect("what goes was there");
                self.changes += 1;
            }
            Told::Complete => {
                self.objects = std::mem::take(&mut self.told_again);
                self.begun = false;
                self.lists += 1;
            }
            Told::Heard => self.heard += 1,
        }
        if !self.begun {
            self.lost = None;
        }
    }

    pub fn names(&self) -> Vec<&str> {
        self.objects.keys().map(String::as_str).collect()
    }
}

/// A watch at work; it ends when dropped.
pub struct Follower {
    known: Arc<Mutex<Known>>,
    tally: Arc<Tally>,
    tasks: [JoinHandle<()>; 2],
}

impl Follower {
    /// Follows a kind in a namespace, or everywhere.
    pub fn new(kubeconfig: &Path, (api_version, kind, plural): (&str, &str, &str), namespace: Option<&str>) -> Self {
        let cluster = Cluster::new("test", Some(kubeconfig.to_owned()), None, Redactor::new(&[1; 32]));
        let tally = cluster.tally();
        let source = Source::Cluster(Box::new(cluster));
        let served = Served { plural: plural.to_owned(), scope: Scope::Namespaced };
        let scope =
            Wanted { type_key: TypeKey::new(api_version, kind), served, namespace: namespace.map(str::to_owned) };
        let (sender, mut told) = mpsc::channel(16);
        let known = Arc::<Mutex<Known>>::default();
        let into = Arc::clone(&known);
        let watch = RUNTIME.spawn(async move { source.watch(Arc::new(scope), sender).await });
        let listen = RUNTIME.spawn(async move {
            while let Some((_, told)) = told.recv().await {
                into.lock().unwrap().learn(told);
            }
        });
        Self { known, tally, tasks: [watch, listen] }
    }

    pub fn known(&self) -> Known {
        self.known.lock().unwrap().clone()
    }

    /// Waits until what is known is as it should be.
    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn(&Known) -> bool) -> Known {
        eventually(what, || Some(self.known()).filter(|known| holds(known)))
    }

    /// How often it began anew for that reason.
    pub fn restarts(&self, why: Restart) -> u64 {
        self.tally.restarts().get(&why).copied().unwrap_or_default()
    }

    /// How many requests of a verb were answered with a status.
    pub fn requests(&self, verb: &'static str, status: u16) -> u64 {
        self.tally.requests().get(&(verb, Some(status))).copied().unwrap_or_default()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
