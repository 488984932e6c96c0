//! [`Detach`] over DeleteAttachment.

use exchange::Mailbox;
use exchange::port::{Detach, PerItem, Work};

use super::batch;
use crate::client::EwsClient;
use crate::op::delete_attachment::DeleteAttachment;

impl Detach for EwsClient {
    fn detach<'a>(&'a self, mailbox: &'a Mailbox, attachments: &'a [String]) -> Work<'a, PerItem<()>> {
        Box::pin(batch::run(attachments, self.batch(), move |attachments| {
            self.call(mailbox, DeleteAttachment { attachments })
        }))
    }
}
