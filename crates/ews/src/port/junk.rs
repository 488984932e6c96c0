//! [`Junk`] over MarkAsJunk.

use exchange::port::{Junk, PerItem, Work};
use exchange::{ItemRef, Junked, Mailbox};

use super::batch;
use crate::client::EwsClient;
use crate::op::mark_as_junk::MarkAsJunk;

impl Junk for EwsClient {
    fn mark_junk<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        junk: bool,
        moves: bool,
    ) -> Work<'a, PerItem<Junked>> {
        Box::pin(batch::run(items, self.batch(), move |items| {
            self.call(mailbox, MarkAsJunk { items, junk, moves })
        }))
    }
}
