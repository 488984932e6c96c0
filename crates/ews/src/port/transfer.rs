//! [`Copies`] over CopyItem, [`Transfer`] over ExportItems and UploadItems.

use std::io::Write;
use std::sync::Arc;

use exchange::port::{Copies, PerItem, Transfer, Work};
use exchange::{Content, FolderRef, ItemRef, Mailbox};

use crate::client::EwsClient;
use crate::object::FolderAt;
use crate::op::upload_items::Upload;

impl Copies for EwsClient {
    fn copy_to<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        folder: &'a FolderRef,
    ) -> Work<'a, PerItem<ItemRef>> {
        Box::pin(async move {
            match items {
                [] => Ok(Vec::new()),
                items => self.copy_items(mailbox, items, &FolderAt::from(folder.clone())).await,
            }
        })
    }
}

impl Transfer for EwsClient {
    fn export<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        out: &'a mut (dyn Write + Send),
    ) -> Work<'a, u64> {
        Box::pin(self.export_item(mailbox, item, out))
    }

    fn import<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        folder: &'a FolderRef,
        content: Arc<dyn Content>,
        size: u64,
    ) -> Work<'a, ItemRef> {
        Box::pin(async move {
            let folder = FolderAt::from(folder.clone());
            self.upload_item_from(mailbox, &folder, &Upload::New, content, size).await
        })
    }
}
