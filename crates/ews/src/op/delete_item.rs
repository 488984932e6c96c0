//! [DeleteItem](https://learn.microsoft.com/exchange/client-developer/web-service-reference/deleteitem-operation).
//! Unless asked for: no read receipts, no cancellations of meetings, because an attacker must not learn of it.

use exchange::{DeleteMode, Error, Mailbox};

use crate::answer::{Message, Results};
use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::object::{ItemAt, Named};
use crate::op::{Operation, item_ids};
use crate::port::batch;
use crate::xml::{Pull, Reader, Writer};

/// Who learns of a meeting that is made or called off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Invitations {
    /// Nobody.
    #[default]
    Nobody,
    /// Everybody, and no copy is kept.
    Everybody,
    /// Everybody, with a copy in Sent Items.
    EverybodyWithCopy,
}

impl Invitations {
    /// The word of the schema.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Invitations::Nobody => "SendToNone",
            Invitations::Everybody => "SendOnlyToAll",
            Invitations::EverybodyWithCopy => "SendToAllAndSaveCopy",
        }
    }
}

/// How items are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deletion {
    /// Where they go.
    pub mode: DeleteMode,
    /// Who learns that a meeting is called off.
    pub cancellations: Invitations,
    /// Of a recurring task: only this occurrence instead of all.
    pub this_task_only: bool,
    /// Whether senders who asked for it learn that their mail was read or deleted unread.
    pub read_receipts: bool,
}

impl Deletion {
    /// A deletion of which nobody learns.
    pub fn new(mode: DeleteMode) -> Self {
        Deletion { mode, cancellations: Invitations::Nobody, this_task_only: false, read_receipts: false }
    }
}

/// A deletion.
pub(crate) struct DeleteItem<'a, N> {
    pub(crate) items: &'a [N],
    pub(crate) how: Deletion,
}

impl<N: Named> Operation for DeleteItem<'_, N> {
    const NAME: &'static str = "DeleteItem";
    const ANSWER: &'static str = "DeleteItemResponse";
    const EFFECT: Effect = Effect::Changes;
    type Output = Vec<Result<(), Error>>;

    fn write(&self, out: &mut Writer) {
        let mode = match self.how.mode {
            DeleteMode::Trash => "MoveToDeletedItems",
            DeleteMode::Soft => "SoftDelete",
            DeleteMode::Hard => "HardDelete",
        };
        let tasks = if self.how.this_task_only { "SpecifiedOccurrenceOnly" } else { "AllOccurrences" };
        out.open(
            "m:DeleteItem",
            &[
                ("DeleteType", mode),
                // Both are required as soon as one of the items is a meeting or a task.
                ("SendMeetingCancellations", self.how.cancellations.word()),
                ("AffectedTaskOccurrences", tasks),
                ("SuppressReadReceipts", if self.how.read_receipts { "false" } else { "true" }),
            ],
        );
        item_ids(out, self.items);
        out.close("m:DeleteItem");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        let mut results = Results::new(self.items.len());
        while reader.child().await? {
            results.place(reader)?;
            let mut message = Message::begin(reader);
            while reader.child().await? {
                message.other(reader).await?;
            }
            results.push(message.finish(Self::NAME, Self::EFFECT));
        }
        results.finish(reader)
    }
}

impl EwsClient {
    /// Deletes items, one result for each. An occurrence that is deleted is taken out of its series.
    ///
    /// # Errors
    /// Where the whole request failed; what happened to a single item is in its result.
    pub async fn delete_items<I: Clone + Into<ItemAt>>(
        &self,
        mailbox: &Mailbox,
        items: &[I],
        how: Deletion,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let items: Vec<ItemAt> = items.iter().cloned().map(Into::into).collect();
        batch::run(&items, self.batch(), |items| self.call(mailbox, DeleteItem { items, how })).await
    }
}
