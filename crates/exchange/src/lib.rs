//! Mail as a responder thinks of it: domain types, and one small port per capability.
//!
//! `ews` and (later) `graph` implement the ports; `actions` use them and see no wire. A connection has the
//! ports its wire and its rights allow, so an action that lacks one can say so before a run. Left out on
//! purpose: SOAP, REST, HTTP, retry policy, playbook words.

pub mod conformance;
mod error;
mod message;
pub mod port;
mod query;
pub mod restriction;
pub mod rule;
mod settings;

pub use error::{Error, ErrorKind};
pub use message::{
    Address, AttachmentInfo, AttachmentKind, BodyText, DeleteMode, Draft, FolderRef, Header, ItemRef,
    Mailbox, Message, MessageSummary, WellKnownFolder,
};
pub use port::{Ports, Work};
pub use query::{Found, Query, SearchRequest};
pub use restriction::Restriction;
pub use settings::{DirectoryEntry, Junked, OofAudience, OofState, OutOfOffice, Resolved};
