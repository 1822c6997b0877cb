//! The branches and tags of a repository, and which of them is meant.

use std::collections::BTreeMap;

use git2::{ErrorCode, Oid, Repository};
use semver::Version;

use super::GitError;
use crate::config::{Pattern, Pick, Reference};
use crate::drift::promotion::master_of;

/// So many releases before the one that is followed are looked at.
const EARLIER: usize = 10;

/// What a repository has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct References {
    /// By name, without `refs/heads/`.
    pub branches: BTreeMap<String, Oid>,
    /// By name, without `refs/tags/`; an annotated tag by its own id.
    pub tags: BTreeMap<String, Oid>,
    /// The branch that a clone would check out, where it is known.
    pub default: Option<String>,
}

/// What an environment follows at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    /// The name of the branch or tag, or the commit's id.
    pub name: String,
    /// The commit.
    pub commit: Oid,
}

impl References {
    /// Takes a reference in by its whole name; others than branches and tags are left out.
    pub fn add(&mut self, name: &str, id: Oid) {
        if let Some(name) = name.strip_prefix("refs/heads/") {
            self.branches.insert(name.to_owned(), id);
        } else if let Some(name) = name.strip_prefix("refs/tags/")
            && !name.ends_with("^{}")
        {
            self.tags.insert(name.to_owned(), id);
        }
    }

    /// Those of a repository on this machine; what a clone has seen of its origin counts where it has no own branch.
    pub fn of(repository: &Repository) -> Result<Self, git2::Error> {
        let mut found = Self::default();
        let mut origin = BTreeMap::new();
        for reference in repository.references()? {
            let reference = reference?;
            let (Ok(name), Some(id)) = (reference.name(), reference.target()) else { continue };
            match name.strip_prefix("refs/remotes/origin/") {
                Some(name) => drop(origin.insert(name.to_owned(), id)),
                None => found.add(name, id),
            }
        }
        for (name, id) in origin {
            found.branches.entry(name).or_insert(id);
        }
        let head = repository.find_reference("HEAD").ok();
        let target = head.as_ref().and_then(|head| head.symbolic_target().ok().flatten());
        found.default = target.and_then(|name| name.strip_prefix("refs/heads/")).map(str::to_owned);
        Ok(found)
    }

    /// The whole names and ids of what `wanted` needs, with the branches into which release branches are merged back; a
    /// commit that nothing here names is not among them.
    pub fn needed(&self, wanted: &Reference) -> Vec<(String, Oid)> {
        let mut needed = self.named(wanted);
        let releases = needed.iter().filter_map(|(name, _)| name.strip_prefix("refs/heads/"));
        let masters: Vec<_> = releases
            .filter_map(master_of)
            .filter_map(|name| Some((format!("refs/heads/{name}"), *self.branches.get(&name)?)))
            .collect();
        needed.extend(masters);
        needed.sort();
        needed.dedup();
        needed
    }

    fn named(&self, wanted: &Reference) -> Vec<(String, Oid)> {
        let branch = |name: &str| Some((format!("refs/heads/{name}"), *self.branches.get(name)?));
        let tag = |name: &str| Some((format!("refs/tags/{name}"), *self.tags.get(name)?));
        match wanted {
            Reference::Branch(name) => branch(name).or_else(|| tag(name)).into_iter().collect(),
            Reference::Tag(name) => tag(name).into_iter().collect(),
            Reference::Revision(_) => Vec::new(),
            Reference::Head => self.default.as_deref().and_then(branch).into_iter().collect(),
            Reference::Pattern(pattern) if pattern.pick == Pick::HighestSemver => {
                let Some(highest) = self.highest(pattern) else { return Vec::new() };
                let names = self.branches.keys().map(String::as_str);
                let earlier = earlier_releases(pattern, names, highest);
                earlier.into_iter().chain([highest]).filter_map(branch).collect()
            }
            Reference::Pattern(pattern) => self.matching(pattern).filter_map(branch).collect(),
        }
    }

    /// The names of the branches that match.
    pub fn matching<'s>(&'s self, pattern: &'s Pattern) -> impl Iterator<Item = &'s str> {
        self.branches.keys().map(String::as_str).filter(|name| pattern.name.fits(name))
    }

    /// What `wanted` means, among the objects of `repository`.
    pub fn resolve(&self, repository: &Repository, wanted: &Reference) -> Result<Resolved, GitError> {
        let location = repository.path();
        let failed = |source: &git2::Error| GitError::read(location, source);
        let peel = |name: &str, id: Oid| {
            let object = repository.find_object(id, None).map_err(|source| failed(&source))?;
            let commit = object.peel_to_commit().map_err(|source| failed(&source))?;
            Ok(Resolved { name: name.to_owned(), commit: commit.id() })
        };
        let found = match wanted {
            Reference::Branch(name) => {
                self.branches.get(name).or_else(|| self.tags.get(name)).map(|id| peel(name, *id))
            }
            Reference::Tag(name) => self.tags.get(name).map(|id| peel(name, *id)),
            Reference::Revision(_) => None,
            Reference::Head => {
                let named = self.default.as_ref().and_then(|name| Some((name, self.branches.get(name)?)));
                named.map(|(name, id)| peel(name, *id))
            }
            Reference::Pattern(pattern) => {
                self.picked(repository, pattern)?.map(|name| peel(name, self.branches[name]))
            }
        };
        if let Some(found) = found {
            return found;
        }
        if let Reference::Branch(id) | Reference::Revision(id) = wanted
            && id.len() == 40
            && let Ok(id) = Oid::from_str(id)
        {
            match repository.find_commit(id) {
                Ok(commit) => return Ok(Resolved { name: id.to_string(), commit: commit.id() }),
                Err(source) if source.code() == ErrorCode::NotFound => {}
                Err(source) => return Err(failed(&source)),
            }
        }
        Err(self.unknown(wanted))
    }

    fn picked(&self, repository: &Repository, pattern: &Pattern) -> Result<Option<&str>, GitError> {
        match pattern.pick {
            Pick::HighestSemver => match self.highest(pattern) {
                Some(name) => Ok(self.branches.get_key_value(name).map(|(name, _)| name.as_str())),
                None if self.branches.keys().any(|name| pattern.name.fits(name)) => Err(GitError::NoVersion {
                    pattern: pattern.name.to_string(),
                    matching: self.matching(pattern).map(str::to_owned).collect(),
                }),
                None => Ok(None),
            },
            Pick::Newest => {
                let time = |id: &Oid| repository.find_commit(*id).map(|commit| commit.time().seconds()).ok();
                let matching = self.branches.iter().filter(|(name, _)| pattern.name.fits(name));
                let newest = matching.filter_map(|(name, id)| Some((time(id)?, name))).max();
                Ok(newest.map(|(_, name)| name.as_str()))
            }
            Pick::Each => Ok(None),
        }
    }

    /// The branch with the highest version in its name; of equal ones the last by name.
    fn highest(&self, pattern: &Pattern) -> Option<&str> {
        let matching = self.branches.keys().filter(|name| pattern.name.fits(name));
        let versions = matching.filter_map(|name| Some((version(&pattern.name.to_string(), name)?, name.as_str())));
        versions
            .max_by(|(one, name), (other, other_name)| one.cmp_precedence(other).then(name.cmp(other_name)))
            .map(|(_, name)| name)
    }

    fn unknown(&self, wanted: &Reference) -> GitError {
        let wanted = match wanted {
            Reference::Branch(name) if name.len() == 40 => format!("branch, tag or commit {name}"),
            Reference::Branch(name) => format!("branch {name}"),
            Reference::Tag(name) => format!("tag {name}"),
            Reference::Revision(id) => format!("commit {id}"),
            Reference::Pattern(pattern) => format!("branch matches {}", pattern.name),
            Reference::Head => "default branch".to_owned(),
        };
        GitError::NoReference { wanted, known: self.branches.keys().cloned().collect(), default: self.default.clone() }
    }
}

/// The branches of a pattern whose versions come before that of `followed`, the latest first; none where that has no
/// version.
pub fn earlier_releases<'n>(
    pattern: &Pattern,
    branches: impl Iterator<Item = &'n str>,
    followed: &str,
) -> Vec<&'n str> {
    let text = pattern.name.to_string();
    let Some(last) = version(&text, followed) else { return Vec::new() };
    let mut releases: Vec<(Version, &str)> = branches
        .filter(|name| pattern.name.fits(name))
        .filter_map(|name| Some((version(&text, name)?, name)))
        .filter(|(version, _)| version.cmp_precedence(&last).is_lt())
        .collect();
    releases.sort_by(|(one, name), (other, other_name)| other.cmp_precedence(one).then(other_name.cmp(name)));
    releases.into_iter().map(|(_, name)| name).take(EARLIER).collect()
}

/// The version in a name that fits the pattern: what stands for its first `*` up to what follows its last one, with or
/// without a `v`; parts that are missing behind are 0.
fn version(pattern: &str, name: &str) -> Option<Version> {
    let (first, rest) = pattern.split_once('*')?;
    let last = rest.rsplit('*').next().unwrap_or_default();
    let text = name.strip_prefix(first)?.strip_suffix(last)?;
    let text = text.strip_prefix('v').unwrap_or(text);
    let core = text.find(['-', '+']).unwrap_or(text.len());
    let (core, rest) = text.split_at(core);
    let missing = 3_usize.checked_sub(core.split('.').count())?;
    Version::parse(&format!("{core}{}{rest}", ".0".repeat(missing))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::model::Glob;

    fn highest(pattern: &str, names: &[&str]) -> Option<String> {
        let mut references = References::default();
        for name in names {
            references.add(&format!("refs/heads/{name}"), Oid::ZERO_SHA1);
        }
        let pattern = Pattern { name: Glob::new(pattern), pick: Pick::HighestSemver };
        references.highest(&pattern).map(str::to_owned)
    }

    #[test]
    fn the_releases_before_one_are_told_the_latest_first() {
        let pattern = Pattern { name: Glob::new("release_v*"), pick: Pick::HighestSemver };
        let names =
            ["main", "release_v1.10.0", "release_v1.9.0", "release_v2.0.0", "release_v2.0.0-rc.1", "release_vx"];
        let before = |followed| earlier_releases(&pattern, names.into_iter(), followed);
        assert_eq!(before("release_v2.0.0"), ["release_v2.0.0-rc.1", "release_v1.10.0", "release_v1.9.0"]);
        assert_eq!(before("release_v1.9.0"), [""; 0]);
        assert_eq!(before("release_vx"), [""; 0]);
    }

    #[test]
    fn release_branches_are_ordered_as_semver_orders_versions() {
        for (names, expected) in [
            (&["release_v1.9.0", "release_v1.10.0", "release_v1.2.0"][..], "release_v1.10.0"),
            (&["release_v2.0.0-rc.1", "release_v1.9.0"], "release_v2.0.0-rc.1"),
            (&["release_v2.0.0-rc.1", "release_v2.0.0"], "release_v2.0.0"),
            (&["release_v2.0.0-rc.9", "release_v2.0.0-rc.10", "release_v2.0.0-beta.11"], "release_v2.0.0-rc.10"),
            (&["release_v1.0.0-alpha", "release_v1.0.0-alpha.1", "release_v1.0.0-1"], "release_v1.0.0-alpha.1"),
            (&["release_v1.1", "release_v1.0.9", "release_v1"], "release_v1.1"),
            (&["release_v1.0.0", "release_vnext", "main", "xrelease_v3.0.0"], "release_v1.0.0"),
            (&["release_v1.0.0+1", "release_v1.0.0+2"], "release_v1.0.0+2"),
        ] {
            assert_eq!(highest("release_v*", names).as_deref(), Some(expected), "{names:?}");
        }
        assert_eq!(highest("release_v*", &["release_vnext", "release_v1.2.3.4", "release_v"]), None);
        assert_eq!(highest("*/prod", &["v1.2.0/prod", "v1.10.0/prod", "v2/qa"]).as_deref(), Some("v1.10.0/prod"));
        assert_eq!(highest("release/*", &["release/v1", "release/2.0"]).as_deref(), Some("release/2.0"));
    }
}
