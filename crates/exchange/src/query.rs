//! Searches as typed data. There is no query text, so no value can become one.

use crate::{FolderRef, Mailbox, MessageSummary, Restriction};

/// What to look for: every field that is set must hold. An empty query matches everything, which is why
/// actions that change mail never take a query.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// The `Message-ID` header equals this, angle brackets included.
    pub internet_message_id: Option<String>,
    /// The sender's address equals this, whatever the case.
    pub from: Option<String>,
    /// The subject equals this, whatever the case.
    pub subject: Option<String>,
    /// The subject contains this, whatever the case.
    pub subject_contains: Option<String>,
    /// The body contains this, whatever the case.
    pub body_contains: Option<String>,
    /// Received at or after this time (RFC 3339, UTC).
    pub received_after: Option<String>,
    /// Received before this time (RFC 3339, UTC).
    pub received_before: Option<String>,
    /// Has attachments.
    pub has_attachments: Option<bool>,
    /// Was read.
    pub is_read: Option<bool>,
}

impl Query {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Query::default()
    }
}

/// One page of one search in one folder of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchRequest {
    /// Where.
    pub mailbox: Mailbox,
    /// Where in it.
    pub folder: FolderRef,
    /// What.
    pub query: Query,
    /// What else must hold.
    pub restriction: Option<Restriction>,
    /// Index of the first result, newest first.
    pub offset: u32,
    /// How many at most, 1 to 1,000.
    pub limit: u32,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Newest first.
    pub messages: Vec<MessageSummary>,
    /// How many match in all, as the server says.
    pub total: u32,
    /// The offset of the next page, if there is one.
    pub next_offset: Option<u32>,
}
