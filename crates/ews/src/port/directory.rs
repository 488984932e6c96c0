//! [`Directory`] over ResolveNames.

use exchange::port::{Directory, Work};
use exchange::{Error, ErrorKind, Mailbox, Resolved};

use crate::client::EwsClient;
use crate::op::resolve_names::ResolveNames;

impl Directory for EwsClient {
    fn resolve<'a>(&'a self, mailbox: &'a Mailbox, name: &'a str) -> Work<'a, Resolved> {
        Box::pin(async move {
            if name.trim().is_empty() {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "a blank name is nobody's; give a name or address",
                ));
            }
            self.call(mailbox, ResolveNames { name }).await
        })
    }
}
