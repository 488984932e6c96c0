//! The ports over real HTTP and SOAP, against the simulator, which shares no code with this crate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::time::Duration;

use exchange::conformance::{self, Fixture};
use exchange::{
    ErrorKind, FolderRef, Found, Mailbox, Ports, Query, Restriction, SearchRequest, WellKnownFolder,
};
use exchange_sim::{Organisation, Server};
use portcullis_ews::{Access, Config, EwsClient};
use proptest::prelude::*;
use proptest::test_runner::{Config as TestConfig, TestRunner};
use transport::{Client, Credentials, Origin, Secret};

const USER: &str = "svc@corp.example";
const PASSWORD: &str = "correct horse";

/// The ports of a client that talks to `url` over a real socket.
fn connect(url: &str, access: Access) -> Ports {
    connect_as(PASSWORD, url, access)
}

fn connect_as(password: &str, url: &str, access: Access) -> Ports {
    let url: http::Uri = url.parse().unwrap();
    let client = Client::builder()
        .credentials(Origin::of(&url).unwrap(), Credentials::basic(USER, Secret::new(password)))
        .deadline(Duration::from_secs(20))
        .build()
        .unwrap();
    EwsClient::new(client, Config::new(url, access), |error: &transport::Error| error.may_have_left()).ports()
}

/// An organisation with the mails of the suite.
fn organisation() -> Organisation {
    let organisation = Organisation::new();
    for address in [conformance::ALICE, conformance::BOB] {
        organisation.add_mailbox(address);
    }
    organisation.add_group(
        conformance::GROUP,
        "Team",
        &[conformance::ALICE, conformance::BOB, conformance::INNER_GROUP],
    );
    organisation.add_group(conformance::INNER_GROUP, "Inner", &[conformance::GROUP]);
    let (name, email, mobile) = conformance::CONTACT;
    organisation.add_contact(conformance::ALICE, name, email, mobile).unwrap();
    for mail in conformance::mails() {
        let folder = FolderRef::parse(mail.folder).unwrap();
        organisation.deliver(mail.mailbox, &folder, mail.raw).unwrap();
    }
    organisation
}

async fn serve(organisation: &Organisation) -> Server {
    Server::start(organisation.clone(), exchange_sim::Config::local(USER, PASSWORD)).await.unwrap()
}

#[tokio::test]
async fn the_ports_do_what_every_implementation_must() {
    let server = serve(&organisation()).await;
    let ports = connect(&server.url(), Access::Impersonation);
    if let Err(failures) = conformance::all(&Fixture { ports }).await {
        panic!("{failures}");
    }
}

#[tokio::test]
async fn a_mailbox_that_may_not_be_opened_is_a_missing_right() {
    let organisation = organisation();
    organisation.deny_access(conformance::ALICE, true);
    let server = serve(&organisation).await;
    let ports = connect(&server.url(), Access::Impersonation);
    let error = ports.search.unwrap().search(&inbox(&alice())).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PermissionDenied, "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_a_missing_right() {
    let server = serve(&organisation()).await;
    let ports = connect_as("wrong", &server.url(), Access::Impersonation);
    let error = ports.search.unwrap().search(&inbox(&alice())).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PermissionDenied, "{error}");
    assert!(!error.message.contains("wrong"), "{error}");
}

#[test]
fn a_restriction_finds_the_same_with_and_without_the_wire() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let organisation = organisation();
    let server = runtime.block_on(serve(&organisation));
    let wire = connect(&server.url(), Access::Impersonation).search.unwrap();
    let direct = organisation.ports().search.unwrap();
    let folder = FolderRef::parse("Inbox/Conformance").unwrap();
    let hits = std::cell::Cell::new(0);
    let config = TestConfig { cases: 900, failure_persistence: None, ..TestConfig::default() };
    TestRunner::new(config)
        .run(&support::written_restriction(), |written| {
            let restriction: Restriction = serde_json::from_value(written).unwrap();
            let request =
                SearchRequest { folder: folder.clone(), restriction: Some(restriction), ..inbox(&alice()) };
            let found = runtime.block_on(wire.search(&request)).unwrap();
            let expected = runtime.block_on(direct.search(&request)).unwrap();
            let ids = |found: &Found| found.messages.iter().map(|m| m.item.id.clone()).collect::<Vec<_>>();
            prop_assert_eq!(ids(&found), ids(&expected));
            hits.set(hits.get() + usize::from(!found.messages.is_empty() && found.total < 7));
            Ok(())
        })
        .unwrap();
    assert!(hits.get() > 30, "only {} restrictions told mails apart", hits.get());
}

fn alice() -> Mailbox {
    Mailbox::new(conformance::ALICE).unwrap()
}

fn inbox(mailbox: &Mailbox) -> SearchRequest {
    SearchRequest {
        mailbox: mailbox.clone(),
        folder: FolderRef::WellKnown(WellKnownFolder::Inbox),
        query: Query::default(),
        restriction: None,
        offset: 0,
        limit: 100,
    }
}
