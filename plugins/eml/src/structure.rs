//! From bytes to a flat list of parts, in one pass over the lines.
//!
//! No recursion and no tree of boxes: open containers are a stack, parts a list in which a parent stands before its
//! children. So depth costs nothing, and the limits of [`crate::limits`] stop the pass at the first line too many.
//!
//! Boundaries are compared as whole lines (RFC 2046 5.1.1), so one that is a prefix of another does not match it. A
//! boundary of an outer multipart ends the inner ones.

use std::ops::Range;

use memchr::memchr;
use plugin_sdk::Failure;

use crate::anomaly::{Anomalies, Code};
use crate::fields::{self, Field, Fields, Line};
use crate::limits;
use crate::media::{self, Media};
use crate::transfer::Encoding;

/// What a part turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Content.
    Leaf,
    /// A container of parts.
    Multipart,
    /// An attached mail whose root is the part with this index.
    Message(usize),
}

/// One part.
#[derive(Debug)]
pub struct Part<'a> {
    /// Its header fields.
    pub fields: Fields<'a>,
    /// Its `Content-Type`, with defaults applied.
    pub media: Media,
    /// What it is.
    pub kind: Kind,
    /// The bytes after its headers, still encoded.
    pub body: &'a [u8],
    /// Index of the root part of the mail that it belongs to.
    pub root: usize,
    /// How many mails are around it.
    pub depth: u32,
    /// Number as IMAP counts, e.g. `1.2`; empty for a root.
    pub path: String,
    children: usize,
}

/// How much of the budget of a mail is used up; carried from one buffer to the next.
#[derive(Debug, Default)]
pub struct Used {
    parts: usize,
    headers: usize,
}

impl Used {
    /// Counts a part that is no part of MIME.
    ///
    /// # Errors
    /// `limit` for one too many.
    pub fn part(&mut self) -> Result<(), Failure> {
        self.parts += 1;
        if self.parts > limits::PARTS { Err(limits::exceeded("parts", limits::PARTS)) } else { Ok(()) }
    }

    /// Counts headers.
    ///
    /// # Errors
    /// `limit` for one too many.
    pub fn headers(&mut self, count: usize) -> Result<(), Failure> {
        self.headers += count;
        if self.headers > limits::HEADERS_TOTAL {
            return Err(limits::exceeded("headers", limits::HEADERS_TOTAL));
        }
        Ok(())
    }
}

enum Open {
    Multipart { part: usize, boundary: Vec<u8>, start: usize, seen: bool },
    Message { part: usize, start: usize },
}

#[derive(Clone, Copy)]
enum Mode {
    Headers(usize),
    Body {
        part: usize,
        start: usize,
    },
    /// Between parts: before the first, or after the last.
    Skip {
        after_end: bool,
    },
}

struct Reader<'a, 'b> {
    bytes: &'a [u8],
    parts: Vec<Part<'a>>,
    open: Vec<Open>,
    mode: Mode,
    used: &'b mut Used,
    anomalies: &'b mut Anomalies,
    max_depth: u32,
    /// Where the value of the last field starts, so that continuations can lengthen it.
    value_start: Option<usize>,
}

/// Reads one buffer as a mail.
///
/// `depth` is the number of mails around it and `path` the part that holds it; attached mails deeper than `max_depth`
/// stay leaves.
///
/// # Errors
/// `limit`, see [`crate::limits`].
pub fn read<'a>(
    bytes: &'a [u8],
    depth: u32,
    path: &str,
    max_depth: u32,
    used: &mut Used,
    anomalies: &mut Anomalies,
) -> Result<Vec<Part<'a>>, Failure> {
    let mut reader = Reader {
        bytes,
        parts: Vec::new(),
        open: Vec::new(),
        mode: Mode::Skip { after_end: false },
        used,
        anomalies,
        max_depth,
        value_start: None,
    };
    let root = reader.begin(None, depth, path.to_owned())?;
    reader.mode = Mode::Headers(root);
    let mut at = 0;
    while at < bytes.len() {
        let next =
            bytes.get(at..).and_then(|rest| memchr(b'\n', rest)).map_or(bytes.len(), |end| at + end + 1);
        reader.line(at, next)?;
        at = next;
    }
    reader.finish();
    Ok(reader.parts)
}

impl<'a> Reader<'a, '_> {
    fn begin(&mut self, parent: Option<usize>, depth: u32, path: String) -> Result<usize, Failure> {
        self.used.part()?;
        let index = self.parts.len();
        let digest =
            parent.and_then(|at| self.parts.get(at)).is_some_and(|part| part.media.is("multipart/digest"));
        let root = parent.and_then(|at| self.parts.get(at)).map_or(index, |part| part.root);
        let media = if digest { Media::message() } else { Media::plain() };
        let empty: &'a [u8] = &[];
        self.parts.push(Part {
            fields: Vec::new(),
            media,
            kind: Kind::Leaf,
            body: empty,
            root,
            depth,
            path,
            children: 0,
        });
        self.value_start = None;
        Ok(index)
    }

    fn text(&self, range: Range<usize>) -> &'a [u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    fn line(&mut self, start: usize, next: usize) -> Result<(), Failure> {
        let line = without_end(self.text(start..next));
        if line.starts_with(b"--")
            && let Some((level, last)) = self.boundary(line)
        {
            return self.delimiter(level, last, start);
        }
        match self.mode {
            Mode::Headers(part) => self.header(part, line, start, next),
            Mode::Skip { after_end: true } if !line.trim_ascii().is_empty() => {
                self.anomalies.add(Code::Epilogue, "");
                Ok(())
            }
            Mode::Body { .. } | Mode::Skip { .. } => Ok(()),
        }
    }

    /// The innermost open multipart whose boundary this line is, and whether it is the last one.
    fn boundary(&self, line: &[u8]) -> Option<(usize, bool)> {
        let line = line.get(2..)?.trim_ascii_end();
        self.open.iter().enumerate().rev().find_map(|(level, open)| match open {
            Open::Multipart { boundary, .. } => {
                let rest = line.strip_prefix(boundary.as_slice())?;
                match rest {
                    b"" => Some((level, false)),
                    b"--" => Some((level, true)),
                    _ => None,
                }
            }
            Open::Message { .. } => None,
        })
    }

    fn delimiter(&mut self, level: usize, last: bool, start: usize) -> Result<(), Failure> {
        // The line end before a delimiter belongs to the delimiter.
        let end = start - line_end_before(self.bytes, start);
        while self.open.len() > level + 1 {
            self.close(end);
        }
        self.end_leaf(end);
        if last {
            self.open.pop();
            self.mode = Mode::Skip { after_end: true };
            return Ok(());
        }
        let Some(Open::Multipart { part, seen, .. }) = self.open.last_mut() else { return Ok(()) };
        *seen = true;
        let parent = *part;
        let child = self.child(parent)?;
        self.mode = Mode::Headers(child);
        Ok(())
    }

    fn child(&mut self, parent: usize) -> Result<usize, Failure> {
        let (depth, path) = match self.parts.get_mut(parent) {
            Some(part) => {
                part.children += 1;
                let number = part.children;
                let path =
                    if part.path.is_empty() { number.to_string() } else { format!("{}.{number}", part.path) };
                (part.depth, path)
            }
            None => (0, String::new()),
        };
        self.begin(Some(parent), depth, path)
    }

    fn header(&mut self, part: usize, line: &'a [u8], start: usize, next: usize) -> Result<(), Failure> {
        if line.is_empty() {
            return self.begin_body(part, next);
        }
        if line.len() > limits::HEADER_LINE {
            return Err(limits::exceeded("bytes in one line of a header", limits::HEADER_LINE));
        }
        match fields::line(line) {
            Line::Continuation => {
                let end = start + line.len();
                if let Some(value_start) = self.value_start {
                    if end - value_start > limits::HEADER_FIELD {
                        return Err(limits::exceeded("bytes in one header", limits::HEADER_FIELD));
                    }
                    let value = self.text(value_start..end);
                    if let Some(field) = self.parts.get_mut(part).and_then(|part| part.fields.last_mut()) {
                        field.value = value;
                    }
                    return Ok(());
                }
                if line.trim_ascii().is_empty() {
                    return self.begin_body(part, next);
                }
                self.no_header(part, line, start)
            }
            Line::Field(field, spaced) => {
                if spaced {
                    self.anomalies.add(Code::SpaceBeforeColon, &field.name_text());
                }
                self.push(part, field, start + line.len() - field.value.len())
            }
            // Where an mbox was cut into mails its separator may still stand first.
            Line::Envelope if self.parts.get(part).is_some_and(|part| part.fields.is_empty()) => Ok(()),
            Line::Envelope | Line::Other => self.no_header(part, line, start),
        }
    }

    fn push(&mut self, part: usize, field: Field<'a>, value_start: usize) -> Result<(), Failure> {
        self.value_start = Some(value_start);
        self.used.headers(1)?;
        let Some(part) = self.parts.get_mut(part) else { return Ok(()) };
        if part.fields.len() >= limits::HEADERS {
            return Err(limits::exceeded("headers in one part", limits::HEADERS));
        }
        part.fields.push(field);
        Ok(())
    }

    fn no_header(&mut self, part: usize, line: &[u8], start: usize) -> Result<(), Failure> {
        self.locate(part);
        self.anomalies.add(Code::HeaderWithoutColon, &String::from_utf8_lossy(line));
        self.begin_body(part, start)
    }

    /// The headers of a part are complete: decides what it is.
    fn begin_body(&mut self, index: usize, start: usize) -> Result<(), Failure> {
        self.locate(index);
        let Some(part) = self.parts.get_mut(index) else { return Ok(()) };
        part.media = media::of(&part.fields, &part.media, self.anomalies);
        let encoding = Encoding::of(&part.fields, self.anomalies);
        let (depth, path) = (part.depth, part.path.clone());
        if part.media.is_multipart() {
            match part.media.boundary() {
                Some(boundary) => {
                    if !encoding.is_identity() {
                        self.anomalies.add(Code::EncodedContainer, "");
                    }
                    if boundary.len() > 70 {
                        self.anomalies.add(Code::LongBoundary, "");
                    }
                    part.kind = Kind::Multipart;
                    self.open.push(Open::Multipart { part: index, boundary, start, seen: false });
                    let containers = self.open.iter().filter(|open| matches!(open, Open::Multipart { .. }));
                    if containers.count() > limits::MULTIPART_DEPTH {
                        return Err(limits::exceeded(
                            "multiparts inside one another",
                            limits::MULTIPART_DEPTH,
                        ));
                    }
                    self.mode = Mode::Skip { after_end: false };
                    return Ok(());
                }
                None => {
                    self.anomalies.add(Code::NoBoundary, "");
                    part.media = Media::plain();
                }
            }
        } else if part.media.is_message() && encoding.is_identity() {
            if depth >= limits::MESSAGE_DEPTH {
                return Err(limits::exceeded("mails inside one another", limits::MESSAGE_DEPTH as usize));
            }
            if depth < self.max_depth {
                let child = self.begin(None, depth + 1, path)?;
                if let Some(part) = self.parts.get_mut(index) {
                    part.kind = Kind::Message(child);
                }
                self.open.push(Open::Message { part: index, start });
                self.mode = Mode::Headers(child);
                return Ok(());
            }
        }
        self.mode = Mode::Body { part: index, start };
        Ok(())
    }

    fn locate(&mut self, part: usize) {
        if let Some(part) = self.parts.get(part) {
            self.anomalies.at(None, &part.path);
        }
    }

    fn end_leaf(&mut self, end: usize) {
        match self.mode {
            Mode::Body { part, start } => {
                let body = self.text(start..end.max(start));
                if let Some(part) = self.parts.get_mut(part) {
                    part.body = body;
                }
            }
            // A part that ends among its headers: no body, but its type counts.
            Mode::Headers(index) => {
                if let Some(part) = self.parts.get_mut(index) {
                    part.media = media::of(&part.fields, &part.media, self.anomalies);
                }
            }
            Mode::Skip { .. } => {}
        }
        self.mode = Mode::Skip { after_end: false };
    }

    /// Ends the innermost container at `end`, without its own end boundary.
    fn close(&mut self, end: usize) {
        self.end_leaf(end);
        match self.open.pop() {
            Some(Open::Message { part, start }) => {
                let body = self.text(start..end.max(start));
                if let Some(part) = self.parts.get_mut(part) {
                    part.body = body;
                }
            }
            Some(Open::Multipart { part, start, seen, .. }) => {
                self.locate(part);
                let body = self.text(start..end.max(start));
                if seen {
                    self.anomalies.add(Code::MissingBoundaryEnd, "");
                } else if let Some(part) = self.parts.get_mut(part) {
                    self.anomalies.add(Code::BoundaryNotFound, "");
                    part.kind = Kind::Leaf;
                    part.media = Media::plain();
                    part.body = body;
                }
            }
            None => {}
        }
    }

    fn finish(&mut self) {
        let end = self.bytes.len();
        while !self.open.is_empty() {
            self.close(end);
        }
        self.end_leaf(end);
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn line_end_before(bytes: &[u8], at: usize) -> usize {
    let before = bytes.get(..at).unwrap_or_default();
    if before.ends_with(b"\r\n") { 2 } else { usize::from(before.ends_with(b"\n")) }
}
