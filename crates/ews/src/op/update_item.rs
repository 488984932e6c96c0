//! [UpdateItem](https://learn.microsoft.com/exchange/client-developer/web-service-reference/updateitem-operation):
//! sets, adds to or takes away properties of items. Unless asked for, nobody learns of it: no read receipts, no
//! changed invitations.

use exchange::{Error, Header, ItemRef, Mailbox};

use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::object::{Conflict, ExtendedName, Field, FolderAt, ItemChange, Named, Update};
use crate::op::Operation;
use crate::op::create_item::Disposition;
use crate::op::outcome::{no_id, outcomes};
use crate::port::batch;
use crate::property::KEY_NAME;
use crate::xml::{Pull, Reader, Writer};

/// Who learns of a change of a meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MeetingUpdates {
    /// Nobody.
    #[default]
    Nobody,
    /// Everybody, and no copy is kept.
    Everybody,
    /// Those whom it concerns, and no copy is kept.
    Concerned,
    /// Everybody, with a copy in Sent Items.
    EverybodyWithCopy,
    /// Those whom it concerns, with a copy in Sent Items.
    ConcernedWithCopy,
}

impl MeetingUpdates {
    fn word(self) -> &'static str {
        match self {
            MeetingUpdates::Nobody => "SendToNone",
            MeetingUpdates::Everybody => "SendOnlyToAll",
            MeetingUpdates::Concerned => "SendOnlyToChanged",
            MeetingUpdates::EverybodyWithCopy => "SendToAllAndSaveCopy",
            MeetingUpdates::ConcernedWithCopy => "SendToChangedAndSaveCopy",
        }
    }
}

/// How items are changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Updating {
    /// What becomes of a change when somebody else changed the item since it was read.
    pub conflict: Conflict,
    /// What is done with a draft after it was changed.
    pub disposition: Disposition,
    /// Where the copy of a draft that is sent is kept.
    pub folder: Option<FolderAt>,
    /// Who learns of a change of a meeting.
    pub meetings: MeetingUpdates,
    /// Whether senders who asked for it learn that their mail was read.
    pub read_receipts: bool,
}

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Updated {
    /// The item with its new version; none of a draft that was sent.
    pub item: Option<ItemRef>,
    /// How many of its properties somebody else changed at the same time.
    pub conflicts: u32,
}

/// A change of some items.
pub(crate) struct UpdateItem<'a> {
    pub(crate) changes: &'a [ItemChange],
    pub(crate) how: &'a Updating,
    pub(crate) folder: Option<&'a Target>,
}

impl Operation for UpdateItem<'_> {
    const NAME: &'static str = "UpdateItem";
    const ANSWER: &'static str = "UpdateItemResponse";
    const EFFECT: Effect = Effect::Changes;
    type Output = Vec<Result<Updated, Error>>;

    fn write(&self, out: &mut Writer) {
        let conflict = match self.how.conflict {
            Conflict::NeverOverwrite => "NeverOverwrite",
            Conflict::AutoResolve => "AutoResolve",
            Conflict::AlwaysOverwrite => "AlwaysOverwrite",
        };
        out.open(
            "m:UpdateItem",
            &[
                ("ConflictResolution", conflict),
                ("MessageDisposition", self.how.disposition.word()),
                // Required as soon as one of the items is a meeting.
                ("SendMeetingInvitationsOrCancellations", self.how.meetings.word()),
                ("SuppressReadReceipts", if self.how.read_receipts { "false" } else { "true" }),
            ],
        );
        if let Some(folder) = self.folder {
            out.open("m:SavedItemFolderId", &[]);
            folder.write(out);
            out.close("m:SavedItemFolderId");
        }
        out.open("m:ItemChanges", &[]);
        self.changes.iter().for_each(|change| change.write(out));
        out.close("m:ItemChanges");
        out.close("m:UpdateItem");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        let asked: Vec<&str> =
            self.changes.iter().map(|change| change.item.id().unwrap_or_default()).collect();
        let all = outcomes(reader, &asked, Self::NAME).await?;
        let updated = |one: Result<_, Error>| {
            one.map(|outcome: crate::op::outcome::Outcome| Updated {
                item: outcome.reference,
                conflicts: outcome.conflicts,
            })
        };
        Ok(all.into_iter().map(updated).collect())
    }
}

/// Changes of messages that overwrite what is there and tell nobody, as the ports want them.
pub(crate) async fn quietly(
    client: &EwsClient,
    mailbox: &Mailbox,
    items: &[ItemRef],
    updates: &[Update],
) -> Result<Vec<Result<ItemRef, Error>>, Error> {
    let change = |item: &ItemRef| ItemChange::message(item.clone(), updates.to_vec());
    let changes: Vec<ItemChange> = items.iter().map(change).collect();
    let how = &Updating::default();
    let all = client.call(mailbox, UpdateItem { changes: &changes, how, folder: None }).await?;
    let reference = |updated: Updated| updated.item.ok_or_else(|| no_id(UpdateItem::NAME));
    Ok(all.into_iter().map(|one| one.and_then(reference)).collect())
}

/// Our key and further headers of a draft.
pub(crate) fn marks(key: &str, headers: &[Header]) -> Vec<Update> {
    let key = Field::Extended(ExtendedName::public_string(KEY_NAME), vec![key.to_owned()]);
    let headers =
        headers.iter().map(|header| Field::Header { name: header.name.clone(), value: header.value.clone() });
    std::iter::once(key).chain(headers).map(Update::Set).collect()
}

impl EwsClient {
    /// Changes items, one result for each.
    ///
    /// # Errors
    /// Where the whole request failed or nothing could be sent; what happened to a single item is in its result,
    /// e.g. that somebody else changed it ([`ErrorKind::Conflict`](exchange::ErrorKind::Conflict)).
    pub async fn update_items(
        &self,
        mailbox: &Mailbox,
        changes: &[ItemChange],
        how: &Updating,
    ) -> Result<Vec<Result<Updated, Error>>, Error> {
        let folder = match &how.folder {
            Some(folder) => Some(self.target_at(mailbox, folder).await?),
            None => None,
        };
        let folder = folder.as_ref();
        batch::run(changes, self.batch(), |changes| self.call(mailbox, UpdateItem { changes, how, folder }))
            .await
    }
}
