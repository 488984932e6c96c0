//! MAPI properties that follow from the mail, by tag.
//!
//! Clients search by them where EWS has no property of its own, e.g. the sender's bare address. The numbers are
//! those of [MS-OXPROPS](https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxprops/).

use super::item::Item;
use super::mail::Person;

/// `mfRead` of `PidTagMessageFlags`.
const READ: u32 = 0x01;
/// `mfUnsent` of `PidTagMessageFlags`.
const UNSENT: u32 = 0x08;
/// `mfHasAttach` of `PidTagMessageFlags`.
const HAS_ATTACHMENTS: u32 = 0x10;

/// The value of a tag, if it follows from the mail.
pub(crate) fn value(item: &Item, tag: u32) -> Option<String> {
    let mail = &item.mail;
    let address = |person: Option<&Person>| person.map(|person| person.address.clone());
    let name = |person: Option<&Person>| person.map(|p| p.name.clone().unwrap_or_else(|| p.address.clone()));
    let sender = mail.sender.as_ref().or(mail.from.as_ref());
    match tag {
        // PidTagSentRepresenting… is the author, PidTagSender… whoever sent for the author.
        0x0042 => name(mail.from.as_ref()),
        0x0065 | 0x5d02 => address(mail.from.as_ref()),
        0x0c1a => name(sender),
        0x0c1f | 0x5d01 => address(sender),
        // PidTagSubject, PidTagMessageClass, PidTagInternetMessageId, PidTagInternetReferences, PidTagInReplyToId
        0x0037 => mail.subject.clone(),
        0x001a => Some(item.item_class.clone()),
        0x1035 => mail.message_id.clone(),
        0x1039 => mail.references.clone(),
        0x1042 => mail.in_reply_to.clone(),
        // PidTagTransportMessageHeaders
        0x007d => {
            let line = |(name, value): &(String, String)| format!("{name}: {value}\r\n");
            Some(mail.headers.iter().map(line).collect())
        }
        // PidTagMessageFlags, PidTagMessageSize
        0x0e07 => {
            let flags =
                [(item.is_read, READ), (item.is_draft, UNSENT), (mail.has_attachments(), HAS_ATTACHMENTS)];
            Some(flags.iter().filter(|(set, _)| *set).map(|(_, flag)| flag).sum::<u32>().to_string())
        }
        // PidTagRecordKey, PidTagInternetArticleNumber
        0x0ff9 => Some(item.id.clone()),
        0x0e23 => Some(item.article.to_string()),
        // PidTagMessageDeliveryTime, PidTagCreationTime, PidTagLastModificationTime
        0x0e06 => Some(item.received.to_string()),
        0x3007 => Some(item.created.to_string()),
        0x3008 => Some(item.modified.to_string()),
        0x0e08 => Some(item.raw.len().to_string()),
        _ => None,
    }
}
