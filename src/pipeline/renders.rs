//! What was rendered last for each environment: the same inputs are rendered once, and once more where they drift.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::config::{Environment, Renderer};
use crate::drift::model::{Redactor, Stage};
use crate::render::{Capabilities, Clock, Rendered, Renderers, Sources};

/// Between two renderings of the same inputs the clock's seconds have moved on.
const APART: Duration = Duration::from_secs(1);

/// The renderers and what they made last, in memory only: it never outlives the process.
#[derive(Debug, Default)]
pub(super) struct Renders {
    renderers: Renderers,
    /// By the environment's name.
    last: Mutex<HashMap<String, Last>>,
}

#[derive(Debug)]
struct Last {
    key: String,
    begun: Instant,
    first: Arc<Rendered>,
    second: Option<Arc<Rendered>>,
}

/// What is rendered.
#[derive(Debug)]
pub(super) struct Inputs {
    pub sources: Sources,
    pub capabilities: Capabilities,
}

impl Renders {
    /// What `inputs` come to.
    pub(super) async fn first(&self, environment: &Environment, inputs: &Inputs, redactor: &Redactor) -> Arc<Rendered> {
        if inputs.sources.parts.iter().all(|part| part.renderer == Renderer::Plain) {
            return Arc::new(self.render(environment, inputs, Clock::Utc, redactor).await);
        }
        let key = self.key(environment, inputs).await;
        if let Some(first) = self.look(environment, &key, |last| Some(Arc::clone(&last.first))) {
            return first;
        }
        let begun = Instant::now();
        let first = Arc::new(self.render(environment, inputs, Clock::Utc, redactor).await);
        // What failed may go well the next time.
        if !first.gaps.iter().any(|gap| gap.stage == Stage::Render) {
            let last = Last { key, begun, first: Arc::clone(&first), second: None };
            self.last.lock().unwrap_or_else(PoisonError::into_inner).insert(environment.name.clone(), last);
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
        let key = self.key(environment, inputs).await;
        if let Some(second) = self.look(environment, &key, |last| last.second.clone()) {
            return Some(second);
        }
        let begun = self.look(environment, &key, |last| Some(last.begun))?;
        sleep_until(begun + APART).await;
        let second = Arc::new(self.render(environment, inputs, Clock::Shifted, redactor).await);
        let mut known = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = known.get_mut(&environment.name).filter(|last| last.key == key && second.gaps.is_empty()) {
            last.second = Some(Arc::clone(&second));
        }
        Some(second)
    }

    fn look<T>(&self, environment: &Environment, key: &str, what: impl Fn(&Last) -> Option<T>) -> Option<T> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(&environment.name).filter(|last| last.key == key).and_then(what)
    }

    async fn render(&self, of: &Environment, inputs: &Inputs, clock: Clock, redactor: &Redactor) -> Rendered {
        self.renderers.render(of, &inputs.sources, &inputs.capabilities, clock, redactor).await
    }

    /// Everything that the outcome depends on.
    async fn key(&self, environment: &Environment, inputs: &Inputs) -> String {
        let versions = self.renderers.versions(environment, &inputs.sources).await;
        let Environment { namespace, rendering, .. } = environment;
        let Inputs { sources, capabilities } = inputs;
        format!("{} {versions} {namespace:?} {rendering:?} {capabilities:?}", sources.digest())
    }
}
