//! The ports over real HTTP and SOAP, against the simulator, which shares no code with this crate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::time::Duration;

use exchange::{DeleteMode, FolderRef, Mailbox, Ports, Query, SearchRequest, WellKnownFolder};
use exchange_sim::{Organisation, Server};
use portcullis_ews::{Access, Config, EwsClient};
use transport::{Client, Credentials, Origin, Secret};

const USER: &str = "svc@corp.example";
const PASSWORD: &str = "correct horse";

/// The ports of a client that talks to `url` over a real socket.
fn connect(url: &str, access: Access) -> Ports {
    let url: http::Uri = url.parse().unwrap();
    let client = Client::builder()
        .credentials(Origin::of(&url).unwrap(), Credentials::basic(USER, Secret::new(PASSWORD)))
        .deadline(Duration::from_secs(20))
        .build()
        .unwrap();
    EwsClient::new(client, Config::new(url, access), |error: &transport::Error| error.may_have_left()).ports()
}

fn mail(subject: &str, n: usize) -> Vec<u8> {
    format!(
        "Message-ID: <{n}@evil.example>\r\nFrom: Eve <eve@evil.example>\r\nTo: alice@corp.example\r\n\
         Subject: {subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello {n}\r\n"
    )
    .into_bytes()
}

#[tokio::test]
async fn a_campaign_is_found_read_and_deleted() {
    let alice = Mailbox::new("alice@corp.example").unwrap();
    let organisation = Organisation::new();
    organisation.add_mailbox(alice.as_str());
    for n in 0..7 {
        let subject = if n < 5 { "Your parcel & <invoice>" } else { "Lunch" };
        organisation
            .deliver(alice.as_str(), &FolderRef::WellKnown(WellKnownFolder::Inbox), mail(subject, n))
            .unwrap();
    }
    let server = Server::start(organisation, exchange_sim::Config::local(USER, PASSWORD)).await.unwrap();
    let ports = connect(&server.url(), Access::Impersonation);

    let mut request = SearchRequest {
        mailbox: alice.clone(),
        folder: FolderRef::WellKnown(WellKnownFolder::Inbox),
        query: Query { subject: Some("your parcel & <invoice>".to_owned()), ..Query::default() },
        offset: 0,
        limit: 3,
    };
    let mut items = Vec::new();
    loop {
        let found = ports.search.as_ref().unwrap().search(&request).await.unwrap();
        assert_eq!(found.total, 5);
        items.extend(found.messages.into_iter().map(|message| message.item));
        let Some(next) = found.next_offset else { break };
        request.offset = next;
    }
    assert_eq!(items.len(), 5);

    let messages = ports.read.as_ref().unwrap().get(&alice, &items).await.unwrap();
    for (message, item) in messages.iter().zip(&items) {
        let message = message.as_ref().unwrap();
        assert_eq!(message.summary.item.id, item.id);
        assert_eq!(message.summary.subject.as_deref(), Some("Your parcel & <invoice>"));
        assert_eq!(message.summary.from.as_ref().unwrap().address, "eve@evil.example");
        assert!(message.text_body.as_ref().unwrap().starts_with("Hello "));
    }

    let delete = ports.delete.as_ref().unwrap();
    let deleted = delete.delete(&alice, &items, DeleteMode::Soft).await.unwrap();
    assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    let again = delete.delete(&alice, &items[..1], DeleteMode::Hard).await.unwrap();
    drop(again);

    request.offset = 0;
    assert_eq!(ports.search.as_ref().unwrap().search(&request).await.unwrap().total, 0);
    server.shutdown().await;
}
