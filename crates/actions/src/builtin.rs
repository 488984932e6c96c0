//! The catalogue of built-in actions.
//!
//! Written by `cargo test -p portcullis-actions --test catalogue` from the files below `src/builtin`: do not edit.
//! An action is registered by being a file there; its name is its path, with `_to` behind a Rust keyword.

use action_api::Entry;
use exchange::Ports;

mod calendar {
    pub(super) mod create_event;
    pub(super) mod delete_event;
    pub(super) mod list_events;
    pub(super) mod update_event;
}

mod contact {
    pub(super) mod list;
}

mod directory {
    pub(super) mod expand_group;
    pub(super) mod resolve_name;
}

mod draft {
    pub(super) mod create;
    pub(super) mod delete;
    pub(super) mod send;
    pub(super) mod update;
}

mod folder {
    pub(super) mod create;
    pub(super) mod delete;
    pub(super) mod find;
    pub(super) mod get;
}

mod hash {
    pub(super) mod artifact;
}

mod inbox_rule {
    pub(super) mod disable;
    pub(super) mod enable;
    pub(super) mod get;
    pub(super) mod list;
    pub(super) mod remove;
    pub(super) mod restore;
}

mod mail {
    pub(super) mod copy;
    pub(super) mod delete;
    pub(super) mod delete_attachments;
    pub(super) mod download_eml;
    pub(super) mod forward;
    pub(super) mod get;
    pub(super) mod get_attachments;
    pub(super) mod list_folder;
    pub(super) mod mark_junk;
    pub(super) mod mark_read;
    pub(super) mod move_between_mailboxes;
    pub(super) mod move_to;
    pub(super) mod recover;
    pub(super) mod reply;
    pub(super) mod search;
    pub(super) mod search_mailboxes;
    pub(super) mod send;
    pub(super) mod update;
}

mod mailbox {
    pub(super) mod autodiscover;
    pub(super) mod get_out_of_office;
    pub(super) mod list_searchable;
    pub(super) mod set_out_of_office;
}

mod sender {
    pub(super) mod block;
    pub(super) mod unblock;
}

/// Every built-in action, by name.
#[rustfmt::skip]
pub static BUILTIN: &[Entry<Ports>] = &[
    Entry::of::<calendar::create_event::CreateEvent>(),
    Entry::of::<calendar::delete_event::DeleteEvent>(),
    Entry::of::<calendar::list_events::ListEvents>(),
    Entry::of::<calendar::update_event::UpdateEvent>(),
    Entry::of::<contact::list::List>(),
    Entry::of::<directory::expand_group::ExpandGroup>(),
    Entry::of::<directory::resolve_name::ResolveName>(),
    Entry::of::<draft::create::Create>(),
    Entry::of::<draft::delete::Delete>(),
    Entry::of::<draft::send::Send>(),
    Entry::of::<draft::update::Update>(),
    Entry::of::<folder::create::Create>(),
    Entry::of::<folder::delete::Delete>(),
    Entry::of::<folder::find::Find>(),
    Entry::of::<folder::get::Get>(),
    Entry::of::<hash::artifact::Artifact>(),
    Entry::of::<inbox_rule::disable::Disable>(),
    Entry::of::<inbox_rule::enable::Enable>(),
    Entry::of::<inbox_rule::get::Get>(),
    Entry::of::<inbox_rule::list::List>(),
    Entry::of::<inbox_rule::remove::Remove>(),
    Entry::of::<inbox_rule::restore::Restore>(),
    Entry::of::<mail::copy::Copy>(),
    Entry::of::<mail::delete::Delete>(),
    Entry::of::<mail::delete_attachments::DeleteAttachments>(),
    Entry::of::<mail::download_eml::DownloadEml>(),
    Entry::of::<mail::forward::Forward>(),
    Entry::of::<mail::get::Get>(),
    Entry::of::<mail::get_attachments::GetAttachments>(),
    Entry::of::<mail::list_folder::ListFolder>(),
    Entry::of::<mail::mark_junk::MarkJunk>(),
    Entry::of::<mail::mark_read::MarkRead>(),
    Entry::of::<mail::move_between_mailboxes::MoveBetweenMailboxes>(),
    Entry::of::<mail::move_to::MoveTo>(),
    Entry::of::<mail::recover::Recover>(),
    Entry::of::<mail::reply::Reply>(),
    Entry::of::<mail::search::Search>(),
    Entry::of::<mail::search_mailboxes::SearchMailboxes>(),
    Entry::of::<mail::send::Send>(),
    Entry::of::<mail::update::Update>(),
    Entry::of::<mailbox::autodiscover::Autodiscover>(),
    Entry::of::<mailbox::get_out_of_office::GetOutOfOffice>(),
    Entry::of::<mailbox::list_searchable::ListSearchable>(),
    Entry::of::<mailbox::set_out_of_office::SetOutOfOffice>(),
    Entry::of::<sender::block::Block>(),
    Entry::of::<sender::unblock::Unblock>(),
];
