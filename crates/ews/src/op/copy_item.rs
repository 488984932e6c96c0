//! [CopyItem](https://learn.microsoft.com/exchange/client-developer/web-service-reference/copyitem-operation).
//! The copies get ids of their own.

use exchange::{Error, ItemRef, Mailbox};

use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::object::FolderAt;
use crate::op::Operation;
use crate::op::move_item::write_transfer;
use crate::op::outcome::references;
use crate::port::batch;
use crate::xml::{Pull, Reader, Writer};

/// A copy.
pub(crate) struct CopyItem<'a> {
    pub(crate) items: &'a [ItemRef],
    pub(crate) folder: &'a Target,
}

impl Operation for CopyItem<'_> {
    const NAME: &'static str = "CopyItem";
    const ANSWER: &'static str = "CopyItemResponse";
    const EFFECT: Effect = Effect::Changes;
    /// The references of the copies.
    type Output = Vec<Result<ItemRef, Error>>;

    fn write(&self, out: &mut Writer) {
        write_transfer(out, "m:CopyItem", self.items, self.folder);
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        references(reader, self.items, Self::NAME).await
    }
}

impl EwsClient {
    /// Copies items into a folder of the same mailbox and gives the references of the copies, one for each item. A
    /// call that is repeated makes another copy.
    ///
    /// # Errors
    /// Where the whole request failed; what happened to a single item is in its result.
    pub async fn copy_items(
        &self,
        mailbox: &Mailbox,
        items: &[ItemRef],
        folder: &FolderAt,
    ) -> Result<Vec<Result<ItemRef, Error>>, Error> {
        let folder = &self.target_at(mailbox, folder).await?;
        batch::run(items, self.batch(), |items| self.call(mailbox, CopyItem { items, folder })).await
    }
}
