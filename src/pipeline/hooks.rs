//! Declared objects that deployers take away by themselves are not missed.

use crate::drift::model::{Declarations, Packed, is_momentary};
use crate::live::{Found, Listing};

use super::Seen;

/// Whether a declared object is a hook that has run and is gone. One that still lives is compared like any object.
pub(super) fn is_gone(declared: &Packed, found: Found<&Seen>) -> bool {
    let is_gone = match found {
        Found::Here(seen) => seen.is_terminating(),
        Found::Absent => true,
        Found::Unknown => false,
    };
    is_gone && is_momentary(&declared.unpack().content)
}

/// How many of the declared objects are such.
pub(super) fn count_gone(declared: &Declarations, listing: &Listing<Seen>) -> usize {
    declared.objects().iter().filter(|object| is_gone(object, listing.find(&object.key))).count()
}
