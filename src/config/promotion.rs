//! Which environment is promoted from which: the chains have to exist, stay in one repository and never close.

use std::collections::HashMap;

use super::Environment;
use super::cursor::{Cursor, Noted, Section, did_you_mean};

/// An environment of the file, with what it says of its promotion.
struct Link<'a> {
    name: String,
    /// What stands behind `promotedFrom`, and where.
    from: String,
    cursor: Cursor<'a>,
}

/// None where a name is none, which is noted where the environment is read.
fn link_of<'a>(section: &Section<'a>) -> Option<Link<'a>> {
    let cursor = section.get("promotedFrom")?;
    Some(Link { name: section.get("name")?.as_name()?, from: cursor.as_name()?, cursor })
}

/// Checks every `promotedFrom` of the file; `find` tells an environment that could be read.
pub(super) fn check<'e>(file: &Section<'_>, find: impl Fn(&str) -> Option<&'e Environment>) -> Result<(), Noted> {
    let sections = file.get("environments").map(|cursor| cursor.as_sections()).unwrap_or_default();
    let names: Vec<String> = sections.iter().filter_map(|section| section.get("name")?.as_name()).collect();
    let links: Vec<Link<'_>> = sections.iter().filter_map(link_of).collect();
    let mut sound = Ok(());
    for link in &links {
        sound = check_link(link, &names, &find).and(sound);
    }
    check_circles(&links).and(sound)
}

fn check_link<'e>(
    link: &Link<'_>,
    names: &[String],
    find: impl Fn(&str) -> Option<&'e Environment>,
) -> Result<(), Noted> {
    let from = link.from.as_str();
    if from == link.name {
        return Err(link.cursor.note("is the environment itself", "name the environment that comes before it"));
    }
    if !names.iter().any(|name| name == from) {
        let hint = format!("{} (see `environments`)", did_you_mean(from, names));
        return Err(link.cursor.note(format!("no environment is named `{from}`"), hint));
    }
    let ends = [find(&link.name), find(from)];
    if let Some(each) = ends.iter().flatten().find(|environment| environment.reference.is_each()) {
        return Err(link.cursor.note(
            format!("`{}` stands for each of several branches, and a promotion is between two", each.name),
            "pick one branch there: `pick: highest-semver` or `pick: newest`",
        ));
    }
    if let Some(described) = ends.iter().flatten().find(|environment| environment.follow.is_some()) {
        return Err(link.cursor.note(
            format!(
                "`{}` is described by its deployer's objects, which may lie apart from what they deploy",
                described.name
            ),
            "promotion is followed between environments that name their paths themselves",
        ));
    }
    match (ends[0], ends[1]) {
        (Some(own), Some(other)) if own.repository.name != other.repository.name => Err(link.cursor.note(
            format!("`{from}` is in repository `{}`, not in `{}`", other.repository.name, own.repository.name),
            "promotion is followed in the commits of one repository; name an environment of the same",
        )),
        _ => Ok(()),
    }
}

/// Notes every circle once, at the first of its environments.
fn check_circles(links: &[Link<'_>]) -> Result<(), Noted> {
    let from: HashMap<&str, &str> = links.iter().map(|link| (link.name.as_str(), link.from.as_str())).collect();
    let mut told: Vec<&str> = Vec::new();
    let mut sound = Ok(());
    for link in links {
        let mut way = vec![link.name.as_str()];
        while let Some(next) = from.get(way[way.len() - 1])
            && !way.contains(next)
        {
            way.push(next);
        }
        let closes = from.get(way[way.len() - 1]) == Some(&way[0]) && way.len() > 1;
        if closes && !told.contains(&way[0]) {
            told.extend(&way);
            let circle = [way.as_slice(), &way[..1]].concat().join(" ← ");
            let hint = "remove one `promotedFrom`, that of the environment where changes begin";
            sound = Err(link.cursor.note(format!("closes a circle: {circle}"), hint));
        }
    }
    sound
}
