//! The operations, one file each.
//!
//! To add one: a file with `answer`, a line in [`find`], and its request in the tests.

mod answer_meeting;
mod aqs;
mod convert_id;
mod create_attachment;
mod create_folder;
mod create_item;
mod delete_attachment;
mod delete_folder;
mod delete_item;
mod expand_dl;
mod export_items;
mod find_folder;
mod find_item;
mod find_people;
mod get_attachment;
mod get_delegate;
mod get_events;
mod get_folder;
mod get_item;
mod get_mail_tips;
mod get_searchable_mailboxes;
mod get_server_time_zones;
mod get_service_configuration;
mod get_streaming_events;
mod get_user_availability;
mod inbox_rules;
mod mark_as_junk;
mod meeting;
mod message;
mod move_folder;
mod move_item;
pub(super) mod notifications;
mod oof_settings;
mod resolve_names;
mod search_mailboxes;
mod send_item;
mod subscribe;
mod sync_folder_hierarchy;
mod sync_folder_items;
mod update_folder;
mod update_item;
mod upload_items;
mod views;

use super::call::Call;
use super::fault::SoapFault;
use super::xml::Element;

/// Answers one operation: reads its element, acts, and writes the response messages.
pub(crate) type Operation = fn(&mut Call<'_>, Element<'_>) -> Result<(), SoapFault>;

/// The operation with this name.
pub(crate) fn find(name: &str) -> Option<Operation> {
    Some(match name {
        "ConvertId" => convert_id::answer,
        "CopyFolder" => move_folder::answer_copy,
        "CopyItem" => move_item::answer_copy,
        "CreateAttachment" => create_attachment::answer,
        "CreateFolder" => create_folder::answer,
        "CreateItem" => create_item::answer,
        "DeleteAttachment" => delete_attachment::answer,
        "DeleteFolder" => delete_folder::answer_delete,
        "DeleteItem" => delete_item::answer,
        "EmptyFolder" => delete_folder::answer_empty,
        "ExpandDL" => expand_dl::answer,
        "ExportItems" => export_items::answer,
        "FindFolder" => find_folder::answer,
        "FindItem" => find_item::answer,
        "FindPeople" => find_people::answer,
        "GetAttachment" => get_attachment::answer,
        "GetDelegate" => get_delegate::answer,
        "GetEvents" => get_events::answer,
        "GetFolder" => get_folder::answer,
        "GetInboxRules" => inbox_rules::answer_get,
        "GetItem" => get_item::answer,
        "GetMailTips" => get_mail_tips::answer,
        "GetSearchableMailboxes" => get_searchable_mailboxes::answer,
        "GetServerTimeZones" => get_server_time_zones::answer,
        "GetServiceConfiguration" => get_service_configuration::answer,
        "GetStreamingEvents" => get_streaming_events::answer,
        "GetUserAvailabilityRequest" => get_user_availability::answer,
        "GetUserOofSettingsRequest" => oof_settings::answer_get,
        "MarkAsJunk" => mark_as_junk::answer,
        "MoveFolder" => move_folder::answer_move,
        "MoveItem" => move_item::answer_move,
        "ResolveNames" => resolve_names::answer,
        "SearchMailboxes" => search_mailboxes::answer,
        "SendItem" => send_item::answer,
        "SetUserOofSettingsRequest" => oof_settings::answer_set,
        "Subscribe" => subscribe::answer,
        "SyncFolderHierarchy" => sync_folder_hierarchy::answer,
        "SyncFolderItems" => sync_folder_items::answer,
        "Unsubscribe" => subscribe::answer_unsubscribe,
        "UpdateFolder" => update_folder::answer,
        "UpdateInboxRules" => inbox_rules::answer_update,
        "UpdateItem" => update_item::answer,
        "UploadItems" => upload_items::answer,
        _ => return None,
    })
}

/// Whether the answer of an operation is itself a response message, or holds one, instead of a list of them. Such
/// an operation writes the whole of its answer.
pub(crate) fn is_bare(name: &str) -> bool {
    [
        "FindPeople",
        "GetDelegate",
        "GetInboxRules",
        "GetMailTips",
        "GetSearchableMailboxes",
        "GetServiceConfiguration",
        "GetUserAvailabilityRequest",
        "GetUserOofSettingsRequest",
        "SetUserOofSettingsRequest",
        "UpdateInboxRules",
    ]
    .contains(&name)
}
