//! The tokenizer: bytes in pieces of any size go in, tokens come out as soon as they are complete.
//!
//! Work is linear in the bytes whatever the pieces: where a search for the end of a tag stopped is
//! remembered. Memory is one piece plus one tag; text, comments and CDATA pass through in parts.

use memchr::{memchr, memchr2, memmem};
use quick_xml::events::BytesStart;
use quick_xml::parser::{ElementParser, Parser};

use super::clean;
use crate::malformed::{Malformed, Reason};

/// Levels of nesting. Exchange's own answers stay below 20.
const MAX_DEPTH: usize = 128;
/// Attributes of one element. Exchange's own stay below 10.
const MAX_ATTRIBUTES: usize = 256;
/// Bytes of one tag. Ids are below 1 KB, `SyncState` is text and not a tag.
const MAX_TAG: usize = 64 * 1024;
/// Bytes of the declaration at the start.
const MAX_DECLARATION: usize = 1_024;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An element begins.
    Start,
    /// An element ends.
    End,
    /// Part of a text.
    Text,
    /// The document ended well.
    Eof,
}

/// Where in the grammar the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Content,
    Comment,
    Cdata,
    Instruction,
}

/// See the module.
pub(super) struct Tokenizer {
    buffer: Vec<u8>,
    /// Start of what is not consumed.
    at: usize,
    /// How far behind `at` the search for the end of the current tag got, and its state.
    scanned: usize,
    tag: ElementParser,
    state: State,
    /// Bytes dropped from the front of `buffer` so far.
    dropped: u64,
    limit: u64,
    closed: bool,
    seen_root: bool,
    /// Names of the open elements one after the other, and where each begins.
    names: Vec<u8>,
    starts: Vec<usize>,
    /// The last tag's bytes without brackets, or the last text.
    token: (usize, usize),
    name_len: usize,
    /// `<a/>` was given out as a start; its end is due.
    end_due: bool,
    /// The last reference's character, if the last token is one.
    reference: Option<([u8; 4], usize)>,
}

impl Tokenizer {
    /// Refuses documents of more than `limit` bytes.
    pub(super) fn new(limit: u64) -> Self {
        Tokenizer {
            buffer: Vec::new(),
            at: 0,
            scanned: 0,
            tag: ElementParser::default(),
            state: State::Content,
            dropped: 0,
            limit,
            closed: false,
            seen_root: false,
            names: Vec::new(),
            starts: Vec::new(),
            token: (0, 0),
            name_len: 0,
            end_due: false,
            reference: None,
        }
    }

    /// Takes the next bytes. The last token's text is gone after this.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        self.buffer.drain(..self.at);
        self.dropped += self.at as u64;
        self.at = 0;
        self.token = (0, 0);
        if self.dropped + self.buffer.len() as u64 + bytes.len() as u64 > self.limit {
            return Err(self.error(Reason::Length(self.limit)));
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Gets ready for another document that follows in the same bytes; limit and places begin anew.
    pub(super) fn restart(&mut self) {
        let mut next = Tokenizer::new(self.limit);
        next.buffer = self.buffer.split_off(self.at.min(self.buffer.len()));
        next.closed = self.closed;
        *self = next;
    }

    /// Drops white space before a document. False if more bytes are needed to say whether something follows.
    pub(super) fn skip_blank(&mut self) -> bool {
        self.buffer = self.buffer.trim_ascii_start().to_vec();
        !self.buffer.is_empty()
    }

    /// No more bytes will come.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// The last start tag's name without its prefix; empty after any other token.
    pub(super) fn name(&self) -> &[u8] {
        local(self.slice(self.token.0, self.token.0 + self.name_len))
    }

    /// The last text.
    pub(super) fn text(&self) -> &[u8] {
        match &self.reference {
            Some((bytes, len)) => bytes.get(..*len).unwrap_or_default(),
            None => self.slice(self.token.0, self.token.1),
        }
    }

    /// An attribute of the last start tag, by its local name.
    pub(super) fn attribute(&self, name: &[u8]) -> Option<String> {
        let tag = std::str::from_utf8(self.slice(self.token.0, self.token.1)).ok()?;
        let start = BytesStart::from_content(tag, self.name_len.min(tag.len()));
        let found = start
            .attributes()
            .with_checks(false)
            .flatten()
            .find(|attribute| local(attribute.key.as_ref().as_bytes()) == name)?;
        Some(clean::unescape(found.value.as_bytes()))
    }

    /// Whether a namespace is declared on the last start tag for its own prefix.
    pub(super) fn has_namespace(&self, allowed: &[&str]) -> bool {
        let whole = self.slice(self.token.0, self.token.0 + self.name_len);
        let Ok(tag) = std::str::from_utf8(self.slice(self.token.0, self.token.1)) else { return false };
        let wanted = match memchr(b':', whole) {
            Some(colon) => [b"xmlns:", self.slice(self.token.0, self.token.0 + colon)].concat(),
            None => b"xmlns".to_vec(),
        };
        let start = BytesStart::from_content(tag, self.name_len.min(tag.len()));
        start
            .attributes()
            .with_checks(false)
            .flatten()
            .any(|a| a.key.as_ref().as_bytes() == wanted && allowed.contains(&a.value.as_ref()))
    }

    /// How many elements are open.
    pub(super) fn depth(&self) -> usize {
        self.starts.len()
    }

    /// An error at this place.
    pub(super) fn error(&self, reason: Reason) -> Malformed {
        let mut element = String::new();
        for (index, start) in self.starts.iter().enumerate() {
            let end = self.starts.get(index + 1).copied().unwrap_or(self.names.len());
            if index > 0 {
                element.push('/');
            }
            let name = local(self.names.get(*start..end).unwrap_or_default());
            element.extend(String::from_utf8_lossy(name).chars().filter(|c| !c.is_control()).take(64));
        }
        if element.is_empty() {
            element.push_str("the document");
        }
        Malformed { reason, element, offset: self.dropped + self.at as u64 }
    }

    /// The next token, or `None` when more bytes are needed.
    pub(super) fn next(&mut self) -> Result<Option<Kind>, Malformed> {
        self.reference = None;
        if self.end_due {
            self.end_due = false;
            self.pop();
            return Ok(Some(Kind::End));
        }
        loop {
            if self.dropped == 0 && self.at == 0 && !self.byte_order()? {
                return Ok(None);
            }
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            let Some(first) = rest.first().copied() else {
                return self.end_of_bytes();
            };
            let step = match self.state {
                State::Comment => self.pass(b"-->"),
                State::Instruction => self.pass(b"?>"),
                State::Cdata => self.cdata(),
                State::Content if first == b'<' => self.markup()?,
                State::Content if first == b'&' => self.refer()?,
                State::Content => self.plain()?,
            };
            match step {
                Step::Token(kind) => return Ok(Some(kind)),
                Step::Again => {}
                Step::More if self.closed => return Err(self.error(Reason::Cut)),
                Step::More => return Ok(None),
            }
        }
    }

    /// Looks at the first bytes: drops the mark of UTF-8, refuses UTF-16. False when too few are there.
    fn byte_order(&mut self) -> Result<bool, Malformed> {
        let head = self.buffer.get(..4.min(self.buffer.len())).unwrap_or_default();
        if head.len() < 4 && !self.closed {
            return Ok(false);
        }
        match head {
            [0xEF, 0xBB, 0xBF, ..] => self.at = 3,
            [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] | [0, ..] | [b'<', 0, ..] => {
                return Err(self.error(Reason::Encoding));
            }
            _ => {}
        }
        Ok(true)
    }

    fn end_of_bytes(&self) -> Result<Option<Kind>, Malformed> {
        match (self.closed, self.starts.is_empty() && self.seen_root && self.state == State::Content) {
            (false, _) => Ok(None),
            (true, true) => Ok(Some(Kind::Eof)),
            (true, false) => Err(self.error(Reason::Cut)),
        }
    }

    /// Drops bytes up to and with `end`, without keeping what was passed.
    fn pass(&mut self, end: &[u8]) -> Step {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        if let Some(found) = memmem::find(rest, end) {
            self.at += found + end.len();
            self.state = State::Content;
            return Step::Again;
        }
        self.at += rest.len().saturating_sub(end.len() - 1);
        Step::More
    }

    fn cdata(&mut self) -> Step {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let found = memmem::find(rest, b"]]>");
        let len = found.unwrap_or(rest.len().saturating_sub(2));
        if len == 0 {
            return match found {
                Some(_) => {
                    self.at += 3;
                    self.state = State::Content;
                    Step::Again
                }
                None => Step::More,
            };
        }
        self.give_text(len);
        Step::Token(Kind::Text)
    }

    fn plain(&mut self) -> Result<Step, Malformed> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let len = memchr2(b'<', b'&', rest).unwrap_or(rest.len());
        if self.starts.is_empty() {
            let blank = rest.iter().take(len).take_while(|byte| byte.is_ascii_whitespace()).count();
            self.at += blank;
            if blank < len {
                return Err(self.error(Reason::Markup("text outside the root element")));
            }
            return Ok(Step::Again);
        }
        self.give_text(len);
        Ok(Step::Token(Kind::Text))
    }

    fn give_text(&mut self, len: usize) {
        self.token = (self.at, self.at + len);
        self.name_len = 0;
        self.at += len;
    }

    fn refer(&mut self) -> Result<Step, Malformed> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let window = rest.get(..clean::MAX_REFERENCE.min(rest.len())).unwrap_or_default();
        let Some(end) = memchr(b';', window) else {
            return if rest.len() >= clean::MAX_REFERENCE {
                Err(self.error(Reason::Entity))
            } else {
                Ok(Step::More)
            };
        };
        let name = window.get(1..end).unwrap_or_default();
        let (Some(c), false) = (clean::reference(name), self.starts.is_empty()) else {
            return Err(self.error(Reason::Entity));
        };
        let mut bytes = [0; 4];
        let len = c.encode_utf8(&mut bytes).len();
        self.reference = Some((bytes, len));
        self.at += end + 1;
        Ok(Step::Token(Kind::Text))
    }

    fn markup(&mut self) -> Result<Step, Malformed> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        match rest {
            [_, b'/', ..] => self.end_tag(),
            [_, b'?', ..] => self.instruction(),
            [_, b'!', ..] => self.declaration(),
            [_] => Ok(Step::More),
            _ => self.start_tag(),
        }
    }

    fn declaration(&mut self) -> Result<Step, Malformed> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        for (opening, state) in [(&b"<!--"[..], State::Comment), (&b"<![CDATA["[..], State::Cdata)] {
            if rest.starts_with(opening) {
                if state == State::Cdata && self.starts.is_empty() {
                    return Err(self.error(Reason::Markup("text outside the root element")));
                }
                self.at += opening.len();
                self.state = state;
                return Ok(Step::Again);
            }
            if opening.starts_with(rest) {
                return Ok(Step::More);
            }
        }
        Err(self.error(Reason::Doctype))
    }

    /// Only the declaration at the very start is looked at, for its encoding.
    fn instruction(&mut self) -> Result<Step, Malformed> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        if rest.len() < 6 && !self.closed {
            return Ok(Step::More);
        }
        if rest.starts_with(b"<?xml ") {
            let window = rest.get(..MAX_DECLARATION.min(rest.len())).unwrap_or_default();
            let Some(end) = memmem::find(window, b"?>") else {
                return if rest.len() >= MAX_DECLARATION {
                    Err(self.error(Reason::Markup("no end of <?xml")))
                } else {
                    Ok(Step::More)
                };
            };
            let declaration = rest.get(..end).unwrap_or_default().to_ascii_lowercase();
            let unicode = [&b"utf-8"[..], b"utf8", b"us-ascii"];
            if memmem::find(&declaration, b"encoding").is_some()
                && !unicode.iter().any(|name| memmem::find(&declaration, name).is_some())
            {
                return Err(self.error(Reason::Encoding));
            }
        }
        self.at += 2;
        self.state = State::Instruction;
        Ok(Step::Again)
    }

    /// The end of the tag that starts at `at`, as an index into the rest.
    fn tag_end(&mut self) -> Result<Option<usize>, Malformed> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let from = self.scanned.max(1).min(rest.len());
        let found = self.tag.feed(rest.get(from..).unwrap_or_default()).map(|index| from + index);
        let length = found.unwrap_or(rest.len());
        self.scanned = length;
        if length > MAX_TAG {
            return Err(self.error(Reason::TagLength(MAX_TAG)));
        }
        if found.is_some() {
            self.scanned = 0;
            self.tag = ElementParser::default();
        }
        Ok(found)
    }

    fn end_tag(&mut self) -> Result<Step, Malformed> {
        // Nearly every end tag is written the shortest way, and then one comparison is enough.
        let rest = self.buffer.get(self.at + 2..).unwrap_or_default();
        let open = self.starts.last().and_then(|start| self.names.get(*start..)).unwrap_or_default();
        if !open.is_empty() && rest.starts_with(open) && rest.get(open.len()) == Some(&b'>') {
            self.at += open.len() + 3;
            self.scanned = 0;
            self.tag = ElementParser::default();
            self.pop();
            return Ok(Step::Token(Kind::End));
        }
        let Some(end) = self.tag_end()? else { return Ok(Step::More) };
        let name = self.slice(self.at + 2, self.at + end).trim_ascii_end();
        let open = self.starts.last().and_then(|start| self.names.get(*start..));
        if open != Some(name) {
            return Err(self.error(Reason::Markup("an end tag does not match its start tag")));
        }
        self.at += end + 1;
        self.pop();
        Ok(Step::Token(Kind::End))
    }

    fn start_tag(&mut self) -> Result<Step, Malformed> {
        let Some(end) = self.tag_end()? else { return Ok(Step::More) };
        if self.starts.is_empty() && self.seen_root {
            return Err(self.error(Reason::Markup("a second root element")));
        }
        if self.starts.len() >= MAX_DEPTH {
            return Err(self.error(Reason::Depth(MAX_DEPTH)));
        }
        let mut inner = (self.at + 1, self.at + end);
        self.end_due = self.slice(inner.1.saturating_sub(1), inner.1) == b"/" && inner.1 > inner.0;
        if self.end_due {
            inner.1 -= 1;
        }
        let bytes = self.slice(inner.0, inner.1);
        let name_len = bytes.iter().position(u8::is_ascii_whitespace).unwrap_or(bytes.len());
        let named = bytes.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_' || *b >= 0x80);
        let Ok(tag) = std::str::from_utf8(bytes) else { return Err(self.error(Reason::Encoding)) };
        if !named {
            return Err(self.error(Reason::Markup("a tag without a name")));
        }
        // The shortest attribute is ` a=""`: a short tag cannot have too many, and is not looked through.
        if tag.len() > MAX_ATTRIBUTES * 5 {
            let attributes = BytesStart::from_content(tag, name_len).attributes().with_checks(false).count();
            if attributes > MAX_ATTRIBUTES {
                return Err(self.error(Reason::Attributes(MAX_ATTRIBUTES)));
            }
        }
        self.token = inner;
        self.name_len = name_len;
        self.starts.push(self.names.len());
        let name = self.buffer.get(inner.0..inner.0 + name_len).unwrap_or_default();
        self.names.extend_from_slice(name);
        self.seen_root = true;
        self.at += end + 1;
        Ok(Step::Token(Kind::Start))
    }

    fn pop(&mut self) {
        self.token = (0, 0);
        self.name_len = 0;
        if let Some(start) = self.starts.pop() {
            self.names.truncate(start);
        }
    }

    fn slice(&self, from: usize, to: usize) -> &[u8] {
        self.buffer.get(from..to).unwrap_or_default()
    }
}

/// What a look at the next bytes came to.
enum Step {
    Token(Kind),
    Again,
    More,
}

/// A name without its prefix.
fn local(name: &[u8]) -> &[u8] {
    match memchr(b':', name) {
        Some(colon) => name.get(colon + 1..).unwrap_or_default(),
        None => name,
    }
}
