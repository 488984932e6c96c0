//! Properties of items by the names the wire has for them, and conditions on them.
//!
//! Conditions are typed elements; there is no query text. A value is always a `Constant`, which the writer
//! escapes, so no value can become a condition.

use exchange::Query;

use crate::xml::Writer;

/// A property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Property<'a> {
    /// One that [EWS names](https://learn.microsoft.com/exchange/client-developer/web-service-reference/fielduri).
    Field(&'static str),
    /// One of MAPI's, a string, by its tag.
    Tag(&'static str),
    /// A string of our own, kept on the item.
    Own(&'static str),
    /// A header of a mail to be sent.
    Header(&'a str),
}

/// The property our key is kept in.
pub(crate) const KEY: Property<'static> = Property::Own("X-Portcullis-Key");

/// What a search asks for of each item.
pub(crate) const SUMMARY: [Property<'static>; 8] = [
    Property::Field("item:ParentFolderId"),
    Property::Field("item:Subject"),
    Property::Field("item:DateTimeReceived"),
    Property::Field("item:Size"),
    Property::Field("item:HasAttachments"),
    Property::Field("message:From"),
    Property::Field("message:InternetMessageId"),
    Property::Field("message:IsRead"),
];

/// What reading a message asks for beyond that.
pub(crate) const WHOLE: [Property<'static>; 7] = [
    Property::Field("item:Body"),
    Property::Field("item:Attachments"),
    Property::Field("item:InternetMessageHeaders"),
    Property::Field("item:DateTimeSent"),
    Property::Field("item:TextBody"),
    Property::Field("message:ToRecipients"),
    Property::Field("message:CcRecipients"),
];

impl Property<'_> {
    /// Writes the path element.
    pub(crate) fn write(&self, out: &mut Writer) {
        match self {
            Property::Field(name) => out.empty("t:FieldURI", &[("FieldURI", name)]),
            Property::Tag(tag) => {
                out.empty("t:ExtendedFieldURI", &[("PropertyTag", tag), ("PropertyType", "String")]);
            }
            Property::Own(name) => named(out, "PublicStrings", name),
            Property::Header(name) => named(out, "InternetHeaders", name),
        }
    }

    /// Writes the property with a value, as part of an item.
    pub(crate) fn write_value(&self, out: &mut Writer, value: &str) {
        out.open("t:ExtendedProperty", &[]);
        self.write(out);
        out.exact("t:Value", value);
        out.close("t:ExtendedProperty");
    }
}

/// A [named property](https://learn.microsoft.com/exchange/client-developer/web-service-reference/extendedfielduri).
fn named(out: &mut Writer, set: &'static str, name: &str) {
    out.empty(
        "t:ExtendedFieldURI",
        &[("DistinguishedPropertySetId", set), ("PropertyName", name), ("PropertyType", "String")],
    );
}

/// Writes `AdditionalProperties`.
pub(crate) fn write_list(out: &mut Writer, properties: &[Property<'_>]) {
    out.open("t:AdditionalProperties", &[]);
    for property in properties {
        property.write(out);
    }
    out.close("t:AdditionalProperties");
}

/// A condition on an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition<'a> {
    /// Equal, byte for byte.
    Equals(Property<'a>, &'a str),
    /// At or after.
    AtLeast(Property<'a>, &'a str),
    /// Before.
    Below(Property<'a>, &'a str),
    /// Equal, whatever the case.
    Same(Property<'a>, &'a str),
    /// Contains, whatever the case.
    Contains(Property<'a>, &'a str),
    /// Every one of them.
    All(Vec<Condition<'a>>),
    /// One of them.
    Any(Vec<Condition<'a>>),
}

impl<'a> Condition<'a> {
    /// The condition of a query; `None` if it asks for nothing.
    pub(crate) fn of(query: &'a Query) -> Option<Self> {
        let flag = |value: bool| if value { "true" } else { "false" };
        let received = Property::Field("item:DateTimeReceived");
        let mut all = Vec::new();
        if let Some(id) = &query.internet_message_id {
            all.push(Condition::Equals(Property::Field("message:InternetMessageId"), id));
        }
        if let Some(address) = &query.from {
            // `message:From` also compares the display name, which the sender chooses freely. These two are
            // the author's address: as SMTP, and (on old items only that) as the item keeps it.
            all.push(Condition::Any(vec![
                Condition::Same(Property::Tag("0x5D02"), address),
                Condition::Same(Property::Tag("0x0065"), address),
            ]));
        }
        if let Some(subject) = &query.subject {
            all.push(Condition::Same(Property::Field("item:Subject"), subject));
        }
        if let Some(part) = &query.subject_contains {
            all.push(Condition::Contains(Property::Field("item:Subject"), part));
        }
        if let Some(part) = &query.body_contains {
            all.push(Condition::Contains(Property::Field("item:Body"), part));
        }
        if let Some(time) = &query.received_after {
            all.push(Condition::AtLeast(received, time));
        }
        if let Some(time) = &query.received_before {
            all.push(Condition::Below(received, time));
        }
        if let Some(value) = query.has_attachments {
            all.push(Condition::Equals(Property::Field("item:HasAttachments"), flag(value)));
        }
        if let Some(value) = query.is_read {
            all.push(Condition::Equals(Property::Field("message:IsRead"), flag(value)));
        }
        match all.len() {
            0 => None,
            1 => all.pop(),
            _ => Some(Condition::All(all)),
        }
    }

    /// Writes the [search expression](https://learn.microsoft.com/exchange/client-developer/web-service-reference/restriction).
    pub(crate) fn write(&self, out: &mut Writer) {
        match self {
            Condition::Equals(property, value) => compare(out, "t:IsEqualTo", property, value),
            Condition::AtLeast(property, value) => compare(out, "t:IsGreaterThanOrEqualTo", property, value),
            Condition::Below(property, value) => compare(out, "t:IsLessThan", property, value),
            Condition::Same(property, value) => contains(out, "FullString", property, value),
            Condition::Contains(property, value) => contains(out, "Substring", property, value),
            Condition::All(conditions) => join(out, "t:And", conditions),
            Condition::Any(conditions) => join(out, "t:Or", conditions),
        }
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
