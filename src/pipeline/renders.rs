//! What was rendered last for each environment: the same inputs are rendered once, and once more where they drift.
//!
//! What holds no secret is kept for the next start as well, where the configuration names a folder for it.
//!
//! Where they drift, a few earlier versions of them are rendered as well, to tell lag from tampering.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::config::{Environment, Renderer};
use crate::drift::model::{Redactor, Stage};
use crate::git::{self, GitError};
use crate::render::{Capabilities, Clock, Part, Rendered, Renderers, Sources, read};

use super::gather::DEFAULT_NAMESPACE;
use super::kept::Kept;

/// Between two renderings of the same inputs the clock's seconds have moved on.
const APART: Duration = Duration::from_secs(1);
/// How many commits are looked back at.
const COMMITS: usize = 20;
/// How many other versions of the inputs are rendered.
const VERSIONS: usize = 3;

/// The renderers and what they made last.
#[derive(Debug)]
pub(super) struct Renders {
    renderers: Renderers,
    /// What outlives the process.
    kept: Option<Kept>,
    /// By the environment's name.
    last: Mutex<HashMap<String, Last>>,
}

#[derive(Debug)]
struct Last {
    key: String,
    begun: Instant,
    first: Arc<Rendered>,
    second: Option<Arc<Rendered>>,
    /// Of earlier versions, by their keys.
    earlier: HashMap<String, Arc<Rendered>>,
}

/// What the inputs came to as an earlier commit had them.
#[derive(Debug)]
pub(super) struct Earlier {
    /// The newest commit that has this version.
    pub revision: String,
    /// How many commits, along first parents, lie between it and the tip.
    pub commits_behind: u32,
    pub rendered: Arc<Rendered>,
}

/// Where in Git an environment was read.
#[derive(Debug, Clone)]
pub(super) struct Tip {
    /// The repository or mirror.
    pub location: PathBuf,
    /// The branch, tag or commit that was followed.
    pub reference: String,
    /// The commit.
    pub revision: String,
}

/// What is rendered.
#[derive(Debug)]
pub(super) struct Inputs {
    pub sources: Sources,
    pub capabilities: Capabilities,
}

impl Inputs {
    /// Whether a renderer has a say in it: plain files are manifests as they are.
    pub(super) fn is_rendered(&self) -> bool {
        self.sources.parts.iter().any(|part| part.renderer != Renderer::Plain)
    }
}

impl Renders {
    /// Nothing is rendered yet; `kept` outlives the process.
    pub(super) fn new(kept: Option<Kept>) -> Self {
        Self { renderers: Renderers::default(), kept, last: Mutex::default() }
    }

    /// What `inputs` come to.
    pub(super) async fn first(&self, environment: &Environment, inputs: &Inputs, redactor: &Redactor) -> Arc<Rendered> {
        if !inputs.is_rendered() {
            return Arc::new(self.render(inputs, Clock::Utc, redactor).await);
        }
        let key = self.key(inputs).await;
        if let Some(first) = self.look(environment, &key, |last| Some(Arc::clone(&last.first))) {
            return first;
        }
        let begun = Instant::now();
        let first = Arc::new(self.recall(environment, inputs, (&key, Clock::Utc), redactor).await);
        // What failed may go well the next time.
        if !first.gaps.iter().any(|gap| gap.stage == Stage::Render) {
            let mut known = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            // What was the newest version is the first of the earlier ones.
            let earlier = known.remove(&environment.name).map(|last| HashMap::from([(last.key, last.first)]));
            let earlier = earlier.unwrap_or_default();
            let last = Last { key, begun, first: Arc::clone(&first), second: None, earlier };
            known.insert(environment.name.clone(), last);
        }
        first
    }

    /// What the same inputs come to at another time of another day; `None` where nothing was rendered from them.
    pub(super) async fn second(
        &self,
        environment: &Environment,
        inputs: &Inputs,
        redactor: &Redactor,
    ) -> Option<Arc<Rendered>> {
        let key = self.key(inputs).await;
        if let Some(second) = self.look(environment, &key, |last| last.second.clone()) {
            return Some(second);
        }
        let begun = self.look(environment, &key, |last| Some(last.begun))?;
        sleep_until(begun + APART).await;
        let second = Arc::new(self.recall(environment, inputs, (&key, Clock::Shifted), redactor).await);
        let mut known = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = known.get_mut(&environment.name).filter(|last| last.key == key && second.gaps.is_empty()) {
            last.second = Some(Arc::clone(&second));
        }
        Some(second)
    }

    /// What the last few other versions of `inputs` come to, the newest first; those that cannot be rendered left out.
    pub(super) async fn earlier(
        &self,
        environment: &Environment,
        tip: &Tip,
        inputs: &Inputs,
        redactor: &Redactor,
    ) -> Vec<Earlier> {
        let mut found: Vec<Earlier> = Vec::new();
        let mut known = HashMap::new();
        let mut newer = inputs.sources.digest();
        for (commits_behind, revision) in (1..).zip(ancestors(tip).await) {
            let Ok(sources) = sources(inputs, tip, &revision).await else { continue };
            if sources.digest() == newer {
                continue;
            }
            newer = sources.digest();
            let inputs = Inputs { sources, capabilities: inputs.capabilities.clone() };
            let key = self.key(&inputs).await;
            let rendered = match self.kept(environment, &key) {
                Some(rendered) => rendered,
                None => Arc::new(self.recall(environment, &inputs, (&key, Clock::Utc), redactor).await),
            };
            known.insert(key, Arc::clone(&rendered));
            found.push(Earlier { revision, commits_behind, rendered });
            if found.len() == VERSIONS {
                break;
            }
        }
        if let Some(last) = self.last.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&environment.name) {
            last.earlier = known;
        }
        found
    }

    fn kept(&self, environment: &Environment, key: &str) -> Option<Arc<Rendered>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(&environment.name)?.earlier.get(key).cloned()
    }

    fn look<T>(&self, environment: &Environment, key: &str, what: impl Fn(&Last) -> Option<T>) -> Option<T> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(&environment.name).filter(|last| last.key == key).and_then(what)
    }

    /// What was kept of an earlier start, else what is rendered now.
    async fn recall(
        &self,
        of: &Environment,
        inputs: &Inputs,
        (key, clock): (&str, Clock),
        redactor: &Redactor,
    ) -> Rendered {
        let Some(kept) = self.kept.as_ref().filter(|_| inputs.sources.are_whole()) else {
            return self.render(inputs, clock, redactor).await;
        };
        let key = format!("{} {clock:?} {key}", of.name);
        let (from, wanted, sealing) = (kept.clone(), key.clone(), redactor.clone());
        let found = tokio::task::spawn_blocking(move || from.load(&wanted, &sealing)).await;
        if let Ok(Some(found)) = found {
            return found;
        }
        let rendered = self.render(inputs, clock, redactor).await;
        let (into, made) = (kept.clone(), rendered.clone());
        let (name, namespace) = (of.name.clone(), of.namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()));
        let keeping = tokio::task::spawn_blocking(move || into.keep(&key, (&name, &namespace), &made));
        if let Err(error) = keeping.await {
            tracing::error!(
                environment = of.name,
                "keeping a rendering ended without a result, which is a bug: {error}"
            );
        }
        rendered
    }

    async fn render(&self, inputs: &Inputs, clock: Clock, redactor: &Redactor) -> Rendered {
        self.renderers.render(&inputs.sources, &inputs.capabilities, clock, redactor).await
    }

    /// Everything that the outcome depends on.
    async fn key(&self, inputs: &Inputs) -> String {
        let versions = self.renderers.versions(&inputs.sources).await;
        let Inputs { sources, capabilities } = inputs;
        format!("{} {versions} {capabilities:?}", sources.digest())
    }
}

/// A history that cannot be read leaves drift unexplained, never hidden.
async fn ancestors(tip: &Tip) -> Vec<String> {
    let Tip { location, revision, .. } = tip.clone();
    let read = tokio::task::spawn_blocking(move || git::ancestors(&location, &revision, COMMITS)).await;
    read.ok().and_then(Result::ok).unwrap_or_default()
}

/// The sources as an earlier commit of the first of their repositories had them; what comes from others stays.
async fn sources(inputs: &Inputs, tip: &Tip, revision: &str) -> Result<Sources, GitError> {
    let (location, revision) = (tip.location.clone(), revision.to_owned());
    let (parts, finish) = (inputs.sources.parts.clone(), inputs.sources.finish.clone());
    let again = move || {
        let Some(first) = parts.first().map(|part| Arc::clone(&part.of)) else { return Ok(Sources::default()) };
        let mut earlier = Sources { finish, ..Sources::default() };
        for of in distinct(&parts) {
            if of.repository.name == first.repository.name && of.reference == first.reference {
                let read = read(&of, &|paths| git::read(&location, &revision, paths))?;
                earlier.parts.extend(read.parts);
            } else {
                earlier.parts.extend(parts.iter().filter(|part| Arc::ptr_eq(&part.of, &of)).cloned());
            }
        }
        Ok(earlier)
    };
    tokio::task::spawn_blocking(again).await.unwrap_or_else(|_| Ok(Sources::default()))
}

/// What the parts are told, each once.
fn distinct(parts: &[Arc<Part>]) -> Vec<Arc<Environment>> {
    let mut found: Vec<Arc<Environment>> = Vec::new();
    for part in parts {
        if !found.iter().any(|of| Arc::ptr_eq(of, &part.of)) {
            found.push(Arc::clone(&part.of));
        }
    }
    found
}
