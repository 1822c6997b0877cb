//! Label selectors and blocks of addresses: whether one takes in all that another does.

use core::net::IpAddr;

use serde_json::Value;

use super::{Direction, Held, Subject, held, items};
use crate::drift::model::Change;

/// Whether the selector `outer` fits everything that `inner` fits.
pub(super) fn within(outer: &Value, inner: &Value) -> bool {
    let labels = |selector: &Value| selector.get("matchLabels").and_then(Value::as_object).cloned().unwrap_or_default();
    let expressions = |selector: &'_ Value| items(selector.get("matchExpressions")).to_vec();
    let of_inner = labels(inner);
    labels(outer).iter().all(|(key, value)| of_inner.get(key) == Some(value))
        && held(&expressions(inner), &expressions(outer), |inner, outer| narrower(outer, inner)) == Held::All
}

/// Whether the requirement `inner` fits nothing that `outer` does not fit.
fn narrower(outer: &Value, inner: &Value) -> bool {
    let same = |field: &str| outer.get(field) == inner.get(field);
    let (of_outer, of_inner) = (items(outer.get("values")), items(inner.get("values")));
    let all = |whole: &[Value], part: &[Value]| held(whole, part, PartialEq::eq) == Held::All;
    same("key")
        && same("operator")
        && match inner.get("operator").and_then(Value::as_str) {
            Some("In") => all(of_outer, of_inner),
            Some("NotIn") => all(of_inner, of_outer),
            _ => true,
        }
}

/// A selector of what is guarded, or a part of one: each requirement more leaves something unguarded.
pub(super) fn guarding(names: &[&str], subject: &Subject<'_>) -> Direction {
    let everything = Value::Null;
    let [desired, live] = [subject.desired, subject.live].map(|side| side.unwrap_or(&everything));
    let compared = |desired: &Value, live: &Value| {
        let held = |outer: &Value, inner: &Value| if within(outer, inner) { Held::All } else { Held::Some };
        Direction::between(held(desired, live), held(live, desired)).reversed()
    };
    let part = |field: &str, side: &Value| Value::Object([(field.to_owned(), side.clone())].into_iter().collect());
    match names {
        [_] => compared(desired, live),
        [_, field @ ("matchLabels" | "matchExpressions")] => compared(&part(field, desired), &part(field, live)),
        [_, "matchLabels", _] => match subject.change {
            Change::Added => Direction::Looser,
            Change::Removed => Direction::Tighter,
            Change::Changed => Direction::Unclear,
        },
        _ => Direction::Unclear,
    }
}

/// Whether the block of addresses `outer` (`10.0.0.0/8`) holds all of `inner`.
pub(super) fn holds_block(outer: &Value, inner: &Value) -> bool {
    match (block(outer), block(inner)) {
        (Some((outer, wide)), Some((inner, narrow))) => {
            outer.len() == inner.len() && wide <= narrow && outer[..wide] == inner[..wide]
        }
        _ => outer == inner,
    }
}

/// The bits of an address and how many of them count.
fn block(text: &Value) -> Option<(Vec<bool>, usize)> {
    let (address, length) = text.as_str()?.split_once('/')?;
    let bytes = match address.parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let bits: Vec<bool> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
    let length = length.parse().ok()?;
    (length <= bits.len()).then_some((bits, length))
}
