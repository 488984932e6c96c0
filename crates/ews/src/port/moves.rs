//! [`Move`] over MoveItem.

use exchange::port::{Move, PerItem, Work};
use exchange::{FolderRef, ItemRef, Mailbox};

use super::batch;
use crate::client::EwsClient;
use crate::op::move_item::MoveItem;

impl Move for EwsClient {
    fn move_to<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        folder: &'a FolderRef,
    ) -> Work<'a, PerItem<ItemRef>> {
        Box::pin(async move {
            if items.is_empty() {
                return Ok(Vec::new());
            }
            let folder = &self.target(mailbox, folder).await?;
            batch::run(items, self.batch(), |items| self.call(mailbox, MoveItem { items, folder })).await
        })
    }
}
