//! One line of a watch's answer, read: an object, a bookmark, or why the server gives up.

use std::collections::HashMap;
use std::time::Duration;

use kube::core::Status;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::super::Wanted;
use super::state::Event;
use crate::drift::model::{Declared, Gap, GapReason, Live, Received, Redactor, Stage};

/// The annotation of the bookmark that ends a streaming list. Rule: KEP-3157.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
}

#[derive(Deserialize)]
struct Bookmark {
    metadata: BookmarkMeta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookmarkMeta {
    resource_version: String,
    #[serde(default)]
    annotations: HashMap<String, String>,
}

/// The event of a line; the error says what of it cannot be read, and nothing of what it holds.
pub(super) fn read(line: &[u8], scope: &Wanted, redactor: &Redactor) -> Result<Event, Gap> {
    let of_another_form = || unreadable(scope, "an event of the watch cannot be read");
    let Line { kind, object } = serde_json::from_slice(line).map_err(|_| of_another_form())?;
    match kind {
        Kind::Added | Kind::Modified => Ok(Event::Applied(Box::new(live(object, scope, redactor)?))),
        Kind::Deleted => {
            let gone = live(object, scope, redactor)?;
            let resource_version = gone.resource_version.ok_or_else(of_another_form)?.into();
            Ok(Event::Deleted { key: gone.key, resource_version })
        }
        Kind::Bookmark => {
            let Bookmark { metadata } = serde_json::from_str(object.get()).map_err(|_| of_another_form())?;
            let ends_initial_events = metadata.annotations.get(INITIAL_EVENTS_END).is_some_and(|value| value == "true");
            Ok(Event::Bookmark { resource_version: metadata.resource_version, ends_initial_events })
        }
        Kind::Error => {
            let status: Status = serde_json::from_str(object.get()).map_err(|_| of_another_form())?;
            let seconds = status.details.as_ref().map(|details| u64::from(details.retry_after_seconds));
            let message = format!("the watch of {scope} ended: {}", status.message);
            let reason = if status.code == 403 { GapReason::Forbidden } else { GapReason::Failed };
            Ok(Event::Error {
                status: status.code,
                retry_after: seconds.map(Duration::from_secs),
                gap: gap(scope, reason, message),
            })
        }
    }
}

fn live(object: &RawValue, scope: &Wanted, redactor: &Redactor) -> Result<Live, Gap> {
    let received = serde_json::from_str::<Received>(object.get());
    let mut received = received.map_err(|_| unreadable(scope, "an object of the watch cannot be read"))?;
    received.name_kind(&scope.type_key);
    let declared = Declared::received(received, redactor);
    declared.map(Live::from).map_err(|error| unreadable(scope, &format!("an object of the watch {error}")))
}

fn unreadable(scope: &Wanted, what: &str) -> Gap {
    gap(scope, GapReason::Failed, format!("{scope}: {what}"))
}

pub(super) fn gap(scope: &Wanted, reason: GapReason, message: String) -> Gap {
    Gap { stage: Stage::Watch, scope: scope.to_string(), reason, message, source: None }
}
