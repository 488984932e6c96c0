//! [`Search`] over FindItem.

use exchange::port::{Search, Work};
use exchange::{Error, ErrorKind, Found, SearchRequest};

use crate::client::EwsClient;
use crate::condition::{self, Condition};
use crate::op::find_item::{FindItem, single};

impl Search for EwsClient {
    fn search<'a>(&'a self, request: &'a SearchRequest) -> Work<'a, Found> {
        Box::pin(async move {
            let SearchRequest { mailbox, folder, query, restriction, offset, limit } = request;
            if *limit == 0 {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "a search for 0 messages finds nothing; ask for at least 1",
                ));
            }
            let folder = self.target(mailbox, folder).await?;
            let wanted = Condition::of(query).into_iter().chain(restriction.as_ref().map(condition::of));
            let condition = Condition::all(wanted.collect());
            let pages = self.call(mailbox, FindItem::messages(&folder, condition, *offset, *limit)).await?;
            let page = single(pages)?;
            Ok(Found { messages: page.entries, total: page.total, next_offset: page.next_offset })
        })
    }
}
