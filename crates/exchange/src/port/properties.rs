//! What people put on messages: categories, flags, importance, and the subject of a draft.

use crate::port::{PerItem, Work};
use crate::{ItemProperties, ItemRef, Mailbox, PropertyChange};

/// Reads and changes properties of messages.
pub trait Properties: Send + Sync {
    /// What each message has, with its version.
    fn properties<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
    ) -> Work<'a, PerItem<ItemProperties>>;

    /// Changes one message and tells nobody. If `item` has a version, and it is not that of now, nothing is changed
    /// and it is [`ErrorKind::Conflict`](crate::ErrorKind::Conflict).
    fn change<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        change: &'a PropertyChange,
    ) -> Work<'a, ItemRef>;
}
