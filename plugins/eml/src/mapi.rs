//! A mail as Outlook keeps it: numbered properties of the mail, of its recipients and of its attachments.
//!
//! `.msg` and TNEF are two ways to write the same properties down. Only those are kept that [`crate::outlook`] reads.

use std::borrow::Cow;

use crate::anomaly::Anomalies;
use crate::charset;

/// Numbers of properties (MS-OXPROPS), without their types.
pub mod id {
    #![allow(missing_docs, reason = "the names are those of the specification")]
    pub const SUBJECT: u16 = 0x0037;
    pub const SUBMIT_TIME: u16 = 0x0039;
    pub const SENT_REPRESENTING_NAME: u16 = 0x0042;
    pub const SENT_REPRESENTING_ADDRESS: u16 = 0x0065;
    pub const TRANSPORT_HEADERS: u16 = 0x007D;
    pub const RECIPIENT_TYPE: u16 = 0x0C15;
    pub const SENDER_NAME: u16 = 0x0C1A;
    pub const SENDER_ADDRESS: u16 = 0x0C1F;
    pub const DELIVERY_TIME: u16 = 0x0E06;
    pub const BODY: u16 = 0x1000;
    pub const RTF: u16 = 0x1009;
    pub const HTML: u16 = 0x1013;
    pub const MESSAGE_ID: u16 = 0x1035;
    pub const REFERENCES: u16 = 0x1039;
    pub const IN_REPLY_TO: u16 = 0x1042;
    pub const DISPLAY_NAME: u16 = 0x3001;
    pub const ADDRESS: u16 = 0x3003;
    pub const ATTACH_DATA: u16 = 0x3701;
    pub const ATTACH_SHORT_NAME: u16 = 0x3704;
    pub const ATTACH_METHOD: u16 = 0x3705;
    pub const ATTACH_NAME: u16 = 0x3707;
    pub const ATTACH_MIME: u16 = 0x370E;
    pub const ATTACH_CONTENT_ID: u16 = 0x3712;
    pub const ATTACH_FLAGS: u16 = 0x3714;
    pub const SMTP_ADDRESS: u16 = 0x39FE;
    pub const INTERNET_CODE_PAGE: u16 = 0x3FDE;
    pub const CODE_PAGE: u16 = 0x3FFD;
    pub const SENDER_SMTP: u16 = 0x5D01;
    pub const SENT_REPRESENTING_SMTP: u16 = 0x5D02;
    pub const KEPT: [u16; 29] = [
        SUBJECT,
        SUBMIT_TIME,
        SENT_REPRESENTING_NAME,
        SENT_REPRESENTING_ADDRESS,
        TRANSPORT_HEADERS,
        RECIPIENT_TYPE,
        SENDER_NAME,
        SENDER_ADDRESS,
        DELIVERY_TIME,
        BODY,
        RTF,
        HTML,
        MESSAGE_ID,
        REFERENCES,
        IN_REPLY_TO,
        DISPLAY_NAME,
        ADDRESS,
        ATTACH_DATA,
        ATTACH_SHORT_NAME,
        ATTACH_METHOD,
        ATTACH_NAME,
        ATTACH_MIME,
        ATTACH_CONTENT_ID,
        ATTACH_FLAGS,
        SMTP_ADDRESS,
        INTERNET_CODE_PAGE,
        CODE_PAGE,
        SENDER_SMTP,
        SENT_REPRESENTING_SMTP,
    ];
}

/// A property's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// UTF-16, little endian.
    Wide(Cow<'a, [u8]>),
    /// Text in the code page of the mail.
    Narrow(Cow<'a, [u8]>),
    /// Bytes.
    Binary(Cow<'a, [u8]>),
    /// Whole numbers, and yes or no.
    Number(u32),
    /// A hundred nanoseconds since 1601.
    Time(u64),
}

/// Properties of one thing. The first of two with the same number counts.
#[derive(Debug, Default)]
pub struct Properties<'a> {
    list: Vec<(u16, Value<'a>)>,
    /// Code page of narrow text; 0 if nobody says.
    pub code_page: u32,
}

/// What an attachment holds.
#[derive(Debug)]
pub enum Content<'a> {
    /// Nothing that could be read: a link, or an object of another program.
    Absent,
    /// A file.
    File(Cow<'a, [u8]>),
    /// A mail, as TNEF of its own.
    Tnef(&'a [u8]),
    /// A mail, in the storage of this number.
    Storage(u32),
}

/// An attachment.
#[derive(Debug)]
pub struct Attached<'a> {
    /// Its properties.
    pub properties: Properties<'a>,
    /// Its bytes.
    pub content: Content<'a>,
}

/// A mail.
#[derive(Debug, Default)]
pub struct Message<'a> {
    /// Its own properties.
    pub properties: Properties<'a>,
    /// Its recipients.
    pub recipients: Vec<Properties<'a>>,
    /// Its attachments.
    pub attachments: Vec<Attached<'a>>,
    /// What could not be read, in words.
    pub damage: Option<&'static str>,
}

impl<'a> Properties<'a> {
    /// Keeps a property.
    pub fn push(&mut self, id: u16, value: Value<'a>) {
        if id::KEPT.contains(&id) && self.get(id).is_none() {
            self.list.push((id, value));
        }
    }

    /// Takes a property out.
    pub fn take(&mut self, id: u16) -> Option<Value<'a>> {
        let at = self.list.iter().position(|(known, _)| *known == id)?;
        Some(self.list.swap_remove(at).1)
    }

    fn get(&self, id: u16) -> Option<&Value<'a>> {
        self.list.iter().find(|(known, _)| *known == id).map(|(_, value)| value)
    }

    /// A number.
    pub fn number(&self, id: u16) -> Option<u32> {
        match self.get(id)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A time in seconds since 1970.
    pub fn seconds(&self, id: u16) -> Option<i64> {
        match self.get(id)? {
            Value::Time(time) if *time > 0 => Some(i64::try_from(time / 10_000_000).ok()? - 11_644_473_600),
            _ => None,
        }
    }

    /// Bytes as they stand, whatever they mean.
    pub fn bytes(&self, id: u16) -> Option<&[u8]> {
        match self.get(id)? {
            Value::Wide(bytes) | Value::Narrow(bytes) | Value::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Text without the zero that may end it; nothing if there is none.
    pub fn text(&self, id: u16, anomalies: &mut Anomalies) -> Option<String> {
        let text = match self.get(id)? {
            Value::Wide(bytes) => wide(bytes),
            Value::Narrow(bytes) | Value::Binary(bytes) => self.decode(bytes, id, anomalies),
            _ => return None,
        };
        let text = text.trim_end_matches('\0');
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The body in HTML is in a code page of its own.
    fn decode(&self, bytes: &[u8], id: u16, anomalies: &mut Anomalies) -> String {
        let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
        let own = self.number(id::INTERNET_CODE_PAGE).filter(|_| id == id::HTML);
        let page = own.or_else(|| self.number(id::CODE_PAGE)).unwrap_or(self.code_page);
        let label = (page != 0).then(|| format!("cp{page}"));
        charset::decode(bytes, label.as_deref(), anomalies)
    }
}

/// Text from UTF-16.
pub fn wide(bytes: &[u8]) -> String {
    encoding_rs::UTF_16LE.decode_without_bom_handling(bytes).0.into_owned()
}
