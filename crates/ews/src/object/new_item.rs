//! An item to be made: a message, an answer to one or to an invitation, a calendar item, a contact.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use exchange::ItemRef;

use super::field::Field;
use super::field_value::Owner;
use super::new_attachment::NewAttachment;
use super::people::write_body;
use crate::xml::Writer;

/// How deep items may hang on items; servers stop there too.
const DEEPEST: usize = 10;
/// Where attachments stand among the fields.
const ATTACHMENTS: u16 = 50;

/// What is made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NewKind {
    /// A mail.
    Message,
    /// An entry of a calendar.
    CalendarItem,
    /// Somebody.
    Contact,
    /// An answer to the sender of an item, whose version must be known.
    Reply(ItemRef),
    /// An answer to everybody who got an item.
    ReplyAll(ItemRef),
    /// An item passed on.
    Forward(ItemRef),
    /// Yes to an invitation: to the meeting request, or to what it put into the calendar.
    Accept(ItemRef),
    /// Perhaps.
    TentativelyAccept(ItemRef),
    /// No.
    Decline(ItemRef),
    /// A meeting called off by the one who invited, whose calendar item this is; its version must be known.
    CancelMeeting(ItemRef),
}

/// An item to be made.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NewItem {
    /// What it is.
    pub kind: NewKind,
    /// The whole as MIME, to which the fields are added.
    pub mime: Option<Bytes>,
    /// What is in it, in any order. The body of an answer stands above what it answers.
    pub fields: Vec<Field>,
    /// What hangs on it. An answer takes attachments only after it was made.
    pub attachments: Vec<NewAttachment>,
}

impl NewItem {
    /// An empty item.
    pub fn new(kind: NewKind) -> Self {
        NewItem { kind, mime: None, fields: Vec::new(), attachments: Vec::new() }
    }

    /// An empty mail.
    pub fn message() -> Self {
        NewItem::new(NewKind::Message)
    }

    /// An empty calendar item.
    pub fn calendar_item() -> Self {
        NewItem::new(NewKind::CalendarItem)
    }

    /// An empty contact.
    pub fn contact() -> Self {
        NewItem::new(NewKind::Contact)
    }

    /// A mail from its MIME form.
    pub fn from_mime(mime: impl Into<Bytes>) -> Self {
        NewItem { mime: Some(mime.into()), ..NewItem::message() }
    }

    /// The same with another field.
    #[must_use]
    pub fn with(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// The same with another attachment.
    #[must_use]
    pub fn attach(mut self, attachment: NewAttachment) -> Self {
        self.attachments.push(attachment);
        self
    }

    /// Writes the element.
    pub(crate) fn write(&self, out: &mut Writer, depth: usize) {
        if depth > DEEPEST {
            return out.refuse(format!("items hang on items more than {DEEPEST} deep, which servers refuse"));
        }
        match &self.kind {
            NewKind::Message => self.item(out, "t:Message", Owner::Message, depth),
            NewKind::CalendarItem => self.item(out, "t:CalendarItem", Owner::Calendar, depth),
            NewKind::Contact => self.item(out, "t:Contact", Owner::Contact, depth),
            NewKind::Reply(item) => self.answer(out, "t:ReplyToItem", item, depth),
            NewKind::ReplyAll(item) => self.answer(out, "t:ReplyAllToItem", item, depth),
            NewKind::Forward(item) => self.answer(out, "t:ForwardItem", item, depth),
            NewKind::CancelMeeting(item) => self.answer(out, "t:CancelCalendarItem", item, depth),
            NewKind::Accept(item) => self.registration(out, "t:AcceptItem", item, depth),
            NewKind::TentativelyAccept(item) => {
                self.registration(out, "t:TentativelyAcceptItem", item, depth);
            }
            NewKind::Decline(item) => self.registration(out, "t:DeclineItem", item, depth),
        }
    }

    /// The order of the elements is that of the schema, which Exchange insists on.
    fn item(&self, out: &mut Writer, name: &'static str, owner: Owner, depth: usize) {
        out.open(name, &[]);
        if let Some(mime) = &self.mime {
            out.word("t:MimeContent", &STANDARD.encode(mime));
        }
        let mut fields: Vec<&Field> = self.fields.iter().collect();
        fields.sort_by_key(|field| field.slot());
        let split = fields.partition_point(|field| field.slot().0 < ATTACHMENTS);
        let (before, after) = fields.split_at(split);
        write_fields(out, before, owner);
        if !self.attachments.is_empty() {
            out.open("t:Attachments", &[]);
            self.attachments.iter().for_each(|attachment| attachment.write(out, depth));
            out.close("t:Attachments");
        }
        write_fields(out, after, owner);
        out.close(name);
    }

    /// An answer has room for few fields; the others are set on it afterwards.
    fn answer(&self, out: &mut Writer, name: &'static str, item: &ItemRef, depth: usize) {
        if depth > 0 {
            out.refuse(String::from("an answer to a message cannot be an attachment"));
        }
        if self.mime.is_some() || !self.attachments.is_empty() {
            out.refuse(String::from(
                "an answer takes no MIME and no attachments; make it first and attach to it then",
            ));
        }
        let mut fields: Vec<&Field> = self.fields.iter().collect();
        fields.sort_by_key(|field| field.slot());
        let bodies = fields.iter().filter(|field| matches!(field, Field::Body(_))).count();
        let head: Vec<&Field> = fields.iter().copied().filter(|f| !matches!(f, Field::Body(_))).collect();
        let fits = head.iter().all(|field| {
            matches!(
                field,
                Field::Subject(_)
                    | Field::To(_)
                    | Field::Cc(_)
                    | Field::Bcc(_)
                    | Field::ReadReceipt(_)
                    | Field::DeliveryReceipt(_)
                    | Field::From(_)
            )
        });
        if !fits || bodies > 1 {
            out.refuse(String::from(
                "an answer takes a subject, recipients, receipts, an author and one body; set other fields on it afterwards",
            ));
        }
        out.open(name, &[]);
        write_fields(out, &head, Owner::Message);
        write_version(out, "t:ReferenceItemId", item);
        for field in &fields {
            if let Field::Body(body) = field {
                write_body(out, "t:NewBodyContent", body);
            }
        }
        out.close(name);
    }
}

impl NewItem {
    /// An answer to an invitation: the server writes all of it but the words of the one who answers.
    fn registration(&self, out: &mut Writer, name: &'static str, item: &ItemRef, depth: usize) {
        if depth > 0 {
            out.refuse(String::from("an answer to an invitation cannot be an attachment"));
        }
        let fits = self.fields.iter().all(|field| matches!(field, Field::Body(_) | Field::Sensitivity(_)));
        if !fits || self.mime.is_some() || !self.attachments.is_empty() {
            out.refuse(String::from(
                "an answer to an invitation takes a body and how private it is, and nothing else",
            ));
        }
        let mut fields: Vec<&Field> = self.fields.iter().collect();
        fields.sort_by_key(|field| field.slot());
        out.open(name, &[]);
        write_fields(out, &fields, Owner::Message);
        write_version(out, "t:ReferenceItemId", item);
        out.close(name);
    }
}

/// Writes fields that are in order. A field given twice, or one of another kind of item, is refused: one of the
/// two would be lost.
fn write_fields(out: &mut Writer, fields: &[&Field], owner: Owner) {
    for (at, field) in fields.iter().enumerate() {
        let again = |other: &&Field| other.slot() == field.slot() && other.path() == field.path();
        if fields.iter().take(at).any(again) {
            out.refuse(format!("the property {} is given twice", field.path()));
        }
        if field.owner() != Owner::Any && field.owner() != owner {
            out.refuse(format!("the property {} does not belong to this kind of item", field.path()));
        }
        let before = at.checked_sub(1).and_then(|before| fields.get(before)).copied();
        let after = fields.get(at + 1).copied();
        match field.group() {
            None => field.write(out),
            Some(group) => {
                let same = |other: Option<&Field>| other.is_some_and(|other| other.group() == Some(group));
                if !same(before) {
                    out.open(group, &[]);
                }
                field.write_entry(out, !shares_entry(field, before), !shares_entry(field, after));
                if !same(after) {
                    out.close(group);
                }
            }
        }
    }
}

/// Whether two fields are parts of one postal address.
fn shares_entry(field: &Field, other: Option<&Field>) -> bool {
    matches!((field, other), (Field::Postal(a, ..), Some(Field::Postal(b, ..))) if a == b)
}

/// Writes an id with the version of the item.
pub(crate) fn write_version(out: &mut Writer, name: &'static str, item: &ItemRef) {
    match &item.change_key {
        Some(key) => out.empty(name, &[("Id", &item.id), ("ChangeKey", key)]),
        None => out.empty(name, &[("Id", &item.id)]),
    }
}
