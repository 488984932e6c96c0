//! Mail as a responder thinks of it: domain types, and one small port per capability.
//!
//! `ews` and (later) `graph` implement the ports; `actions` use them and see no wire. A connection has the
//! ports its wire and its rights allow, so an action that lacks one can say so before a run. Left out on
//! purpose: SOAP, REST, HTTP, retry policy, playbook words.

mod calendar;
pub mod conformance;
mod discovery;
mod draft;
mod error;
mod folder;
mod message;
mod people;
pub mod port;
mod properties;
mod query;
mod recurrence;
pub mod restriction;
pub mod rule;
mod settings;

pub use calendar::{
    Attendance, AttendeeRole, Event, EventAttendee, EventFields, EventKind, EventList, EventView, Privacy,
    ShowAs,
};
pub use discovery::{Look, OtherMailbox, ServerFound};
pub use draft::{Content, Draft, DraftChange, DraftContent, MimeDraft, NewAttachment};
pub use error::{Error, ErrorKind};
pub use folder::{Folder, FolderKind, FolderList};
pub use message::{
    Address, AttachmentInfo, AttachmentKind, BodyText, DeleteMode, FolderRef, Header, ItemRef, Mailbox,
    Message, MessageSummary, WellKnownFolder,
};
pub use people::{
    Contact, ContactLabel, ContactPage, GroupMembers, Phone, Postal, SearchableMailbox, SearchableMailboxes,
};
pub use port::{Ports, Work};
pub use properties::{FollowUp, ItemProperties, PropertyChange};
pub use query::{Found, Query, SearchRequest};
pub use recurrence::{Month, Pattern, Recurrence, RecurrenceEnd, Week, Weekday};
pub use restriction::Restriction;
pub use settings::{DirectoryEntry, Junked, OofAudience, OofState, OutOfOffice, Resolved};
