//! The operations, one file each: how its request is written, how its answer is read.

use std::future::Future;
use std::time::Duration;

use crate::affinity::Affinity;
use crate::failure::{Effect, Failure};
use crate::object::Named;
use crate::outgoing::Payload;
use crate::version::Version;
use crate::xml::{Pull, Reader, Writer};

pub(crate) mod answer_meeting;
pub(crate) mod attach;
pub(crate) mod changes;
pub(crate) mod convert_id;
pub(crate) mod copy_item;
pub(crate) mod create_attachment;
pub(crate) mod create_folder;
pub(crate) mod create_item;
pub(crate) mod delete_attachment;
pub(crate) mod delete_folder;
pub(crate) mod delete_item;
pub(crate) mod empty_folder;
pub(crate) mod expand_dl;
pub(crate) mod export_items;
pub(crate) mod find_folder;
pub(crate) mod find_item;
pub(crate) mod find_people;
pub(crate) mod get_attachment;
pub(crate) mod get_delegate;
pub(crate) mod get_events;
pub(crate) mod get_folder;
pub(crate) mod get_inbox_rules;
pub(crate) mod get_item;
pub(crate) mod get_mail_tips;
pub(crate) mod get_searchable_mailboxes;
pub(crate) mod get_server_time_zones;
pub(crate) mod get_service_configuration;
pub(crate) mod get_streaming_events;
pub(crate) mod get_user_availability;
pub(crate) mod get_user_oof_settings;
pub(crate) mod keep_mime;
pub(crate) mod mark_as_junk;
pub(crate) mod move_folder;
pub(crate) mod move_item;
pub(crate) mod outcome;
pub(crate) mod resolve_names;
pub(crate) mod search_mailboxes;
pub(crate) mod send_item;
pub(crate) mod set_user_oof_settings;
pub(crate) mod subscribe;
pub(crate) mod sync_folder_hierarchy;
pub(crate) mod sync_folder_items;
pub(crate) mod unsubscribe;
pub(crate) mod update_folder;
pub(crate) mod update_inbox_rules;
pub(crate) mod update_item;
pub(crate) mod upload_items;

/// One operation with its parameters.
pub(crate) trait Operation: Send {
    /// Its name, for messages.
    const NAME: &'static str;
    /// The element of its answer.
    const ANSWER: &'static str;
    /// Whether it changes anything.
    const EFFECT: Effect;
    /// Whether its answer is passed on as it comes, so that its length is no matter of memory.
    const STREAMS: bool = false;
    /// Whether its answer is one response message, or holds one, instead of a list of them.
    const BARE: bool = false;
    /// The oldest schema version that has it.
    const SINCE: Version = Version::Exchange2013;
    /// The management role it is called with.
    const ROLE: Option<&'static str> = None;
    /// What it gives.
    type Output;

    /// How long its answer goes on, if that is long on purpose.
    fn lasts(&self) -> Option<Duration> {
        None
    }

    /// Where it belongs, if it is about a subscription.
    fn affinity(&self) -> Affinity<'_> {
        Affinity::None
    }

    /// What goes where the request says [`Writer::streamed`].
    fn payload(&self) -> Option<Payload> {
        None
    }

    /// Writes the request's body element.
    fn write(&self, out: &mut Writer);

    /// Reads the answer from inside `ResponseMessages` (of a bare one: from inside the answer) to its end.
    fn read<P: Pull>(
        self,
        reader: &mut Reader<P>,
    ) -> impl Future<Output = Result<Self::Output, Failure>> + Send;
}

/// Writes `ItemIds`.
pub(crate) fn item_ids<N: Named>(out: &mut Writer, items: &[N]) {
    out.open("m:ItemIds", &[]);
    items.iter().for_each(|item| item.write(out));
    out.close("m:ItemIds");
}
