//! [`Mailboxes`] over GetSearchableMailboxes.

use exchange::port::{Mailboxes, Work};
use exchange::{Mailbox, SearchableMailbox, SearchableMailboxes};

use crate::client::EwsClient;
use crate::op::get_searchable_mailboxes::SearchableQuery;

impl Mailboxes for EwsClient {
    fn searchable<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        filter: Option<&'a str>,
        expand_groups: bool,
    ) -> Work<'a, SearchableMailboxes> {
        Box::pin(async move {
            let query = SearchableQuery { filter, expand_groups };
            let found = self.searchable_mailboxes(mailbox, query).await?;
            let mailboxes = found.mailboxes.into_iter().map(|one| SearchableMailbox {
                // A mailbox elsewhere may have its address in the other field only.
                address: if one.address.is_empty() { one.external_address } else { one.address },
                name: one.display_name,
                is_group: one.is_group,
                is_external: one.is_external,
            });
            let failed = found.failed.into_iter().map(|one| (one.mailbox, one.message));
            Ok(SearchableMailboxes { mailboxes: mailboxes.collect(), failed: failed.collect() })
        })
    }
}
