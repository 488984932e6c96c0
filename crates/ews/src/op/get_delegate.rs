//! [GetDelegate](https://learn.microsoft.com/exchange/client-developer/web-service-reference/getdelegate-operation):
//! who may act for the owner of a mailbox, and in which folders.

use exchange::{Error, Mailbox};

use crate::answer::Message;
use crate::client::EwsClient;
use crate::directory::write_address;
use crate::failure::{Effect, Failure};
use crate::malformed::Reason;
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// Somebody who may act for the owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delegate {
    /// Their security identifier.
    pub sid: String,
    /// Their address.
    pub address: String,
    /// Their name.
    pub display_name: String,
    /// Folders, e.g. `Calendar`, and what they may do there: `None`, `Reviewer`, `Author`, `Editor` or `Custom`.
    pub permissions: Vec<(String, String)>,
    /// Whether messages about meetings come to them, too.
    pub gets_meeting_messages: bool,
    /// Whether they see what is marked as private.
    pub sees_private_items: bool,
}

/// Who may act for the owner.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delegates {
    /// They; in place of one that the server cannot show, why not.
    pub delegates: Vec<Result<Delegate, Error>>,
    /// Who gets requests for meetings, by the names of the protocol, e.g. `DelegatesAndMe`.
    pub meeting_requests: Option<String>,
}

struct GetDelegate<'a> {
    mailbox: &'a Mailbox,
}

impl Operation for GetDelegate<'_> {
    const NAME: &'static str = "GetDelegate";
    const ANSWER: &'static str = "GetDelegateResponse";
    const EFFECT: Effect = Effect::Reads;
    const BARE: bool = true;
    type Output = Delegates;

    fn write(&self, out: &mut Writer) {
        out.open("m:GetDelegate", &[("IncludePermissions", "true")]);
        write_address(out, "m:Mailbox", self.mailbox.as_str());
        out.close("m:GetDelegate");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Delegates, Failure> {
        let mut message = Message::begin(reader);
        let mut all = Delegates::default();
        while reader.child().await? {
            match reader.name() {
                b"ResponseMessages" => {
                    while reader.child().await? {
                        all.delegates.push(one(reader).await?);
                    }
                }
                b"DeliverMeetingRequests" => all.meeting_requests = Some(reader.text().await?),
                _ => message.other(reader).await?,
            }
        }
        message.finish(Self::NAME, Self::EFFECT)?;
        Ok(all)
    }
}

async fn one<P: Pull>(reader: &mut Reader<P>) -> Result<Result<Delegate, Error>, Failure> {
    let mut message = Message::begin(reader);
    let mut found = None;
    while reader.child().await? {
        match reader.name() {
            b"DelegateUser" => found = Some(delegate(reader).await?),
            _ => message.other(reader).await?,
        }
    }
    Ok(match (message.finish(GetDelegate::NAME, GetDelegate::EFFECT), found) {
        (Ok(()), Some(delegate)) => Ok(delegate),
        (Ok(()), None) => return Err(reader.error(Reason::Missing("DelegateUser"))),
        (Err(error), _) => Err(error),
    })
}

async fn delegate<P: Pull>(reader: &mut Reader<P>) -> Result<Delegate, Failure> {
    let mut who = Delegate::default();
    while reader.child().await? {
        match reader.name() {
            b"UserId" => {
                while reader.child().await? {
                    match reader.name() {
                        b"SID" => who.sid = reader.text().await?,
                        b"PrimarySmtpAddress" => who.address = reader.text().await?,
                        b"DisplayName" => who.display_name = reader.text().await?,
                        _ => reader.skip().await?,
                    }
                }
            }
            b"DelegatePermissions" => {
                while reader.child().await? {
                    let name = String::from_utf8_lossy(reader.name()).into_owned();
                    let folder = name.strip_suffix("FolderPermissionLevel").map(str::to_owned);
                    let level = reader.text().await?;
                    who.permissions.extend(folder.map(|folder| (folder, level)));
                }
            }
            b"ReceiveCopiesOfMeetingMessages" => {
                who.gets_meeting_messages = reader.boolean("ReceiveCopiesOfMeetingMessages").await?;
            }
            b"ViewPrivateItems" => who.sees_private_items = reader.boolean("ViewPrivateItems").await?,
            _ => reader.skip().await?,
        }
    }
    Ok(who)
}

impl EwsClient {
    /// Who may act for the owner of the mailbox. Rights given on a folder by other means are not listed.
    ///
    /// # Errors
    /// What the wire says.
    pub async fn delegates(&self, mailbox: &Mailbox) -> Result<Delegates, Error> {
        self.call(mailbox, GetDelegate { mailbox }).await
    }
}
