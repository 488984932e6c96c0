//! Mails made to kill their reader, through the first-party plugins as they are embedded: each ends in a result or a
//! failure within seconds, and the process goes on. What the plugins make of honest input is their own tests' business.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use action_api::Artifacts;
use action_api::plan::{Failure, FailureKind};
use portcullis_plugin_host::{PluginHost, first_party};
use serde_json::{Value, json};
use support::{Memory, step, step_with};

/// The largest CPU budget of a first-party plugin is 10 s; the rest is for a busy machine.
const SECONDS: Duration = Duration::from_secs(25);

/// With the plugins loaded: what compiling takes in a debug build is not what is judged here.
async fn host() -> PluginHost {
    let host = support::builder().packages(first_party().unwrap()).build().unwrap();
    for package in first_party().unwrap() {
        host.plugin(package.manifest().short_name()).unwrap().prepare().await.unwrap();
    }
    host
}

async fn parse(host: &PluginHost, mail: &[u8]) -> Result<Value, Failure> {
    let store = Arc::new(Memory::default());
    let message = store.put("message/rfc822", &mut &*mail).unwrap();
    step_with(host, "eml.parse", json!({ "message": message }), store).await
}

/// A result, or a failure that says which limit.
fn orderly(name: &str, start: Instant, result: &Result<Value, Failure>) {
    assert!(start.elapsed() < SECONDS, "{name} took {:?}", start.elapsed());
    if let Err(failure) = result {
        let kinds = [FailureKind::Limit, FailureKind::Invalid, FailureKind::Timeout];
        assert!(kinds.contains(&failure.kind) && !failure.message.is_empty(), "{name}: {failure}");
    }
}

fn nested_messages(depth: usize) -> Vec<u8> {
    let mut mail = String::new();
    for _ in 0..depth {
        mail.push_str("Content-Type: message/rfc822\r\n\r\n");
    }
    mail.push_str("Subject: the last\r\n\r\nhello\r\n");
    mail.into_bytes()
}

fn nested_multiparts(depth: usize) -> Vec<u8> {
    let mut mail = String::new();
    for level in 0..depth {
        let _ = write!(mail, "Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n");
    }
    mail.into_bytes()
}

fn parts(count: usize) -> Vec<u8> {
    let mut mail = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
    mail.extend(b"--b\r\n\r\n".repeat(count));
    mail
}

/// TNEF with so many files in it that each hold the same bytes.
fn tnef(files: usize, content: &[u8]) -> Vec<u8> {
    let attribute = |id: u32, data: &[u8]| {
        let length = u32::try_from(data.len()).unwrap().to_le_bytes();
        [&[2][..], &id.to_le_bytes(), &length, data, &[0, 0]].concat()
    };
    let name = attribute(0x0001_8010, b"winmail.dat\0");
    let file = [attribute(0x0006_9002, &[0; 14]), name, attribute(0x0006_800F, content)].concat();
    [b"\x78\x9f\x3e\x22\x01\x00".to_vec(), file.repeat(files)].concat()
}

/// TNEF in TNEF, four files on each level: without a limit a million of them.
fn bushy_tnef() -> Vec<u8> {
    (0..10).fold(tnef(4, b"x"), |inner, _| tnef(4, inner.get(..100_000).unwrap_or(&inner)))
}

/// A compound file whose table of chains is one circle, and whose lists of tables are another.
fn circular_msg() -> Vec<u8> {
    let mut file = vec![0; 4 << 20];
    file[..8].copy_from_slice(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    file[30..34].copy_from_slice(&[9, 0, 6, 0]);
    file[56..58].copy_from_slice(&4096_u16.to_le_bytes());
    file
}

#[tokio::test]
async fn mails() {
    let host = host().await;
    let bombs: Vec<(&str, Vec<u8>)> = vec![
        ("50,000 nested messages", nested_messages(50_000)),
        ("50,000 nested multiparts", nested_multiparts(50_000)),
        ("4,000,000 parts", parts(4_000_000)),
        ("1,000,000 headers", b"X: y\r\n".repeat(1_000_000)),
        ("one header of 20 MB", [b"Subject: ".to_vec(), vec![b'x'; 20 << 20]].concat()),
        ("1,000,000 folded lines", [b"Subject: x".to_vec(), b"\r\n x".repeat(1_000_000)].concat()),
        ("2 MB of opening brackets", [b"To: ".to_vec(), vec![b'('; 2 << 20]].concat()),
        ("1,000,000 addresses", [b"To: ".to_vec(), b"a@b.example,".repeat(1_000_000)].concat()),
        ("encoded words", [b"Subject: ".to_vec(), b"=?utf-8?q?=C3?= ".repeat(200_000)].concat()),
        ("30 MB of NUL", vec![0; 30 << 20]),
        ("nothing", Vec::new()),
        ("1,000,000 files in TNEF", tnef(1_000_000, b"")),
        ("TNEF in TNEF", bushy_tnef()),
        ("a compound file in circles", circular_msg()),
    ];
    for (name, mail) in bombs {
        let start = Instant::now();
        orderly(name, start, &parse(&host, &mail).await);
        // The process lives, and the plugin works.
        let after = parse(&host, b"Subject: fine\r\n\r\nhello\r\n").await.unwrap();
        assert_eq!(after["subject"], "fine", "after {name}");
    }
}

#[tokio::test]
async fn texts_and_html() {
    let host = host().await;
    let bombs: Vec<(&str, Value)> = vec![
        ("200 KB of nested <div>", json!({ "html": "<div>".repeat(40_000) })),
        ("1 MB of nested <a>", json!({ "html": "<a href=x>".repeat(100_000) })),
        ("1 MB of <", json!({ "html": "<".repeat(1 << 20) })),
        ("an attribute of 1 MB", json!({ "html": format!("<a href=\"{}", "x".repeat(1 << 20)) })),
        ("1 MB of entities", json!({ "html": "&amp".repeat(1 << 18) })),
        ("1 MB of dots", json!({ "text": "a.".repeat(1 << 19) })),
        ("1 MB of digits", json!({ "text": "1".repeat(1 << 20) })),
        ("1 MB of http://", json!({ "text": "http://".repeat(150_000) })),
        ("1 MB of [.]", json!({ "text": "a[.]".repeat(1 << 18) })),
        ("100,000 links", json!({ "text": "http://a.example/ ".repeat(100_000) })),
    ];
    for (name, input) in bombs {
        let start = Instant::now();
        orderly(name, start, &step(&host, "ioc-extract.extract", input).await);
    }
}
