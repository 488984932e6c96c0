//! One item in a folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use exchange::FollowUp;
use jiff::Timestamp;

use super::compose::Composed;
use super::detail::Detail;
use super::extended::{Extended, PropertyName};
use super::mail::Mail;
use super::store_error::{StoreError, Stored};

/// A number that names an item inside the process; it stays when the item is moved.
pub(crate) type ItemKey = u64;
/// How many attachments of one item can be told apart.
const POSITIONS: u16 = 1_024;
/// Index of a folder in its mailbox.
pub(crate) type FolderKey = usize;

/// One item.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// The id clients see; changes on every move.
    pub(crate) id: String,
    /// What the id is made from, beside mailbox and content: file or creation counter.
    pub(crate) source: String,
    /// How often it was moved.
    pub(crate) moves: u32,
    /// How often attachments were taken off; their ids are made from it.
    pub(crate) detached: u16,
    /// Counts changes; the change key is made from it.
    pub(crate) version: u32,
    pub(crate) folder: FolderKey,
    /// The folder it was in before that.
    pub(crate) left: Option<FolderKey>,
    /// Its number for IMAP: higher than that of everything that was put into a folder before.
    pub(crate) article: u32,
    /// The MIME form, byte for byte.
    pub(crate) raw: Bytes,
    /// What was read from it.
    pub(crate) mail: Arc<Mail>,
    /// What it was written from, if it was made here rather than received: a change writes it anew.
    pub(crate) composed: Option<Composed>,
    pub(crate) received: Timestamp,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) is_read: bool,
    pub(crate) is_draft: bool,
    pub(crate) item_class: String,
    pub(crate) importance: String,
    pub(crate) categories: Vec<String>,
    /// The mark for following up.
    pub(crate) flag: FollowUp,
    pub(crate) extended: Vec<Extended>,
    /// Of a calendar item or a contact: what it has beyond any item.
    pub(crate) detail: Option<Box<Detail>>,
    /// Of a series: the occurrences that were changed, and those that were taken out.
    pub(crate) changed: BTreeMap<u32, Option<Box<Item>>>,
}

impl Item {
    /// The version clients see.
    pub(crate) fn change_key(&self) -> String {
        super::id::change_key(self.version)
    }

    /// The number of an attachment in its id. A change of `detached` gives all of them new ones.
    pub(crate) fn number(&self, position: usize) -> u16 {
        let position = u16::try_from(position).unwrap_or(POSITIONS - 1).min(POSITIONS - 1);
        (self.detached % (u16::MAX / POSITIONS)) * POSITIONS + position
    }

    /// The position of the attachment with this number, if the number is of now.
    pub(crate) fn position(&self, number: u16) -> Option<usize> {
        let position = usize::from(number % POSITIONS);
        (self.number(position) == number).then_some(position)
    }

    /// The values of an extended property, those included that follow from the mail.
    pub(crate) fn property(&self, property: &PropertyName) -> Option<Vec<String>> {
        if let Some(value) = property.tag.and_then(|tag| super::mapi::value(self, tag)) {
            return Some(vec![value]);
        }
        if let Some(extended) = self.extended.iter().find(|extended| extended.property == *property) {
            return Some(extended.values.clone());
        }
        let header = property.header()?;
        let values: Vec<String> = self.mail.header_values(header).take(1).map(str::to_owned).collect();
        (!values.is_empty()).then_some(values)
    }

    /// What a draft is written from, to change it. A mail that was sent or received is not changed so.
    pub(crate) fn writing(&mut self) -> Stored<&mut Composed> {
        if self.composed.is_none() && !self.is_draft {
            let text = "The properties of a mail that is no draft cannot be changed.";
            return Err(StoreError::new("ErrorInvalidOperation", text));
        }
        let (mail, received) = (&self.mail, self.received);
        Ok(self.composed.get_or_insert_with(|| Composed::written(mail, received)))
    }

    /// Sets or replaces an extended property.
    pub(crate) fn set_property(&mut self, new: Extended) {
        self.extended.retain(|old| old.property != new.property);
        self.extended.push(new);
        self.extended.sort();
    }
}
