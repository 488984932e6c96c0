//! The organisation as data: mailboxes, folders, items, and what happened to them.
//!
//! Nothing here knows XML, HTTP or the ports; both faces are views of this.

pub(crate) mod attached;
pub(crate) mod changes;
pub(crate) mod clock;
pub(crate) mod compose;
pub(crate) mod detach;
pub(crate) mod detail;
pub(crate) mod extended;
pub(crate) mod filter;
pub(crate) mod folder;
pub(crate) mod folder_mapi;
pub(crate) mod folders;
pub(crate) mod free_busy;
pub(crate) mod id;
pub(crate) mod item;
pub(crate) mod mail;
pub(crate) mod mailbox;
pub(crate) mod mapi;
pub(crate) mod meeting;
pub(crate) mod meeting_answer;
pub(crate) mod people;
pub(crate) mod series;
pub(crate) mod settings;
pub(crate) mod state;
pub(crate) mod store_error;
pub(crate) mod stores;
pub(crate) mod submit;
pub(crate) mod subscription;
pub(crate) mod transfer;
pub(crate) mod transit;
pub(crate) mod zone;
mod zone_names;
