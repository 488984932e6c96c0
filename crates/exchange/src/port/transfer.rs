//! Copies of messages: in their mailbox, and whole, from one mailbox to another.
//!
//! A whole message is bytes that only servers of the kind they come from understand; nobody here looks into them.

use std::io::Write;
use std::sync::Arc;

use crate::port::{PerItem, Work};
use crate::{Content, FolderRef, ItemRef, Mailbox};

/// Copies messages between folders of one mailbox.
pub trait Copies: Send + Sync {
    /// The reference of each copy. The original stays as it is.
    fn copy_to<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        folder: &'a FolderRef,
    ) -> Work<'a, PerItem<ItemRef>>;
}

/// Takes whole messages out of a mailbox, and puts them into another.
pub trait Transfer: Send + Sync {
    /// Writes one message with all its properties to `out` as it arrives; gives the number of bytes. What was written
    /// before an error is of no use.
    fn export<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        out: &'a mut (dyn Write + Send),
    ) -> Work<'a, u64>;

    /// Makes a message of the `size` bytes that an export gave. When it was received, whether it was read, and what
    /// else its mailbox knew of it, is as it was.
    fn import<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        folder: &'a FolderRef,
        content: Arc<dyn Content>,
        size: u64,
    ) -> Work<'a, ItemRef>;
}
