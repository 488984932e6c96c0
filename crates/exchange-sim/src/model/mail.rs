//! The properties of a mail, read once when it is stored.
//!
//! mail-parser does the reading. Its recursion follows the nesting of messages, so [`Mail::parse`] counts what
//! could nest before it hands anything over: a mail that goes too far is kept whole but *opaque*, with its top
//! headers and nothing else. Test data only; a product path parses attacker's mail in the sandbox instead.

use bytes::Bytes;
use jiff::Timestamp;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Addr, Encoding, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many messages may nest before a mail is opaque. Exchange itself stops at 10.
const MAX_NESTED: usize = 512;
/// How many boundary lines a mail may have before it is opaque.
const MAX_BOUNDARIES: usize = 20_000;

/// A mailbox as a header names it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Person {
    /// Display name.
    pub(crate) name: Option<String>,
    /// SMTP address.
    pub(crate) address: String,
}

/// One attachment with its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Attachment {
    /// The sender's name for it; of a message, its subject.
    pub(crate) name: String,
    /// Media type.
    pub(crate) content_type: String,
    /// `Content-ID` without angle brackets.
    pub(crate) content_id: Option<String>,
    /// Shown inside the body.
    pub(crate) is_inline: bool,
    /// A message of its own rather than a file.
    pub(crate) is_message: bool,
    /// Decoded bytes; of a message, its MIME form.
    pub(crate) bytes: Bytes,
}

/// What the simulator knows about a mail.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mail {
    pub(crate) subject: Option<String>,
    pub(crate) message_id: Option<String>,
    pub(crate) in_reply_to: Option<String>,
    pub(crate) references: Option<String>,
    pub(crate) from: Option<Person>,
    pub(crate) sender: Option<Person>,
    pub(crate) to: Vec<Person>,
    pub(crate) cc: Vec<Person>,
    pub(crate) bcc: Vec<Person>,
    pub(crate) reply_to: Vec<Person>,
    pub(crate) sent_at: Option<Timestamp>,
    pub(crate) received_at: Option<Timestamp>,
    pub(crate) text: Option<String>,
    pub(crate) html: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) attachments: Vec<Attachment>,
}

impl Mail {
    /// Reads a mail. Never fails: what cannot be read is left empty.
    pub(crate) fn parse(raw: &Bytes) -> Mail {
        let parser = MessageParser::default();
        let whole = is_bounded(raw);
        // mail-parser promises not to panic; a simulator that dies on one file of a folder would still be worse
        // than one opaque mail.
        let read = catch_unwind(AssertUnwindSafe(|| {
            let parsed = if whole { parser.parse(raw.as_ref()) } else { parser.parse_headers(raw.as_ref()) };
            parsed.map(|message| read(&message, raw, whole))
        }));
        read.ok().flatten().unwrap_or_default()
    }

    /// Whether a client would show a paper clip.
    pub(crate) fn has_attachments(&self) -> bool {
        self.attachments.iter().any(|attachment| !attachment.is_inline)
    }

    /// The importance its headers say ([RFC 2156](https://www.rfc-editor.org/rfc/rfc2156#section-5.3.4)), in
    /// EWS's words.
    pub(crate) fn importance(&self) -> Option<&'static str> {
        let said = self.header_values("Importance").next()?;
        let words = ["Low", "Normal", "High"];
        words.into_iter().find(|word| word.eq_ignore_ascii_case(said.trim()))
    }

    /// The body as plain text, made from HTML if there is nothing else.
    pub(crate) fn text_body(&self) -> String {
        match (&self.text, &self.html) {
            (Some(text), _) => text.clone(),
            (None, Some(html)) => mail_parser::decoders::html::html_to_text(html),
            (None, None) => String::new(),
        }
    }

    /// All values of a header, whatever the case of its name.
    pub(crate) fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Whether parsing stays within a bounded number of parts and nested messages.
fn is_bounded(raw: &[u8]) -> bool {
    let (mut nested, mut boundaries) = (0, 0);
    for (at, byte) in raw.iter().enumerate() {
        let starts = |word: &[u8]| {
            raw.get(at..at.saturating_add(word.len())).is_some_and(|found| found.eq_ignore_ascii_case(word))
        };
        match byte {
            b'\n' if starts(b"\n--") => boundaries += 1,
            b'r' | b'R' if starts(b"rfc822") => nested += 1,
            b'g' | b'G' if starts(b"global") => nested += 1,
            b'd' | b'D' if starts(b"digest") => nested += 1,
            _ => {}
        }
    }
    nested <= MAX_NESTED && boundaries <= MAX_BOUNDARIES
}

fn read(message: &Message<'_>, raw: &Bytes, whole: bool) -> Mail {
    let Some(root) = message.parts.first() else {
        // Only headers were asked for, so there is no part to hold them.
        return Mail::default();
    };
    let header = |name: &str| {
        root.headers.iter().find(|h| h.name.as_str().eq_ignore_ascii_case(name)).map(|h| &h.value)
    };
    let people = |name: &str| people(header(name));
    let headers = headers(root, &message.raw_message);
    let bracketed = |name: &str| {
        headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.trim().to_owned())
            .filter(|v| !v.is_empty())
    };
    let mut mail = Mail {
        subject: message.subject().map(str::to_owned),
        message_id: bracketed("Message-ID"),
        in_reply_to: bracketed("In-Reply-To"),
        references: bracketed("References"),
        from: author(people("From")),
        sender: people("Sender").into_iter().next(),
        to: people("To"),
        cc: people("Cc"),
        bcc: people("Bcc"),
        reply_to: people("Reply-To"),
        sent_at: message.date().and_then(|date| Timestamp::from_second(date.to_timestamp()).ok()),
        received_at: header("Received")
            .and_then(HeaderValue::as_received)
            .and_then(|received| received.date.as_ref())
            .and_then(|date| Timestamp::from_second(date.to_timestamp()).ok()),
        headers,
        ..Mail::default()
    };
    if whole {
        read_bodies(message, &mut mail);
        mail.attachments = message.attachments().filter_map(|part| attachment(part, raw)).collect();
    }
    mail
}

fn read_bodies(message: &Message<'_>, mail: &mut Mail) {
    for part in message.text_bodies() {
        if let PartType::Text(text) = &part.body {
            mail.text.get_or_insert_default().push_str(text);
        }
    }
    for part in message.html_bodies() {
        if let PartType::Html(html) = &part.body {
            mail.html.get_or_insert_default().push_str(html);
        }
    }
}

fn headers(root: &MessagePart<'_>, raw: &[u8]) -> Vec<(String, String)> {
    let unfold = |from: u32, to: u32| {
        let bytes = raw.get(from as usize..to as usize).unwrap_or_default();
        let text = String::from_utf8_lossy(bytes);
        let mut value = String::with_capacity(text.len());
        for line in text.split(['\r', '\n']).filter(|line| !line.is_empty()) {
            value.push_str(line);
        }
        value.trim().to_owned()
    };
    root.headers.iter().map(|h| (h.name.as_str().to_owned(), unfold(h.offset_start, h.offset_end))).collect()
}

/// The author of a mail that names several: the first with an address. Spammers forget the quotes around a
/// comma (`Offers, today <a@b.example>`), and what stands before it is then a person without an address.
fn author(people: Vec<Person>) -> Option<Person> {
    let at = people.iter().position(|person| person.address.contains('@')).unwrap_or(0);
    people.into_iter().nth(at)
}

fn people(value: Option<&HeaderValue<'_>>) -> Vec<Person> {
    let person = |addr: &Addr<'_>| {
        let name = addr.name.as_ref().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let address = addr.address.as_ref().map(|a| a.trim().to_owned()).unwrap_or_default();
        (name.is_some() || !address.is_empty()).then_some(Person { name, address })
    };
    match value {
        Some(HeaderValue::Address(list)) => list.iter().filter_map(person).collect(),
        _ => Vec::new(),
    }
}

fn attachment(part: &MessagePart<'_>, raw: &Bytes) -> Option<Attachment> {
    let declared = part.content_type();
    let content_id = part.content_id().map(|id| id.trim_matches(['<', '>']).to_owned());
    let is_attachment = part.content_disposition().is_some_and(|d| d.is_attachment());
    let media = declared.map(|ct| match ct.subtype() {
        Some(sub) => format!("{}/{}", ct.ctype(), sub),
        None => ct.ctype().to_owned(),
    });
    let name = part.attachment_name().map(str::to_owned);
    let (bytes, is_message, fallback) = match &part.body {
        PartType::Message(inner) => {
            let bytes = nested_bytes(part, inner, raw);
            (bytes, true, inner.subject().unwrap_or_default().to_owned())
        }
        PartType::Multipart(_) => return None,
        body => (file_bytes(part, body, raw), false, String::from("unnamed")),
    };
    let type_fallback = match &part.body {
        PartType::Text(_) => "text/plain",
        PartType::Html(_) => "text/html",
        PartType::Message(_) => "message/rfc822",
        _ => "application/octet-stream",
    };
    Some(Attachment {
        name: if is_message {
            name.filter(|_| fallback.is_empty()).unwrap_or(fallback)
        } else {
            name.unwrap_or(fallback)
        },
        content_type: media.unwrap_or_else(|| type_fallback.to_owned()),
        is_inline: content_id.is_some() && !is_attachment && !is_message,
        content_id,
        is_message,
        bytes,
    })
}

/// The bytes behind the transfer encoding. Of a text the parser has only the decoded characters, so its bytes
/// are taken from the mail again.
fn file_bytes(part: &MessagePart<'_>, body: &PartType<'_>, raw: &Bytes) -> Bytes {
    match body {
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => Bytes::copy_from_slice(bytes),
        PartType::Text(text) | PartType::Html(text) => {
            let encoded = raw.get(part.offset_body as usize..part.offset_end as usize).unwrap_or_default();
            let decoded = match part.encoding {
                Encoding::Base64 => base64_decode(encoded),
                Encoding::QuotedPrintable => quoted_printable_decode(encoded),
                Encoding::None => Some(encoded.to_vec()),
            };
            decoded.map_or_else(|| Bytes::copy_from_slice(text.as_bytes()), Bytes::from)
        }
        PartType::Message(_) | PartType::Multipart(_) => Bytes::new(),
    }
}

/// The MIME form of a nested message: where it was not encoded, exactly the bytes of the outer mail.
fn nested_bytes(part: &MessagePart<'_>, inner: &Message<'_>, raw: &Bytes) -> Bytes {
    if part.encoding == Encoding::None {
        let (from, to) = (part.offset_body as usize, part.offset_end as usize);
        if from <= to && to <= raw.len() {
            return raw.slice(from..to);
        }
    }
    Bytes::copy_from_slice(&inner.raw_message)
}
