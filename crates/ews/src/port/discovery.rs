//! [`Discovery`] over Autodiscover. The client has none: it knows its server already.

use exchange::port::{Discovery, Work};
use exchange::{Look, Mailbox, OtherMailbox, ServerFound};

use crate::autodiscover::{AlternateMailbox, Attempt, Autodiscover, Discovered};

impl Discovery for Autodiscover {
    fn discover<'a>(&'a self, address: &'a Mailbox) -> Work<'a, ServerFound> {
        Box::pin(async move { Autodiscover::discover(self, address).await.map(told) })
    }
}

fn told(found: Discovered) -> ServerFound {
    ServerFound {
        url: found.ews_url.to_string(),
        is_trusted: found.is_trusted,
        address: found.address,
        display_name: found.display_name,
        server_version: found.server_version,
        log_ins: found.auth_schemes,
        public_folder_mailbox: found.public_folder_mailbox,
        others: found.alternate_mailboxes.into_iter().map(other).collect(),
        redirects: found.redirects,
        attempts: found.attempts.into_iter().map(look).collect(),
    }
}

fn other(mailbox: AlternateMailbox) -> OtherMailbox {
    let AlternateMailbox { kind, display_name, address, owner, server: _ } = mailbox;
    OtherMailbox { kind, display_name, address, owner }
}

fn look(attempt: Attempt) -> Look {
    Look { place: attempt.url, status: attempt.status, outcome: attempt.outcome }
}
