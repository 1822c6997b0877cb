//! What of a repository an environment follows: a branch, a tag, a commit, or the branches of a pattern.

use std::fmt;

use super::cursor::{Cursor, Noted, Section};
use crate::drift::model::Glob;

/// What of a repository is followed. Shown, it is what the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A branch; where there is none of that name, a tag or a whole commit id.
    Branch(String),
    /// A tag, annotated or not.
    Tag(String),
    /// A commit, 40 hex digits in lower case.
    Revision(String),
    /// One or each of several branches.
    Pattern(Pattern),
    /// The branch that a clone would check out.
    Head,
}

/// Branches by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// Which branches are meant; `*` stands for any text, slashes too.
    pub name: Glob,
    /// Which of them are followed.
    pub pick: Pick,
}

/// Which of several branches are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// The one whose name holds the highest version, by the order of semantic versions.
    HighestSemver,
    /// The one whose tip was committed last.
    Newest,
    /// Each one, as an environment of its own.
    Each,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) | Self::Tag(name) | Self::Revision(name) => f.write_str(name),
            Self::Pattern(pattern) => write!(f, "{}", pattern.name),
            Self::Head => f.write_str("HEAD"),
        }
    }
}

impl Reference {
    /// Whether it stands for environments of their own, one for each branch that it finds.
    #[must_use]
    pub const fn is_each(&self) -> bool {
        matches!(self, Self::Pattern(Pattern { pick: Pick::Each, .. }))
    }
}

const HINT: &str = "name what this environment follows: `branch`, `tag` or `revision`";

/// Reads the one of `branch`, `tag` and `revision` that is there.
pub(super) fn read(section: &Section<'_>) -> Result<Reference, Noted> {
    let mut found = ["branch", "tag", "revision"].into_iter().filter_map(|key| Some((key, section.get(key)?)));
    let Some((key, cursor)) = found.next() else { return Err(section.missing("branch", HINT)) };
    if let Some((other, cursor)) = found.next() {
        return Err(cursor.note(format!("stands beside `{key}`"), format!("keep `{key}` or `{other}`")));
    }
    match key {
        "branch" if cursor.is_mapping() => read_pattern(&cursor).map(Reference::Pattern),
        "branch" => Ok(Reference::Branch(name(&cursor)?)),
        "tag" => Ok(Reference::Tag(name(&cursor)?)),
        _ => revision(&cursor),
    }
}

fn read_pattern(cursor: &Cursor<'_>) -> Result<Pattern, Noted> {
    let section = cursor.section(&["pattern", "pick"])?;
    let glob = section.require("pattern", "write the branches' names with `*` for any text: `release_v*`").and_then(
        |cursor| match cursor.text()? {
            text if text.contains('*') => Ok(Glob::new(text)),
            _ => Err(cursor.note("holds no `*`", "write `*` for any text, or the name alone: `branch: main`")),
        },
    );
    let hint = "use `highest-semver`, `newest` or `each`";
    let pick = section.require("pick", hint).and_then(|cursor| match cursor.text()? {
        "highest-semver" => Ok(Pick::HighestSemver),
        "newest" => Ok(Pick::Newest),
        "each" => Ok(Pick::Each),
        _ => Err(cursor.note("is no way to pick a branch", hint)),
    });
    Ok(Pattern { name: glob?, pick: pick? })
}

/// A name as Git allows it for branches and tags.
fn name(cursor: &Cursor<'_>) -> Result<String, Noted> {
    let text = cursor.text()?;
    let name = text.strip_prefix("refs/heads/").or_else(|| text.strip_prefix("refs/tags/")).unwrap_or(text);
    let forbidden = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let wrong = name.is_empty()
        || name.contains(forbidden)
        || ["..", "//", "@{"].iter().any(|part| name.contains(part))
        || name.starts_with(['/', '-'])
        || name.ends_with(['/', '.'])
        || name.split('/').any(|part| part.starts_with('.') || part.strip_suffix(".lock").is_some());
    if wrong {
        let hint = "write it as `git branch` or `git tag` lists it; a pattern is `branch: { pattern: \"release_v*\", pick: newest }`";
        return Err(cursor.note("is no name of a branch or tag", hint));
    }
    Ok(name.to_owned())
}

fn revision(cursor: &Cursor<'_>) -> Result<Reference, Noted> {
    let text = cursor.text()?;
    if text.len() == 40 && text.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(Reference::Revision(text.to_ascii_lowercase()));
    }
    Err(cursor.note("is no commit", "write the whole id, 40 hex digits: `git rev-parse COMMIT`"))
}
