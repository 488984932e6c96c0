//! [`Attachments`] over GetItem and GetAttachment.

use std::io::Write;

use exchange::port::{Attachments, Work};
use exchange::{AttachmentInfo, AttachmentKind, Error, ErrorKind, ItemRef, Mailbox};

use crate::client::EwsClient;
use crate::op::get_attachment::GetAttachment;
use crate::op::get_item::ListAttachments;

impl Attachments for EwsClient {
    fn list<'a>(&'a self, mailbox: &'a Mailbox, item: &'a ItemRef) -> Work<'a, Vec<AttachmentInfo>> {
        Box::pin(self.call(mailbox, ListAttachments { item }))
    }

    fn fetch<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        attachment: &'a AttachmentInfo,
        out: &'a mut (dyn Write + Send),
    ) -> Work<'a, u64> {
        if attachment.kind == AttachmentKind::Reference {
            return Box::pin(async move {
                Err(Error::new(
                    ErrorKind::Invalid,
                    "an attachment that is a link to a cloud document has no bytes; skip attachments of kind `reference`",
                ))
            });
        }
        Box::pin(self.call(mailbox, GetAttachment { id: &attachment.id, out }))
    }
}
