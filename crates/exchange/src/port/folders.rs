//! Folders: looked at, looked for, made and deleted.
//!
//! Left out: moving and renaming folders, and their permissions.

use crate::port::Work;
use crate::{Folder, FolderList, FolderRef, Mailbox};

/// How many folders [`Folders::below`] gives at most.
pub const MOST_FOLDERS: usize = 10_000;

/// Looks at folders, makes and deletes them.
pub trait Folders: Send + Sync {
    /// One folder.
    fn folder<'a>(&'a self, mailbox: &'a Mailbox, folder: &'a FolderRef) -> Work<'a, Folder>;

    /// The folders below another, hidden ones too: right below it or, if `deep`, at any depth. At most
    /// [`MOST_FOLDERS`].
    fn below<'a>(&'a self, mailbox: &'a Mailbox, root: &'a FolderRef, deep: bool) -> Work<'a, FolderList>;

    /// Makes a folder for mail. Where there is one of that name, whatever its case, it is
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict).
    fn create<'a>(&'a self, mailbox: &'a Mailbox, parent: &'a FolderRef, name: &'a str) -> Work<'a, Folder>;

    /// Moves a folder with everything in it to Deleted Items. The folders that every mailbox has are refused.
    fn discard<'a>(&'a self, mailbox: &'a Mailbox, folder: &'a FolderRef) -> Work<'a, ()>;
}
