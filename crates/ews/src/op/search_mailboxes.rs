//! [SearchMailboxes](https://learn.microsoft.com/exchange/client-developer/web-service-reference/searchmailboxes-operation):
//! one query over many mailboxes at once, for whoever has the management role Discovery Management. Microsoft no
//! longer supports it; where it is gone, searching the mailboxes one by one does the same.

use exchange::{Error, ErrorKind, Mailbox};

use crate::answer::Message;
use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::malformed::Reason;
use crate::op::Operation;
use crate::op::get_searchable_mailboxes::{FailedMailbox, failed};
use crate::time;
use crate::xml::{Pull, Reader, Writer};

/// Which part of a mailbox is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SearchPart {
    /// The mailbox without its archive.
    Primary,
    /// Its archive.
    Archive,
    /// Both.
    #[default]
    All,
}

impl SearchPart {
    fn as_str(self) -> &'static str {
        match self {
            SearchPart::Primary => "PrimaryOnly",
            SearchPart::Archive => "ArchiveOnly",
            SearchPart::All => "All",
        }
    }
}

/// What a search gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SearchGives {
    /// How many there are, and how large.
    #[default]
    Statistics,
    /// A page of what there is.
    Preview,
}

/// A search over many mailboxes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailboxSearch {
    /// What is looked for, in the words of KQL.
    pub query: String,
    /// Where: references as [`EwsClient::searchable_mailboxes`] gives them, and which part.
    pub scopes: Vec<(String, SearchPart)>,
    /// What for.
    pub gives: SearchGives,
    /// Whether copies of one mail are counted and shown once.
    pub deduplicate: bool,
    /// How many a page shows at most.
    pub page_size: u32,
    /// Where the page begins: [`MailboxesFound::next`] of the page before.
    pub after: Option<String>,
}

/// What one word of a query found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeywordFound {
    /// The word.
    pub keyword: String,
    /// In how many items.
    pub items: u64,
    /// Of how many bytes.
    pub size: u64,
}

/// An item that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemPreview {
    /// Its id.
    pub id: String,
    /// The address of the mailbox it is in.
    pub mailbox: String,
    /// Who sent it.
    pub sender: String,
    /// Whom it was sent to.
    pub to: Vec<String>,
    /// Who got a copy.
    pub cc: Vec<String>,
    /// Its subject.
    pub subject: String,
    /// When it was made, in UTC.
    pub created_at: Option<String>,
    /// When it came, in UTC.
    pub received_at: Option<String>,
    /// When it was sent, in UTC.
    pub sent_at: Option<String>,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it has attachments.
    pub has_attachment: bool,
    /// Whether it was read.
    pub is_read: bool,
    /// `Low`, `Normal` or `High`.
    pub importance: String,
    /// Where it is shown in a browser.
    pub link: String,
    /// The same for copies of one mail.
    pub unique_hash: String,
    sort_value: String,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailboxesFound {
    /// How many items in all.
    pub items: u64,
    /// Of how many bytes in all.
    pub size: u64,
    /// What each word found, where statistics were asked for.
    pub keywords: Vec<KeywordFound>,
    /// A page of items, where a preview was asked for.
    pub page: Vec<ItemPreview>,
    /// Where the next page begins; none after the last.
    pub next: Option<String>,
    /// The mailboxes that could not be searched.
    pub failed: Vec<FailedMailbox>,
}

struct SearchMailboxes<'a> {
    search: &'a MailboxSearch,
}

impl Operation for SearchMailboxes<'_> {
    const NAME: &'static str = "SearchMailboxes";
    const ANSWER: &'static str = "SearchMailboxesResponse";
    const EFFECT: Effect = Effect::Reads;
    const ROLE: Option<&'static str> = Some("MailboxSearch");
    type Output = MailboxesFound;

    fn write(&self, out: &mut Writer) {
        let search = self.search;
        out.open("m:SearchMailboxes", &[]);
        out.open("m:SearchQueries", &[]);
        out.open("t:MailboxQuery", &[]);
        out.exact("t:Query", &search.query);
        out.open("t:MailboxSearchScopes", &[]);
        for (reference, part) in &search.scopes {
            out.open("t:MailboxSearchScope", &[]);
            out.exact("t:Mailbox", reference);
            out.word("t:SearchScope", part.as_str());
            out.close("t:MailboxSearchScope");
        }
        out.close("t:MailboxSearchScopes");
        out.close("t:MailboxQuery");
        out.close("m:SearchQueries");
        match search.gives {
            SearchGives::Statistics => out.word("m:ResultType", "StatisticsOnly"),
            SearchGives::Preview => {
                out.word("m:ResultType", "PreviewOnly");
                out.open("m:PreviewItemResponseShape", &[]);
                out.word("t:BaseShape", "Default");
                out.close("m:PreviewItemResponseShape");
                out.open("m:SortBy", &[("Order", "Descending")]);
                out.empty("t:FieldURI", &[("FieldURI", "item:DateTimeReceived")]);
                out.close("m:SortBy");
            }
        }
        out.word("m:Deduplication", if search.deduplicate { "true" } else { "false" });
        if search.gives == SearchGives::Preview {
            out.word("m:PageSize", &search.page_size.max(1).to_string());
            if let Some(after) = &search.after {
                out.exact("m:PageItemReference", after);
            }
            out.word("m:PageDirection", "Next");
        }
        out.close("m:SearchMailboxes");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<MailboxesFound, Failure> {
        let mut all = None;
        while reader.child().await? {
            if all.is_some() {
                return Err(reader.error(Reason::Count { asked: 1, got: 2 }));
            }
            let mut message = Message::begin(reader);
            let mut found = MailboxesFound::default();
            while reader.child().await? {
                match reader.name() {
                    b"SearchMailboxesResult" => found = result(reader).await?,
                    _ => message.other(reader).await?,
                }
            }
            message.finish(Self::NAME, Self::EFFECT)?;
            let full = found.page.len() >= usize::try_from(self.search.page_size).unwrap_or(usize::MAX);
            let last = found.page.last().filter(|_| full).map(|item| item.sort_value.clone());
            found.next = last.filter(|value| !value.is_empty());
            if found.next.is_some() && found.next == self.search.after {
                return Err(reader.error(Reason::Paging));
            }
            all = Some(found);
        }
        all.ok_or_else(|| reader.error(Reason::Missing("SearchMailboxesResponseMessage")))
    }
}

async fn result<P: Pull>(reader: &mut Reader<P>) -> Result<MailboxesFound, Failure> {
    let mut found = MailboxesFound::default();
    while reader.child().await? {
        match reader.name() {
            b"ItemCount" => found.items = reader.size("ItemCount").await?,
            b"Size" => found.size = reader.size("Size").await?,
            b"KeywordStats" => {
                while reader.child().await? {
                    found.keywords.push(keyword(reader).await?);
                }
            }
            b"Items" => {
                while reader.child().await? {
                    found.page.push(preview(reader).await?);
                }
            }
            b"FailedMailboxes" => found.failed = failed(reader).await?,
            _ => reader.skip().await?,
        }
    }
    Ok(found)
}

async fn keyword<P: Pull>(reader: &mut Reader<P>) -> Result<KeywordFound, Failure> {
    let mut one = KeywordFound::default();
    while reader.child().await? {
        match reader.name() {
            b"Keyword" => one.keyword = reader.text().await?,
            b"ItemHits" => one.items = reader.size("ItemHits").await?,
            b"Size" => one.size = reader.size("Size").await?,
            _ => reader.skip().await?,
        }
    }
    Ok(one)
}

async fn preview<P: Pull>(reader: &mut Reader<P>) -> Result<ItemPreview, Failure> {
    let mut item = ItemPreview::default();
    while reader.child().await? {
        match reader.name() {
            b"Id" => {
                item.id = reader.attribute("Id").unwrap_or_default();
                reader.skip().await?;
            }
            b"Mailbox" => {
                while reader.child().await? {
                    match reader.name() {
                        b"PrimarySmtpAddress" => item.mailbox = reader.text().await?,
                        _ => reader.skip().await?,
                    }
                }
            }
            b"UniqueHash" => item.unique_hash = reader.text().await?,
            b"SortValue" => item.sort_value = reader.text().await?,
            b"OwaLink" => item.link = reader.text().await?,
            b"Sender" => item.sender = reader.text().await?,
            b"ToRecipients" => item.to = texts(reader).await?,
            b"CcRecipients" => item.cc = texts(reader).await?,
            b"CreatedTime" => item.created_at = time::utc(&reader.text().await?),
            b"ReceivedTime" => item.received_at = time::utc(&reader.text().await?),
            b"SentTime" => item.sent_at = time::utc(&reader.text().await?),
            b"Subject" => item.subject = reader.text().await?,
            b"Size" => item.size = reader.size("Size").await?,
            b"Importance" => item.importance = reader.text().await?,
            b"Read" => item.is_read = reader.boolean("Read").await?,
            b"HasAttachment" => item.has_attachment = reader.boolean("HasAttachment").await?,
            _ => reader.skip().await?,
        }
    }
    Ok(item)
}

async fn texts<P: Pull>(reader: &mut Reader<P>) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    while reader.child().await? {
        all.push(reader.text().await?);
    }
    Ok(all)
}

impl EwsClient {
    /// Searches many mailboxes with one query. Mailboxes that could not be searched are listed in the result.
    ///
    /// # Errors
    /// A search of nothing or nowhere is refused before it is sent; what the wire says otherwise.
    pub async fn search_mailboxes(
        &self,
        mailbox: &Mailbox,
        search: &MailboxSearch,
    ) -> Result<MailboxesFound, Error> {
        if search.query.trim().is_empty() || search.scopes.is_empty() {
            let text = "a search over mailboxes needs a query and at least one mailbox";
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        self.call(mailbox, SearchMailboxes { search }).await
    }
}
