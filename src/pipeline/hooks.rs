//! Declared objects that deployers take away by themselves are not missed.

use crate::drift::model::{Desired, is_momentary};
use crate::live::Listing;

/// Leaves out the hooks that have run and are gone; tells how many. One that still lives is compared like any object.
pub(super) fn leave_out_gone(desired: &mut Vec<Desired>, listing: &Listing) -> usize {
    let before = desired.len();
    desired.retain(|object| {
        let is_gone = match listing.get(&object.key) {
            Some(live) => live.terminating,
            None => listing.is_complete_for(&object.key),
        };
        !(is_gone && is_momentary(&object.content))
    });
    before - desired.len()
}
