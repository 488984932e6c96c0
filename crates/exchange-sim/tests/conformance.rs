//! The suite of the ports against the organisation directly.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use exchange::FolderRef;
use exchange::conformance::{ALICE, BOB, CONTACT, Fixture, GROUP, INNER_GROUP, all, mails};
use portcullis_exchange_sim::Organisation;

#[tokio::test]
async fn the_organisation_does_what_every_implementation_must() {
    let organisation = Organisation::new();
    organisation.add_mailbox(ALICE);
    organisation.add_mailbox(BOB);
    organisation.add_group(GROUP, "Team", &[ALICE, BOB, INNER_GROUP]);
    organisation.add_group(INNER_GROUP, "Inner", &[GROUP]);
    let (name, email, mobile) = CONTACT;
    organisation.add_contact(ALICE, name, email, mobile).unwrap();
    for mail in mails() {
        organisation.deliver(mail.mailbox, &FolderRef::parse(mail.folder).unwrap(), mail.raw).unwrap();
    }
    if let Err(failures) = all(&Fixture { ports: organisation.ports() }).await {
        panic!("{failures}");
    }
}
