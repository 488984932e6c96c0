//! Messages that are not sent yet: what one is made of, what it holds, what is changed in it, what is hung on it.
//!
//! A file to be attached is named here and not held: its bytes are read while the request that carries them is
//! written, and read again if the request has to be written again.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use crate::restriction::Importance;
use crate::{Address, AttachmentInfo, AttachmentKind, BodyText, Header};

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Draft {
    /// Whose message it is, where that is not the mailbox it is kept in; the server decides whether that is allowed,
    /// and whether it says "on behalf of".
    pub from: Option<Address>,
    /// Recipients. Of an answer: instead of those that the server takes from the original, unless there are none.
    pub to: Vec<Address>,
    /// Copies. Of an answer: beside those that the server takes from the original.
    pub cc: Vec<Address>,
    /// Blind copies.
    pub bcc: Vec<Address>,
    /// Where answers are to go; to the author if there is nobody.
    pub reply_to: Vec<Address>,
    /// Subject; for an answer `None` lets the server write `RE: …` or `FW: …`.
    pub subject: Option<String>,
    /// Body.
    pub body: BodyText,
    /// The same as plain text, beside a body in HTML, for those who read no HTML. Answers cannot have it.
    pub plain: Option<String>,
    /// Whether the text of the original stands below the body of an answer. It always does where a message is passed
    /// on.
    pub quotes: bool,
    /// How important it is; `None` leaves that to the server.
    pub importance: Option<Importance>,
    /// Extra headers; names must begin with `X-` or be `Auto-Submitted`.
    pub headers: Vec<Header>,
    /// Our own key. Kept on the item, so that it can be found in Drafts and Sent Items after a crash.
    pub key: String,
}

/// A whole message in MIME form, to be kept as a draft: head, recipients and parts are in it.
#[derive(Clone)]
pub struct MimeDraft {
    /// How many bytes it has; other than that it is not kept.
    pub size: u64,
    /// Its bytes.
    pub content: Arc<dyn Content>,
    /// Our own key, as in [`Draft::key`].
    pub key: String,
}

impl fmt::Debug for MimeDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MimeDraft").field("size", &self.size).field("key", &self.key).finish_non_exhaustive()
    }
}

/// What a message in a mailbox holds, as far as it matters before and after it is sent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DraftContent {
    /// Whether it was not sent yet.
    pub is_draft: bool,
    /// Whose message it is.
    pub from: Option<Address>,
    /// Recipients.
    pub to: Vec<Address>,
    /// Copies.
    pub cc: Vec<Address>,
    /// Blind copies, which only the sender's own message shows.
    pub bcc: Vec<Address>,
    /// Where answers are to go.
    pub reply_to: Vec<Address>,
    /// Subject.
    pub subject: Option<String>,
    /// Body, as the server keeps it.
    pub body: BodyText,
    /// How important it is.
    pub importance: Option<Importance>,
    /// The `Message-ID` header, if the server wrote one already.
    pub internet_message_id: Option<String>,
    /// When it counts as received, RFC 3339 in UTC.
    pub received_at: Option<String>,
    /// What hangs on it.
    pub attachments: Vec<AttachmentInfo>,
}

/// What is changed in a draft; `None` leaves it as it is, and nobody in a list takes everybody out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DraftChange {
    /// Recipients.
    pub to: Option<Vec<Address>>,
    /// Copies.
    pub cc: Option<Vec<Address>>,
    /// Blind copies.
    pub bcc: Option<Vec<Address>>,
    /// Where answers are to go.
    pub reply_to: Option<Vec<Address>>,
    /// Subject.
    pub subject: Option<String>,
    /// Body, all of it.
    pub body: Option<BodyText>,
    /// How important it is.
    pub importance: Option<Importance>,
    /// Headers that are set; names as in [`Draft::headers`].
    pub headers: Vec<Header>,
    /// Our own key.
    pub key: Option<String>,
}

/// Something to be hung on a draft.
#[derive(Clone)]
pub struct NewAttachment {
    /// Its name.
    pub name: String,
    /// Its media type; the server guesses without one.
    pub media_type: Option<String>,
    /// Its `Content-ID`. With one it is shown inside an HTML body that names it.
    pub content_id: Option<String>,
    /// A file, or a message in MIME form. Links are not made here.
    pub kind: AttachmentKind,
    /// How many bytes it has; other than that it is not sent.
    pub size: u64,
    /// Its bytes.
    pub content: Arc<dyn Content>,
}

impl fmt::Debug for NewAttachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAttachment")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// Bytes that can be read from the beginning as often as needed.
pub trait Content: Send + Sync {
    /// A reader at the first byte.
    fn open(&self) -> io::Result<Box<dyn Read + Send>>;
}

impl Content for Vec<u8> {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::Cursor::new(self.clone())))
    }
}
