//! Properties of items by the names the wire has for them.

use crate::xml::Writer;

/// A property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Property<'a> {
    /// One that [EWS names](https://learn.microsoft.com/exchange/client-developer/web-service-reference/fielduri).
    Field(&'static str),
    /// One of MAPI's, a string, by its tag.
    Tag(&'static str),
    /// One of MAPI's, true or false, by its tag.
    Mark(&'static str),
    /// A string of our own, kept on the item.
    Own(&'a str),
}

/// The name of the property our key is kept in.
pub(crate) const KEY_NAME: &str = "X-Portcullis-Key";
/// The property our key is kept in.
pub(crate) const KEY: Property<'static> = Property::Own(KEY_NAME);

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
            Property::Mark(tag) => {
                out.empty("t:ExtendedFieldURI", &[("PropertyTag", tag), ("PropertyType", "Boolean")]);
            }
            Property::Own(name) => named(out, "PublicStrings", name),
        }
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
