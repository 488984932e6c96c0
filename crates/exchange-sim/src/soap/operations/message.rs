//! Reads `t:Message` and the answers to one (`t:ReplyToItem` and its kin) in requests.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use exchange::FollowUp;

use super::super::detail_xml;
use super::super::fault::SoapFault;
use super::super::paths;
use super::super::xml::Element;
use crate::model::compose::Composed;
use crate::model::detail::{Detail, DetailKind};
use crate::model::extended::Extended;
use crate::model::mail::{Attachment, Person};

/// The elements of `t:Message`, in the order of the schema.
const ELEMENTS: [&str; 45] = [
    "MimeContent",
    "ItemId",
    "ParentFolderId",
    "ItemClass",
    "Subject",
    "Sensitivity",
    "Body",
    "Attachments",
    "DateTimeReceived",
    "Size",
    "Categories",
    "Importance",
    "InReplyTo",
    "IsSubmitted",
    "IsDraft",
    "IsFromMe",
    "IsResend",
    "IsUnmodified",
    "InternetMessageHeaders",
    "DateTimeSent",
    "DateTimeCreated",
    "ReminderDueBy",
    "ReminderIsSet",
    "ReminderMinutesBeforeStart",
    "DisplayCc",
    "DisplayTo",
    "HasAttachments",
    "ExtendedProperty",
    "Culture",
    "Flag",
    "Sender",
    "ToRecipients",
    "CcRecipients",
    "BccRecipients",
    "IsReadReceiptRequested",
    "IsDeliveryReceiptRequested",
    "ConversationIndex",
    "ConversationTopic",
    "From",
    "InternetMessageId",
    "IsRead",
    "IsResponseRequested",
    "References",
    "ReplyTo",
    "ReferenceItemId",
];

/// The elements of what answers an item, and of the cancellation of a meeting, in the order of the schema.
pub(super) const SMART_RESPONSE: [&str; 10] = [
    "Subject",
    "Body",
    "ToRecipients",
    "CcRecipients",
    "BccRecipients",
    "IsReadReceiptRequested",
    "IsDeliveryReceiptRequested",
    "From",
    "ReferenceItemId",
    "NewBodyContent",
];

/// What a request says about a message. `None` is what it does not mention.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub(crate) mime: Option<Bytes>,
    pub(crate) subject: Option<String>,
    pub(crate) body: Option<(String, bool)>,
    pub(crate) new_body: Option<(String, bool)>,
    pub(crate) to: Option<Vec<Person>>,
    pub(crate) cc: Option<Vec<Person>>,
    pub(crate) bcc: Option<Vec<Person>>,
    pub(crate) reply_to: Option<Vec<Person>>,
    pub(crate) from: Option<Person>,
    pub(crate) in_reply_to: Option<String>,
    pub(crate) references: Option<String>,
    pub(crate) message_id: Option<String>,
    pub(crate) importance: Option<String>,
    pub(crate) categories: Option<Vec<String>>,
    pub(crate) is_read: Option<bool>,
    pub(crate) flag: Option<FollowUp>,
    pub(crate) extended: Vec<Extended>,
    /// Header lines, given as extended properties of the set `InternetHeaders`.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) attachments: Vec<Attachment>,
    /// Of a calendar item or a contact: what it has beyond any item.
    pub(crate) detail: Option<Detail>,
}

impl Given {
    /// Reads a message.
    pub(crate) fn message(element: Element<'_>) -> Result<Self, SoapFault> {
        element.sequence(&ELEMENTS)?;
        Given::read(element)
    }

    /// Reads a calendar item or a contact.
    pub(crate) fn detailed(element: Element<'_>, kind: DetailKind) -> Result<Self, SoapFault> {
        let general = ELEMENTS.iter().take_while(|name| **name != "Sender");
        let order: Vec<&str> = general.chain(kind.properties()).copied().collect();
        element.sequence(&order)?;
        Given::read(element)
    }

    /// Reads an answer to a message.
    pub(crate) fn answer(element: Element<'_>) -> Result<Self, SoapFault> {
        let specific = (element.name() == "ReplyAllToItem").then_some("IsSpecificMessageReply");
        let order: Vec<&str> = SMART_RESPONSE.into_iter().chain(specific).collect();
        element.sequence(&order)?;
        Given::read(element)
    }

    /// Reads whatever properties are there.
    pub(crate) fn read(element: Element<'_>) -> Result<Self, SoapFault> {
        let mut given = Given::default();
        for child in element.children() {
            given.property(child)?;
        }
        given.detail =
            DetailKind::of(element.name()).map(|kind| detail_xml::read(element, kind)).transpose()?;
        Ok(given)
    }

    fn property(&mut self, child: Element<'_>) -> Result<(), SoapFault> {
        match child.name() {
            "MimeContent" => self.mime = Some(base64(child)?),
            "Subject" => self.subject = Some(child.text()),
            "Body" => self.body = Some(body(child)?),
            "NewBodyContent" => self.new_body = Some(body(child)?),
            "ToRecipients" => self.to = Some(people(child)?),
            "CcRecipients" => self.cc = Some(people(child)?),
            "BccRecipients" => self.bcc = Some(people(child)?),
            "ReplyTo" => self.reply_to = Some(people(child)?),
            "From" => self.from = people(child)?.into_iter().next(),
            "InReplyTo" => self.in_reply_to = Some(child.text()),
            "References" => self.references = Some(child.text()),
            "InternetMessageId" => self.message_id = Some(child.text()),
            "Importance" => self.importance = Some(importance(child)?),
            "Categories" => self.categories = Some(child.children().map(Element::text).collect()),
            "Flag" => self.flag = Some(flag(child)?),
            "IsRead" => self.is_read = Some(child.flag()?),
            "ExtendedProperty" => self.extended_property(child)?,
            "Attachments" => {
                self.attachments = child.children().map(attachment).collect::<Result<_, _>>()?;
            }
            // The rest is allowed by the schema and kept by the server itself.
            _ => {}
        }
        Ok(())
    }

    fn extended_property(&mut self, child: Element<'_>) -> Result<(), SoapFault> {
        let extended = extended(child)?;
        match extended.property.header() {
            Some(header) => {
                self.headers
                    .push((header.to_owned(), extended.values.into_iter().next().unwrap_or_default()));
            }
            None => self.extended.push(extended),
        }
        Ok(())
    }

    /// Whether it says more of the mail than its MIME form does.
    pub(crate) fn says_more(&self) -> bool {
        let people = [&self.to, &self.cc, &self.bcc, &self.reply_to];
        people.into_iter().any(Option::is_some)
            || self.from.is_some()
            || self.subject.is_some()
            || self.body.is_some()
            || !self.headers.is_empty()
            || !self.attachments.is_empty()
    }

    /// Puts what was given over what was there.
    pub(crate) fn apply(self, mail: &mut Composed) {
        fn set<T>(place: &mut T, given: Option<T>) {
            if let Some(given) = given {
                *place = given;
            }
        }
        set(&mut mail.subject, self.subject);
        set(&mut mail.to, self.to);
        set(&mut mail.cc, self.cc);
        set(&mut mail.bcc, self.bcc);
        set(&mut mail.reply_to, self.reply_to);
        set(&mut mail.from, self.from);
        set(&mut mail.message_id, self.message_id);
        if let Some((body, is_html)) = self.body {
            (mail.body, mail.is_html, mail.plain) = (body, is_html, None);
        }
        if let Some(importance) = &self.importance {
            mail.set_header("Importance", importance);
        }
        mail.in_reply_to = self.in_reply_to.or(mail.in_reply_to.take());
        mail.references = self.references.or(mail.references.take());
        for (name, value) in self.headers {
            mail.set_header(&name, &value);
        }
        mail.attachments.extend(self.attachments);
    }
}

/// Reads `t:ExtendedProperty`.
fn extended(element: Element<'_>) -> Result<Extended, SoapFault> {
    let property = match paths::read(element.required("ExtendedFieldURI")?)? {
        paths::Path::Extended(property) => property,
        _ => return Err(element.violation("An extended property needs an ExtendedFieldURI.")),
    };
    let values = match element.child("Values") {
        Some(values) => values.children().map(Element::text).collect(),
        None => vec![element.required("Value")?.text()],
    };
    Ok(Extended { property, values })
}

fn flag(element: Element<'_>) -> Result<FollowUp, SoapFault> {
    element.sequence(&["FlagStatus", "StartDate", "DueDate", "CompleteDate"])?;
    let status = element.required("FlagStatus")?;
    match status.text().as_str() {
        "NotFlagged" => Ok(FollowUp::NotFlagged),
        "Flagged" => Ok(FollowUp::Flagged),
        "Complete" => Ok(FollowUp::Complete),
        other => {
            Err(status.violation(&format!("The 'FlagStatus' element is invalid - The value '{other}'.")))
        }
    }
}

fn importance(element: Element<'_>) -> Result<String, SoapFault> {
    let text = element.text();
    if ["Low", "Normal", "High"].contains(&text.as_str()) {
        return Ok(text);
    }
    Err(element.violation(&format!("The 'Importance' element is invalid - The value '{text}'.")))
}

pub(crate) fn body(element: Element<'_>) -> Result<(String, bool), SoapFault> {
    element.required_attribute("BodyType")?;
    let is_html = element.one_of("BodyType", &[("HTML", true), ("Text", false), ("Best", false)])?;
    Ok((element.text(), is_html.unwrap_or(false)))
}

fn people(element: Element<'_>) -> Result<Vec<Person>, SoapFault> {
    let one = |mailbox: Element<'_>| {
        let address = mailbox.child("EmailAddress").map(Element::text).unwrap_or_default().trim().to_owned();
        let name =
            mailbox.child("Name").map(Element::text).filter(|name| !name.is_empty() && *name != address);
        Ok(Person { name, address })
    };
    element.children().map(one).collect()
}

fn base64(element: Element<'_>) -> Result<Bytes, SoapFault> {
    let text: String = element.text().chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD
        .decode(text)
        .map(Bytes::from)
        .map_err(|_| element.violation(&format!("The '{}' element is no base64.", element.name())))
}

/// Reads an attachment with its content.
pub(crate) fn attachment(element: Element<'_>) -> Result<Attachment, SoapFault> {
    let text = |name: &str| element.child(name).map(Element::text).filter(|text| !text.is_empty());
    let is_message = match element.name() {
        "FileAttachment" => false,
        "ItemAttachment" => true,
        other => {
            let text = format!("The simulator does not support attachments of kind {other}.");
            return Err(SoapFault::new("ErrorInvalidOperation", text));
        }
    };
    let bytes = if is_message {
        let message = element.required("Message")?;
        let given = Given::message(message)?;
        given.mime.ok_or_else(|| {
            let text = "The simulator takes attached messages as MimeContent only.";
            SoapFault::new("ErrorInvalidOperation", text)
        })?
    } else {
        element.child("Content").map(base64).transpose()?.unwrap_or_default()
    };
    let kind = if is_message { "message/rfc822" } else { "application/octet-stream" };
    Ok(Attachment {
        name: text("Name").unwrap_or_else(|| String::from("unnamed")),
        content_type: text("ContentType").unwrap_or_else(|| kind.to_owned()),
        content_id: text("ContentId"),
        is_inline: element.child("IsInline").map(Element::flag).transpose()?.unwrap_or(false),
        is_message,
        bytes,
    })
}
