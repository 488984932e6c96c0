//! [SendItem](https://learn.microsoft.com/exchange/client-developer/web-service-reference/senditem-operation):
//! sends a draft and keeps a copy in Sent Items.

use exchange::ItemRef;

use crate::answer::{Message, Results};
use crate::failure::{Effect, Failure};
use crate::object::write_version;
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// A draft to be sent, with its current version.
pub(crate) struct SendItem<'a> {
    pub(crate) draft: &'a ItemRef,
}

impl Operation for SendItem<'_> {
    const NAME: &'static str = "SendItem";
    const ANSWER: &'static str = "SendItemResponse";
    const EFFECT: Effect = Effect::Changes;
    type Output = ();

    fn write(&self, out: &mut Writer) {
        out.open("m:SendItem", &[("SaveItemToFolder", "true")]);
        out.open("m:ItemIds", &[]);
        write_version(out, "t:ItemId", self.draft);
        out.close("m:ItemIds");
        out.open("m:SavedItemFolderId", &[]);
        out.empty("t:DistinguishedFolderId", &[("Id", "sentitems")]);
        out.close("m:SavedItemFolderId");
        out.close("m:SendItem");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<(), Failure> {
        let mut results = Results::new(1);
        while reader.child().await? {
            results.place(reader)?;
            let mut message = Message::begin(reader);
            while reader.child().await? {
                message.other(reader).await?;
            }
            results.push(message.finish(Self::NAME, Self::EFFECT));
        }
        for result in results.finish(reader)? {
            result?;
        }
        Ok(())
    }
}
