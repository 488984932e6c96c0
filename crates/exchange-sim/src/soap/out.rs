//! Writing answers: text, and large base64 values that are encoded only while they are sent.

use std::collections::VecDeque;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// Base64 values up to this size are written into the text at once.
const INLINE_BASE64: usize = 8 * 1024;

/// A part of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    /// Text as it is.
    Text(Bytes),
    /// Bytes that go out as base64.
    Base64(Bytes),
}

/// An answer being written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Out {
    done: VecDeque<Piece>,
    text: String,
}

impl Out {
    /// Writes text that is XML already.
    pub(crate) fn raw(&mut self, xml: &str) {
        self.text.push_str(xml);
    }

    /// Writes text, escaped for content and attributes.
    pub(crate) fn text(&mut self, text: &str) {
        let mut from = 0;
        for (at, c) in text.char_indices() {
            let replacement = match c {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\r' => "&#xD;",
                '\n' | '\t' => continue,
                // XML 1.0 has no way to write these; clients would refuse the whole answer.
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => "\u{fffd}",
                _ => continue,
            };
            self.text.push_str(text.get(from..at).unwrap_or_default());
            self.text.push_str(replacement);
            from = at + c.len_utf8();
        }
        self.text.push_str(text.get(from..).unwrap_or_default());
    }

    /// Writes `<name>text</name>`.
    pub(crate) fn element(&mut self, name: &str, text: &str) {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push('>');
        self.text(text);
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }

    /// What was written, of an answer without large values.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// Writes bytes as base64.
    pub(crate) fn base64(&mut self, bytes: &Bytes) {
        if bytes.len() <= INLINE_BASE64 {
            STANDARD.encode_string(bytes, &mut self.text);
            return;
        }
        self.flush();
        self.done.push_back(Piece::Base64(bytes.clone()));
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.done.push_back(Piece::Text(Bytes::from(std::mem::take(&mut self.text))));
        }
    }

    /// The pieces in order.
    pub(crate) fn into_pieces(mut self) -> VecDeque<Piece> {
        self.flush();
        self.done
    }
}
