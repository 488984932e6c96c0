//! [GetMailTips](https://learn.microsoft.com/exchange/client-developer/web-service-reference/getmailtips-operation):
//! what somebody who writes to these people is told beforehand: that they are away, that a mailbox is full, how many
//! people a group has.

use exchange::{DirectoryEntry, Error, ErrorKind, Mailbox};
use jiff::Timestamp;

use crate::answer::{Message, Results};
use crate::client::EwsClient;
use crate::directory::{duration, entry, write_address};
use crate::failure::{Effect, Failure};
use crate::malformed::Reason;
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// What there is to be told about one recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailTips {
    /// Who, as the server names them.
    pub recipient: Option<DirectoryEntry>,
    /// What could not be found out in time, by the names of the protocol, e.g. `OutOfOfficeMessage`.
    pub pending: Vec<String>,
    /// The automatic reply, where they are away.
    pub away: Option<Away>,
    /// Whether their mailbox is full.
    pub mailbox_full: Option<bool>,
    /// Words the administrator put there.
    pub custom: Option<String>,
    /// How many members a group has.
    pub members: Option<u32>,
    /// How many of them are outside of the organisation.
    pub external_members: Option<u32>,
    /// The largest message they get, in bytes.
    pub max_message_size: Option<u64>,
    /// Whether a message to them would be refused.
    pub delivery_restricted: Option<bool>,
    /// Whether somebody looks at messages to them first.
    pub moderated: Option<bool>,
    /// Whether there is no such recipient.
    pub invalid: Option<bool>,
}

/// An automatic reply that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// Its words, as HTML or plain text.
    pub reply: String,
    /// From when and until when, where that is said.
    pub duration: Option<(Timestamp, Timestamp)>,
}

struct GetMailTips<'a> {
    sender: &'a Mailbox,
    recipients: &'a [Mailbox],
}

impl Operation for GetMailTips<'_> {
    const NAME: &'static str = "GetMailTips";
    const ANSWER: &'static str = "GetMailTipsResponse";
    const EFFECT: Effect = Effect::Reads;
    const BARE: bool = true;
    type Output = Vec<Result<MailTips, Error>>;

    fn write(&self, out: &mut Writer) {
        out.open("m:GetMailTips", &[]);
        write_address(out, "m:SendingAs", self.sender.as_str());
        out.open("m:Recipients", &[]);
        self.recipients.iter().for_each(|one| write_address(out, "t:Mailbox", one.as_str()));
        out.close("m:Recipients");
        out.word("m:MailTipsRequested", "All");
        out.close("m:GetMailTips");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        let mut message = Message::begin(reader);
        let mut results = Results::new(self.recipients.len());
        while reader.child().await? {
            match reader.name() {
                b"ResponseMessages" => {
                    while reader.child().await? {
                        results.place(reader)?;
                        let mut one = Message::begin(reader);
                        let mut found = None;
                        while reader.child().await? {
                            match reader.name() {
                                b"MailTips" => found = Some(tips(reader).await?),
                                _ => one.other(reader).await?,
                            }
                        }
                        results.push(match (one.finish(Self::NAME, Self::EFFECT), found) {
                            (Ok(()), None) => return Err(reader.error(Reason::Missing("MailTips"))),
                            (Ok(()), Some(tips)) => Ok(tips),
                            (Err(error), _) => Err(error),
                        });
                    }
                }
                _ => message.other(reader).await?,
            }
        }
        message.finish(Self::NAME, Self::EFFECT)?;
        results.finish(reader)
    }
}

async fn tips<P: Pull>(reader: &mut Reader<P>) -> Result<MailTips, Failure> {
    let mut tips = MailTips::default();
    while reader.child().await? {
        match reader.name() {
            b"RecipientAddress" => tips.recipient = Some(entry(reader).await?),
            b"PendingMailTips" => {
                tips.pending = reader.text().await?.split_whitespace().map(str::to_owned).collect();
            }
            b"OutOfOffice" => tips.away = away(reader).await?,
            b"MailboxFull" => tips.mailbox_full = Some(reader.boolean("MailboxFull").await?),
            b"CustomMailTip" => tips.custom = Some(reader.text().await?).filter(|tip| !tip.is_empty()),
            b"TotalMemberCount" => tips.members = reader.number("TotalMemberCount").await?,
            b"ExternalMemberCount" => tips.external_members = reader.number("ExternalMemberCount").await?,
            b"MaxMessageSize" => tips.max_message_size = Some(reader.size("MaxMessageSize").await?),
            b"DeliveryRestricted" => {
                tips.delivery_restricted = Some(reader.boolean("DeliveryRestricted").await?);
            }
            b"IsModerated" => tips.moderated = Some(reader.boolean("IsModerated").await?),
            b"InvalidRecipient" => tips.invalid = Some(reader.boolean("InvalidRecipient").await?),
            _ => reader.skip().await?,
        }
    }
    Ok(tips)
}

/// Somebody who is not away has a reply without words.
async fn away<P: Pull>(reader: &mut Reader<P>) -> Result<Option<Away>, Failure> {
    let mut away = Away { reply: String::new(), duration: None };
    while reader.child().await? {
        match reader.name() {
            b"ReplyBody" => {
                while reader.child().await? {
                    match reader.name() {
                        b"Message" => away.reply = reader.text().await?,
                        _ => reader.skip().await?,
                    }
                }
            }
            b"Duration" => away.duration = duration(reader).await?,
            _ => reader.skip().await?,
        }
    }
    Ok(Some(away).filter(|away| !away.reply.is_empty() || away.duration.is_some()))
}

impl EwsClient {
    /// What is to be told about each of these recipients, in their order.
    ///
    /// # Errors
    /// What the wire says; one recipient's trouble is in its place in the list.
    pub async fn mail_tips(
        &self,
        mailbox: &Mailbox,
        recipients: &[Mailbox],
    ) -> Result<Vec<Result<MailTips, Error>>, Error> {
        if recipients.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "mail tips are about recipients; name at least one"));
        }
        self.call(mailbox, GetMailTips { sender: mailbox, recipients }).await
    }
}
