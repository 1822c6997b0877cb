//! Tags that are versions: which of two comes first.

use std::cmp::Ordering;

use super::Age;

/// Words that stand before a release. Any other suffix (`-alpine`, `-jdk17`) names a variant, which is neither older nor
/// newer than another one.
const PRE_RELEASES: [&str; 9] = ["alpha", "beta", "dev", "m", "milestone", "pre", "preview", "rc", "snapshot"];

/// A tag as a version: numbers, and what follows behind a dash.
struct Version<'a> {
    numbers: Vec<u64>,
    suffix: &'a str,
}

/// Whether `live` is older or newer than `desired`; `None` where one is no version, where they are equal, or where only
/// their variants differ.
///
/// Rule: `SemVer` 2.0.0 §11, widened by tags of fewer or more than three numbers and by a `v` in front.
pub(super) fn age(desired: &str, live: &str) -> Option<Age> {
    let (desired, live) = (Version::parse(desired)?, Version::parse(live)?);
    match live.compare(&desired)? {
        Ordering::Less => Some(Age::Older),
        Ordering::Greater => Some(Age::Newer),
        Ordering::Equal => None,
    }
}

impl<'a> Version<'a> {
    fn parse(tag: &'a str) -> Option<Self> {
        let tag = tag.strip_prefix(['v', 'V']).unwrap_or(tag);
        let (numbers, suffix) = tag.split_once('-').unwrap_or((tag, ""));
        let digits = |number: &str| number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())?;
        let numbers = numbers.split('.').map(digits).collect::<Option<Vec<u64>>>()?;
        Some(Self { numbers, suffix })
    }

    fn compare(&self, other: &Self) -> Option<Ordering> {
        let longest = self.numbers.len().max(other.numbers.len());
        let padded = |version: &Self| {
            let mut numbers = version.numbers.clone();
            numbers.resize(longest, 0);
            numbers
        };
        match padded(self).cmp(&padded(other)) {
            Ordering::Equal => self.compare_suffixes(other),
            ordering => Some(ordering),
        }
    }

    /// A release comes after its pre-releases; their parts are compared one by one.
    fn compare_suffixes(&self, other: &Self) -> Option<Ordering> {
        if self.suffix == other.suffix {
            return Some(Ordering::Equal);
        }
        if !(self.is_comparable() && other.is_comparable()) {
            return None;
        }
        match (self.suffix.is_empty(), other.suffix.is_empty()) {
            (true, _) => Some(Ordering::Greater),
            (_, true) => Some(Ordering::Less),
            _ => Some(parts(self.suffix).cmp(parts(other.suffix))),
        }
    }

    fn is_comparable(&self) -> bool {
        let word: String = self.suffix.chars().take_while(char::is_ascii_alphabetic).collect();
        self.suffix.is_empty() || PRE_RELEASES.contains(&word.to_ascii_lowercase().as_str())
    }
}

/// A run of digits or of letters; numbers come before words, as in `SemVer`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Word(String),
}

/// `rc.1`, `rc-1` and `rc1` alike.
fn parts(suffix: &str) -> impl Iterator<Item = Part> {
    let mut rest = suffix.trim_start_matches(['.', '-', '_']);
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest
            .find(|c: char| c.is_ascii_digit() != first.is_ascii_digit() || ".-_".contains(c))
            .unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        rest = after.trim_start_matches(['.', '-', '_']);
        // A number that does not fit is a word: it still has an order.
        Some(run.parse().map_or_else(|_| Part::Word(run.to_ascii_lowercase()), Part::Number))
    })
}
