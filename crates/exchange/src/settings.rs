//! What a mailbox answers by itself while its owner is away, and who stands behind a name.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ItemRef;

/// Whether automatic replies are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OofState {
    /// None are sent.
    Disabled,
    /// Sent until somebody switches them off.
    Enabled,
    /// Sent between two times.
    Scheduled,
}

/// Who outside of the organisation gets an automatic reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OofAudience {
    /// Nobody.
    None,
    /// Contacts of the mailbox.
    Known,
    /// Everybody.
    All,
}

/// The automatic replies of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfOffice {
    /// Whether they are sent.
    pub state: OofState,
    /// Who outside gets one.
    pub audience: OofAudience,
    /// From when and until when, if there is a time; [`OofState::Scheduled`] needs one.
    pub duration: Option<(Timestamp, Timestamp)>,
    /// What people inside get, as HTML or plain text.
    pub internal_reply: String,
    /// What people outside get, as HTML or plain text.
    pub external_reply: String,
}

impl Default for OutOfOffice {
    fn default() -> Self {
        OutOfOffice {
            state: OofState::Disabled,
            audience: OofAudience::None,
            duration: None,
            internal_reply: String::new(),
            external_reply: String::new(),
        }
    }
}

/// What stands behind a name in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Display name.
    pub name: String,
    /// Address.
    pub address: String,
    /// `SMTP` for an address of the internet.
    pub routing_type: String,
    /// What it is, e.g. `Mailbox`, `PublicDL`, `Contact`; the words are those of
    /// [EWS](https://learn.microsoft.com/exchange/client-developer/web-service-reference/mailboxtype).
    pub kind: String,
}

/// What a name resolves to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolved {
    /// Who it may be; empty if nobody is called so.
    pub entries: Vec<DirectoryEntry>,
    /// Whether there are more than these.
    pub truncated: bool,
}

/// What became of an item that was marked as junk, or no junk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Junked {
    /// The item's new reference, if it was moved.
    pub moved: Option<ItemRef>,
}
