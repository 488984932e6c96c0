//! [`Update`] over UpdateItem.

use exchange::port::{PerItem, Update, Work};
use exchange::{ItemRef, Mailbox};

use super::batch;
use crate::client::EwsClient;
use crate::op::update_item::{Change, UpdateItem};

impl Update for EwsClient {
    fn mark_read<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        read: bool,
    ) -> Work<'a, PerItem<ItemRef>> {
        Box::pin(batch::run(items, self.batch(), move |items| {
            self.call(mailbox, UpdateItem { items, change: Change::Read(read) })
        }))
    }
}
