//! TNEF (MS-OXTNEF), known as `winmail.dat`: a list of attributes, one after the other.
//!
//! One pass, no look ahead. Lengths are checked against what is there; where one lies, what came before it counts and
//! the rest is reported as damage. Checksums are not judged: programs write wrong ones.

use std::borrow::Cow;

use crate::limits;
use crate::mapi::{Attached, Content, Message, Properties, Value, id};

/// The first bytes of every TNEF stream.
pub const MAGIC: &[u8] = b"\x78\x9f\x3e\x22";

/// What an object begins with that is a mail, in TNEF again.
const MESSAGE_OBJECT: &[u8] = b"\x07\x03\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46";

const EARLY: &str = "it ends early, or a length in it lies";

/// Values of one property that are looked through.
const VALUES: u32 = 10_000;

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.rest.split_at_checked(length)?;
        self.rest = tail;
        Some(head)
    }

    fn word(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_le_bytes)
    }

    fn long(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    /// Bytes with their length before them, filled up to a multiple of four.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = self.long()? as usize;
        let bytes = self.take(length)?;
        let padding = (4 - length % 4) % 4;
        // The last one of a list may have none.
        self.rest = self.rest.get(padding..).unwrap_or_default();
        Some(bytes)
    }
}

/// Reads a TNEF stream as a mail.
///
/// # Errors
/// It does not begin like one, or has more recipients or attachments than are read.
pub fn read(bytes: &[u8]) -> Result<Message<'_>, &'static str> {
    let Some(rest) = bytes.strip_prefix(MAGIC).and_then(|rest| rest.get(2..)) else {
        return Err("it does not begin like TNEF");
    };
    let mut message = Message::default();
    let mut cursor = Cursor { rest };
    while !cursor.rest.is_empty() {
        let attribute = (|| {
            let level = cursor.take(1)?.first().copied()?;
            let id = cursor.long()?;
            let length = cursor.long()? as usize;
            let data = cursor.take(length)?;
            // The last checksum is missing at times.
            cursor.rest = cursor.rest.get(2..).unwrap_or_default();
            Some((level, id & 0xFFFF, data))
        })();
        let Some((level, id, data)) = attribute.filter(|(level, ..)| matches!(level, 1 | 2)) else {
            message.damage = Some(EARLY);
            break;
        };
        attribute_of(&mut message, level, id, data)?;
    }
    // Wherever the code page stands, it is that of all texts.
    let code_page = message.properties.code_page;
    for properties in &mut message.recipients {
        properties.code_page = code_page;
    }
    for attached in &mut message.attachments {
        attached.properties.code_page = code_page;
    }
    Ok(message)
}

fn attribute_of<'a>(
    message: &mut Message<'a>,
    level: u8,
    attribute: u32,
    data: &'a [u8],
) -> Result<(), &'static str> {
    let narrow = || Value::Narrow(Cow::Borrowed(data));
    match (level, attribute) {
        (1, 0x9007) => {
            message.properties.code_page = Cursor { rest: data }.long().unwrap_or_default();
        }
        (1, 0x8004) => message.properties.push(id::SUBJECT, narrow()),
        (1, 0x800C) => message.properties.push(id::BODY, narrow()),
        (1, 0x9003) => {
            let whole = properties(&mut Cursor { rest: data }, &mut message.properties).is_some();
            damaged(message, whole);
        }
        (1, 0x9004) => {
            let whole = recipients(message, data)?;
            damaged(message, whole);
        }
        (2, 0x9002) => {
            if message.attachments.len() >= limits::PARTS {
                return Err("it has too many attachments");
            }
            message
                .attachments
                .push(Attached { properties: Properties::default(), content: Content::Absent });
        }
        (2, _) => {
            let Some(attached) = message.attachments.last_mut() else { return Ok(()) };
            match attribute {
                0x8010 => attached.properties.push(id::ATTACH_SHORT_NAME, narrow()),
                0x800F => {
                    // An object among the properties is more than its plain rendering here.
                    if matches!(attached.content, Content::Absent) {
                        attached.content = Content::File(Cow::Borrowed(data));
                    }
                }
                0x9005 => {
                    let whole = object_of(attached, data);
                    damaged(message, whole);
                }
                _ => {}
            }
        }
        _ => {}
    }
    Ok(())
}

/// The properties of an attachment, which may hold its content. Whether they are whole.
fn object_of<'a>(attached: &mut Attached<'a>, data: &'a [u8]) -> bool {
    let object = properties(&mut Cursor { rest: data }, &mut attached.properties);
    if let Some(Some(object)) = object {
        attached.content = match object.strip_prefix(MESSAGE_OBJECT) {
            Some(tnef) => Content::Tnef(tnef),
            None => Content::File(Cow::Borrowed(object.get(MESSAGE_OBJECT.len()..).unwrap_or_default())),
        };
    }
    if let Some(Value::Binary(bytes)) = attached.properties.take(id::ATTACH_DATA) {
        attached.content = Content::File(bytes);
    }
    object.is_some()
}

fn damaged(message: &mut Message<'_>, whole: bool) {
    if !whole {
        message.damage = Some(EARLY);
    }
}

fn recipients<'a>(message: &mut Message<'a>, data: &'a [u8]) -> Result<bool, &'static str> {
    let mut cursor = Cursor { rest: data };
    let Some(rows) = cursor.long() else { return Ok(false) };
    for _ in 0..rows {
        if message.recipients.len() >= limits::ADDRESSES {
            return Err("it has too many recipients");
        }
        let mut found = Properties::default();
        if properties(&mut cursor, &mut found).is_none() {
            return Ok(false);
        }
        message.recipients.push(found);
    }
    Ok(true)
}

/// Reads a list of properties. Gives the object that is among them, with what kind of object it is.
///
/// Nothing if it does not hold together; what came before stays.
fn properties<'a>(cursor: &mut Cursor<'a>, into: &mut Properties<'a>) -> Option<Option<&'a [u8]>> {
    let count = cursor.long()?;
    let mut object = None;
    for _ in 0..count {
        let kind = cursor.word()?;
        let number = cursor.word()?;
        if number >= 0x8000 {
            // A name instead of a number: nothing that is read here has one.
            cursor.take(16)?;
            if cursor.long()? == 0 { cursor.take(4).map(|_| ()) } else { cursor.counted().map(|_| ()) }?;
        }
        let several = kind & 0x1000 != 0;
        let kind = kind & 0x0FFF;
        let variable = matches!(kind, 0x001E | 0x001F | 0x0102 | 0x000D);
        let values = if several || variable { cursor.long()? } else { 1 };
        if values > VALUES {
            return None;
        }
        for at in 0..values {
            let value = match kind {
                0x001E => Some(Value::Narrow(Cow::Borrowed(cursor.counted()?))),
                0x001F => Some(Value::Wide(Cow::Borrowed(cursor.counted()?))),
                0x0102 => Some(Value::Binary(Cow::Borrowed(cursor.counted()?))),
                0x000D => {
                    let bytes = cursor.counted()?;
                    if number == id::ATTACH_DATA {
                        object = Some(bytes);
                    }
                    None
                }
                0x0003 => Some(Value::Number(cursor.long()?)),
                0x000B => Some(Value::Number(u32::from(cursor.long()? & 0xFFFF != 0))),
                0x0040 => Some(Value::Time(cursor.take(8)?.try_into().ok().map(u64::from_le_bytes)?)),
                0x0002 | 0x0004 | 0x000A => cursor.take(4).map(|_| None)?,
                0x0005 | 0x0006 | 0x0007 | 0x0014 => cursor.take(8).map(|_| None)?,
                0x0048 => cursor.take(16).map(|_| None)?,
                // Several times nothing would be work without bytes.
                0x0000 | 0x0001 if !several => None,
                _ => return None,
            };
            if let Some(value) = value.filter(|_| at == 0 && !several) {
                into.push(number, value);
            }
        }
    }
    Some(object)
}
