//! The suite of the ports against the organisation directly.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use exchange::FolderRef;
use exchange::conformance::{ALICE, BOB, Fixture, all, mails};
use portcullis_exchange_sim::Organisation;

#[tokio::test]
async fn the_organisation_does_what_every_implementation_must() {
    let organisation = Organisation::new();
    organisation.add_mailbox(ALICE);
    organisation.add_mailbox(BOB);
    for mail in mails() {
        organisation.deliver(mail.mailbox, &FolderRef::parse(mail.folder).unwrap(), mail.raw).unwrap();
    }
    if let Err(failures) = all(&Fixture { ports: organisation.ports() }).await {
        panic!("{failures}");
    }
}
