//! The ports, one file each, on top of the operations.

mod attachments;
mod batch;
mod delete;
mod moves;
mod read;
mod search;
mod submit;
mod update;
