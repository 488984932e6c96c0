//! The ports, one file each, on top of the operations.

mod attachments;
mod automatic_replies;
pub(crate) mod batch;
mod delete;
mod detach;
mod directory;
mod junk;
mod moves;
mod read;
mod rules;
mod search;
mod submit;
mod update;
