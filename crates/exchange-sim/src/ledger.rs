//! What happened to the organisation, in the order it happened, so that a test can count effects.
//!
//! A client killed between a request and its answer cannot say whether the request took effect; the ledger
//! can. Loading a folder is not an effect and is not in here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EffectKind {
    /// An item was made: a draft, a saved copy.
    Created,
    /// A mail left; one per mail, however many recipients.
    Sent,
    /// A mail that was sent here reached the Inbox of a local mailbox; one per mailbox.
    Delivered,
    /// An item went to another folder.
    Moved,
    /// A second copy of an item was made.
    Copied,
    /// An item was deleted; `mode` says how.
    Deleted,
    /// Properties of an item changed, e.g. its read mark.
    Updated,
    /// A file or message was attached to an item.
    Attached,
    /// A setting of a mailbox changed: its rules, its automatic replies. `mode` says which; `item` is the rule's id.
    Configured,
    /// A folder was made, changed, moved, copied, emptied or deleted; `mode` says which, `item` is its id.
    Folder,
}

/// One effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// Counts from 1.
    pub number: u64,
    /// What was done.
    pub kind: EffectKind,
    /// The mailbox it was done in.
    pub mailbox: String,
    /// The id of the item before the effect (of a new item: its id; of a setting: the rule's id or nothing).
    pub item: String,
    /// Its `Message-ID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Its subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The key a client had put on it (`X-Portcullis-Key`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Of a deletion: `trash`, `soft` or `hard`. Of an update: what changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The folder it was in, as a path of names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_folder: Option<String>,
    /// The folder it went to, as a path of names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_folder: Option<String>,
    /// Of a sent mail: all its recipients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
}

/// Everything that happened.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// How many requests of each operation arrived over HTTP, failed ones included.
    pub requests: BTreeMap<String, u64>,
    /// How many effects of each kind there are.
    pub counts: BTreeMap<EffectKind, u64>,
    /// The effects in order.
    pub effects: Vec<Effect>,
}

impl Ledger {
    /// How many effects of one kind there are.
    pub fn count(&self, kind: EffectKind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or_default()
    }

    pub(crate) fn record(&mut self, mut effect: Effect) {
        effect.number = self.effects.len() as u64 + 1;
        *self.counts.entry(effect.kind).or_default() += 1;
        self.effects.push(effect);
    }

    pub(crate) fn request(&mut self, operation: &str) -> u64 {
        let count = self.requests.entry(operation.to_owned()).or_default();
        *count += 1;
        *count
    }
}
