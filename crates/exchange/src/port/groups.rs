//! Who is in a group.

use crate::port::Work;
use crate::{GroupMembers, Mailbox};

/// Shows the members of groups.
pub trait Groups: Send + Sync {
    /// The members of the group with an address, without those of groups in it. `mailbox` is whose directory is
    /// asked. A group that is not there, or whose members are hidden, is
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound): not every server tells the two apart.
    fn members<'a>(&'a self, mailbox: &'a Mailbox, group: &'a str) -> Work<'a, GroupMembers>;
}
