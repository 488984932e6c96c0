//! Which mailboxes there are to look into.

use crate::port::Work;
use crate::{Mailbox, SearchableMailboxes};

/// Lists mailboxes.
pub trait Mailboxes: Send + Sync {
    /// The mailboxes and groups that the account may search. `mailbox` is whose directory is asked. `filter` is a
    /// name, an alias or an address, or with `*` behind it the beginning of one; without it all are listed. With
    /// `expand_groups` the members of the group it names stand in its place; that needs a filter without `*`.
    fn searchable<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        filter: Option<&'a str>,
        expand_groups: bool,
    ) -> Work<'a, SearchableMailboxes>;
}
