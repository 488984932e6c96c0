//! [`Groups`] over ExpandDL.

use exchange::port::{Groups, Work};
use exchange::{Error, ErrorKind, GroupMembers, Mailbox};

use crate::client::EwsClient;
use crate::op::expand_dl::Group;

impl Groups for EwsClient {
    fn members<'a>(&'a self, mailbox: &'a Mailbox, group: &'a str) -> Work<'a, GroupMembers> {
        Box::pin(async move {
            if group.trim().is_empty() {
                return Err(Error::new(ErrorKind::Invalid, "a blank address is no group's"));
            }
            let found = self.expand_group(mailbox, &Group::Public(group.to_owned())).await?;
            Ok(GroupMembers { members: found.members, truncated: found.truncated })
        })
    }
}
