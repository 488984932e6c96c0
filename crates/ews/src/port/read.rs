//! [`Read`] over GetItem.

use std::io::Write;

use exchange::port::{PerItem, Read, Take, Work};
use exchange::{ItemRef, Mailbox, Message, MessageSummary};

use super::batch;
use crate::client::EwsClient;
use crate::op::get_item::{GetMessages, GetMime, GetMimes, GetSummaries};

impl Read for EwsClient {
    fn get<'a>(&'a self, mailbox: &'a Mailbox, items: &'a [ItemRef]) -> Work<'a, PerItem<Message>> {
        Box::pin(batch::run(items, self.batch(), move |items| self.call(mailbox, GetMessages { items })))
    }

    fn summaries<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
    ) -> Work<'a, PerItem<MessageSummary>> {
        Box::pin(batch::run(items, self.batch(), move |items| self.call(mailbox, GetSummaries { items })))
    }

    fn mime<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        out: &'a mut (dyn Write + Send),
    ) -> Work<'a, u64> {
        Box::pin(self.call(mailbox, GetMime { item, out }))
    }

    fn mimes<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        take: &'a mut Take<'_>,
    ) -> Work<'a, PerItem<u64>> {
        Box::pin(self.call(mailbox, GetMimes { items, take }))
    }
}
