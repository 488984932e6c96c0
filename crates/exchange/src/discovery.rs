//! Where the server of a mailbox is, and what was seen on the way to it.

use crate::Mailbox;

/// What was found for an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFound {
    /// The address of the service that has the mailbox.
    pub url: String,
    /// Whether a log-in may go there by what is configured. Where it may not, a person has to say so first.
    pub is_trusted: bool,
    /// The address that was answered for, after redirects.
    pub address: Mailbox,
    /// The name of its owner.
    pub display_name: Option<String>,
    /// The version of the server, as it says.
    pub server_version: Option<String>,
    /// The ways of logging in that servers offered on the way.
    pub log_ins: Vec<String>,
    /// The mailbox that holds the tree of public folders.
    pub public_folder_mailbox: Option<String>,
    /// Other mailboxes that belong to the same person.
    pub others: Vec<OtherMailbox>,
    /// Redirects that were followed.
    pub redirects: Vec<String>,
    /// Every look at a place, in order.
    pub attempts: Vec<Look>,
}

/// Another mailbox that belongs to somebody: an archive, or one they may open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherMailbox {
    /// What it is, as the server calls it, e.g. `Archive`.
    pub kind: String,
    /// Its name.
    pub display_name: String,
    /// Its address.
    pub address: String,
    /// The address of its owner.
    pub owner: String,
}

/// One look at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Where.
    pub place: String,
    /// The status of the answer, if one came.
    pub status: Option<u16>,
    /// What came of it, for a person.
    pub outcome: String,
}
