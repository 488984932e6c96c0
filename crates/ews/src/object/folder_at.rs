//! A folder as an operation on items names it: also those of the well-known folders that hold no mail.

use exchange::{FolderRef, WellKnownFolder};

/// The names that [the schema](https://learn.microsoft.com/exchange/client-developer/web-service-reference/distinguishedfolderid)
/// of every supported server has and that hold items of one's own mailbox.
const NAMES: [&str; 21] = [
    "calendar",
    "contacts",
    "conversationhistory",
    "deleteditems",
    "drafts",
    "inbox",
    "journal",
    "junkemail",
    "msgfolderroot",
    "notes",
    "outbox",
    "quickcontacts",
    "recoverableitemsdeletions",
    "recoverableitemspurges",
    "recoverableitemsroot",
    "recoverableitemsversions",
    "root",
    "searchfolders",
    "sentitems",
    "tasks",
    "todosearch",
];

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FolderAt {
    /// As playbooks name folders.
    Folder(FolderRef),
    /// By a well-known name of EWS, e.g. `calendar`; see [`FolderAt::named`].
    Named(&'static str),
}

impl FolderAt {
    /// The calendar.
    pub const CALENDAR: FolderAt = FolderAt::Named("calendar");
    /// The contacts.
    pub const CONTACTS: FolderAt = FolderAt::Named("contacts");

    /// The folder with a well-known name of EWS; `None` if there is no such name.
    pub fn named(name: &str) -> Option<Self> {
        NAMES.into_iter().find(|known| *known == name).map(FolderAt::Named)
    }
}

impl From<FolderRef> for FolderAt {
    fn from(folder: FolderRef) -> Self {
        FolderAt::Folder(folder)
    }
}

impl From<WellKnownFolder> for FolderAt {
    fn from(folder: WellKnownFolder) -> Self {
        FolderAt::Folder(FolderRef::WellKnown(folder))
    }
}
