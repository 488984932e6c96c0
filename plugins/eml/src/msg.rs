//! `.msg` (MS-OXMSG): a mail as Outlook saves it. Properties are streams of a compound file, named by their number.

use std::borrow::Cow;

use crate::cfb::{Compound, Entry};
use crate::limits;
use crate::mapi::{Attached, Content, Message, Properties, Value, id};

/// How an attachment that is a mail says so.
const EMBEDDED: u32 = 5;

/// Length of what stands before the properties of fixed length.
const HEADER_TOP: usize = 32;
const HEADER_EMBEDDED: usize = 24;
const HEADER_PART: usize = 8;

/// Reads the mail in a storage; number 0 is the file itself. Mails attached to it stay numbers of storages.
///
/// # Errors
/// It is no mail, or has more recipients or attachments than are read.
pub fn read(file: &Compound<'_>, storage: u32) -> Result<Message<'static>, &'static str> {
    let mut message = Message::default();
    let header = if storage == 0 { HEADER_TOP } else { HEADER_EMBEDDED };
    let children = file.children(storage);
    if !children.iter().any(|(_, entry)| is_properties(entry)) {
        return Err("it has no properties of a mail");
    }
    let mut problem = None;
    message.properties = properties(file, &children, header, &mut problem);
    let mut parts: Vec<&(u32, &Entry)> = children.iter().filter(|(_, entry)| entry.is_storage).collect();
    // Their numbers are in their names.
    parts.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
    for (number, entry) in parts {
        if entry.name.starts_with("__recip_version1.0_#") {
            if message.recipients.len() >= limits::ADDRESSES {
                return Err("it has too many recipients");
            }
            let found = properties(file, &file.children(*number), HEADER_PART, &mut problem);
            message.recipients.push(found);
        } else if entry.name.starts_with("__attach_version1.0_#") {
            if message.attachments.len() >= limits::PARTS {
                return Err("it has too many attachments");
            }
            message.attachments.push(attached(file, *number, &mut problem));
        }
    }
    let code_page = message.properties.number(id::CODE_PAGE).unwrap_or_default();
    for part in &mut message.recipients {
        part.code_page = code_page;
    }
    for part in &mut message.attachments {
        part.properties.code_page = code_page;
    }
    message.damage = problem;
    Ok(message)
}

fn is_properties(entry: &Entry) -> bool {
    !entry.is_storage && entry.name == "__properties_version1.0"
}

fn attached(file: &Compound<'_>, storage: u32, problem: &mut Option<&'static str>) -> Attached<'static> {
    let children = file.children(storage);
    let mut properties = properties(file, &children, HEADER_PART, problem);
    let data = children.iter().find(|(_, entry)| entry.is_storage && entry.name == "__substg1.0_3701000D");
    let content = match (data, properties.take(id::ATTACH_DATA)) {
        (Some((number, _)), _) if properties.number(id::ATTACH_METHOD).unwrap_or(EMBEDDED) == EMBEDDED => {
            Content::Storage(*number)
        }
        (_, Some(Value::Binary(bytes))) => Content::File(bytes),
        _ => Content::Absent,
    };
    Attached { properties, content }
}

fn properties(
    file: &Compound<'_>,
    children: &[(u32, &Entry)],
    header: usize,
    problem: &mut Option<&'static str>,
) -> Properties<'static> {
    let mut found = Properties::default();
    let mut read = |entry: &Entry| {
        let bytes = file.read(entry);
        match &bytes {
            Ok(bytes) if bytes.len() == entry.size() => {}
            Ok(_) => *problem = Some("a stream ends early"),
            Err(error) => *problem = Some(error),
        }
        bytes.unwrap_or_default()
    };
    for (_, entry) in children.iter().filter(|(_, entry)| !entry.is_storage) {
        if is_properties(entry) {
            fixed(&read(entry), header, &mut found);
        } else if let Some((number, kind)) = tag(&entry.name)
            && id::KEPT.contains(&number)
        {
            let value: fn(Cow<'static, [u8]>) -> Value<'static> = match kind {
                0x001F => Value::Wide,
                0x001E => Value::Narrow,
                0x0102 => Value::Binary,
                _ => continue,
            };
            found.push(number, value(Cow::Owned(read(entry))));
        }
    }
    found
}

/// `__substg1.0_0037001F`: number and type.
fn tag(name: &str) -> Option<(u16, u16)> {
    let digits = name.strip_prefix("__substg1.0_")?;
    let number = u16::from_str_radix(digits.get(..4)?, 16).ok()?;
    let kind = u16::from_str_radix(digits.get(4..8)?, 16).ok()?;
    (digits.len() == 8).then_some((number, kind))
}

/// Properties of fixed length: type, number, flags, and eight bytes of value.
fn fixed(bytes: &[u8], header: usize, into: &mut Properties<'static>) {
    for row in bytes.get(header..).unwrap_or_default().chunks_exact(16) {
        let &[kind_low, kind_high, low, high, _, _, _, _, ref value @ ..] = row else { continue };
        let Ok(value) = <[u8; 8]>::try_from(value) else { continue };
        let wide = u64::from_le_bytes(value);
        let value = match u16::from_le_bytes([kind_low, kind_high]) {
            0x0003 => Value::Number((wide & 0xFFFF_FFFF) as u32),
            0x000B => Value::Number(u32::from(wide & 0xFFFF != 0)),
            0x0040 => Value::Time(wide),
            _ => continue,
        };
        into.push(u16::from_le_bytes([low, high]), value);
    }
}
