//! What actions show of messages: the outputs that `mail.search` and `mail.get` have in common.
//!
//! Everything a sender wrote is marked `x-untrusted`. What the server says (ids, times, sizes, marks) is not.

use exchange::{Address, AttachmentInfo, AttachmentKind, Header, Mailbox, Message, MessageSummary};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A message as a search shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Summary {
    /// The mailbox it is in.
    pub(crate) mailbox: String,
    /// The server's id; changes when the message is moved.
    pub(crate) item_id: String,
    /// The `Message-ID` header with its angle brackets. Not unique: senders choose it.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) internet_message_id: Option<String>,
    /// Subject.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) subject: Option<String>,
    /// Who it says it is from. Anybody can write anything here.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) from: Option<Address>,
    /// When the server received it, RFC 3339 in UTC.
    pub(crate) received_at: Option<String>,
    /// Size in bytes.
    pub(crate) size: u64,
    /// Whether it was read.
    pub(crate) is_read: bool,
    /// Whether it has attachments a mail client would show.
    pub(crate) has_attachments: bool,
}

impl Summary {
    pub(crate) fn new(mailbox: &Mailbox, summary: MessageSummary) -> Self {
        Summary {
            mailbox: mailbox.as_str().to_owned(),
            item_id: summary.item.id,
            internet_message_id: summary.internet_message_id,
            subject: summary.subject,
            from: summary.from,
            received_at: summary.received_at,
            size: summary.size,
            is_read: summary.is_read,
            has_attachments: summary.has_attachments,
        }
    }
}

/// A whole message without the bytes of its attachments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Full {
    /// The mailbox it is in.
    mailbox: String,
    /// The server's id; changes when the message is moved.
    item_id: String,
    /// The `Message-ID` header with its angle brackets. Not unique: senders choose it.
    #[schemars(extend("x-untrusted" = true))]
    internet_message_id: Option<String>,
    /// Subject.
    #[schemars(extend("x-untrusted" = true))]
    subject: Option<String>,
    /// Who it says it is from. Anybody can write anything here.
    #[schemars(extend("x-untrusted" = true))]
    from: Option<Address>,
    /// Recipients, as the message names them.
    #[schemars(extend("x-untrusted" = true))]
    to: Vec<Address>,
    /// Recipients of copies, as the message names them.
    #[schemars(extend("x-untrusted" = true))]
    cc: Vec<Address>,
    /// When the sender says it was sent, RFC 3339 in UTC.
    #[schemars(extend("x-untrusted" = true))]
    sent_at: Option<String>,
    /// When the server received it, RFC 3339 in UTC.
    received_at: Option<String>,
    /// Size in bytes.
    size: u64,
    /// Whether it was read.
    is_read: bool,
    /// Whether it has attachments a mail client would show.
    has_attachments: bool,
    /// Body as plain text, as far as the server has it.
    #[schemars(extend("x-untrusted" = true))]
    text_body: Option<String>,
    /// Body as HTML.
    #[schemars(extend("x-untrusted" = true))]
    html_body: Option<String>,
    /// Whether a body was cut at `max_body`.
    body_truncated: bool,
    /// Headers in the order of the mail, repeats kept.
    #[schemars(extend("x-untrusted" = true))]
    headers: Vec<Header>,
    /// What is attached, without the bytes; `mail.get_attachments` fetches those.
    attachments: Vec<Attached>,
}

/// An attachment without its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Attached {
    /// The server's id of the attachment.
    attachment_id: String,
    /// The sender's name for it. Never a path.
    #[schemars(extend("x-untrusted" = true))]
    name: Option<String>,
    /// Media type as the sender says.
    #[schemars(extend("x-untrusted" = true))]
    content_type: Option<String>,
    /// Size in bytes as the server says.
    size: u64,
    /// Whether it is shown inside the body.
    is_inline: bool,
    /// `file`, `item` (a message, meeting or contact) or `reference` (a link to a cloud document).
    kind: AttachmentKind,
    /// The `Content-ID` header.
    #[schemars(extend("x-untrusted" = true))]
    content_id: Option<String>,
}

impl From<AttachmentInfo> for Attached {
    fn from(info: AttachmentInfo) -> Self {
        Attached {
            attachment_id: info.id,
            name: info.name,
            content_type: info.content_type,
            size: info.size,
            is_inline: info.is_inline,
            kind: info.kind,
            content_id: info.content_id,
        }
    }
}

impl Full {
    /// `max_body` is the number of bytes kept of each body.
    pub(crate) fn new(mailbox: &Mailbox, message: Message, max_body: usize) -> Self {
        let summary = Summary::new(mailbox, message.summary);
        let (text_body, text_cut) = cut(message.text_body, max_body);
        let (html_body, html_cut) = cut(message.html_body, max_body);
        Full {
            mailbox: summary.mailbox,
            item_id: summary.item_id,
            internet_message_id: summary.internet_message_id,
            subject: summary.subject,
            from: summary.from,
            to: message.to,
            cc: message.cc,
            sent_at: message.sent_at,
            received_at: summary.received_at,
            size: summary.size,
            is_read: summary.is_read,
            has_attachments: summary.has_attachments,
            text_body,
            html_body,
            body_truncated: text_cut || html_cut,
            headers: message.headers,
            attachments: message.attachments.into_iter().map(Attached::from).collect(),
        }
    }
}

/// At most `most` bytes of a text, and whether some were cut. A character is never cut in half.
fn cut(text: Option<String>, most: usize) -> (Option<String>, bool) {
    match text {
        Some(mut text) if text.len() > most => {
            text.truncate(text.floor_char_boundary(most));
            (Some(text), true)
        }
        other => (other, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cut_between_characters() {
        assert_eq!(cut(Some("aä".to_owned()), 2), (Some("a".to_owned()), true));
        assert_eq!(cut(Some("aä".to_owned()), 3), (Some("aä".to_owned()), false));
        assert_eq!(cut(None, 0), (None, false));
    }
}
