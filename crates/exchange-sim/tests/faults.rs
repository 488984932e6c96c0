//! Everything that goes wrong on request, as it looks to a client that reads bytes.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod wire;

use std::io::Read;
use std::time::{Duration, Instant};

use exchange::FolderRef;
use portcullis_exchange_sim::{EffectKind, Fault, Misbehaviour, Organisation, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::{ALICE, delete, envelope, start};

async fn served() -> (Organisation, Server, String) {
    let organisation = Organisation::new();
    organisation.add_mailbox(ALICE);
    let inbox = FolderRef::parse("inbox").unwrap();
    let id =
        organisation.deliver(ALICE, &inbox, "From: a@b.example\r\nSubject: one\r\n\r\nHello.\r\n").unwrap();
    let server = start(&organisation).await;
    (organisation, server, id)
}

async fn connected(server: &Server, id: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.base_url().replace("http://", "")).await.unwrap();
    let body = envelope(None, &delete("HardDelete", &[id]));
    let request = format!(
        "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: sim\r\nAuthorization: Basic c3ZjQGNvcnAuZXhhbXBsZTpzZWNyZXQ=\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

struct Seen {
    head: String,
    body: Vec<u8>,
    /// How many mails were deleted.
    done: u64,
}

impl Seen {
    fn header(&self, name: &str) -> Option<String> {
        let line = |line: &str| line.to_lowercase().strip_prefix(&format!("{name}: ")).map(str::to_owned);
        self.head.lines().find_map(line)
    }

    fn length(&self) -> usize {
        self.header("content-length").unwrap().parse().unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// Deletes a mail while something goes wrong, and reads until the server closes.
async fn during(how: Misbehaviour) -> Seen {
    let (organisation, server, id) = served().await;
    server.misbehave(Fault::once("DeleteItem", how));
    let mut stream = connected(&server, &id).await;
    let mut bytes = Vec::new();
    // A connection in order stays open; this is how long nothing comes.
    let _ = tokio::time::timeout(Duration::from_millis(700), stream.read_to_end(&mut bytes)).await;
    let at = bytes.windows(4).position(|end| end == b"\r\n\r\n");
    let (head, body) = match at {
        Some(at) => (String::from_utf8_lossy(&bytes[..at]).into_owned(), bytes[at + 4..].to_vec()),
        None => (String::new(), bytes),
    };
    Seen { head, body, done: organisation.ledger().count(EffectKind::Deleted) }
}

#[tokio::test]
async fn refusals_come_before_anything_is_done() {
    let busy = during(Misbehaviour::TooManyRequests { retry_after_seconds: 9 }).await;
    assert!(busy.head.starts_with("HTTP/1.1 429 "), "{}", busy.head);
    assert_eq!((busy.header("retry-after").as_deref(), busy.done), (Some("9"), 0));
    let away =
        during(Misbehaviour::Redirect { location: "http://evil.example/EWS".into(), status: 307 }).await;
    assert!(away.head.starts_with("HTTP/1.1 307 "));
    assert_eq!((away.header("location").as_deref(), away.done), (Some("http://evil.example/ews"), 0));
    let blocked = during(Misbehaviour::PolicyBlocked { reason: "not on the list".into() }).await;
    assert!(blocked.head.starts_with("HTTP/1.1 403 "));
    assert_eq!(
        (blocked.header("x-ews-policy-reason").as_deref(), blocked.done),
        (Some("not on the list"), 0)
    );
}

#[tokio::test]
async fn answers_that_are_none_come_after_everything_was_done() {
    let garbage = during(Misbehaviour::Garbage { bytes: 300 }).await;
    assert!(garbage.head.starts_with("HTTP/1.1 200 ") && std::str::from_utf8(&garbage.body).is_err());
    assert_eq!((garbage.body.len(), garbage.length(), garbage.done), (300, 300, 1));
    let odd = during(Misbehaviour::NoHttp).await;
    assert!(odd.head.is_empty() && !odd.body.is_empty() && !odd.body.starts_with(b"HTTP"));
    assert_eq!(odd.done, 1);
}

#[tokio::test]
async fn lengths_lie() {
    let whole = during(Misbehaviour::Delay { milliseconds: 0 }).await;
    assert!(whole.text().contains("NoError") && whole.length() == whole.body.len());
    let cut = during(Misbehaviour::Truncated { bytes: 20 }).await;
    assert_eq!((cut.body.len(), cut.length(), cut.done), (20, whole.body.len(), 1));
    let more = during(Misbehaviour::WrongLength { by: 10 }).await;
    assert_eq!((more.body.len(), more.length(), more.done), (whole.body.len(), whole.body.len() + 10, 1));
    let less = during(Misbehaviour::WrongLength { by: -10 }).await;
    assert_eq!((less.body.len(), less.length(), less.done), (whole.body.len(), whole.body.len() - 10, 1));
}

#[tokio::test]
async fn a_half_closed_connection_still_listens() {
    let (organisation, server, id) = served().await;
    server.misbehave(Fault::once("DeleteItem", Misbehaviour::HalfClose { bytes: 30 }));
    let mut stream = connected(&server, &id).await;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let at = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    assert_eq!(bytes.len() - at - 4, 30);
    assert_eq!(organisation.ledger().count(EffectKind::Deleted), 1);
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stream.write_all(b"is anybody there?").await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_trickles() {
    let (_organisation, server, id) = served().await;
    server.misbehave(Fault::once("DeleteItem", Misbehaviour::Trickle { bytes: 100, pause_ms: 20 }));
    let begun = Instant::now();
    let mut stream = connected(&server, &id).await;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.ends_with("</s:Envelope>"), "{text}");
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    let pauses = u32::try_from(body.len().div_ceil(100)).unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(20) * pauses);
}

#[tokio::test]
async fn a_small_answer_becomes_large() {
    let packed = during(Misbehaviour::GzipBomb { mebibytes: 8 }).await;
    assert_eq!((packed.header("content-encoding").as_deref(), packed.done), (Some("gzip"), 1));
    assert!(packed.body.len() < 200_000, "{}", packed.body.len());
    let mut opened = Vec::new();
    flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_end(&mut opened).unwrap();
    assert!(opened.len() > 8 * 1024 * 1024 && opened.starts_with(b"<?xml"));
    let tall = during(Misbehaviour::HugeHeaders { kibibytes: 64 }).await;
    assert!(tall.head.len() > 64 * 1024 && tall.text().ends_with("</s:Envelope>"), "{}", tall.head.len());
    assert_eq!(tall.done, 1);
}

#[test]
fn faults_are_written_in_yaml() {
    let text = "- {kind: half_close, bytes: 7}\n- {kind: trickle}\n- {kind: gzip_bomb, mebibytes: 2}\n- {kind: policy_blocked}\n- {kind: redirect, location: 'http://x/'}\n- {kind: wrong_length, by: -1, operation: GetItem, times: 2}\n";
    let faults: Vec<Fault> = serde_yaml::from_str(text).unwrap();
    assert_eq!(faults[0].how, Misbehaviour::HalfClose { bytes: 7 });
    assert_eq!(faults[1].how, Misbehaviour::Trickle { bytes: 64, pause_ms: 0 });
    assert_eq!(faults[4].how, Misbehaviour::Redirect { location: "http://x/".into(), status: 302 });
    assert_eq!((faults[5].times, faults[5].operation.as_deref()), (2, Some("GetItem")));
}
