//! `Content-Type` and `Content-Disposition`: a value and parameters (RFC 2045 5.1, RFC 2231).

use std::collections::BTreeMap;

use crate::anomaly::{Anomalies, Code};
use crate::charset;
use crate::fields::{self, Field, unfold};
use crate::transfer::hex;
use crate::words;

/// More pieces than this belong to an attack, not to a file name.
const PARAMETERS: usize = 200;

/// A media type with the parameters that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// `type/subtype`, lower case.
    pub name: String,
    parameters: Vec<(String, Parameter)>,
}

/// A parameter's value as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    bytes: Vec<u8>,
    /// Charset of RFC 2231, if the value was written that way.
    charset: Option<String>,
}

impl Parameter {
    /// As text: RFC 2231 charset, otherwise encoded words (wrong there, but usual), UTF-8, the fallback charset.
    pub fn text(&self, anomalies: &mut Anomalies) -> String {
        if let Some(label) = &self.charset {
            return charset::decode(&self.bytes, Some(label), anomalies);
        }
        let text = match std::str::from_utf8(&self.bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => charset::guess(&self.bytes, anomalies).0,
        };
        words::decode(&text, anomalies)
    }
}

impl Media {
    /// What a part is that does not say.
    pub fn plain() -> Self {
        Media { name: "text/plain".to_owned(), parameters: Vec::new() }
    }

    /// What a part of a digest is that does not say.
    pub fn message() -> Self {
        Media { name: "message/rfc822".to_owned(), parameters: Vec::new() }
    }

    /// Whether it is this type.
    pub fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// Whether it contains parts.
    pub fn is_multipart(&self) -> bool {
        self.name.starts_with("multipart/")
    }

    /// Whether it is a mail.
    pub fn is_message(&self) -> bool {
        Media::is_message_name(&self.name)
    }

    /// Whether a media type is that of a mail.
    pub fn is_message_name(name: &str) -> bool {
        matches!(name, "message/rfc822" | "message/global" | "message/news")
    }

    /// A parameter by its lower-case name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The boundary, if there is a usable one.
    pub fn boundary(&self) -> Option<Vec<u8>> {
        let boundary = self.parameter("boundary")?.bytes.trim_ascii_end().to_vec();
        (!boundary.is_empty()).then_some(boundary)
    }

    /// The declared charset.
    pub fn charset(&self) -> Option<String> {
        let label = String::from_utf8_lossy(&self.parameter("charset")?.bytes).trim().to_ascii_lowercase();
        (!label.is_empty()).then_some(label)
    }
}

/// The media type of a part from its fields.
pub fn of(fields: &[Field<'_>], default: &Media, anomalies: &mut Anomalies) -> Media {
    let Some(field) = fields::first(fields, "content-type") else { return default.clone() };
    let mut media = structured(field, anomalies);
    let (kind, subtype) = media.name.split_once('/').unwrap_or_default();
    let token =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte > b' ' && byte < 127 && byte != b'/');
    if !token(kind) || !token(subtype) {
        anomalies.add(Code::BadContentType, &media.name);
        let usable = subtype.split([' ', '\t']).next().unwrap_or_default();
        media.name =
            if token(kind) && token(usable) { format!("{kind}/{usable}") } else { default.name.clone() };
    }
    media
}

/// Reads `value; name=value; …` of any header of that form.
pub fn structured(field: &Field<'_>, anomalies: &mut Anomalies) -> Media {
    let line = unfold(field.value);
    let mut scan = Scan { bytes: &line, at: 0, comments: true };
    let name = String::from_utf8_lossy(&scan.token(b";")).trim().to_ascii_lowercase();
    let mut parameters: Vec<(String, Parameter)> = Vec::new();
    let mut pieces: BTreeMap<String, BTreeMap<u32, (Vec<u8>, bool)>> = BTreeMap::new();
    let mut count = 0;
    while scan.eat(b';') {
        let key = String::from_utf8_lossy(&scan.token(b";=")).trim().to_ascii_lowercase();
        if !scan.eat(b'=') {
            continue;
        }
        let value = scan.value();
        count += 1;
        if count > PARAMETERS {
            anomalies.add(Code::TooManyParameters, &field.name_text());
            break;
        }
        match key.split_once('*') {
            None => {
                if !key.is_empty() && !parameters.iter().any(|(name, _)| *name == key) {
                    parameters.push((key, Parameter { bytes: value, charset: None }));
                }
            }
            Some((base, rest)) => {
                let extended = rest.is_empty() || rest.ends_with('*');
                let number = rest.trim_end_matches('*');
                let Some(number) = (if number.is_empty() { Some(0) } else { number.parse().ok() }) else {
                    continue;
                };
                pieces.entry(base.to_owned()).or_default().entry(number).or_insert((value, extended));
            }
        }
    }
    for (key, pieces) in pieces {
        let parameter = join(pieces);
        // RFC 2231 wins over the plain form that is sent along for old programs.
        parameters.retain(|(name, _)| *name != key);
        parameters.push((key, parameter));
    }
    Media { name, parameters }
}

fn join(pieces: BTreeMap<u32, (Vec<u8>, bool)>) -> Parameter {
    let mut label = None;
    let mut bytes = Vec::new();
    for (position, (number, (piece, extended))) in pieces.into_iter().enumerate() {
        if usize::try_from(number) != Ok(position) {
            break;
        }
        if !extended {
            bytes.extend_from_slice(&piece);
            continue;
        }
        let mut rest = piece.as_slice();
        if position == 0 {
            let mut quotes = piece.splitn(3, |byte| *byte == b'\'');
            if let (Some(charset), Some(_language), Some(text)) =
                (quotes.next(), quotes.next(), quotes.next())
            {
                label = Some(String::from_utf8_lossy(charset).to_ascii_lowercase());
                rest = text;
            }
        }
        percent(rest, &mut bytes);
    }
    Parameter {
        bytes,
        charset: Some(label.filter(|label| !label.is_empty()).unwrap_or_else(|| "utf-8".to_owned())),
    }
}

fn percent(text: &[u8], into: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if let (b'%', [high, low, more @ ..]) = (byte, tail)
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            into.push(high * 16 + low);
            rest = more;
        } else {
            into.push(*byte);
        }
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Off once a comment has turned out to have no end.
    comments: bool,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Bytes up to one of `stops`, without comments.
    fn token(&mut self, stops: &[u8]) -> Vec<u8> {
        let mut token = Vec::new();
        while let Some(byte) = self.peek() {
            if stops.contains(&byte) {
                break;
            }
            if byte == b'(' && self.comments {
                self.comment();
                continue;
            }
            token.push(byte);
            self.at += 1;
        }
        token
    }

    /// Skips a comment; one that never ends is text.
    fn comment(&mut self) {
        let start = self.at;
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'(' => depth += 1,
                b')' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return;
                    }
                }
                _ => {}
            }
        }
        self.at = start;
        // Looking for the end again at every parenthesis would be quadratic.
        self.comments = false;
    }

    fn value(&mut self) -> Vec<u8> {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        if !self.eat(b'"') {
            let mut value = Vec::new();
            while let Some(byte) = self.peek().filter(|byte| *byte != b';') {
                value.push(byte);
                self.at += 1;
            }
            return value.trim_ascii().to_vec();
        }
        let mut value = Vec::new();
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => {
                    // Windows paths in names: only quotes and backslashes are escaped in practice.
                    match self.peek() {
                        Some(next @ (b'"' | b'\\')) => {
                            value.push(next);
                            self.at += 1;
                        }
                        _ => value.push(byte),
                    }
                }
                _ => value.push(byte),
            }
        }
        // What stands between the closing quote and the next `;` says nothing.
        while self.peek().is_some_and(|byte| byte != b';') {
            self.at += 1;
        }
        value
    }
}
