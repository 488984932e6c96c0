//! An attachment of 10 MiB over real HTTP to the simulator, and back byte for byte; the same as a whole message.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::sync::Arc;
use std::time::Duration;

use exchange::{
    Address, AttachmentKind, BodyText, Draft, FolderRef, ItemRef, Mailbox, MimeDraft, NewAttachment, Ports,
    Query, SearchRequest, WellKnownFolder,
};
use exchange_sim::{Organisation, Server};
use portcullis_ews::{Access, Config, EwsClient};
use transport::{Client, Credentials, Origin, Secret};

const USER: &str = "svc@corp.example";
const PASSWORD: &str = "correct horse";
const SIZE: usize = 10 << 20;

fn mailbox(address: &str) -> Mailbox {
    Mailbox::new(address).unwrap()
}

/// No byte follows from its place, so that lost or doubled pieces show.
fn bytes() -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(SIZE).collect()
}

async fn connect() -> (Server, Ports) {
    let organisation = Organisation::new();
    organisation.add_mailbox("alice@corp.example");
    organisation.add_mailbox("bob@corp.example");
    let server = Server::start(organisation, exchange_sim::Config::local(USER, PASSWORD)).await.unwrap();
    let url: http::Uri = server.url().parse().unwrap();
    let login = Credentials::basic(USER, Secret::new(PASSWORD));
    let builder = Client::builder().credentials(Origin::of(&url).unwrap(), login);
    let client = builder.deadline(Duration::from_secs(300)).build().unwrap();
    let config = Config::new(url, Access::Impersonation);
    let ports = EwsClient::new(client, config, |error: &transport::Error| error.may_have_left()).ports();
    (server, ports)
}

/// The newest message in Bob's inbox.
async fn arrived(ports: &Ports) -> ItemRef {
    let request = SearchRequest {
        mailbox: mailbox("bob@corp.example"),
        folder: FolderRef::WellKnown(WellKnownFolder::Inbox),
        query: Query::default(),
        restriction: None,
        offset: 0,
        limit: 1,
    };
    let found = ports.search.as_ref().unwrap().search(&request).await.unwrap();
    found.messages[0].item.clone()
}

#[tokio::test]
async fn ten_mebibytes_arrive_byte_for_byte() {
    let (_server, ports) = connect().await;
    let (alice, bob, content) = (mailbox("alice@corp.example"), mailbox("bob@corp.example"), bytes());
    let (submit, drafts) = (ports.submit.as_ref().unwrap(), ports.drafts.as_ref().unwrap());
    let draft = Draft {
        to: vec![Address { name: None, address: bob.as_str().to_owned() }],
        subject: Some("Large".to_owned()),
        body: BodyText::Text("See what is attached.".to_owned()),
        key: "large".to_owned(),
        ..Draft::default()
    };
    let attachment = NewAttachment {
        name: "large.bin".to_owned(),
        media_type: None,
        content_id: None,
        kind: AttachmentKind::File,
        size: SIZE as u64,
        content: Arc::new(content.clone()),
    };
    let item = submit.create_draft(&alice, &draft).await.unwrap();
    let item = drafts.attach(&alice, &item, &attachment).await.unwrap();
    submit.send(&alice, &item).await.unwrap();
    let attachments = ports.attachments.as_ref().unwrap();
    let all = attachments.list(&bob, &arrived(&ports).await).await.unwrap();
    assert_eq!((all.len(), all[0].name.as_deref()), (1, Some("large.bin")));
    let mut taken = Vec::new();
    attachments.fetch(&bob, &all[0], &mut taken).await.unwrap();
    assert!(taken == content, "{} bytes came back, and not the same", taken.len());
}

#[tokio::test]
async fn a_whole_message_of_ten_mebibytes_arrives_byte_for_byte() {
    let (_server, ports) = connect().await;
    let (alice, bob) = (mailbox("alice@corp.example"), mailbox("bob@corp.example"));
    let (submit, drafts) = (ports.submit.as_ref().unwrap(), ports.drafts.as_ref().unwrap());
    let mut raw = b"From: alice@corp.example\r\nTo: bob@corp.example\r\nSubject: Whole\r\n\r\n".to_vec();
    raw.extend(bytes());
    let mime = MimeDraft { size: raw.len() as u64, content: Arc::new(raw.clone()), key: "whole".to_owned() };
    let item = drafts.create_from_mime(&alice, &mime).await.unwrap();
    submit.send(&alice, &item).await.unwrap();
    let mut taken = Vec::new();
    ports.read.as_ref().unwrap().mime(&bob, &arrived(&ports).await, &mut taken).await.unwrap();
    assert!(taken == raw, "{} bytes came back, and not the same", taken.len());
}
