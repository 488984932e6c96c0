//! The ports, one file each, on top of the operations.

mod attachments;
mod automatic_replies;
pub(crate) mod batch;
mod calendar;
mod contacts;
mod delete;
mod detach;
mod directory;
mod discovery;
pub(crate) mod drafting;
mod drafts;
mod event;
mod folders;
mod groups;
mod junk;
mod mailboxes;
mod moves;
mod properties;
mod read;
mod rules;
mod search;
mod submit;
mod transfer;
mod update;
