//! What there is beside the mailboxes that people open every day: the archive of a mailbox, and public folders.
//!
//! An archive is a second tree of folders in the mailbox it belongs to, so that everything the store can do works in
//! it. The public folders are one mailbox: its tree is the tree of folders, and what is in them is in it, too. Where
//! an organisation keeps contents in another mailbox, only the name of that one is known here, because requests have
//! to be sent to it. Left out: archives that grow on into more mailboxes, and copies of the tree.

use std::borrow::Cow;

use jiff::Timestamp;

use super::id;
use super::item::FolderKey;
use super::mailbox::Mailbox;
use super::state::State;

/// A folder to be born with: well-known name, display name, well-known name of the parent, class.
pub(crate) type Born = (&'static str, &'static str, &'static str, &'static str);

/// The folders of an archive. Parents come first.
const ARCHIVE: [Born; 7] = [
    ("archiveroot", "archive", "", "IPF"),
    ("archivemsgfolderroot", "Top of Information Store", "archiveroot", "IPF"),
    ("archiveinbox", "Inbox", "archivemsgfolderroot", "IPF.Note"),
    ("archivedeleteditems", "Deleted Items", "archivemsgfolderroot", "IPF.Note"),
    ("archiverecoverableitemsroot", "Recoverable Items", "archiveroot", "IPF"),
    ("archiverecoverableitemsdeletions", "Deletions", "archiverecoverableitemsroot", "IPF.Note"),
    ("archiverecoverableitemspurges", "Purges", "archiverecoverableitemsroot", "IPF.Note"),
];

/// The folders of the mailbox that has the public ones: their root, and where what is deleted goes.
pub(crate) const PUBLIC: [Born; 3] = [
    ("publicfoldersroot", "IPM_SUBTREE", "", "IPF"),
    ("recoverableitemsroot", "DUMPSTER_ROOT", "", "IPF"),
    ("recoverableitemsdeletions", "Deletions", "recoverableitemsroot", "IPF.Note"),
];

/// That a mailbox holds the public folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Public {
    /// The mailbox that requests about what is in the folders have to be sent to.
    pub(crate) content: String,
}

impl Mailbox {
    /// Gives it an archive, unless it has one.
    pub(crate) fn open_archive(&mut self) {
        if !self.has_archive() {
            self.bear(&ARCHIVE);
        }
    }

    /// Whether it has an archive.
    pub(crate) fn has_archive(&self) -> bool {
        self.well_known("archiveroot").is_some()
    }

    /// The address of its archive, which only machines use.
    pub(crate) fn archive_address(&self) -> Option<String> {
        let (_, domain) = self.address.split_once('@')?;
        self.has_archive().then(|| format!("{}@{domain}", id::guid(&self.address.to_lowercase())))
    }

    /// Makes folders that are known by name.
    pub(crate) fn bear(&mut self, folders: &[Born]) {
        for (well_known, name, parent, class) in folders {
            let parent = self.well_known(parent);
            self.push_folder(name, Some(well_known), parent, Cow::Borrowed(class), Timestamp::UNIX_EPOCH);
        }
    }

    /// The folder that has a well-known part for `folder`: that of the archive for what is in the archive.
    pub(crate) fn beside(&self, folder: FolderKey, name: &str) -> Option<FolderKey> {
        if self.is_archived(folder) {
            self.well_known(&format!("archive{name}"))
        } else {
            self.well_known(name)
        }
    }

    /// Whether a folder is in the archive.
    pub(crate) fn is_archived(&self, folder: FolderKey) -> bool {
        self.well_known("archiveroot").is_some_and(|root| self.is_within(folder, root))
    }

    /// The folder that paths begin below.
    pub(crate) fn top(&self) -> Option<FolderKey> {
        self.well_known(if self.public.is_some() { "publicfoldersroot" } else { "msgfolderroot" })
    }

    /// Whether the search folder over everything shows what is in a folder: not what is deleted or archived.
    pub(crate) fn shows_in_all(&self, folder: FolderKey) -> bool {
        let hidden = ["recoverableitemsroot", "archiveroot"];
        let mut roots = hidden.iter().filter_map(|name| self.well_known(name));
        !self.is_all_items(folder) && !roots.any(|root| self.is_within(folder, root))
    }
}

impl State {
    /// Adds the mailbox that holds the public folders; `content` is another one that requests about what is in them
    /// have to be sent to. A mailbox that is there already stays as it is.
    pub(crate) fn add_public_folders(&mut self, address: &str, content: Option<&str>) {
        let wake = std::sync::Arc::clone(&self.wake);
        let public = Public { content: content.unwrap_or(address).to_owned() };
        self.mailboxes
            .entry(address.to_lowercase())
            .or_insert_with(|| Mailbox::with_public_folders(address, wake, public));
    }

    /// The mailbox that holds the public folders, if there are any.
    pub(crate) fn public_folders(&self) -> Option<(&Mailbox, &Public)> {
        self.mailboxes.values().find_map(|mailbox| Some((mailbox, mailbox.public.as_ref()?)))
    }
}
