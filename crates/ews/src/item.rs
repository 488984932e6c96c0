//! An item as any operation answers with it. Meetings, posts and reports are read like messages: they have
//! the same elements, and phishing comes as invitations too.

use exchange::{Address, AttachmentInfo, AttachmentKind, Header, ItemRef, Message, MessageSummary};

use crate::base64_stream::Decoder;
use crate::failure::Failure;
use crate::malformed::Reason;
use crate::time;
use crate::xml::{Pull, Reader};

/// Everything of an item that is read at all; what was not asked for stays empty.
#[derive(Debug, Default)]
pub(crate) struct Item {
    pub(crate) reference: Option<ItemRef>,
    folder_id: Option<String>,
    subject: Option<String>,
    internet_message_id: Option<String>,
    from: Option<Address>,
    sender: Option<Address>,
    to: Vec<Address>,
    cc: Vec<Address>,
    received_at: Option<String>,
    sent_at: Option<String>,
    size: u64,
    is_read: bool,
    has_attachments: bool,
    text_body: Option<String>,
    html_body: Option<String>,
    headers: Vec<Header>,
    pub(crate) attachments: Vec<AttachmentInfo>,
    /// Whether there was MIME content, however short.
    pub(crate) had_mime: bool,
}

impl Item {
    /// Reads the current element to its end. MIME content goes to `mime`.
    pub(crate) async fn read<P: Pull>(
        reader: &mut Reader<P>,
        mut mime: Option<&mut Decoder<'_>>,
    ) -> Result<Item, Failure> {
        let mut item = Item::default();
        while reader.child().await? {
            match reader.name() {
                b"ItemId" => item.reference = Some(item_id(reader).await?),
                b"ParentFolderId" => {
                    item.folder_id = reader.attribute("Id");
                    reader.skip().await?;
                }
                b"Subject" => item.subject = Some(reader.text().await?),
                b"InternetMessageId" => item.internet_message_id = filled(reader.text().await?),
                b"From" => item.from = addresses(reader).await?.pop(),
                b"Sender" => item.sender = addresses(reader).await?.pop(),
                b"ToRecipients" => item.to = addresses(reader).await?,
                b"CcRecipients" => item.cc = addresses(reader).await?,
                b"DateTimeReceived" => item.received_at = time::utc(&reader.text().await?),
                b"DateTimeSent" => item.sent_at = time::utc(&reader.text().await?),
                b"Size" => item.size = reader.size("Size").await?,
                b"IsRead" => item.is_read = reader.boolean("IsRead").await?,
                b"HasAttachments" => item.has_attachments = reader.boolean("HasAttachments").await?,
                b"Body" => item.body(reader).await?,
                b"TextBody" => item.text_body = Some(reader.text().await?),
                b"InternetMessageHeaders" => item.headers = headers(reader).await?,
                b"Attachments" => item.attachments = attachments(reader).await?,
                b"MimeContent" => match mime.as_deref_mut() {
                    Some(decoder) if !item.had_mime => {
                        item.had_mime = true;
                        reader.base64(decoder).await?;
                    }
                    _ => reader.skip().await?,
                },
                _ => reader.skip().await?,
            }
        }
        Ok(item)
    }

    async fn body<P: Pull>(&mut self, reader: &mut Reader<P>) -> Result<(), Failure> {
        let is_html = reader.attribute("BodyType").as_deref() == Some("HTML");
        let text = reader.text().await?;
        if is_html {
            self.html_body = Some(text);
        } else if self.text_body.is_none() {
            self.text_body = Some(text);
        }
        Ok(())
    }

    /// As a search result.
    pub(crate) fn into_summary<P: Pull>(self, reader: &Reader<P>) -> Result<MessageSummary, Failure> {
        Ok(self.into_message(reader)?.summary)
    }

    /// As a whole message.
    pub(crate) fn into_message<P: Pull>(self, reader: &Reader<P>) -> Result<Message, Failure> {
        let item = self.reference.ok_or_else(|| reader.error(Reason::Missing("ItemId")))?;
        let summary = MessageSummary {
            item,
            internet_message_id: self.internet_message_id,
            subject: self.subject,
            from: self.from.or(self.sender),
            received_at: self.received_at,
            size: self.size,
            is_read: self.is_read,
            has_attachments: self.has_attachments,
            folder_id: self.folder_id,
        };
        Ok(Message {
            summary,
            to: self.to,
            cc: self.cc,
            sent_at: self.sent_at,
            text_body: self.text_body,
            html_body: self.html_body,
            headers: self.headers,
            attachments: self.attachments,
        })
    }
}

/// An [`ItemId`](https://learn.microsoft.com/exchange/client-developer/web-service-reference/itemid).
pub(crate) async fn item_id<P: Pull>(reader: &mut Reader<P>) -> Result<ItemRef, Failure> {
    let id = reader.attribute("Id").and_then(filled);
    let change_key = reader.attribute("ChangeKey").and_then(filled);
    let id = id.ok_or_else(|| reader.error(Reason::Missing("the Id of ItemId")))?;
    reader.skip().await?;
    Ok(ItemRef { id, change_key })
}

/// Every `Mailbox` in the current element. One without an address is left out: nothing can be done with it.
async fn addresses<P: Pull>(reader: &mut Reader<P>) -> Result<Vec<Address>, Failure> {
    let mut all = Vec::new();
    while reader.child().await? {
        if reader.name() != b"Mailbox" {
            reader.skip().await?;
            continue;
        }
        let mut name = None;
        let mut address = None;
        while reader.child().await? {
            match reader.name() {
                b"Name" => name = filled(reader.text().await?),
                b"EmailAddress" => address = filled(reader.text().await?),
                _ => reader.skip().await?,
            }
        }
        if let Some(address) = address {
            all.push(Address { name, address });
        }
    }
    Ok(all)
}

pub(crate) async fn headers<P: Pull>(reader: &mut Reader<P>) -> Result<Vec<Header>, Failure> {
    let mut all = Vec::new();
    while reader.child().await? {
        let name = reader.attribute("HeaderName").unwrap_or_default();
        all.push(Header { name, value: reader.text().await? });
    }
    Ok(all)
}

pub(crate) async fn attachments<P: Pull>(reader: &mut Reader<P>) -> Result<Vec<AttachmentInfo>, Failure> {
    let mut all = Vec::new();
    while reader.child().await? {
        let kind = match reader.name() {
            b"FileAttachment" => AttachmentKind::File,
            b"ItemAttachment" => AttachmentKind::Item,
            b"ReferenceAttachment" => AttachmentKind::Reference,
            _ => {
                reader.skip().await?;
                continue;
            }
        };
        all.push(attachment(reader, kind).await?);
    }
    Ok(all)
}

async fn attachment<P: Pull>(
    reader: &mut Reader<P>,
    kind: AttachmentKind,
) -> Result<AttachmentInfo, Failure> {
    let mut info = AttachmentInfo {
        id: String::new(),
        name: None,
        content_type: None,
        size: 0,
        is_inline: false,
        content_id: None,
        kind,
    };
    while reader.child().await? {
        match reader.name() {
            b"AttachmentId" => {
                info.id = reader.attribute("Id").unwrap_or_default();
                reader.skip().await?;
            }
            b"Name" => info.name = filled(reader.text().await?),
            b"ContentType" => info.content_type = filled(reader.text().await?),
            b"ContentId" => info.content_id = filled(reader.text().await?),
            b"Size" => info.size = reader.size("the Size of an attachment").await?,
            b"IsInline" => info.is_inline = reader.boolean("IsInline").await?,
            _ => reader.skip().await?,
        }
    }
    if info.id.is_empty() {
        return Err(reader.error(Reason::Missing("AttachmentId")));
    }
    Ok(info)
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
