//! A folder of a mailbox.

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
    pub(crate) class: &'static str,
    pub(crate) items: BTreeSet<(Reverse<Timestamp>, Reverse<ItemKey>)>,
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
