//! [`Update`] over UpdateItem.

use exchange::port::{PerItem, Update, Work};
use exchange::{ItemRef, Mailbox};

use super::batch;
use crate::client::EwsClient;
use crate::object::{Field, Update as Set};
use crate::op::update_item::quietly;

impl Update for EwsClient {
    fn mark_read<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        read: bool,
    ) -> Work<'a, PerItem<ItemRef>> {
        Box::pin(async move {
            let updates = &[Set::Set(Field::IsRead(read))];
            batch::run(items, self.batch(), |items| quietly(self, mailbox, items, updates)).await
        })
    }
}
