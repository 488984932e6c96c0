//! [MarkAsJunk](https://learn.microsoft.com/exchange/client-developer/web-service-reference/markasjunk-operation):
//! blocks or unblocks the senders of items, and moves the items if that is wanted.

use exchange::{Error, ItemRef, Junked};

use crate::answer::{Message, Results};
use crate::failure::{Effect, Failure};
use crate::op::{Operation, item_ids};
use crate::xml::{Pull, Reader, Writer};

/// A mark on some items.
pub(crate) struct MarkAsJunk<'a> {
    pub(crate) items: &'a [ItemRef],
    pub(crate) junk: bool,
    pub(crate) moves: bool,
}

impl Operation for MarkAsJunk<'_> {
    const NAME: &'static str = "MarkAsJunk";
    const ANSWER: &'static str = "MarkAsJunkResponse";
    const EFFECT: Effect = Effect::Changes;
    type Output = Vec<Result<Junked, Error>>;

    fn write(&self, out: &mut Writer) {
        let word = |flag: bool| if flag { "true" } else { "false" };
        out.open("m:MarkAsJunk", &[("IsJunk", word(self.junk)), ("MoveItem", word(self.moves))]);
        item_ids(out, self.items);
        out.close("m:MarkAsJunk");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        let mut results = Results::new(self.items.len());
        while reader.child().await? {
            results.place(reader)?;
            let mut message = Message::begin(reader);
            let mut moved = None;
            while reader.child().await? {
                match reader.name() {
                    b"MovedItemId" => {
                        let change_key = reader.attribute("ChangeKey");
                        moved = reader.attribute("Id").map(|id| ItemRef { id, change_key });
                        reader.skip().await?;
                    }
                    _ => message.other(reader).await?,
                }
            }
            results.push(message.finish(Self::NAME, Self::EFFECT).map(|()| Junked { moved }));
        }
        results.finish(reader)
    }
}
