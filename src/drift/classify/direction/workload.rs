//! Pods and whatever makes them: security contexts, the host's namespaces, files and ports, identities.

use serde_json::Value;

use super::{Direction, Subject, by_items, items};
use crate::drift::model::{Change, PathStep};

/// Annotations that named profiles before there were fields for them, up to the slash.
const ANNOTATED_PROFILES: [&str; 3] = [
    "container.apparmor.security.beta.kubernetes.io",
    "seccomp.security.alpha.kubernetes.io",
    "container.seccomp.security.alpha.kubernetes.io",
];
/// Windows accounts that may do everything in a container, or on its host.
const ADMINISTRATORS: [&str; 2] = ["ContainerAdministrator", r"NT AUTHORITY\SYSTEM"];
/// `SELinux` types that confine nothing.
const UNCONFINED: [&str; 2] = ["spc_t", "unconfined_t"];

/// A field of a Pod or of a template of one, also inside a value that stands on one side only.
pub(super) fn direction(names: &[&str], subject: &Subject<'_>) -> Direction {
    let found = match names {
        [.., parent, last] => walk(parent, last, subject.desired, subject.live),
        [last] => walk("", last, subject.desired, subject.live),
        [] => Direction::Unclear,
    };
    let is_element = matches!(subject.path.steps().last(), Some(PathStep::Element(_)));
    // With an element as a whole its restrictions go, and nothing is left that they restricted.
    match (subject.change, found) {
        (Change::Removed, Direction::Looser) | (Change::Added, Direction::Tighter) if is_element => Direction::Unclear,
        _ => found,
    }
}

fn walk(parent: &str, name: &str, desired: Option<&Value>, live: Option<&Value>) -> Direction {
    match (parent, name) {
        ("capabilities", "add") => return all_or(desired, live),
        ("capabilities", "drop") => return all_or(desired, live).reversed(),
        ("securityContext", "sysctls" | "supplementalGroups") => return by_items(desired, live),
        _ => {}
    }
    if let (Some(desired), Some(live)) = (rank(parent, name, desired), rank(parent, name, live)) {
        return Direction::by_rank(desired, live);
    }
    let mut all = Direction::Unclear;
    for (key, desired, live) in children(desired, live) {
        let (parent, name) = key.map_or((parent, name), |key| (name, key));
        all = all.and(walk(parent, name, desired, live));
    }
    all
}

/// The name of a child, absent for list elements, and what each side has there.
type Child<'a> = (Option<&'a str>, Option<&'a Value>, Option<&'a Value>);

fn children<'a>(desired: Option<&'a Value>, live: Option<&'a Value>) -> Vec<Child<'a>> {
    let maps = [desired, live].map(|side| side.and_then(Value::as_object));
    let mut keys: Vec<&str> = maps.into_iter().flatten().flat_map(|map| map.keys().map(String::as_str)).collect();
    keys.sort_unstable();
    keys.dedup();
    let of = |side: Option<&'a Value>, key: &str| side.and_then(|side| side.get(key));
    let mut found: Vec<Child<'a>> = keys.into_iter().map(|key| (Some(key), of(desired, key), of(live, key))).collect();
    let lists = [desired, live].map(|side| side.and_then(Value::as_array));
    let length = lists.into_iter().flatten().map(Vec::len).max().unwrap_or(0);
    let at = |list: Option<&'a Vec<Value>>, index: usize| list.and_then(|list| list.get(index));
    found.extend((0..length).map(|index| (None, at(lists[0], index), at(lists[1], index))));
    found
}

/// How much a field allows; `None` for fields that say nothing of it. Absence has the rank of its default.
fn rank(parent: &str, name: &str, value: Option<&Value>) -> Option<u8> {
    let flag = value.and_then(Value::as_bool);
    let text = value.and_then(Value::as_str);
    let profile = |kind: Option<&str>| match kind {
        Some("Unconfined") => 2,
        Some(_) => 0,
        None => 1,
    };
    let in_profile = ["seccompProfile", "appArmorProfile"].contains(&parent);
    if let Some((of, _)) = name.split_once('/')
        && ANNOTATED_PROFILES.contains(&of)
    {
        let confined = |text: &str| if text == "unconfined" { "Unconfined" } else { "Localhost" };
        return Some(profile(text.map(confined)));
    }
    Some(match name {
        "privileged" | "hostNetwork" | "hostPID" | "hostIPC" | "shareProcessNamespace" | "hostProcess" => {
            u8::from(flag == Some(true))
        }
        "allowPrivilegeEscalation" | "automountServiceAccountToken" | "hostUsers" => u8::from(flag != Some(false)),
        "runAsNonRoot" | "readOnlyRootFilesystem" => u8::from(flag != Some(true)),
        "runAsUser" | "runAsGroup" | "fsGroup" => match value.and_then(Value::as_i64) {
            Some(0) => 2,
            Some(_) => 0,
            None => 1,
        },
        "runAsUserName" => match text {
            Some("ContainerUser") => 0,
            Some(name) if ADMINISTRATORS.iter().any(|one| name.eq_ignore_ascii_case(one)) => 2,
            _ => 1,
        },
        "type" if parent == "seLinuxOptions" => u8::from(text.is_some_and(|text| UNCONFINED.contains(&text))),
        "mountPropagation" => u8::from(text == Some("Bidirectional")),
        "procMount" => u8::from(text == Some("Unmasked")),
        "seccompProfile" | "appArmorProfile" => {
            profile(value.and_then(|value| value.get("type")).and_then(Value::as_str))
        }
        "type" if in_profile => profile(text),
        "hostPath" => u8::from(value.is_some()),
        "hostPort" => u8::from(value.and_then(Value::as_i64).is_some_and(|port| port > 0)),
        _ => return None,
    })
}

/// Capabilities of which `ALL` holds every one.
fn all_or(desired: Option<&Value>, live: Option<&Value>) -> Direction {
    let all = |side: Option<&Value>| items(side).iter().any(|item| item.as_str() == Some("ALL"));
    match (all(desired), all(live)) {
        (true, true) => Direction::Unclear,
        (true, false) => Direction::Tighter,
        (false, true) => Direction::Looser,
        (false, false) => by_items(desired, live),
    }
}
