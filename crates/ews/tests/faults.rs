//! What the ports say when the network fails, over the real transport and real sockets: a change whose
//! answer is lost is unknown, a read may be tried again, and what never left says so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::time::{Duration, Instant};

use exchange::{
    DeleteMode, Error, ErrorKind, FolderRef, ItemRef, Mailbox, Ports, SearchRequest, WellKnownFolder,
};
use portcullis_ews::{Access, Config, EwsClient};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Sends these bytes to everybody who has sent a whole request, slowly if asked to, and hangs up.
async fn serve(answer: &'static [u8], pause: Option<Duration>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/EWS/Exchange.asmx", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut all = Vec::new();
                let mut buffer = [0; 8192];
                while !all.windows(b"</s:Envelope>".len()).any(|window| window == b"</s:Envelope>") {
                    let Ok(n @ 1..) = stream.read(&mut buffer).await else { return };
                    all.extend_from_slice(&buffer[..n]);
                }
                match pause {
                    None => drop(stream.write_all(answer).await),
                    Some(pause) => {
                        for byte in answer {
                            if stream.write_all(&[*byte]).await.is_err() {
                                return;
                            }
                            tokio::time::sleep(pause).await;
                        }
                    }
                }
            });
        }
    });
    url
}

fn ports(url: &str) -> Ports {
    let client = transport::Client::builder().deadline(Duration::from_millis(700)).build().unwrap();
    let config = Config::new(url.parse().unwrap(), Access::Impersonation);
    EwsClient::new(client, config, |error: &transport::Error| error.may_have_left()).ports()
}

fn alice() -> Mailbox {
    Mailbox::new("alice@corp.example").unwrap()
}

async fn search(url: &str) -> Error {
    let request = SearchRequest {
        mailbox: alice(),
        folder: FolderRef::WellKnown(WellKnownFolder::Inbox),
        query: exchange::Query::default(),
        restriction: None,
        offset: 0,
        limit: 10,
    };
    ports(url).search.unwrap().search(&request).await.unwrap_err()
}

async fn delete(url: &str) -> Error {
    ports(url).delete.unwrap().delete(&alice(), &[ItemRef::new("A")], DeleteMode::Hard).await.unwrap_err()
}

#[tokio::test]
async fn an_answer_that_is_lost_on_the_way_is_unknown_for_a_change() {
    let cases: [&[u8]; 6] = [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<?xml version=\"1.0\"?><s:Envelope",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n<?xml",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
    ];
    for (number, answer) in cases.into_iter().enumerate() {
        let url = serve(answer, None).await;
        let (read, change) = (search(&url).await, delete(&url).await);
        assert_eq!(read.kind, ErrorKind::Transient, "case {number}: {read}");
        assert_eq!(change.kind, ErrorKind::Unknown, "case {number}: {change}");
        assert!(change.message.contains("look at the mailbox"), "case {number}: {change}");
    }
}

#[tokio::test]
async fn what_never_left_may_be_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = delete(&url).await;
    assert_eq!(error.kind, ErrorKind::Transient, "{error}");
    assert!(error.message.contains("did not leave"), "{error}");
    let plain = delete("http://mail.corp.example/EWS/Exchange.asmx").await;
    assert!(plain.message.contains("plain HTTP"), "{plain}");
}

#[tokio::test]
async fn a_slow_answer_ends_at_the_deadline_of_the_whole_exchange() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://sc";
    let url = serve(answer, Some(Duration::from_millis(50))).await;
    let began = Instant::now();
    let error = delete(&url).await;
    assert_eq!(error.kind, ErrorKind::Unknown, "{error}");
    assert!(error.message.contains("took too long"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn refusals_are_known_outcomes() {
    let cases: [(&[u8], ErrorKind); 4] = [
        (
            b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n",
            ErrorKind::PermissionDenied,
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n",
            ErrorKind::Invalid,
        ),
        (b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", ErrorKind::Throttled),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html>Sign in", ErrorKind::PermissionDenied),
    ];
    for (answer, kind) in cases {
        let url = serve(answer, None).await;
        let error = delete(&url).await;
        assert_eq!(error.kind, kind, "{error}");
    }
}
