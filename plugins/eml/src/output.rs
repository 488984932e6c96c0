//! What `eml.parse` gives, and how it stays below the size that a step's output may have.
//!
//! Everything in here comes from whoever wrote the mail, so every object is marked untrusted.

use plugin_sdk::Artifact;
use schemars::JsonSchema;
use serde::Serialize;

use crate::address::Address;
use crate::anomaly::{Anomaly, CharsetRepair};
use crate::trace::{Authentication, Hop};

/// A mail, taken apart.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct Output {
    #[serde(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the description of the whole output")]
    pub mail: Mail,
    /// The mails attached to it, at any depth; a mail stands before those attached to it.
    pub messages: Vec<Nested>,
    /// What is odd about the structure.
    pub anomalies: Vec<Anomaly>,
    /// Texts that were read in another charset than they declare.
    pub charset_repairs: Vec<CharsetRepair>,
    /// Whether lists or texts were shortened to keep the output below 1 MiB. Bodies say so themselves.
    pub truncated: bool,
}

/// A mail attached to a mail.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct Nested {
    /// How many mails are around it: 1 if it is attached to the mail itself.
    pub depth: u32,
    /// Index into `messages` of the mail that it is attached to; null if that is the mail itself.
    pub parent: Option<u32>,
    /// Number of the part that holds it, as IMAP counts, e.g. `2`.
    pub part: String,
    /// The attached mail's own bytes. A mail inside of a `.msg` file has none; here are those of the file.
    pub content: Artifact,
    #[serde(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the description of the whole object")]
    pub mail: Mail,
}

/// How a mail is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// As it is sent (RFC 5322).
    #[default]
    Mime,
    /// As Outlook saves it, `.msg`. Everything in it was free for whoever saved it to change.
    Msg,
    /// As Outlook packs it into `winmail.dat`.
    Tnef,
}

/// What signs or encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// S/MIME.
    Smime,
    /// PGP.
    Pgp,
}

/// What was done to content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protected {
    /// It is signed.
    Signed,
    /// It is encrypted.
    Encrypted,
    /// It is compressed.
    Compressed,
}

/// What is known of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    /// Nobody looked at it. It proves nothing: anybody can put any signature into a mail.
    NotVerified,
}

/// A part that is signed or encrypted.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct Protection {
    /// Number of the part as IMAP counts, e.g. `1`; empty if it is the whole mail.
    pub part: String,
    /// S/MIME or PGP.
    pub scheme: Scheme,
    /// Signed, encrypted or compressed.
    pub kind: Protected,
    /// Whether what is inside stands in this output.
    pub opened: bool,
    /// What is known of the signature; null if there is none to see.
    pub signature: Option<Signature>,
}

/// What every mail has.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Mail {
    /// How it is written.
    pub format: Format,
    /// Whether anything in it is signed. No signature was verified: this says what the mail claims.
    pub signed: bool,
    /// Whether anything in it is encrypted, and so is not in this output.
    pub encrypted: bool,
    /// Which parts are signed or encrypted.
    pub protection: Vec<Protection>,
    /// `Message-ID` with its angle brackets. Not unique, and free for the sender to choose.
    pub message_id: Option<String>,
    /// `Subject`, decoded.
    pub subject: Option<String>,
    /// The first mailbox of the first `From`.
    pub from: Option<Address>,
    /// Every mailbox of every `From`. More than one is an anomaly.
    pub from_all: Vec<Address>,
    /// `Sender`.
    pub sender: Option<Address>,
    /// `Reply-To`.
    pub reply_to: Vec<Address>,
    /// `To`.
    pub to: Vec<Address>,
    /// `Cc`.
    pub cc: Vec<Address>,
    /// `Bcc`.
    pub bcc: Vec<Address>,
    /// `Date`, RFC 3339 in UTC; null if missing or unreadable. The sender chose it.
    pub date: Option<String>,
    /// `In-Reply-To`, each with its angle brackets.
    pub in_reply_to: Vec<String>,
    /// `References`, each with its angle brackets.
    pub references: Vec<String>,
    /// `Received` headers from the top: the last server first.
    pub received: Vec<Hop>,
    /// SPF, DKIM, DMARC as the mail's own headers report them.
    pub authentication: Authentication,
    /// Every header in order, duplicates included.
    pub headers: Vec<Header>,
    /// The plain text, decoded: every text part that is no attachment, in order. Null if there is none.
    pub text_body: Option<String>,
    /// Whether `text_body` was cut.
    pub text_truncated: bool,
    /// The whole plain text in UTF-8, if `text_body` was cut.
    pub text_artifact: Option<Artifact>,
    /// The HTML, decoded, like `text_body`.
    pub html_body: Option<String>,
    /// Whether `html_body` was cut.
    pub html_truncated: bool,
    /// The whole HTML in UTF-8, if `html_body` was cut.
    pub html_artifact: Option<Artifact>,
    /// What is attached to this mail itself; what is attached to an attached mail stands there.
    pub attachments: Vec<Attachment>,
}

/// A header field.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct Header {
    /// Its name as it stands.
    pub name: String,
    /// Its value on one line, encoded words decoded.
    pub value: String,
    /// Its value with the encoded words, if it has any.
    pub raw: Option<String>,
}

/// What an attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    /// A file.
    File,
    /// A mail.
    Message,
}

/// Content that needs a tool of its own, and was not opened here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Opaque {
    /// `winmail.dat` that could not be read.
    Tnef,
    /// S/MIME: a signature, encrypted, or not to be read.
    Smime,
    /// PGP: signed or encrypted.
    Pgp,
    /// AppleDouble: the resources of a Macintosh file.
    Appledouble,
    /// uuencode as transfer encoding.
    Uuencode,
    /// A part of a mail that was cut into pieces, or a pointer to content elsewhere.
    External,
}

/// An attachment.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct Attachment {
    /// Its file name, decoded; null if it has none. Never use it as a path.
    pub name: Option<String>,
    /// The name that `Content-Type` gives if `Content-Disposition` gives another one.
    pub other_name: Option<String>,
    /// The declared media type.
    pub content_type: String,
    /// Length in bytes, transfer encoding removed.
    pub size: u64,
    /// SHA-256 of those bytes, 64 hex digits.
    pub sha256: String,
    /// `Content-ID` without angle brackets.
    pub content_id: Option<String>,
    /// `attachment`, `inline` or whatever else the mail says; null if nothing.
    pub disposition: Option<String>,
    /// Whether it is meant to be shown in the body.
    pub is_inline: bool,
    /// File or mail.
    pub kind: AttachmentKind,
    /// Index into `messages` if it is a mail that was opened.
    pub message: Option<u32>,
    /// Why nothing in this plugin looks inside, if so.
    pub opaque: Option<Opaque>,
    /// Number of the part as IMAP counts, e.g. `1.2`. Of what lies in a container without parts, that of the container.
    pub part: String,
    /// Index into the same `attachments` of the `winmail.dat` or `smime.p7m` that it was taken out of; null if it
    /// stands in the mail itself.
    pub container: Option<u32>,
    /// Its bytes.
    pub content: Artifact,
}

/// What may still be spent on texts, in bytes of JSON.
#[derive(Debug)]
pub struct Budget {
    left: usize,
    /// Whether something had to be left out.
    pub exhausted: bool,
}

impl Budget {
    /// So many bytes.
    pub fn new(left: usize) -> Self {
        Budget { left, exhausted: false }
    }

    /// Takes `cost` for an element of a list; if there is no more, the element must be left out.
    pub fn spend(&mut self, cost: usize) -> bool {
        let enough = self.left >= cost;
        if enough {
            self.left -= cost;
        } else {
            self.exhausted = true;
        }
        enough
    }

    /// The text, or as much of its beginning as there is room for, and whether it was cut.
    pub fn cut(&mut self, text: String, most: usize) -> (String, bool) {
        let room = self.left.min(most);
        let mut cost = 0;
        let end = text.char_indices().find_map(|(at, letter)| {
            cost += json_cost(letter);
            (cost > room).then_some(at)
        });
        match end {
            None => {
                self.left -= cost;
                (text, false)
            }
            Some(end) => {
                self.left -= room;
                (text.get(..end).unwrap_or_default().to_owned(), true)
            }
        }
    }

    /// The same for a text that does not say by itself that it was cut.
    pub fn text(&mut self, text: String, most: usize) -> String {
        let (text, cut) = self.cut(text, most);
        self.exhausted |= cut;
        text
    }
}

/// Bytes that a character takes inside of a JSON string.
fn json_cost(letter: char) -> usize {
    match letter {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        _ => letter.len_utf8(),
    }
}
