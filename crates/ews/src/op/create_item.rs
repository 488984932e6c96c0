//! [CreateItem](https://learn.microsoft.com/exchange/client-developer/web-service-reference/createitem-operation):
//! makes messages, answers, calendar items and contacts.
//!
//! The ports keep drafts with it and never send: sending is a step of its own there, so that a crash in between
//! can be told apart. Whoever sends in one step here has to live with not knowing after a lost answer.

use exchange::{Error, ErrorKind, ItemRef, Mailbox};

use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::object::{FolderAt, NewItem};
use crate::op::Operation;
use crate::op::delete_item::Invitations;
use crate::op::outcome::{no_id, outcomes};
use crate::port::batch;
use crate::xml::{Pull, Reader, Writer};

/// What is done with a new message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Disposition {
    /// It is kept and not sent.
    #[default]
    Save,
    /// It is sent, and no copy is kept.
    Send,
    /// It is sent, and a copy is kept.
    SendAndSave,
}

impl Disposition {
    /// The word of the schema.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Disposition::Save => "SaveOnly",
            Disposition::Send => "SendOnly",
            Disposition::SendAndSave => "SendAndSaveCopy",
        }
    }
}

/// How items are made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Creation {
    /// What is done with a message.
    pub disposition: Disposition,
    /// Where it, or its copy, is kept; without one where the server keeps such items.
    pub folder: Option<FolderAt>,
    /// Who learns of a meeting.
    pub invitations: Invitations,
}

impl Creation {
    /// Keeps items in a folder and sends nothing.
    pub fn save_in(folder: impl Into<FolderAt>) -> Self {
        Creation { folder: Some(folder.into()), ..Creation::default() }
    }

    /// Sends messages and keeps copies in Sent Items.
    pub fn send() -> Self {
        Creation { disposition: Disposition::SendAndSave, ..Creation::default() }
    }

    /// The same for meetings of which these people learn.
    #[must_use]
    pub fn inviting(mut self, invitations: Invitations) -> Self {
        self.invitations = invitations;
        self
    }
}

/// Items to be made.
pub(crate) struct CreateItem<'a> {
    pub(crate) items: &'a [NewItem],
    pub(crate) disposition: Disposition,
    pub(crate) invitations: Invitations,
    pub(crate) folder: Option<&'a Target>,
}

impl<'a> CreateItem<'a> {
    /// A draft among the drafts.
    pub(crate) fn draft(item: &'a NewItem) -> Self {
        CreateItem {
            items: std::slice::from_ref(item),
            disposition: Disposition::Save,
            invitations: Invitations::Nobody,
            folder: Some(&Target::Known("drafts")),
        }
    }
}

impl Operation for CreateItem<'_> {
    const NAME: &'static str = "CreateItem";
    const ANSWER: &'static str = "CreateItemResponse";
    const EFFECT: Effect = Effect::Changes;
    /// The new items; none of those that were sent and not kept, or that are not there yet.
    type Output = Vec<Result<Option<ItemRef>, Error>>;

    fn write(&self, out: &mut Writer) {
        // Each is required as soon as one of the items is of its kind.
        out.open(
            "m:CreateItem",
            &[
                ("MessageDisposition", self.disposition.word()),
                ("SendMeetingInvitations", self.invitations.word()),
            ],
        );
        if let Some(folder) = self.folder {
            out.open("m:SavedItemFolderId", &[]);
            folder.write(out);
            out.close("m:SavedItemFolderId");
        }
        out.open("m:Items", &[]);
        self.items.iter().for_each(|item| item.write(out, 0));
        out.close("m:Items");
        out.close("m:CreateItem");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        // New items have no ids before they exist; the reader needs places for its results only.
        let asked = vec![""; self.items.len()];
        let all = outcomes(reader, &asked, Self::NAME).await?;
        Ok(all.into_iter().map(|one| one.map(|outcome| outcome.reference)).collect())
    }
}

/// The one item of an answer, which must be there.
pub(crate) fn single(all: Vec<Result<Option<ItemRef>, Error>>) -> Result<ItemRef, Error> {
    let one = all.into_iter().next().unwrap_or(Ok(None))?;
    one.ok_or_else(|| no_id(CreateItem::NAME))
}

impl EwsClient {
    /// Makes items, one result for each: the new item, or none where it was sent and no copy is kept (or none that
    /// is there yet). Nothing here can be repeated without making another: after [`ErrorKind::Unknown`] look first.
    ///
    /// # Errors
    /// Where the whole request failed or nothing could be sent; what happened to a single item is in its result.
    pub async fn create_items(
        &self,
        mailbox: &Mailbox,
        items: &[NewItem],
        how: &Creation,
    ) -> Result<Vec<Result<Option<ItemRef>, Error>>, Error> {
        if how.disposition == Disposition::Send && how.folder.is_some() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a message that is sent without a copy cannot be kept in a folder; nothing was sent",
            ));
        }
        let folder = match &how.folder {
            Some(folder) => Some(self.target_at(mailbox, folder).await?),
            None => None,
        };
        let folder = folder.as_ref();
        let (disposition, invitations) = (how.disposition, how.invitations);
        batch::run(items, self.batch(), |items| {
            self.call(mailbox, CreateItem { items, disposition, invitations, folder })
        })
        .await
    }
}
