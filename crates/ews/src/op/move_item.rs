//! [MoveItem](https://learn.microsoft.com/exchange/client-developer/web-service-reference/moveitem-operation).
//! The items get new ids.

use exchange::{Error, ItemRef};

use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::op::outcome::references;
use crate::op::{Operation, item_ids};
use crate::xml::{Pull, Reader, Writer};

/// A move.
pub(crate) struct MoveItem<'a> {
    pub(crate) items: &'a [ItemRef],
    pub(crate) folder: &'a Target,
}

impl Operation for MoveItem<'_> {
    const NAME: &'static str = "MoveItem";
    const ANSWER: &'static str = "MoveItemResponse";
    const EFFECT: Effect = Effect::Changes;
    /// The new references.
    type Output = Vec<Result<ItemRef, Error>>;

    fn write(&self, out: &mut Writer) {
        write_transfer(out, "m:MoveItem", self.items, self.folder);
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        references(reader, self.items, Self::NAME).await
    }
}

/// Writes a move or a copy, which differ in one word.
pub(crate) fn write_transfer(out: &mut Writer, name: &'static str, items: &[ItemRef], folder: &Target) {
    out.open(name, &[]);
    out.open("m:ToFolderId", &[]);
    folder.write(out);
    out.close("m:ToFolderId");
    item_ids(out, items);
    out.word("m:ReturnNewItemIds", "true");
    out.close(name);
}
