//! Rules about objects and their fields: what they match, and what they say of it.

use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::civil::Date;

use super::cursor::{Cursor, Noted, Section, did_you_mean};
use super::parse::collect;
use crate::drift::classify::SeverityRule;
use crate::drift::ignore::{ANNOTATION, IgnoreRule};
use crate::drift::model::{Category, Glob, ObjectMatch, PathPattern, RedactRule, SelectorError, Severity};

const PATHS: &str = "write paths such as `spec.replicas`, `spec.template.spec.containers[name=x].env[*]` or \
                     `metadata.annotations[\"a.b/c\"]`";
const SELECTOR: &str = "write it as kubectl does: `app=trino,tier in (web, api),!canary`";

/// The list `ignore`.
pub(super) fn read_ignore(cursor: &Cursor<'_>) -> Result<Vec<IgnoreRule>, Noted> {
    let items = cursor.items()?;
    let mut names = BTreeMap::new();
    let rules = items.iter().enumerate().map(|(index, item)| {
        let rule = read_ignore_rule(item, index)?;
        match names.insert(rule.name.clone(), index) {
            None if rule.name != ANNOTATION => Ok(rule),
            _ => Err(item.note(
                format!("`{}` is already the name of another rule", rule.name),
                "give each a name of its own, or leave the name out",
            )),
        }
    });
    collect(rules.collect())
}

fn read_ignore_rule(item: &Cursor<'_>, index: usize) -> Result<IgnoreRule, Noted> {
    let section = item.section(&["name", "match", "paths", "managers", "reason", "owner", "expires"])?;
    let name = section.optional("name", |cursor| Ok(cursor.text()?.to_owned()));
    let objects = section.optional("match", read_match);
    let paths = section.optional("paths", read_patterns);
    let managers = section.optional("managers", read_globs);
    let reason = section.optional("reason", |cursor| Ok(cursor.text()?.to_owned()));
    let owner = section.optional("owner", |cursor| Ok(cursor.text()?.to_owned()));
    let expires = section.optional("expires", read_date);
    if !["match", "paths", "managers"].iter().any(|key| section.has(key)) {
        return Err(item.note("hides everything", "say what it is about with `match`, `paths` or `managers`"));
    }
    Ok(IgnoreRule {
        name: name?.unwrap_or_else(|| format!("ignore[{index}]")),
        objects: objects?.unwrap_or_default(),
        paths: paths?.unwrap_or_default(),
        pointers: Vec::new(),
        managers: managers?.unwrap_or_default(),
        reason: reason?,
        owner: owner?,
        expires: expires?,
    })
}

/// The list `redact`.
pub(super) fn read_redact(cursor: &Cursor<'_>) -> Result<Vec<RedactRule>, Noted> {
    let rule = |item: &Cursor<'_>| {
        let section = item.section(&["match", "paths"])?;
        let objects = section.optional("match", read_match);
        let paths = section
            .require("paths", "name the fields whose values are never shown")
            .and_then(|paths| read_patterns(&paths));
        Ok(RedactRule { objects: objects?.unwrap_or_default(), paths: paths? })
    };
    collect(cursor.items()?.iter().map(rule).collect())
}

/// The list `severity`.
pub(super) fn read_severity(cursor: &Cursor<'_>) -> Result<Vec<SeverityRule>, Noted> {
    collect(cursor.items()?.iter().map(read_severity_rule).collect())
}

fn read_severity_rule(item: &Cursor<'_>) -> Result<SeverityRule, Noted> {
    let section = item.section(&["match", "paths", "category", "severity", "environment"])?;
    let objects = section.optional("match", read_match);
    let paths = section.optional("paths", read_patterns);
    let environment = section.optional("environment", |cursor| Ok(Glob::new(cursor.text()?)));
    let category = section.optional("category", |cursor| word(cursor, "category", Category::ALL, Category::as_str));
    let severity = section
        .require("severity", "write `low`, `medium`, `high` or `critical`")
        .and_then(|cursor| word(&cursor, "severity", Severity::ALL, Severity::as_str));
    let mut objects = objects?.unwrap_or_default();
    match (&objects.environment, environment?) {
        (Some(_), Some(_)) => {
            return Err(item.note("names the environment twice", "keep `environment` or `match.environment`"));
        }
        (None, Some(environment)) => objects.environment = Some(environment),
        (_, None) => {}
    }
    Ok(SeverityRule { objects, paths: paths?.unwrap_or_default(), category: category?, severity: severity? })
}

/// One of the words of a list.
fn word<T: Copy>(cursor: &Cursor<'_>, noun: &str, all: &[T], of: impl Fn(T) -> &'static str) -> Result<T, Noted> {
    let text = cursor.text()?;
    let words: Vec<&str> = all.iter().map(|one| of(*one)).collect();
    let found = all.iter().copied().find(|one| of(*one) == text);
    found.ok_or_else(|| cursor.note(format!("is no {noun}"), did_you_mean(text, &words)))
}

/// The key `match` of a rule.
fn read_match(cursor: &Cursor<'_>) -> Result<ObjectMatch, Noted> {
    let section =
        cursor.section(&["kind", "apiVersion", "group", "namespace", "name", "labelSelector", "environment"])?;
    let glob = |key| section.optional(key, |cursor| Ok(Glob::new(cursor.text()?)));
    let (kind, namespace, name, environment) = (glob("kind"), glob("namespace"), glob("name"), glob("environment"));
    let labels = section.optional("labelSelector", |cursor| {
        cursor.text()?.parse().map_err(|error: SelectorError| cursor.note(error.to_string(), SELECTOR))
    });
    let of_type = read_type(&section);
    let (group, version) = of_type?;
    let objects = ObjectMatch {
        kind: kind?,
        group,
        version,
        namespace: namespace?,
        name: name?,
        labels: labels?,
        environment: environment?,
    };
    if objects.is_empty() {
        return Err(cursor.note("is empty", "name a condition, or leave the key out"));
    }
    Ok(objects)
}

/// `group: apps`, or `apiVersion: apps/v1`; the core group is `apiVersion: v1`.
fn read_type(section: &Section<'_>) -> Result<(Option<Glob>, Option<Glob>), Noted> {
    let group = section.optional("group", |cursor| Ok(Glob::new(cursor.text()?)));
    let api_version = section.optional("apiVersion", |cursor| {
        let text = cursor.text()?;
        let (group, version) = text.split_once('/').unwrap_or(("", text));
        if version.is_empty() || version.contains('/') {
            return Err(cursor.note("is no apiVersion", "write `v1` or `apps/v1`"));
        }
        Ok((Glob::new(group), Glob::new(version)))
    });
    match (group?, api_version?) {
        (Some(_), Some(_)) => {
            Err(section.cursor.note("has both a group and an apiVersion", "keep the one that says what you mean"))
        }
        (None, Some((group, version))) => Ok((Some(group), Some(version))),
        (group, None) => Ok((group, None)),
    }
}

fn read_patterns(cursor: &Cursor<'_>) -> Result<Vec<PathPattern>, Noted> {
    read_list(cursor, "name at least one path, or leave the key out for whole objects", |item| {
        PathPattern::from_str(item.text()?).map_err(|error| item.note(error.to_string(), PATHS))
    })
}

fn read_globs(cursor: &Cursor<'_>) -> Result<Vec<Glob>, Noted> {
    read_list(cursor, "name at least one, or leave the key out", |item| Ok(Glob::new(item.text()?)))
}

fn read_list<'a, T>(
    cursor: &Cursor<'a>,
    when_empty: &str,
    read: impl Fn(&Cursor<'a>) -> Result<T, Noted>,
) -> Result<Vec<T>, Noted> {
    match cursor.items()? {
        items if items.is_empty() => Err(cursor.note("is empty", when_empty)),
        items => collect(items.iter().map(read).collect()),
    }
}

fn read_date(cursor: &Cursor<'_>) -> Result<Date, Noted> {
    let hint = "write the first day on which the rule no longer holds: `2027-01-31`";
    cursor.text()?.parse().map_err(|_| cursor.note("is no date", hint))
}
