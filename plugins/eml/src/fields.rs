//! Header fields as bytes: name, and value with its folds.

use memchr::memchr;
use plugin_sdk::Failure;

use crate::anomaly::{Anomalies, Code};
use crate::{charset, limits};

/// One header field, in the bytes of the mail.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// The name without spaces.
    pub name: &'a [u8],
    /// Everything after the colon, folds included, last line end excluded.
    pub value: &'a [u8],
}

impl Field<'_> {
    /// Whether this is the field of that name.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value on one line, as text, spaces trimmed. Encoded words stay as they are.
    ///
    /// Bytes beyond ASCII are UTF-8 (RFC 6532) if they are valid as such, otherwise the fallback charset.
    pub fn text(&self, anomalies: &mut Anomalies) -> String {
        let bytes: Vec<u8> = unfold(self.value);
        if bytes.contains(&0) {
            anomalies.add(Code::NulInHeader, &String::from_utf8_lossy(self.name));
        }
        if bytes.contains(&b'\r') {
            anomalies.add(Code::BareCr, &String::from_utf8_lossy(self.name));
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                anomalies.add(Code::RawHeaderBytes, &String::from_utf8_lossy(self.name));
                charset::guess(error.as_bytes(), anomalies).0
            }
        };
        text.trim_matches([' ', '\t', '\r', '\n']).to_owned()
    }

    /// The name as text.
    pub fn name_text(&self) -> String {
        String::from_utf8_lossy(self.name).into_owned()
    }
}

/// The fields of one part.
pub type Fields<'a> = Vec<Field<'a>>;

/// The first field of that name.
pub fn first<'a, 'b>(fields: &'b [Field<'a>], name: &str) -> Option<&'b Field<'a>> {
    fields.iter().find(|field| field.is(name))
}

/// Takes the line ends out of a folded value; the space that follows each stays.
pub fn unfold(value: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = memchr(b'\n', rest) {
        let (head, tail) = rest.split_at(at);
        line.extend_from_slice(head.strip_suffix(b"\r").unwrap_or(head));
        rest = tail.get(1..).unwrap_or_default();
    }
    line.extend_from_slice(rest);
    line
}

/// The fields of a block that holds nothing but headers. Lines that are none are left out.
///
/// # Errors
/// `limit`, see [`crate::limits`].
pub fn block(bytes: &[u8]) -> Result<Fields<'_>, Failure> {
    let mut fields: Fields<'_> = Vec::new();
    let (mut at, mut value_start) = (0, None);
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let text = rest.get(..length).unwrap_or_default();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.is_empty() && !fields.is_empty() {
            break;
        }
        if text.len() > limits::HEADER_LINE {
            return Err(limits::exceeded("bytes in one line of a header", limits::HEADER_LINE));
        }
        let end = at + text.len();
        match line(text) {
            Line::Continuation => {
                if let (Some(start), Some(field)) = (value_start, fields.last_mut()) {
                    field.value = bytes.get(start..end).unwrap_or_default();
                    if field.value.len() > limits::HEADER_FIELD {
                        return Err(limits::exceeded("bytes in one header", limits::HEADER_FIELD));
                    }
                }
            }
            Line::Field(field, _) => {
                if fields.len() >= limits::HEADERS {
                    return Err(limits::exceeded("headers in one part", limits::HEADERS));
                }
                value_start = Some(end - field.value.len());
                fields.push(field);
            }
            Line::Envelope | Line::Other => {}
        }
        at += length;
    }
    Ok(fields)
}

/// A line of the header block, taken apart.
pub(crate) enum Line<'a> {
    /// `Name: value`.
    Field(Field<'a>, bool),
    /// A continuation of the field above.
    Continuation,
    /// `From ` of an mbox file.
    Envelope,
    /// Anything else: no header at all.
    Other,
}

/// Looks at one line (without its end) of a header block.
pub(crate) fn line(line: &[u8]) -> Line<'_> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Line::Continuation;
    }
    let envelope = line.starts_with(b"From ") || line.starts_with(b">From ");
    let other = if envelope { Line::Envelope } else { Line::Other };
    let Some(colon) = memchr(b':', line) else { return other };
    let (name, value) = line.split_at(colon);
    let trimmed = name.trim_ascii_end();
    if !trimmed.iter().all(|byte| matches!(byte, 33..=126)) {
        return other;
    }
    let value = value.get(1..).unwrap_or_default();
    Line::Field(Field { name: trimmed, value }, trimmed.len() != name.len())
}
