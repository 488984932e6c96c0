//! The catalogue of built-in actions.
//!
//! Written by `cargo test -p portcullis-actions --test catalogue` from the files below `src/builtin`: do not edit.
//! An action is registered by being a file there; its name is its path, with `_to` behind a Rust keyword.

use action_api::Entry;
use exchange::Ports;

mod directory {
    pub(super) mod resolve_name;
}

mod hash {
    pub(super) mod artifact;
}

mod inbox_rule {
    pub(super) mod disable;
    pub(super) mod enable;
    pub(super) mod list;
    pub(super) mod remove;
    pub(super) mod restore;
}

mod mail {
    pub(super) mod delete;
    pub(super) mod delete_attachments;
    pub(super) mod download_eml;
    pub(super) mod get;
    pub(super) mod get_attachments;
    pub(super) mod mark_junk;
    pub(super) mod mark_read;
    pub(super) mod move_to;
    pub(super) mod recover;
    pub(super) mod reply;
    pub(super) mod search;
    pub(super) mod send;
}

mod mailbox {
    pub(super) mod get_out_of_office;
    pub(super) mod set_out_of_office;
}

/// Every built-in action, by name.
#[rustfmt::skip]
pub static BUILTIN: &[Entry<Ports>] = &[
    Entry::of::<directory::resolve_name::ResolveName>(),
    Entry::of::<hash::artifact::Artifact>(),
    Entry::of::<inbox_rule::disable::Disable>(),
    Entry::of::<inbox_rule::enable::Enable>(),
    Entry::of::<inbox_rule::list::List>(),
    Entry::of::<inbox_rule::remove::Remove>(),
    Entry::of::<inbox_rule::restore::Restore>(),
    Entry::of::<mail::delete::Delete>(),
    Entry::of::<mail::delete_attachments::DeleteAttachments>(),
    Entry::of::<mail::download_eml::DownloadEml>(),
    Entry::of::<mail::get::Get>(),
    Entry::of::<mail::get_attachments::GetAttachments>(),
    Entry::of::<mail::mark_junk::MarkJunk>(),
    Entry::of::<mail::mark_read::MarkRead>(),
    Entry::of::<mail::move_to::MoveTo>(),
    Entry::of::<mail::recover::Recover>(),
    Entry::of::<mail::reply::Reply>(),
    Entry::of::<mail::search::Search>(),
    Entry::of::<mail::send::Send>(),
    Entry::of::<mailbox::get_out_of_office::GetOutOfOffice>(),
    Entry::of::<mailbox::set_out_of_office::SetOutOfOffice>(),
];
