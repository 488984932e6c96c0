//! The contacts of a mailbox.

use crate::port::Work;
use crate::{ContactPage, Mailbox};

/// Lists contacts.
pub trait Contacts: Send + Sync {
    /// One page of the folder for contacts, without lists of people and without folders below it. `limit` is 1 to
    /// 1,000; a page may be shorter and not be the last.
    fn contacts<'a>(&'a self, mailbox: &'a Mailbox, offset: u32, limit: u32) -> Work<'a, ContactPage>;
}
