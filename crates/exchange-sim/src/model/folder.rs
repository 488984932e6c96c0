//! A folder of a mailbox.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::item::{FolderKey, ItemKey};

/// One folder. Its items are kept newest first, so that a page needs no sorting.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The well-known name, e.g. `inbox`.
    pub(crate) well_known: Option<&'static str>,
    pub(crate) parent: Option<FolderKey>,
    /// E.g. `IPF.Note`.
    pub(crate) class: Cow<'static, str>,
    /// Counts changes; the change key is made from it.
    pub(crate) version: u32,
    /// Whether mail clients do not show it.
    pub(crate) hidden: bool,
    /// Deleted for good. It keeps its place, because a folder is known by its place in the list.
    pub(crate) gone: bool,
    pub(crate) items: BTreeSet<(Reverse<Timestamp>, Reverse<ItemKey>)>,
}

impl Folder {
    /// The version clients see.
    pub(crate) fn change_key(&self) -> String {
        super::id::folder_change_key(self.version)
    }
}

/// The folders a mailbox is born with: well-known name, display name, well-known name of the parent, class.
/// Parents come first.
pub(crate) const BORN_WITH: [(&str, &str, &str, &str); 17] = [
    ("root", "root", "", "IPF"),
    ("msgfolderroot", "Top of Information Store", "root", "IPF"),
    ("inbox", "Inbox", "msgfolderroot", "IPF.Note"),
    ("drafts", "Drafts", "msgfolderroot", "IPF.Note"),
    ("sentitems", "Sent Items", "msgfolderroot", "IPF.Note"),
    ("outbox", "Outbox", "msgfolderroot", "IPF.Note"),
    ("deleteditems", "Deleted Items", "msgfolderroot", "IPF.Note"),
    ("junkemail", "Junk Email", "msgfolderroot", "IPF.Note"),
    ("calendar", "Calendar", "msgfolderroot", "IPF.Appointment"),
    ("contacts", "Contacts", "msgfolderroot", "IPF.Contact"),
    ("tasks", "Tasks", "msgfolderroot", "IPF.Task"),
    ("notes", "Notes", "msgfolderroot", "IPF.StickyNote"),
    ("journal", "Journal", "msgfolderroot", "IPF.Journal"),
    ("recoverableitemsroot", "Recoverable Items", "root", "IPF"),
    ("recoverableitemsdeletions", "Deletions", "recoverableitemsroot", "IPF.Note"),
    ("recoverableitemspurges", "Purges", "recoverableitemsroot", "IPF.Note"),
    (ALL_ITEMS, "AllItems", "root", "IPF"),
];

/// The search folder over everything outside Recoverable Items.
pub(crate) const ALL_ITEMS: &str = "allitems";
