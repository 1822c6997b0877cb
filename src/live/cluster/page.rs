//! One page of a list, read object by object, so that no more than one is held whole that need not be.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::{Keyed, Listing, Wanted};
use super::PageMeta;
use crate::drift::model::{Declared, Gap, GapReason, Live, Received, Redactor, Stage};

/// What `keep` makes of a page's objects, and what it says of itself; `None` for a text that is no list.
pub(super) fn read<T: Keyed>(
    text: &str,
    scope: &Wanted,
    redactor: &Redactor,
    keep: &dyn Fn(Live) -> T,
) -> Option<(Listing<T>, PageMeta)> {
    let mut listing = Listing::default();
    let page = Page { scope, redactor, keep, listing: &mut listing };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let metadata = page.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some((listing, metadata))
}

struct Page<'p, T> {
    scope: &'p Wanted,
    redactor: &'p Redactor,
    keep: &'p dyn Fn(Live) -> T,
    listing: &'p mut Listing<T>,
}

impl<T: Keyed> Page<'_, T> {
    fn take_in(&mut self, mut item: Received) {
        item.name_kind(&self.scope.type_key);
        match Declared::received(item, self.redactor) {
            Ok(declared) => self.listing.insert((self.keep)(Live::from(declared))),
            Err(error) => self.listing.gaps.push(Gap {
                stage: Stage::List,
                scope: self.scope.to_string(),
                reason: GapReason::Failed,
                message: format!("an item of {} {error}", self.scope),
                source: None,
            }),
        }
    }
}

impl<'de, T: Keyed> DeserializeSeed<'de> for Page<'_, T> {
    type Value = PageMeta;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<PageMeta, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Keyed> Visitor<'de> for Page<'_, T> {
    type Value = PageMeta;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<PageMeta, A::Error> {
        let mut metadata: Option<PageMeta> = None;
        while let Some(key) = fields.next_key::<String>()? {
            match key.as_str() {
                "metadata" => metadata = Some(fields.next_value()?),
                "items" => fields.next_value_seed(Items(&mut self))?,
                _ => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        metadata.ok_or_else(|| serde::de::Error::missing_field("metadata"))
    }
}

struct Items<'i, 'p, T>(&'i mut Page<'p, T>);

impl<'de, T: Keyed> DeserializeSeed<'de> for Items<'_, '_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Keyed> Visitor<'de> for Items<'_, '_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the objects of a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<Received>()? {
            self.0.take_in(item);
        }
        Ok(())
    }
}
