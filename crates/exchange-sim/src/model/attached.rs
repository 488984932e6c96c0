//! What hangs on an item, and on messages that hang on it.

use std::sync::Arc;

use super::id::{self, Named};
use super::item::Item;
use super::mail::{Attachment, Mail};
use super::store_error::{StoreError, Stored};

/// How deep attachments are followed, as on a real server.
const MAX_DEPTH: usize = 10;

/// An attachment that was found.
#[derive(Debug, Clone)]
pub(crate) struct Attached {
    /// The indices down to it, outermost first.
    pub(crate) path: Vec<u16>,
    pub(crate) attachment: Attachment,
}

impl Attached {
    /// Of an attached message: the message, as if it were an item. It shares the outer item's id, from which
    /// the ids of its own attachments are made.
    pub(crate) fn as_item(&self, outer: &Item) -> Item {
        let mail = Mail::parse(&self.attachment.bytes);
        Item {
            raw: self.attachment.bytes.clone(),
            received: mail.received_at.or(mail.sent_at).unwrap_or(outer.received),
            mail: Arc::new(mail),
            composed: None,
            categories: Vec::new(),
            flag: exchange::FollowUp::default(),
            extended: Vec::new(),
            detail: None,
            changed: std::collections::BTreeMap::new(),
            is_read: true,
            is_draft: false,
            detached: 0,
            ..outer.clone()
        }
    }
}

/// Reads the id of an attachment: the item's id and the path below it.
pub(crate) fn read_id(id: &str) -> Stored<(String, Vec<u16>)> {
    match id::read(id) {
        Some(Named::Attachment { item, path }) => Ok((item, path)),
        _ => Err(StoreError::new("ErrorInvalidAttachmentId", "The attachment id is malformed.")),
    }
}

/// An item that is not there has no attachments either; the code is another.
pub(crate) fn not_found(error: StoreError) -> StoreError {
    match error.code {
        "ErrorItemNotFound" => {
            StoreError::new("ErrorAttachmentNotFound", "The specified attachment could not be found.")
        }
        _ => error,
    }
}

/// Follows a path.
pub(crate) fn find(item: &Item, path: &[u16]) -> Stored<Attached> {
    if path.len() > MAX_DEPTH {
        let text = "The attachment is nested too deeply.";
        return Err(StoreError::new("ErrorAttachmentNestLevelLimitExceeded", text));
    }
    let mut mail = item.mail.clone();
    let mut found: Option<Attachment> = None;
    for number in path {
        let index = if found.is_none() { item.position(*number) } else { Some(usize::from(*number)) };
        let index = index.unwrap_or(usize::MAX);
        if let Some(outer) = &found {
            mail = Arc::new(if outer.is_message { Mail::parse(&outer.bytes) } else { Mail::default() });
        }
        let next = mail.attachments.get(index).cloned();
        found = Some(next.ok_or_else(|| not_found(StoreError::item_not_found()))?);
    }
    let attachment = found.ok_or_else(|| not_found(StoreError::item_not_found()))?;
    Ok(Attached { path: path.to_vec(), attachment })
}
