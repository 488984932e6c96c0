//! An item as a request names it: by its id, or by its place in a series of calendar items.
//!
//! An occurrence has an id of its own where a server has shown it, e.g. in a calendar view; by its number it can be
//! named without that. Left out: ranges of occurrences, which only some operations take.

use exchange::ItemRef;

use super::new_item::write_version;
use crate::xml::Writer;

/// An item, or one of something that repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ItemAt {
    /// By its id.
    Item(ItemRef),
    /// One occurrence of a series.
    Occurrence {
        /// The item that says how the series repeats.
        master: ItemRef,
        /// Which: the first is 1. Those that were taken out count, too.
        number: u32,
    },
    /// The item that says how a series repeats, by one of its occurrences.
    MasterOf(ItemRef),
}

impl From<ItemRef> for ItemAt {
    fn from(item: ItemRef) -> Self {
        ItemAt::Item(item)
    }
}

impl From<&ItemRef> for ItemAt {
    fn from(item: &ItemRef) -> Self {
        ItemAt::Item(item.clone())
    }
}

/// Something a request names an item by.
pub(crate) trait Named: Sync {
    /// Writes the element without a version, which where something is overwritten only gets in the way.
    fn write(&self, out: &mut Writer);

    /// The id that the answer is to have, where that is known.
    fn id(&self) -> Option<&str>;
}

impl Named for ItemRef {
    fn write(&self, out: &mut Writer) {
        out.empty("t:ItemId", &[("Id", &self.id)]);
    }

    fn id(&self) -> Option<&str> {
        Some(&self.id)
    }
}

impl Named for ItemAt {
    fn write(&self, out: &mut Writer) {
        match self {
            ItemAt::Item(item) => item.write(out),
            ItemAt::Occurrence { .. } | ItemAt::MasterOf(_) => self.write_version(out),
        }
    }

    fn id(&self) -> Option<&str> {
        match self {
            ItemAt::Item(item) => Some(&item.id),
            ItemAt::Occurrence { .. } | ItemAt::MasterOf(_) => None,
        }
    }
}

impl ItemAt {
    /// Writes the element with the version of the item.
    pub(crate) fn write_version(&self, out: &mut Writer) {
        let (name, id, number, version) = match self {
            ItemAt::Item(item) => return write_version(out, "t:ItemId", item),
            ItemAt::Occurrence { master, number } => {
                ("t:OccurrenceItemId", ("RecurringMasterId", &master.id), Some(*number), &master.change_key)
            }
            ItemAt::MasterOf(item) => {
                ("t:RecurringMasterItemId", ("OccurrenceId", &item.id), None, &item.change_key)
            }
        };
        // The schema has numbers of 32 bits with a sign, and occurrences are counted from 1.
        if number.is_some_and(|number| number == 0 || i32::try_from(number).is_err()) {
            out.refuse(String::from("occurrences are counted from 1"));
        }
        let number = number.map(|number| number.to_string());
        let mut attributes: Vec<(&'static str, &str)> = vec![(id.0, id.1.as_str())];
        attributes.extend(version.iter().map(|version| ("ChangeKey", version.as_str())));
        attributes.extend(number.iter().map(|number| ("InstanceIndex", number.as_str())));
        out.empty(name, &attributes);
    }
}
