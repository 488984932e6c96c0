//! Writes the MIME form of a mail that was made here: drafts, replies, forwards.
//!
//! Plain on purpose: UTF-8, base64 bodies, encoded words. Only the reading side has to cope with variety.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::mail::{Attachment, Mail, Person};

/// The parts a mail is written from.
#[derive(Debug, Clone)]
pub(crate) struct Composed {
    pub(crate) message_id: String,
    pub(crate) date: Timestamp,
    pub(crate) from: Person,
    pub(crate) to: Vec<Person>,
    pub(crate) cc: Vec<Person>,
    pub(crate) bcc: Vec<Person>,
    pub(crate) reply_to: Vec<Person>,
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) is_html: bool,
    /// The same as plain text, beside a body in HTML.
    pub(crate) plain: Option<String>,
    pub(crate) in_reply_to: Option<String>,
    pub(crate) references: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) attachments: Vec<Attachment>,
}

impl Composed {
    /// The MIME form; with `bcc` as the sender keeps it, without as a recipient gets it.
    pub(crate) fn mime(&self, bcc: bool) -> Bytes {
        let mut out = Vec::with_capacity(1024 + self.body.len() * 4 / 3);
        self.top_headers(&mut out, bcc);
        if self.attachments.is_empty() {
            self.body_part(&mut out);
            return Bytes::from(out);
        }
        let boundary = format!("=_{}", hex(&Sha256::digest(self.message_id.as_bytes()), 16));
        line(&mut out, "Content-Type", &format!("multipart/mixed; boundary=\"{boundary}\""));
        out.extend_from_slice(b"\r\n");
        let open = format!("\r\n--{boundary}\r\n");
        out.extend_from_slice(open.as_bytes());
        self.body_part(&mut out);
        for attachment in &self.attachments {
            out.extend_from_slice(open.as_bytes());
            attachment_part(&mut out, attachment);
        }
        out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        Bytes::from(out)
    }

    fn top_headers(&self, out: &mut Vec<u8>, bcc: bool) {
        line(out, "From", &address_list(std::slice::from_ref(&self.from)));
        let lists = [
            ("To", &self.to, true),
            ("Cc", &self.cc, true),
            ("Bcc", &self.bcc, bcc),
            ("Reply-To", &self.reply_to, true),
        ];
        for (name, people, shown) in lists {
            if shown && !people.is_empty() {
                line(out, name, &address_list(people));
            }
        }
        line(out, "Subject", &encoded(&self.subject));
        line(out, "Date", &self.date.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string());
        line(out, "Message-ID", &self.message_id);
        for (name, value) in [("In-Reply-To", &self.in_reply_to), ("References", &self.references)] {
            if let Some(value) = value {
                line(out, name, &clean(value));
            }
        }
        for (name, value) in &self.headers {
            line(out, &clean(name), &encoded(value));
        }
        line(out, "MIME-Version", "1.0");
    }

    fn body_part(&self, out: &mut Vec<u8>) {
        let Some(plain) = self.plain.as_ref().filter(|_| self.is_html) else {
            return text_part(out, self.is_html, &self.body);
        };
        let boundary = format!("=_{}", hex(&Sha256::digest(self.message_id.as_bytes()), 12));
        line(out, "Content-Type", &format!("multipart/alternative; boundary=\"{boundary}\""));
        for (is_html, text) in [(false, plain), (true, &self.body)] {
            out.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
            text_part(out, is_html, text);
        }
        out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    }

    /// A mail that was received or came as MIME, as if it had been written here.
    pub(crate) fn written(mail: &Mail, received: Timestamp) -> Composed {
        let nobody = || Person { name: None, address: String::new() };
        let others =
            mail.headers.iter().filter(|(name, _)| !OWN.contains(&name.to_ascii_lowercase().as_str()));
        Composed {
            message_id: mail.message_id.clone().unwrap_or_default(),
            date: mail.sent_at.unwrap_or(received),
            from: mail.from.clone().unwrap_or_else(nobody),
            to: mail.to.clone(),
            cc: mail.cc.clone(),
            bcc: mail.bcc.clone(),
            reply_to: mail.reply_to.clone(),
            subject: mail.subject.clone().unwrap_or_default(),
            body: mail.html.clone().unwrap_or_else(|| mail.text_body()),
            is_html: mail.html.is_some(),
            plain: mail.text.clone().filter(|_| mail.html.is_some()),
            in_reply_to: mail.in_reply_to.clone(),
            references: mail.references.clone(),
            headers: others.cloned().collect(),
            attachments: mail.attachments.clone(),
        }
    }

    /// Sets a header that may be there already.
    pub(crate) fn set_header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(old, _)| !old.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }
}

/// The headers that are written from the other parts.
const OWN: [&str; 14] = [
    "from",
    "to",
    "cc",
    "bcc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
];

fn text_part(out: &mut Vec<u8>, is_html: bool, text: &str) {
    let kind = if is_html { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" };
    line(out, "Content-Type", kind);
    encoded_part(out, text.as_bytes());
}

fn attachment_part(out: &mut Vec<u8>, attachment: &Attachment) {
    if attachment.is_message {
        line(out, "Content-Type", "message/rfc822");
        line(out, "Content-Disposition", "attachment");
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&attachment.bytes);
        return;
    }
    let kind = clean(&attachment.content_type);
    line(out, "Content-Type", &format!("{kind}{}", parameter("name", &attachment.name)));
    let shown = if attachment.is_inline { "inline" } else { "attachment" };
    line(out, "Content-Disposition", &format!("{shown}{}", parameter("filename", &attachment.name)));
    if let Some(id) = &attachment.content_id {
        line(out, "Content-ID", &format!("<{}>", clean(id)));
    }
    encoded_part(out, &attachment.bytes);
}

fn encoded_part(out: &mut Vec<u8>, bytes: &[u8]) {
    line(out, "Content-Transfer-Encoding", "base64");
    out.extend_from_slice(b"\r\n");
    for row in bytes.chunks(57) {
        out.extend_from_slice(STANDARD.encode(row).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

fn line(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
}

fn address_list(people: &[Person]) -> String {
    let one = |person: &Person| match &person.name {
        Some(name) if name.is_ascii() => {
            format!("\"{}\" <{}>", clean(name).replace(['"', '\\'], ""), clean(&person.address))
        }
        Some(name) => format!("{} <{}>", encoded(name), clean(&person.address)),
        None => clean(&person.address),
    };
    people.iter().map(one).collect::<Vec<_>>().join(",\r\n ")
}

/// Without anything that could end the header line.
fn clean(value: &str) -> String {
    value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// [RFC 2047](https://www.rfc-editor.org/rfc/rfc2047) where it is needed.
fn encoded(value: &str) -> String {
    let value = clean(value);
    if value.is_ascii() {
        return value;
    }
    let mut words = Vec::new();
    let mut word = String::new();
    for c in value.chars() {
        if word.len() + c.len_utf8() > 42 {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let encode = |word: &String| format!("=?utf-8?B?{}?=", STANDARD.encode(word));
    words.iter().map(encode).collect::<Vec<_>>().join("\r\n ")
}

/// A parameter of a header; in pieces as [RFC 2231](https://www.rfc-editor.org/rfc/rfc2231) has it where the value is
/// not ASCII, because an encoded word may not stand between quotes.
fn parameter(name: &str, value: &str) -> String {
    let value = clean(value).replace(['"', '\\'], "_");
    if value.is_ascii() {
        return format!("; {name}=\"{value}\"");
    }
    let mut pieces = vec![String::from("utf-8''")];
    for letter in value.chars() {
        // Between letters, because some readers decode each piece by itself.
        if pieces.last().is_none_or(|piece| piece.len() > 48) {
            pieces.push(String::new());
        }
        let Some(piece) = pieces.last_mut() else { continue };
        if letter.is_ascii_alphanumeric() || "-._".contains(letter) {
            piece.push(letter);
        } else {
            for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
                piece.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    let number = |(at, piece): (usize, String)| format!(";\r\n {name}*{at}*={piece}");
    pieces.into_iter().enumerate().map(number).collect()
}

/// The first `count` bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8], count: usize) -> String {
    bytes.iter().take(count).map(|byte| format!("{byte:02x}")).collect()
}
