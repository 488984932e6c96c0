//! [GetSearchableMailboxes](https://learn.microsoft.com/exchange/client-developer/web-service-reference/getsearchablemailboxes-operation):
//! the mailboxes that the account may search through with SearchMailboxes. On premises only; the account needs the
//! management role Discovery Management.

use exchange::{Error, Mailbox};

use crate::answer::Message;
use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// A mailbox, or a group of them, that can be searched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchableMailbox {
    /// What a search names it by.
    pub reference: String,
    /// Its GUID.
    pub guid: String,
    /// Its address.
    pub address: String,
    /// Its name.
    pub display_name: String,
    /// Whether it is a group, whose members are searched.
    pub is_group: bool,
    /// Whether it is elsewhere.
    pub is_external: bool,
    /// Its address there.
    pub external_address: String,
}

/// A mailbox that could not be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailedMailbox {
    /// What the search named it by.
    pub mailbox: String,
    /// A number of the server's.
    pub code: Option<i64>,
    /// Its words.
    pub message: String,
    /// Whether it is about the archive of the mailbox.
    pub is_archive: bool,
}

/// What can be searched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchableMailboxes {
    /// They.
    pub mailboxes: Vec<SearchableMailbox>,
    /// Those that could not be looked at.
    pub failed: Vec<FailedMailbox>,
}

/// Which are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SearchableQuery<'a> {
    /// An alias, name or address, or the beginning of one with `*` behind it; all without it.
    pub filter: Option<&'a str>,
    /// Whether the members of a group are listed instead of it; needs a filter that names the group.
    pub expand_groups: bool,
}

struct GetSearchableMailboxes<'a> {
    query: SearchableQuery<'a>,
}

impl Operation for GetSearchableMailboxes<'_> {
    const NAME: &'static str = "GetSearchableMailboxes";
    const ANSWER: &'static str = "GetSearchableMailboxesResponse";
    const EFFECT: Effect = Effect::Reads;
    const BARE: bool = true;
    const ROLE: Option<&'static str> = Some("MailboxSearch");
    type Output = SearchableMailboxes;

    fn write(&self, out: &mut Writer) {
        out.open("m:GetSearchableMailboxes", &[]);
        out.exact("m:SearchFilter", self.query.filter.unwrap_or_default());
        out.word("m:ExpandGroupMembership", if self.query.expand_groups { "true" } else { "false" });
        out.close("m:GetSearchableMailboxes");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<SearchableMailboxes, Failure> {
        let mut message = Message::begin(reader);
        let mut all = SearchableMailboxes::default();
        while reader.child().await? {
            match reader.name() {
                b"SearchableMailboxes" => {
                    while reader.child().await? {
                        all.mailboxes.push(searchable(reader).await?);
                    }
                }
                b"FailedMailboxes" => all.failed = failed(reader).await?,
                _ => message.other(reader).await?,
            }
        }
        message.finish(Self::NAME, Self::EFFECT)?;
        Ok(all)
    }
}

async fn searchable<P: Pull>(reader: &mut Reader<P>) -> Result<SearchableMailbox, Failure> {
    let mut it = SearchableMailbox::default();
    while reader.child().await? {
        match reader.name() {
            b"Guid" => it.guid = reader.text().await?,
            b"PrimarySmtpAddress" => it.address = reader.text().await?,
            b"IsExternalMailbox" => it.is_external = reader.boolean("IsExternalMailbox").await?,
            b"ExternalEmailAddress" => it.external_address = reader.text().await?,
            b"DisplayName" => it.display_name = reader.text().await?,
            b"IsMembershipGroup" => it.is_group = reader.boolean("IsMembershipGroup").await?,
            b"ReferenceId" => it.reference = reader.text().await?,
            _ => reader.skip().await?,
        }
    }
    Ok(it)
}

/// Reads `FailedMailboxes`.
pub(crate) async fn failed<P: Pull>(reader: &mut Reader<P>) -> Result<Vec<FailedMailbox>, Failure> {
    let mut all = Vec::new();
    while reader.child().await? {
        let mut one = FailedMailbox::default();
        while reader.child().await? {
            match reader.name() {
                b"Mailbox" => one.mailbox = reader.text().await?,
                b"ErrorCode" => one.code = reader.number("ErrorCode").await?,
                b"ErrorMessage" => one.message = reader.text().await?,
                b"IsArchive" => one.is_archive = reader.boolean("IsArchive").await?,
                _ => reader.skip().await?,
            }
        }
        all.push(one);
    }
    Ok(all)
}

impl EwsClient {
    /// The mailboxes the account may search. Exchange Online has not had this since 2020.
    ///
    /// # Errors
    /// What the wire says.
    pub async fn searchable_mailboxes(
        &self,
        mailbox: &Mailbox,
        query: SearchableQuery<'_>,
    ) -> Result<SearchableMailboxes, Error> {
        self.call(mailbox, GetSearchableMailboxes { query }).await
    }
}
