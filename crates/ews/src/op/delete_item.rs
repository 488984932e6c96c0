//! [DeleteItem](https://learn.microsoft.com/exchange/client-developer/web-service-reference/deleteitem-operation).
//! No read receipts, no cancellations of meetings: an attacker must not learn of it.

use exchange::{DeleteMode, Error, ItemRef};

use crate::answer::{Message, Results};
use crate::failure::{Effect, Failure};
use crate::op::{Operation, item_ids};
use crate::xml::{Pull, Reader, Writer};

/// A deletion.
pub(crate) struct DeleteItem<'a> {
    pub(crate) items: &'a [ItemRef],
    pub(crate) mode: DeleteMode,
}

impl Operation for DeleteItem<'_> {
    const NAME: &'static str = "DeleteItem";
    const ANSWER: &'static str = "DeleteItemResponse";
    const EFFECT: Effect = Effect::Changes;
    type Output = Vec<Result<(), Error>>;

    fn write(&self, out: &mut Writer) {
        let mode = match self.mode {
            DeleteMode::Trash => "MoveToDeletedItems",
            DeleteMode::Soft => "SoftDelete",
            DeleteMode::Hard => "HardDelete",
        };
        out.open(
            "m:DeleteItem",
            &[
                ("DeleteType", mode),
                // Both are required as soon as one of the items is a meeting or a task.
                ("SendMeetingCancellations", "SendToNone"),
                ("AffectedTaskOccurrences", "AllOccurrences"),
                ("SuppressReadReceipts", "true"),
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
