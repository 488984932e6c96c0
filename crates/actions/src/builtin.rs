//! The catalogue of built-in actions.
//!
//! Written by `cargo test -p portcullis-actions --test catalogue` from the files below `src/builtin`: do not edit.
//! An action is registered by being a file there; its name is its path, with `_to` behind a Rust keyword.

use action_api::Entry;
use exchange::Ports;

mod mail {
    pub(super) mod delete;
    pub(super) mod download_eml;
    pub(super) mod get;
    pub(super) mod get_attachments;
    pub(super) mod mark_read;
    pub(super) mod move_to;
    pub(super) mod reply;
    pub(super) mod search;
    pub(super) mod send;
}

/// Every built-in action, by name.
#[rustfmt::skip]
pub static BUILTIN: &[Entry<Ports>] = &[
    Entry::of::<mail::delete::Delete>(),
    Entry::of::<mail::download_eml::DownloadEml>(),
    Entry::of::<mail::get::Get>(),
    Entry::of::<mail::get_attachments::GetAttachments>(),
    Entry::of::<mail::mark_read::MarkRead>(),
    Entry::of::<mail::move_to::MoveTo>(),
    Entry::of::<mail::reply::Reply>(),
    Entry::of::<mail::search::Search>(),
    Entry::of::<mail::send::Send>(),
];
