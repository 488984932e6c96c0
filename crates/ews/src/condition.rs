//! Conditions on items, as the [search expressions](https://learn.microsoft.com/exchange/client-developer/web-service-reference/restriction)
//! of FindItem and FindFolder.
//!
//! They are typed elements; there is no query text. A value is always a `Constant`, which the writer escapes, so
//! no value can become a condition.

use std::borrow::Cow;

use exchange::restriction::{Field, FlagField, Importance, TextField, TextMatch, TimeField};
use exchange::{Query, Restriction};

use crate::property::Property;
use crate::xml::Writer;

const SUBJECT: Property<'static> = Property::Field("item:Subject");
const BODY: Property<'static> = Property::Field("item:Body");
const MESSAGE_ID: Property<'static> = Property::Field("message:InternetMessageId");
const RECEIVED: Property<'static> = Property::Field("item:DateTimeReceived");
const SENT: Property<'static> = Property::Field("item:DateTimeSent");
const HAS_ATTACHMENTS: Property<'static> = Property::Field("item:HasAttachments");
const IS_READ: Property<'static> = Property::Field("message:IsRead");
const SIZE: Property<'static> = Property::Field("item:Size");
const IMPORTANCE: Property<'static> = Property::Field("item:Importance");
const CATEGORIES: Property<'static> = Property::Field("item:Categories");
const TO: Property<'static> = Property::Field("message:ToRecipients");
const CC: Property<'static> = Property::Field("message:CcRecipients");
/// The author's address, as SMTP and (on old items only that) as the item keeps it.
const AUTHOR: [Property<'static>; 2] = [Property::Tag("0x5D02"), Property::Tag("0x0065")];
/// The author's display name, which the sender chooses freely.
const AUTHOR_NAME: Property<'static> = Property::Tag("0x0042");

/// A condition on an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition<'a> {
    /// Equal, byte for byte.
    Equals(Property<'a>, Cow<'a, str>),
    /// At or after.
    AtLeast(Property<'a>, Cow<'a, str>),
    /// Before.
    Below(Property<'a>, Cow<'a, str>),
    /// Equal, whatever the case.
    Same(Property<'a>, Cow<'a, str>),
    /// Contains, whatever the case.
    Contains(Property<'a>, Cow<'a, str>),
    /// Begins with, whatever the case.
    Begins(Property<'a>, Cow<'a, str>),
    /// The item has the property.
    Exists(Property<'a>),
    /// Not this.
    Not(Box<Condition<'a>>),
    /// Every one of them.
    All(Vec<Condition<'a>>),
    /// One of them.
    Any(Vec<Condition<'a>>),
}

impl<'a> Condition<'a> {
    /// The condition of a query; `None` if it asks for nothing.
    pub(crate) fn of(query: &'a Query) -> Option<Self> {
        let mut all = Vec::new();
        if let Some(id) = &query.internet_message_id {
            all.push(Condition::Equals(MESSAGE_ID, id.into()));
        }
        if let Some(address) = &query.from {
            all.push(from_address(address));
        }
        if let Some(subject) = &query.subject {
            all.push(Condition::Same(SUBJECT, subject.into()));
        }
        if let Some(part) = &query.subject_contains {
            all.push(Condition::Contains(SUBJECT, part.into()));
        }
        if let Some(part) = &query.body_contains {
            all.push(Condition::Contains(BODY, part.into()));
        }
        if let Some(time) = &query.received_after {
            all.push(Condition::AtLeast(RECEIVED, time.into()));
        }
        if let Some(time) = &query.received_before {
            all.push(Condition::Below(RECEIVED, time.into()));
        }
        if let Some(value) = query.has_attachments {
            all.push(flag(HAS_ATTACHMENTS, value));
        }
        if let Some(value) = query.is_read {
            all.push(flag(IS_READ, value));
        }
        Condition::all(all)
    }

    /// All of them at once; `None` if there are none.
    pub(crate) fn all(conditions: Vec<Self>) -> Option<Self> {
        (!conditions.is_empty()).then(|| Condition::joined(conditions, Condition::All))
    }

    /// `And` and `Or` of the schema want two conditions at least.
    fn joined(mut conditions: Vec<Self>, join: fn(Vec<Self>) -> Self) -> Self {
        match conditions.pop() {
            Some(only) if conditions.is_empty() => only,
            last => {
                conditions.extend(last);
                join(conditions)
            }
        }
    }

    /// Writes it.
    pub(crate) fn write(&self, out: &mut Writer) {
        match self {
            Condition::Equals(property, value) => compare(out, "t:IsEqualTo", property, value),
            Condition::AtLeast(property, value) => compare(out, "t:IsGreaterThanOrEqualTo", property, value),
            Condition::Below(property, value) => compare(out, "t:IsLessThan", property, value),
            Condition::Same(property, value) => contains(out, "FullString", property, value),
            Condition::Contains(property, value) => contains(out, "Substring", property, value),
            Condition::Begins(property, value) => contains(out, "Prefixed", property, value),
            Condition::Exists(property) => {
                out.open("t:Exists", &[]);
                property.write(out);
                out.close("t:Exists");
            }
            Condition::Not(condition) => {
                out.open("t:Not", &[]);
                condition.write(out);
                out.close("t:Not");
            }
            Condition::All(conditions) => join(out, "t:And", conditions),
            Condition::Any(conditions) => join(out, "t:Or", conditions),
        }
    }
}

/// The condition of a restriction.
pub(crate) fn of(restriction: &Restriction) -> Condition<'_> {
    match restriction {
        Restriction::All(all) => Condition::joined(all.iter().map(of).collect(), Condition::All),
        Restriction::Any(any) => Condition::joined(any.iter().map(of).collect(), Condition::Any),
        Restriction::Not(inner) => Condition::Not(Box::new(of(inner))),
        Restriction::Text(field, how, value) => text(*field, *how, value),
        Restriction::Before(field, at) => Condition::Below(time(*field), at.to_string().into()),
        Restriction::NotBefore(field, at) => Condition::AtLeast(time(*field), at.to_string().into()),
        Restriction::Flag(FlagField::HasAttachments, value) => flag(HAS_ATTACHMENTS, *value),
        Restriction::Flag(FlagField::IsRead, value) => flag(IS_READ, *value),
        Restriction::Size(bytes) => Condition::Equals(SIZE, bytes.to_string().into()),
        Restriction::Importance(importance) => {
            let word = match importance {
                Importance::Low => "Low",
                Importance::Normal => "Normal",
                Importance::High => "High",
            };
            Condition::Equals(IMPORTANCE, word.into())
        }
        Restriction::Exists(field) => Condition::Exists(property(*field)),
    }
}

fn text(field: TextField, how: TextMatch, value: &str) -> Condition<'_> {
    let compare = match how {
        TextMatch::Equals => Condition::Same,
        TextMatch::Contains => Condition::Contains,
        TextMatch::StartsWith => Condition::Begins,
    };
    let property = match (field, how) {
        (TextField::From, TextMatch::Equals) => return from_address(value),
        (TextField::From, _) => {
            let [smtp, kept] = AUTHOR;
            return Condition::Any(
                [smtp, kept, AUTHOR_NAME].map(|property| compare(property, value.into())).into(),
            );
        }
        // Of a property with several values a server compares each for `IsEqualTo`.
        (TextField::Category, TextMatch::Equals) => return Condition::Equals(CATEGORIES, value.into()),
        (TextField::To, _) => TO,
        (TextField::Cc, _) => CC,
        (TextField::Subject, _) => SUBJECT,
        (TextField::Body, _) => BODY,
        (TextField::MessageId, _) => MESSAGE_ID,
        (TextField::Category, _) => CATEGORIES,
    };
    compare(property, value.into())
}

/// `message:From` also compares the display name; a sender's address is compared with these instead.
fn from_address(address: &str) -> Condition<'_> {
    Condition::Any(AUTHOR.map(|property| Condition::Same(property, address.into())).into())
}

fn flag(property: Property<'static>, value: bool) -> Condition<'static> {
    Condition::Equals(property, if value { "true" } else { "false" }.into())
}

fn time(field: TimeField) -> Property<'static> {
    match field {
        TimeField::Received => RECEIVED,
        TimeField::Sent => SENT,
    }
}

fn property(field: Field) -> Property<'static> {
    match field {
        Field::From => Property::Field("message:From"),
        Field::To => TO,
        Field::Cc => CC,
        Field::Subject => SUBJECT,
        Field::Body => BODY,
        Field::MessageId => MESSAGE_ID,
        Field::Received => RECEIVED,
        Field::Sent => SENT,
        Field::Size => SIZE,
        Field::HasAttachments => HAS_ATTACHMENTS,
        Field::IsRead => IS_READ,
        Field::Importance => IMPORTANCE,
        Field::Category => CATEGORIES,
    }
}

fn compare(out: &mut Writer, name: &'static str, property: &Property<'_>, value: &str) {
    out.open(name, &[]);
    property.write(out);
    out.open("t:FieldURIOrConstant", &[]);
    out.empty("t:Constant", &[("Value", value)]);
    out.close("t:FieldURIOrConstant");
    out.close(name);
}

fn contains(out: &mut Writer, mode: &'static str, property: &Property<'_>, value: &str) {
    out.open("t:Contains", &[("ContainmentMode", mode), ("ContainmentComparison", "IgnoreCase")]);
    property.write(out);
    out.empty("t:Constant", &[("Value", value)]);
    out.close("t:Contains");
}

fn join(out: &mut Writer, name: &'static str, conditions: &[Condition<'_>]) {
    out.open(name, &[]);
    for condition in conditions {
        condition.write(out);
    }
    out.close(name);
}
