//! [`Directory`] over ResolveNames.

use exchange::port::{Directory, Work};
use exchange::{Mailbox, Resolved};

use crate::client::EwsClient;
use crate::op::resolve_names::NameQuery;

impl Directory for EwsClient {
    fn resolve<'a>(&'a self, mailbox: &'a Mailbox, name: &'a str) -> Work<'a, Resolved> {
        Box::pin(async move {
            let query = NameQuery { name, ..NameQuery::default() };
            Ok(self.resolve_names(mailbox, query).await?.into())
        })
    }
}
