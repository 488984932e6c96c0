//! Writes XML. Everything that comes from outside goes through here and is escaped.
//!
//! A character that XML forbids is dropped from free text (a subject, a body), and refused in a value that
//! selects something (an id, an address, a query): there a silently different value would be a different
//! target.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use exchange::{Content, Error, ErrorKind};

use super::is_allowed;
use crate::reach::{Place, Reach};
use crate::version::Version;

/// A document under construction.
#[derive(Default)]
pub(crate) struct Writer {
    out: String,
    refused: Option<String>,
    version: Version,
    owner: Option<String>,
    place: Place,
    cut: Option<usize>,
}

impl Writer {
    /// For a request to a mailbox.
    pub(crate) fn reaching(reach: &Reach) -> Self {
        Writer { version: reach.version, owner: reach.owner.clone(), place: reach.place, ..Writer::default() }
    }

    /// What a document begins with.
    pub(crate) fn prolog(&mut self) {
        self.out.push_str("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
    }

    /// The schema version of the document, for what only some versions have.
    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// A folder by its [well-known name](https://learn.microsoft.com/exchange/client-developer/web-service-reference/distinguishedfolderid):
    /// in the mailbox, archive or tree that this request is about, whoever's that is.
    pub(crate) fn known_folder(&mut self, name: &str) {
        const NOBODYS: [&str; 2] = ["directory", "publicfoldersroot"];
        if NOBODYS.contains(&name) {
            return self.empty("t:DistinguishedFolderId", &[("Id", name)]);
        }
        let id = match self.place.folder(name) {
            Ok(id) => id,
            Err(words) => {
                return self.refuse(words);
            }
        };
        match self.owner.clone() {
            None => self.empty("t:DistinguishedFolderId", &[("Id", &id)]),
            Some(owner) => {
                self.open("t:DistinguishedFolderId", &[("Id", &id)]);
                self.open("t:Mailbox", &[]);
                self.exact("t:EmailAddress", &owner);
                self.close("t:Mailbox");
                self.close("t:DistinguishedFolderId");
            }
        }
    }

    /// Gives the document up: nothing is sent, and these words say why.
    pub(crate) fn refuse(&mut self, words: String) {
        self.refused.get_or_insert(words);
    }

    /// `<name a="b">`. Attribute values are selecting values.
    pub(crate) fn open(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) {
        self.tag(name, attributes);
        self.out.push('>');
    }

    /// `</name>`.
    pub(crate) fn close(&mut self, name: &'static str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// `<name a="b"/>`. Attribute values are selecting values.
    pub(crate) fn empty(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) {
        self.tag(name, attributes);
        self.out.push_str("/>");
    }

    /// `<name>text</name>` with free text.
    pub(crate) fn text(&mut self, name: &'static str, text: &str) {
        self.text_with(name, &[], text);
    }

    /// `<name a="b">text</name>` with free text.
    pub(crate) fn text_with(&mut self, name: &'static str, attributes: &[(&'static str, &str)], text: &str) {
        self.open(name, attributes);
        for c in text.chars() {
            escape(&mut self.out, c, false);
        }
        self.close(name);
    }

    /// `<name>value</name>` with a selecting value.
    pub(crate) fn exact(&mut self, name: &'static str, value: &str) {
        self.check(name, value);
        self.text(name, value);
    }

    /// `<name>bytes</name>` in base64, read piece by piece and encoded into place, so that they are held once. Other
    /// bytes than were promised are not sent.
    pub(crate) fn base64_of(&mut self, name: &'static str, content: &dyn Content, size: u64) {
        let encoded = usize::try_from((size / 3).saturating_mul(4).saturating_add(4)).unwrap_or(usize::MAX);
        if self.out.try_reserve(encoded.saturating_add(TAIL)).is_err() {
            return self.refuse(format!("{size} bytes to be sent along are more than the memory there is"));
        }
        self.open(name, &[]);
        match encode(content, size, &mut self.out) {
            Ok(read) if read == size => {}
            Ok(_) => self.refuse(format!(
                "what is to be sent along has not the {size} bytes it was said to have; give the artifact as a step gave it"
            )),
            Err(error) => self.refuse(format!("what is to be sent along could not be read: {error}")),
        }
        self.close(name);
    }

    /// `<name></name>` for a value in base64 that is put in while the document goes out. One a document.
    pub(crate) fn streamed(&mut self, name: &'static str) {
        self.open(name, &[]);
        self.cut = Some(self.out.len());
        self.close(name);
    }

    /// Where the value goes that is put in later.
    pub(crate) fn cut(&self) -> Option<usize> {
        self.cut
    }

    /// `<name>value</name>` with a value of our own, such as a number or a word of the protocol.
    pub(crate) fn word(&mut self, name: &'static str, value: &str) {
        self.text(name, value);
    }

    /// The document, or what was wrong with a value.
    pub(crate) fn finish(self) -> Result<String, Error> {
        match self.refused {
            None => Ok(self.out),
            Some(words) => Err(Error::new(ErrorKind::Invalid, format!("nothing was sent: {words}"))),
        }
    }

    fn tag(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) {
        self.out.push('<');
        self.out.push_str(name);
        for (key, value) in attributes {
            self.check(key, value);
            self.out.push(' ');
            self.out.push_str(key);
            self.out.push_str("=\"");
            for c in value.chars() {
                escape(&mut self.out, c, true);
            }
            self.out.push('"');
        }
    }

    fn check(&mut self, place: &'static str, value: &str) {
        if !value.chars().all(is_allowed) {
            self.refuse(format!(
                "a value for {place} contains a control character, which cannot be sent to Exchange; check where \
                 the value comes from"
            ));
        }
    }
}

/// How much is read at a time; divisible by three, so that only the last piece is padded.
const PIECE: usize = 48 * 1024;
/// Room for what stands behind an attachment, so that the document is not moved for it.
const TAIL: usize = 4 * 1024;

/// Encodes everything, and gives how much it was; stops as soon as it is more than `most`.
fn encode(content: &dyn Content, most: u64, out: &mut String) -> std::io::Result<u64> {
    let mut reader = content.open()?.take(most.saturating_add(1));
    let mut piece = Vec::with_capacity(PIECE);
    let mut all: u64 = 0;
    loop {
        piece.clear();
        let read = reader.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
        if read == 0 {
            return Ok(all);
        }
        STANDARD.encode_string(&piece, out);
        all = all.saturating_add(read as u64);
    }
}

/// Writes one character. A carriage return needs a reference, or the reader turns it into a line feed; in an
/// attribute the same is true of every white space but the blank.
fn escape(out: &mut String, c: char, attribute: bool) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\r' => out.push_str("&#13;"),
        '\n' if attribute => out.push_str("&#10;"),
        '\t' if attribute => out.push_str("&#9;"),
        c if is_allowed(c) => out.push(c),
        _ => {}
    }
}
