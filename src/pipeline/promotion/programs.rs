//! What kustomize, helm, a command, or files from anywhere come to at any commit, as content that compares quickly.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Handle;

use super::history_gap;
use crate::config::{Environment, Renderer};
use crate::drift::model::{Desired, Gap, Packed, Redactor};
use crate::drift::promotion::{CommitId, Content, Fragment, Part};
use crate::git::{self, GitError, SourceTree};
use crate::render::{Capabilities, Clock, Rendered, Renderers, Sources, is_below, read};

/// So many different inputs are remembered.
const KEPT: usize = 500;
/// Between two renderings of the same inputs the clock's seconds have moved on.
const APART: Duration = Duration::from_secs(1);
/// What a template uses to ask for the time or for chance; a word too many costs a second rendering, no more.
const CHANCE: &[&str] =
    &["now", "date", "ago", "rand", "gen", "uuid", "shuffle", "htpasswd", "bcrypt", "encrypt", "derive"];

/// The renderers and what they made of all inputs so far. What is remembered holds hashes, never a value.
#[derive(Debug, Default)]
pub(super) struct Programs {
    renderers: Renderers,
    /// By everything that the outcome depends on.
    known: HashMap<String, Content>,
}

/// Paths that stay what they are at one commit, whichever commit is rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub variants: Vec<String>,
    pub at: CommitId,
}

impl Held {
    fn holds(&self, path: &str) -> bool {
        self.variants.iter().any(|variant| is_below(path, variant))
    }
}

impl Programs {
    /// What `environment` renders from a commit of the repository at a place. A path that the commit lacks renders
    /// nothing. Runs programs and waits for them: to be called where that is allowed.
    pub(super) fn content(
        &mut self,
        environment: &Environment,
        held: Option<&Held>,
        (location, commit): (&Path, CommitId),
        redactor: &Redactor,
    ) -> Result<Content, Gap> {
        let sources = match read(environment, &|paths| tree(location, commit, held, paths)) {
            Ok(sources) => sources,
            Err(GitError::NoPath { .. }) => return Ok(Content::default()),
            Err(error) => return Err(history_gap(&error)),
        };
        let key = sources.digest();
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let rendered = Handle::current().block_on(self.render(&sources, redactor));
        let content = content_of(&rendered.map_err(|gap| at(commit, gap))?);
        if self.known.len() >= KEPT {
            self.known.clear();
        }
        self.known.insert(key, content.clone());
        Ok(content)
    }

    /// What the sources come to, without what is made anew by each rendering.
    async fn render(&self, sources: &Sources, redactor: &Redactor) -> Result<Vec<Desired>, Gap> {
        let capabilities = Capabilities::default();
        let made = async |clock| whole(self.renderers.render(sources, &capabilities, clock, redactor).await);
        let first = made(Clock::Utc).await?;
        if !sources.may_vary() || !asks_for_chance(sources) {
            return Ok(first);
        }
        tokio::time::sleep(APART).await;
        let second = made(Clock::Shifted).await?;
        Ok(without_chance(first, &second))
    }
}

/// The files of a commit, with those held that belong to variants.
fn tree(location: &Path, commit: CommitId, held: Option<&Held>, paths: &[String]) -> Result<SourceTree, GitError> {
    let own = git::read(location, &commit.to_string(), paths);
    let Some(held) = held else { return own };
    let kept = git::read(location, &held.at.to_string(), paths);
    if let (Err(_), Ok(kept)) = (&own, &kept)
        && paths.iter().all(|path| held.holds(path))
    {
        return Ok(kept.clone());
    }
    let mut own = own?;
    own.files.retain(|file| !held.holds(&file.path));
    own.unread.retain(|unread| !held.holds(&unread.path));
    if let Ok(kept) = kept {
        own.files.extend(kept.files.into_iter().filter(|file| held.holds(&file.path)));
        own.unread.extend(kept.unread.into_iter().filter(|unread| held.holds(&unread.path)));
        let place = |path: &str| paths.iter().position(|wanted| is_below(path, wanted.trim_matches('/')));
        own.files.sort_by(|one, other| (place(&one.path), &one.path).cmp(&(place(&other.path), &other.path)));
    }
    Ok(own)
}

fn asks_for_chance(sources: &Sources) -> bool {
    let is_quiet = |file: &crate::git::SourceFile| {
        std::str::from_utf8(&file.bytes).is_ok_and(|text| !CHANCE.iter().any(|word| text.contains(word)))
    };
    let all_quiet = sources.parts.iter().all(|part| match part.renderer {
        Renderer::Auto | Renderer::Plain => true,
        Renderer::Helm => part.of.rendering.helm.chart.is_none() && part.files.iter().all(is_quiet),
        // What it inflates comes from elsewhere; what a command does nobody knows.
        Renderer::Kustomize | Renderer::Command => false,
    });
    !all_quiet
}

/// What both renderings agree on.
fn without_chance(first: Vec<Desired>, second: &[Desired]) -> Vec<Desired> {
    let agreed = first.into_iter().filter_map(|mut object| {
        let other = second.iter().find(|other| other.key == object.key)?;
        blank(&mut object.content, Some(&other.content));
        Some(object)
    });
    agreed.collect()
}

fn blank(value: &mut Value, other: Option<&Value>) {
    match (value, other) {
        (Value::Object(map), Some(Value::Object(other))) => {
            map.iter_mut().for_each(|(key, value)| blank(value, other.get(key)));
        }
        (Value::Array(items), Some(Value::Array(others))) if items.len() == others.len() => {
            items.iter_mut().zip(others).for_each(|(item, other)| blank(item, Some(other)));
        }
        (value, Some(other)) if value == other => {}
        (value, _) => *value = Value::Null,
    }
}

/// The objects, unless one is missing.
fn whole(rendered: Rendered) -> Result<Vec<Desired>, Gap> {
    match rendered.gaps.into_iter().next() {
        Some(gap) => Err(gap),
        None => Ok(rendered.objects.iter().map(Packed::unpack).collect()),
    }
}

fn content_of(objects: &[Desired]) -> Content {
    let mut fragment = Fragment::default();
    for object in objects {
        if object.is_encrypted {
            fragment.add_opaque(&object.source.file, object.content.to_string());
        } else {
            fragment.add(&object.key, &object.content);
        }
    }
    let mut content = Content::default();
    content.push(Arc::new(Part::file(fragment)));
    content
}

fn at(commit: CommitId, gap: Gap) -> Gap {
    let message = format!("commit {commit}: {}", gap.message);
    Gap { message, ..gap }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_chance_made_counts_for_nothing() {
        let mut value = json!({"a": 1, "b": {"c": "x", "d": [1, {"e": "7f"}]}, "f": [1, 2], "g": 1});
        blank(&mut value, Some(&json!({"a": 1, "b": {"c": "x", "d": [1, {"e": "9a"}]}, "f": [1]})));
        assert_eq!(value, json!({"a": 1, "b": {"c": "x", "d": [1, {"e": null}]}, "f": null, "g": null}));
    }
}
