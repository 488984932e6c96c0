//! Items as opaque bytes: what export gives and upload takes.
//!
//! A real server's form is a stream of MAPI properties. Here it is a mark, the properties as JSON and the mail; a
//! client has to treat either as bytes and nothing else.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::extended::Extended;
use super::item::{FolderKey, Item};
use super::mail::Mail;
use super::state::{NewItem, Place, State};
use super::store_error::{StoreError, Stored};
use crate::ledger::EffectKind;

/// How every export begins.
const MARK: [u8; 8] = [1, 0, 0, 0, 8, 0, 0, 0];

/// The properties that are not in the mail itself.
#[derive(Serialize, Deserialize)]
struct Properties {
    /// As text.
    received: String,
    is_read: bool,
    is_draft: bool,
    item_class: String,
    importance: String,
    categories: Vec<String>,
    extended: Vec<Extended>,
}

impl State {
    /// An item as bytes.
    pub(crate) fn export(&self, place: &Place) -> Stored<Bytes> {
        let item = self.item(place)?;
        let properties = Properties {
            received: item.received.to_string(),
            is_read: item.is_read,
            is_draft: item.is_draft,
            item_class: item.item_class.clone(),
            importance: item.importance.clone(),
            categories: item.categories.clone(),
            extended: item.extended.clone(),
        };
        let json = serde_json::to_vec(&properties).map_err(|_| corrupt())?;
        let mut bytes = MARK.to_vec();
        bytes.extend((json.len() as u64).to_be_bytes());
        bytes.extend(json);
        bytes.extend_from_slice(&item.raw);
        Ok(Bytes::from(bytes))
    }

    /// Makes an item from bytes.
    pub(crate) fn upload_new(&mut self, mailbox: &str, folder: FolderKey, bytes: &Bytes) -> Stored<Place> {
        let (properties, raw) = read(bytes)?;
        let number = self.next_created();
        let received = properties.received.parse::<Timestamp>().map_err(|_| corrupt())?;
        let new = NewItem::received(format!("upload {number}"), raw, received);
        let new = NewItem {
            is_read: properties.is_read,
            is_draft: properties.is_draft,
            importance: properties.importance.clone(),
            categories: properties.categories.clone(),
            extended: properties.extended.clone(),
            ..new
        };
        let place = self.create(mailbox, folder, new)?;
        if let Some(item) = self.mailboxes.get_mut(&place.mailbox).and_then(|m| m.items.get_mut(&place.key)) {
            item.item_class = properties.item_class;
            item.importance = properties.importance;
        }
        Ok(place)
    }

    /// Makes an item what the bytes say.
    pub(crate) fn upload_over(&mut self, place: &Place, bytes: &Bytes) -> Stored<()> {
        let (properties, raw) = read(bytes)?;
        self.change_item(place, EffectKind::Updated, "upload", |item: &mut Item| {
            item.mail = Arc::new(Mail::parse(&raw));
            item.raw = raw;
            item.composed = None;
            item.is_read = properties.is_read;
            item.is_draft = properties.is_draft;
            item.item_class = properties.item_class;
            item.importance = properties.importance;
            item.categories = properties.categories;
            item.extended = properties.extended;
            Ok(())
        })
    }
}

fn corrupt() -> StoreError {
    StoreError::new("ErrorCorruptData", "The data of the item is corrupt.")
}

fn read(bytes: &Bytes) -> Stored<(Properties, Bytes)> {
    let parts = || {
        let rest = bytes.strip_prefix(&MARK)?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let (json, raw) = rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
        Some((serde_json::from_slice(json).ok()?, Bytes::copy_from_slice(raw)))
    };
    parts().ok_or_else(corrupt)
}
