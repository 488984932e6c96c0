//! [`Delete`] over DeleteItem.

use exchange::port::{Delete, PerItem, Work};
use exchange::{DeleteMode, ItemRef, Mailbox};

use super::batch;
use crate::client::EwsClient;
use crate::op::delete_item::{DeleteItem, Deletion};

impl Delete for EwsClient {
    fn delete<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        mode: DeleteMode,
    ) -> Work<'a, PerItem<()>> {
        let how = Deletion::new(mode);
        Box::pin(batch::run(items, self.batch(), move |items| self.call(mailbox, DeleteItem { items, how })))
    }
}
