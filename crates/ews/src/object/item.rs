//! An item of any kind, with everything an answer shows of it.
//!
//! The readers of the ports take a message apart with less; this is for those who want the rest. What a server
//! writes that is not known here is passed over, because later versions write more.

use exchange::{Address, AttachmentInfo, Header, ItemRef};
use jiff::Timestamp;

use super::calendar::{CalendarPart, Meeting};
use super::contact::ContactPart;
use super::path::ExtendedValue;
use super::people::{filled, read_mailboxes, read_strings};
use super::value::{Body, Importance, Sensitivity, Word};
use crate::base64_stream::Decoder;
use crate::failure::Failure;
use crate::item;
use crate::malformed::Reason;
use crate::time;
use crate::xml::{Pull, Reader};

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ItemKind {
    /// Anything without a kind of its own.
    #[default]
    Item,
    /// A mail.
    Message,
    /// An entry of a calendar.
    CalendarItem,
    /// Somebody.
    Contact,
    /// A list of people.
    DistributionList,
    /// A message about a meeting that is none of the following.
    MeetingMessage,
    /// An invitation.
    MeetingRequest,
    /// An answer to an invitation.
    MeetingResponse,
    /// A meeting that was called off.
    MeetingCancellation,
    /// Something to be done.
    Task,
    /// A note in a folder.
    Post,
}

/// The part of an item that a mail has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MessagePart {
    /// Who sent it, which may be somebody for the author.
    pub sender: Option<Address>,
    /// Who it says it is from.
    pub from: Option<Address>,
    /// Recipients.
    pub to: Vec<Address>,
    /// Copies.
    pub cc: Vec<Address>,
    /// Blind copies.
    pub bcc: Vec<Address>,
    /// Where answers are to go.
    pub reply_to: Vec<Address>,
    /// The `Message-ID` header, with its angle brackets.
    pub message_id: Option<String>,
    /// The `References` header.
    pub references: Option<String>,
    /// Whether it was read.
    pub is_read: Option<bool>,
    /// Whether the sender wants to know when it is read.
    pub read_receipt: Option<bool>,
    /// Whether the sender wants to know when it arrives.
    pub delivery_receipt: Option<bool>,
    /// What the conversation is about.
    pub conversation_topic: Option<String>,
}

/// An item. What was not asked for, or is not there, is empty.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ExchangeItem {
    /// What it is.
    pub kind: ItemKind,
    /// Its id and version. An item that hangs on another one has none.
    pub reference: Option<ItemRef>,
    /// The folder it is in.
    pub folder_id: Option<String>,
    /// Its class, e.g. `IPM.Note`.
    pub class: Option<String>,
    /// Subject.
    pub subject: Option<String>,
    /// How private it is.
    pub sensitivity: Option<Sensitivity>,
    /// The body in the way it was asked for.
    pub body: Option<Body>,
    /// The body as text.
    pub text_body: Option<String>,
    /// What is new in the body, without the quoted messages.
    pub unique_body: Option<Body>,
    /// The beginning of the body.
    pub preview: Option<String>,
    /// What hangs on it.
    pub attachments: Vec<AttachmentInfo>,
    /// Whether it has attachments a mail client would show.
    pub has_attachments: Option<bool>,
    /// When the server received it.
    pub received: Option<Timestamp>,
    /// When the sender says it was sent.
    pub sent: Option<Timestamp>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it was changed last.
    pub modified: Option<Timestamp>,
    /// Who changed it last.
    pub modified_by: Option<String>,
    /// Size in bytes.
    pub size: Option<u64>,
    /// Categories.
    pub categories: Vec<String>,
    /// How important it is.
    pub importance: Option<Importance>,
    /// The `In-Reply-To` header.
    pub in_reply_to: Option<String>,
    /// Whether it was not sent yet.
    pub is_draft: Option<bool>,
    /// Whether it is hidden data of a folder.
    pub is_associated: Option<bool>,
    /// Headers in the order of the mail.
    pub headers: Vec<Header>,
    /// Whether the owner is to be reminded.
    pub reminder: Option<bool>,
    /// How many minutes before it begins.
    pub reminder_minutes: Option<u32>,
    /// Recipients as a mail client shows them.
    pub display_to: Option<String>,
    /// Copies as a mail client shows them.
    pub display_cc: Option<String>,
    /// MAPI properties that were asked for.
    pub extended: Vec<ExtendedValue>,
    /// The language, e.g. `en-US`.
    pub culture: Option<String>,
    /// The conversation it belongs to.
    pub conversation_id: Option<String>,
    /// `NotFlagged`, `Flagged` or `Complete`.
    pub flag: Option<String>,
    /// The whole item as MIME.
    pub mime: Option<Vec<u8>>,
    /// What a mail has.
    pub message: MessagePart,
    /// Of a calendar item or meeting message: when and where.
    pub calendar: Option<Box<CalendarPart>>,
    /// Of a meeting message.
    pub meeting: Option<Box<Meeting>>,
    /// Of a contact: who.
    pub contact: Option<Box<ContactPart>>,
}

impl ItemKind {
    /// The kind of the element with this name; `None` if it is no item.
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"Item" => ItemKind::Item,
            b"Message" => ItemKind::Message,
            b"CalendarItem" => ItemKind::CalendarItem,
            b"Contact" => ItemKind::Contact,
            b"DistributionList" => ItemKind::DistributionList,
            b"MeetingMessage" => ItemKind::MeetingMessage,
            b"MeetingRequest" => ItemKind::MeetingRequest,
            b"MeetingResponse" => ItemKind::MeetingResponse,
            b"MeetingCancellation" => ItemKind::MeetingCancellation,
            b"Task" => ItemKind::Task,
            b"PostItem" => ItemKind::Post,
            _ => return None,
        })
    }

    fn is_meeting(self) -> bool {
        matches!(
            self,
            ItemKind::MeetingMessage
                | ItemKind::MeetingRequest
                | ItemKind::MeetingResponse
                | ItemKind::MeetingCancellation
        )
    }
}

impl ExchangeItem {
    /// Reads the current element, which is an item of some kind.
    pub(crate) async fn read<P: Pull>(reader: &mut Reader<P>) -> Result<Self, Failure> {
        let kind = ItemKind::of(reader.name()).unwrap_or_default();
        let mut item = ExchangeItem { kind, ..ExchangeItem::default() };
        let mut calendar =
            (kind == ItemKind::CalendarItem || kind.is_meeting()).then(Box::<CalendarPart>::default);
        let mut meeting = kind.is_meeting().then(Box::<Meeting>::default);
        let mut contact = (kind == ItemKind::Contact).then(Box::<ContactPart>::default);
        while reader.child().await? {
            if item.general(reader).await? || item.content(reader).await? || item.message.read(reader).await?
            {
                continue;
            }
            if let Some(meeting) = &mut meeting
                && meeting.read(reader).await?
            {
                continue;
            }
            if let Some(calendar) = &mut calendar
                && calendar.read(reader).await?
            {
                continue;
            }
            if let Some(contact) = &mut contact
                && contact.read(reader).await?
            {
                continue;
            }
            reader.skip().await?;
        }
        (item.calendar, item.meeting, item.contact) = (calendar, meeting, contact);
        Ok(item)
    }

    /// What every item has and that is one short value.
    async fn general<P: Pull>(&mut self, reader: &mut Reader<P>) -> Result<bool, Failure> {
        match reader.name() {
            b"ItemId" => self.reference = Some(item::item_id(reader).await?),
            b"ParentFolderId" => {
                self.folder_id = reader.attribute("Id");
                reader.skip().await?;
            }
            b"ItemClass" => self.class = filled(reader.text().await?),
            b"Subject" => self.subject = Some(reader.text().await?),
            b"Sensitivity" => self.sensitivity = Sensitivity::of(&reader.text().await?),
            b"HasAttachments" => self.has_attachments = Some(reader.boolean("HasAttachments").await?),
            b"DateTimeReceived" => self.received = time::timestamp(&reader.text().await?),
            b"DateTimeSent" => self.sent = time::timestamp(&reader.text().await?),
            b"DateTimeCreated" => self.created = time::timestamp(&reader.text().await?),
            b"LastModifiedTime" => self.modified = time::timestamp(&reader.text().await?),
            b"LastModifiedName" => self.modified_by = filled(reader.text().await?),
            b"Size" => self.size = Some(reader.size("Size").await?),
            b"Importance" => self.importance = Importance::of(&reader.text().await?),
            b"InReplyTo" => self.in_reply_to = filled(reader.text().await?),
            b"IsDraft" => self.is_draft = Some(reader.boolean("IsDraft").await?),
            b"IsAssociated" => self.is_associated = Some(reader.boolean("IsAssociated").await?),
            b"ReminderIsSet" => self.reminder = Some(reader.boolean("ReminderIsSet").await?),
            b"ReminderMinutesBeforeStart" => {
                self.reminder_minutes = reader.text().await?.trim().parse().ok();
            }
            b"DisplayTo" => self.display_to = filled(reader.text().await?),
            b"DisplayCc" => self.display_cc = filled(reader.text().await?),
            b"Culture" => self.culture = filled(reader.text().await?),
            b"ConversationId" => {
                self.conversation_id = reader.attribute("Id");
                reader.skip().await?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What every item has and that is long, or several values.
    async fn content<P: Pull>(&mut self, reader: &mut Reader<P>) -> Result<bool, Failure> {
        match reader.name() {
            b"Body" => self.body = Some(body(reader).await?),
            b"UniqueBody" => self.unique_body = Some(body(reader).await?),
            b"TextBody" => self.text_body = Some(reader.text().await?),
            b"Preview" => self.preview = Some(reader.text().await?),
            b"Attachments" => self.attachments = item::attachments(reader).await?,
            b"Categories" => self.categories = read_strings(reader).await?,
            b"InternetMessageHeaders" => self.headers = item::headers(reader).await?,
            b"ExtendedProperty" => self.extended.push(extended(reader).await?),
            b"Flag" => {
                while reader.child().await? {
                    match reader.name() {
                        b"FlagStatus" => self.flag = filled(reader.text().await?),
                        _ => reader.skip().await?,
                    }
                }
            }
            b"MimeContent" => {
                let mut bytes = Vec::new();
                let mut decoder = Decoder::new(&mut bytes);
                reader.base64(&mut decoder).await?;
                drop(decoder);
                self.mime = Some(bytes);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The id and version; an error at this place if the server gave none.
    pub(crate) fn require<P: Pull>(self, reader: &Reader<P>) -> Result<Self, Failure> {
        match self.reference {
            Some(_) => Ok(self),
            None => Err(reader.error(Reason::Missing("ItemId"))),
        }
    }
}

impl MessagePart {
    async fn read<P: Pull>(&mut self, reader: &mut Reader<P>) -> Result<bool, Failure> {
        match reader.name() {
            b"Sender" => self.sender = read_mailboxes(reader).await?.pop(),
            b"From" => self.from = read_mailboxes(reader).await?.pop(),
            b"ToRecipients" => self.to = read_mailboxes(reader).await?,
            b"CcRecipients" => self.cc = read_mailboxes(reader).await?,
            b"BccRecipients" => self.bcc = read_mailboxes(reader).await?,
            b"ReplyTo" => self.reply_to = read_mailboxes(reader).await?,
            b"InternetMessageId" => self.message_id = filled(reader.text().await?),
            b"References" => self.references = filled(reader.text().await?),
            b"IsRead" => self.is_read = Some(reader.boolean("IsRead").await?),
            b"IsReadReceiptRequested" => {
                self.read_receipt = Some(reader.boolean("IsReadReceiptRequested").await?);
            }
            b"IsDeliveryReceiptRequested" => {
                self.delivery_receipt = Some(reader.boolean("IsDeliveryReceiptRequested").await?);
            }
            b"ConversationTopic" => self.conversation_topic = filled(reader.text().await?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

async fn body<P: Pull>(reader: &mut Reader<P>) -> Result<Body, Failure> {
    let is_html = reader.attribute("BodyType").as_deref() == Some("HTML");
    let is_truncated = matches!(reader.attribute("IsTruncated").as_deref(), Some("true" | "1"));
    Ok(Body { is_html, text: reader.text().await?, is_truncated })
}

async fn extended<P: Pull>(reader: &mut Reader<P>) -> Result<ExtendedValue, Failure> {
    let mut value = ExtendedValue::default();
    while reader.child().await? {
        match reader.name() {
            b"ExtendedFieldURI" => {
                let set = reader.attribute("DistinguishedPropertySetId");
                value.set = set.or_else(|| reader.attribute("PropertySetId"));
                value.name = reader.attribute("PropertyName").or_else(|| reader.attribute("PropertyId"));
                value.tag = reader.attribute("PropertyTag");
                value.kind = reader.attribute("PropertyType").unwrap_or_default();
                reader.skip().await?;
            }
            b"Value" => value.values.push(reader.text().await?),
            b"Values" => value.values.extend(read_strings(reader).await?),
            _ => reader.skip().await?,
        }
    }
    Ok(value)
}
