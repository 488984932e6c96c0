//! [ExpandDL](https://learn.microsoft.com/exchange/client-developer/web-service-reference/expanddl-operation):
//! who is in a distribution group. One level a call; groups in groups are asked for one by one, each once, so a
//! group that holds itself is no trap.

use std::collections::{BTreeSet, VecDeque};

use exchange::{DirectoryEntry, Error, ErrorKind, ItemRef, Mailbox};

use crate::answer::Message;
use crate::client::EwsClient;
use crate::directory::{entries, write_address};
use crate::failure::{Effect, Failure};
use crate::malformed::Reason;
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// A distribution group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Group {
    /// One of the organisation, by its address.
    Public(String),
    /// A personal one, which is an item among the contacts of a mailbox.
    Private(ItemRef),
}

/// The members of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupMembers {
    /// They, in the server's order.
    pub members: Vec<DirectoryEntry>,
    /// Whether there are more than are listed here.
    pub truncated: bool,
    /// Addresses of groups inside whose members the server does not show, or which are none.
    pub unreadable: Vec<String>,
}

/// A question.
struct ExpandDl<'a> {
    group: &'a Group,
}

impl Operation for ExpandDl<'_> {
    const NAME: &'static str = "ExpandDL";
    const ANSWER: &'static str = "ExpandDLResponse";
    const EFFECT: Effect = Effect::Reads;
    type Output = GroupMembers;

    fn write(&self, out: &mut Writer) {
        out.open("m:ExpandDL", &[]);
        match self.group {
            Group::Public(address) => write_address(out, "m:Mailbox", address),
            Group::Private(item) => {
                out.open("m:Mailbox", &[]);
                out.word("t:MailboxType", "PrivateDL");
                match &item.change_key {
                    Some(key) => out.empty("t:ItemId", &[("Id", &item.id), ("ChangeKey", key)]),
                    None => out.empty("t:ItemId", &[("Id", &item.id)]),
                }
                out.close("m:Mailbox");
            }
        }
        out.close("m:ExpandDL");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<GroupMembers, Failure> {
        let mut all = None;
        while reader.child().await? {
            if all.is_some() {
                return Err(reader.error(Reason::Count { asked: 1, got: 2 }));
            }
            let mut message = Message::begin(reader);
            let mut found = GroupMembers::default();
            while reader.child().await? {
                match reader.name() {
                    b"DLExpansion" => {
                        let last = reader.attribute("IncludesLastItemInRange");
                        found.truncated = matches!(last.as_deref(), Some("false" | "0"));
                        found.members = entries(reader).await?;
                    }
                    _ => message.other(reader).await?,
                }
            }
            message.finish(Self::NAME, Self::EFFECT)?;
            all = Some(found);
        }
        all.ok_or_else(|| reader.error(Reason::Missing("ExpandDLResponseMessage")))
    }
}

impl EwsClient {
    /// The members of a group; groups among them are listed as such.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is no such group or its members are hidden, which Exchange does not tell
    /// apart; what the wire says otherwise.
    pub async fn expand_group(&self, mailbox: &Mailbox, group: &Group) -> Result<GroupMembers, Error> {
        self.call(mailbox, ExpandDl { group }).await
    }

    /// Everybody in a group and the groups inside it, each once, and no groups. At most `most` groups are looked
    /// into; where there are more the result is truncated.
    ///
    /// # Errors
    /// Where the group itself cannot be expanded, or a group inside for another reason than that it is not there.
    pub async fn expand_group_fully(
        &self,
        mailbox: &Mailbox,
        group: &Group,
        most: usize,
    ) -> Result<GroupMembers, Error> {
        let mut whole = GroupMembers::default();
        let mut seen = BTreeSet::new();
        if let Group::Public(address) = group {
            seen.insert(address.to_lowercase());
        }
        let mut open = VecDeque::from([group.clone()]);
        let mut asked = 0;
        while let Some(next) = open.pop_front() {
            if asked >= most {
                whole.truncated = true;
                break;
            }
            asked += 1;
            let found = match (self.expand_group(mailbox, &next).await, next) {
                (Ok(found), _) => found,
                (Err(error), Group::Public(address)) if asked > 1 && error.kind == ErrorKind::NotFound => {
                    whole.unreadable.push(address);
                    continue;
                }
                (Err(error), _) => return Err(error),
            };
            whole.truncated |= found.truncated;
            for member in found.members {
                let key = if member.address.is_empty() { &member.name } else { &member.address };
                if !seen.insert(key.to_lowercase()) {
                    continue;
                }
                match member.kind.as_str() {
                    "PublicDL" => open.push_back(Group::Public(member.address)),
                    _ => whole.members.push(member),
                }
            }
        }
        Ok(whole)
    }
}
