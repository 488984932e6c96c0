//! Property paths in requests: `FieldURI`, `IndexedFieldURI`, `ExtendedFieldURI`.

use super::fault::SoapFault;
use super::out::Out;
use super::xml::Element;
use crate::model::extended::PropertyName;
use crate::model::filter::Field;

/// A path of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Path<'a> {
    /// A property of the schema, e.g. `item:Subject`.
    Schema(&'a str),
    /// A header line, by name.
    Header(&'a str),
    /// A MAPI property.
    Extended(PropertyName),
}

/// The names of the three elements.
pub(crate) const NAMES: [&str; 3] = ["FieldURI", "IndexedFieldURI", "ExtendedFieldURI"];

/// The families of properties there are.
const FAMILIES: [&str; 17] = [
    "folder",
    "item",
    "message",
    "meeting",
    "meetingRequest",
    "calendar",
    "task",
    "contacts",
    "distributionlist",
    "postitem",
    "conversation",
    "persona",
    "sharingMessage",
    "role",
    "network",
    "person",
    "abchperson",
];

/// Reads a path element.
pub(crate) fn read<'a>(element: Element<'a>) -> Result<Path<'a>, SoapFault> {
    match element.name() {
        "FieldURI" => {
            let uri = element.required_attribute("FieldURI")?;
            let known = uri.split_once(':').is_some_and(|(family, _)| FAMILIES.contains(&family));
            if known { Ok(Path::Schema(uri)) } else { Err(unknown(element, uri)) }
        }
        "IndexedFieldURI" => {
            let uri = element.required_attribute("FieldURI")?;
            let index = element.required_attribute("FieldIndex")?;
            if uri == "item:InternetMessageHeader" { Ok(Path::Header(index)) } else { Ok(Path::Schema(uri)) }
        }
        "ExtendedFieldURI" => extended(element).map(Path::Extended),
        other => Err(element.violation(&format!("'{other}' is not a property path."))),
    }
}

fn unknown(element: Element<'_>, uri: &str) -> SoapFault {
    element.violation(&format!(
        "The 'FieldURI' attribute is invalid - The value '{uri}' is invalid according to its datatype 'UnindexedFieldURIType' - The Enumeration constraint failed."
    ))
}

fn extended(element: Element<'_>) -> Result<PropertyName, SoapFault> {
    let owned = |name: &str| element.attribute(name).map(str::to_owned);
    let tag = match element.attribute("PropertyTag") {
        None => None,
        Some(text) => {
            let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => text.parse().ok(),
            };
            Some(number.ok_or_else(|| element.violation("The 'PropertyTag' attribute is invalid."))?)
        }
    };
    let id = match element.attribute("PropertyId") {
        None => None,
        Some(text) => {
            Some(text.parse().map_err(|_| element.violation("The 'PropertyId' attribute is invalid."))?)
        }
    };
    let property = PropertyName {
        set: owned("DistinguishedPropertySetId"),
        set_id: owned("PropertySetId").map(|guid| guid.to_lowercase()),
        tag,
        name: owned("PropertyName"),
        id,
        kind: element.required_attribute("PropertyType")?.to_owned(),
    };
    let in_set = property.set.is_some() != property.set_id.is_some()
        && property.name.is_some() != property.id.is_some()
        && property.tag.is_none();
    let by_tag = property.tag.is_some()
        && property.set.is_none()
        && property.set_id.is_none()
        && property.name.is_none()
        && property.id.is_none();
    if in_set || by_tag {
        return Ok(property);
    }
    let text = "The combination of extended property attributes is not valid.";
    Err(SoapFault::new("ErrorInvalidExtendedProperty", text))
}

/// Writes the element that names a MAPI property.
pub(crate) fn write_extended(out: &mut Out, property: &PropertyName) {
    out.raw("<t:ExtendedFieldURI");
    let mut attribute = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            out.raw(&format!(" {name}=\""));
            out.text(&value);
            out.raw("\"");
        }
    };
    attribute("DistinguishedPropertySetId", property.set.clone());
    attribute("PropertySetId", property.set_id.clone());
    attribute("PropertyTag", property.tag.map(|tag| format!("0x{tag:x}")));
    attribute("PropertyName", property.name.clone());
    attribute("PropertyId", property.id.map(|id| id.to_string()));
    attribute("PropertyType", Some(property.kind.clone()));
    out.raw("/>");
}

/// The property a search or sort can use; `None` where a real server could and this one cannot.
pub(crate) fn searchable(path: &Path<'_>) -> Option<Field> {
    Some(match path {
        Path::Header(name) => Field::Header((*name).to_owned()),
        // PidTagSentRepresentingEmailAddress and PidTagSentRepresentingSmtpAddress: the address of the author.
        Path::Extended(property) if matches!(property.tag, Some(0x0065 | 0x5D02)) => Field::FromAddress,
        Path::Extended(property) => Field::Extended(property.clone()),
        Path::Schema(uri) => match *uri {
            "folder:DisplayName" => Field::FolderName,
            "folder:FolderClass" => Field::FolderClass,
            "item:Subject" | "message:ConversationTopic" => Field::Subject,
            "item:Body" | "item:TextBody" | "item:Preview" => Field::Body,
            "item:ItemClass" => Field::ItemClass,
            "item:Importance" => Field::Importance,
            "item:Categories" => Field::Categories,
            "item:InReplyTo" => Field::InReplyTo,
            "item:DisplayTo" => Field::DisplayTo,
            "item:DisplayCc" => Field::DisplayCc,
            "item:DateTimeReceived" => Field::Received,
            "item:DateTimeSent" => Field::Sent,
            "item:DateTimeCreated" => Field::Created,
            "item:LastModifiedTime" => Field::Modified,
            "item:Size" => Field::Size,
            "item:HasAttachments" => Field::HasAttachments,
            "item:Attachments" => Field::AttachmentNames,
            "item:IsDraft" => Field::IsDraft,
            "message:From" => Field::From,
            "message:Sender" => Field::Sender,
            "message:ToRecipients" => Field::To,
            "message:CcRecipients" => Field::Cc,
            "message:BccRecipients" => Field::Bcc,
            "message:InternetMessageId" => Field::MessageId,
            "message:IsRead" => Field::IsRead,
            "message:References" => Field::References,
            other => {
                let (family, name) = other.split_once(':')?;
                let plain = ["calendar", "contacts"].contains(&family) && !STRUCTURED.contains(&name);
                return plain.then(|| Field::Detail(name.to_owned()));
            }
        },
    })
}

/// Properties of calendar items and contacts that are more than one value, by which nobody can search.
const STRUCTURED: [&str; 12] = [
    "RequiredAttendees",
    "OptionalAttendees",
    "Resources",
    "Organizer",
    "Recurrence",
    "EmailAddress",
    "EmailAddresses",
    "PhoneNumber",
    "PhoneNumbers",
    "PhysicalAddress",
    "PhysicalAddresses",
    "CompleteName",
];
