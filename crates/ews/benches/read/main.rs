//! Reading large answers through the ports, beside three bare limits in the same run, all from a server on loopback:
//! the same bytes downloaded and not looked at; downloaded and taken apart into quick-xml's events; downloaded and
//! made into values by a loop written by hand for just these answers. Their requests have as many bytes as ours.
//!
//! `cargo bench -p portcullis-ews --bench read`. CPU time of this thread, and by how much the peak of resident memory
//! grew; both from `/proc`, so on other systems the wall clock alone is shown.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program that measures and prints"
)]
#![allow(missing_docs, reason = "a program that measures and prints")]

mod answers;
mod bare;
mod served;

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use answers::{envelope, find, get_message, id};
use bare::Connection;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use exchange::{
    AttachmentInfo, AttachmentKind, FolderRef, ItemRef, Mailbox, Ports, Query, SearchRequest, WellKnownFolder,
};
use portcullis_ews::{Access, Config, EwsClient};
use tokio::runtime::{Builder, Runtime};

const ROUNDS: u32 = 30;
/// How many bytes a message has in MIME form.
const MIME: usize = 10 * 1024;

fn ports(server: SocketAddr) -> Ports {
    let client = transport::Client::builder().build().unwrap();
    let url = format!("http://{server}/EWS/Exchange.asmx").parse().unwrap();
    let mut config = Config::new(url, Access::Impersonation);
    config.batch = 1000;
    EwsClient::new(client, config, |error: &transport::Error| error.may_have_left()).ports()
}

fn alice() -> Mailbox {
    Mailbox::new("alice@corp.example").unwrap()
}

/// CPU time of this thread; the wall clock where the system does not tell.
fn clock(start: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

fn resident(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes =
        status.lines().find_map(|text| text.strip_prefix(line)?.trim().strip_suffix(" kB")?.parse().ok());
    kilobytes.unwrap_or(0)
}

/// Mean CPU time of a round (the system counts in ticks, so single rounds say little), and growth of the peak
/// in the first.
fn measure(mut work: impl FnMut()) -> (Duration, f64) {
    let start = Instant::now();
    // 5 resets the peak; see proc(5).
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = resident("VmRSS:");
    work();
    let grown = resident("VmHWM:").saturating_sub(before);
    let began = clock(start);
    (0..ROUNDS).for_each(|_| work());
    ((clock(start) - began) / ROUNDS, grown as f64 / 1024.0)
}

/// What is asked of a server, and what it has to cost at most.
struct Row {
    name: &'static str,
    answers: Vec<Bytes>,
    /// Milliseconds, as the design has them, of the limit and of ours; nothing where it has none.
    design: Option<(u32, u32)>,
    /// How many messages, and how many bytes of content, all answers have together.
    messages: usize,
    content: usize,
}

/// One line: ours, and the three limits. The ratio is to the last one, as the targets are.
fn show(row: Row, ours: impl Fn(&Runtime, &Ports)) {
    let requests = row.answers.len();
    let size: usize = row.answers.iter().map(Bytes::len).sum();
    let server = served::serve(row.answers);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let ports = ports(server.address);
    let (ours, memory) = measure(|| ours(&runtime, &ports));
    let asked = server.asked.load(Ordering::Relaxed);
    let mut connection = Connection::to(server.address, usize::try_from(asked).unwrap());
    let mut limit =
        |ask: &dyn Fn(&mut Connection)| measure(|| (0..requests).for_each(|_| ask(&mut connection))).0;
    let downloaded = limit(&|server| assert!(bare::bytes(server) > 0));
    let tokenised = limit(&|server| assert!(bare::events(server) > 0));
    let made = limit(&|server| {
        let (messages, content) = bare::values(server);
        assert!(messages.iter().all(|message| message.len() > 0));
        assert_eq!((messages.len() * requests, content * requests), (row.messages, row.content));
    });
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{:<26} {:>5.1} MB  ours {:>6.1} ms +{memory:>5.1} MB  download {:>5.1}  events {:>5.1}  values {:>5.1}  ratio \
         {:>4.2}{}",
        row.name,
        size as f64 / 1e6,
        millis(ours),
        millis(downloaded),
        millis(tokenised),
        millis(made),
        millis(ours) / millis(made),
        row.design.map_or_else(String::new, |(limit, ours)| {
            format!("  target {:.2} ({ours} / {limit} ms)", f64::from(ours) / f64::from(limit))
        }),
    );
}

fn search() {
    let request = SearchRequest {
        mailbox: alice(),
        folder: FolderRef::WellKnown(WellKnownFolder::Inbox),
        query: Query::default(),
        restriction: None,
        offset: 0,
        limit: 10_000,
    };
    let name = "find 10,000 items";
    let row = Row { name, answers: vec![find(10_000)], design: Some((34, 50)), messages: 10_000, content: 0 };
    show(row, |runtime, ports| {
        let found = runtime.block_on(ports.search.as_ref().unwrap().search(&request)).unwrap();
        assert_eq!(found.messages.len(), 10_000);
    });
}

/// A message with its MIME form.
fn mime_of(n: usize) -> String {
    let content = STANDARD.encode(vec![b'm'; MIME]);
    get_message(n, &format!("<t:MimeContent>{content}</t:MimeContent>"))
}

fn mime() {
    let me = alice();
    let all: String = (0..1000).map(mime_of).collect();
    let answers = vec![envelope("GetItem", &all)];
    drop(all);
    let items: Vec<ItemRef> = (0..1000).map(|n| ItemRef::new(id(n))).collect();
    let row =
        Row { name: "mime of 1,000", answers, design: Some((25, 32)), messages: 1000, content: 1000 * MIME };
    show(row, |runtime, ports| {
        let read = ports.read.as_ref().unwrap();
        let mut taken = 0;
        let mut take = |_: usize, bytes: &[u8]| {
            taken += bytes.len();
            Ok(())
        };
        let said = runtime.block_on(read.mimes(&me, &items, &mut take)).unwrap();
        assert!(said.iter().all(|said| matches!(said, Ok(size) if *size == MIME as u64)));
        assert_eq!(taken, 1000 * MIME);
    });
}

/// What a request costs.
fn single() {
    let me = alice();
    let answers = (0..1000).map(|n| envelope("GetItem", &mime_of(n))).collect();
    let items: Vec<ItemRef> = (0..1000).map(|n| ItemRef::new(id(n))).collect();
    let name = "mime of 1,000, one by one";
    let row = Row { name, answers, design: None, messages: 1000, content: 1000 * MIME };
    show(row, |runtime, ports| {
        let read = ports.read.as_ref().unwrap();
        runtime.block_on(async {
            for item in &items {
                assert_eq!(read.mime(&me, item, &mut std::io::sink()).await.unwrap(), MIME as u64);
            }
        });
    });
}

fn bodies() {
    let me = alice();
    let body = "Dear customer, your parcel is waiting. ".repeat(350);
    let all: String = (0..1000)
        .map(|n| get_message(n, &format!("<t:TextBody BodyType=\"Text\">{body}</t:TextBody>")))
        .collect();
    let items: Vec<ItemRef> = (0..1000).map(|n| ItemRef::new(id(n))).collect();
    let answers = vec![envelope("GetItem", &all)];
    drop(all);
    let row = Row { name: "get 1,000 with bodies", answers, design: None, messages: 1000, content: 0 };
    show(row, |runtime, ports| {
        let got = runtime.block_on(ports.read.as_ref().unwrap().get(&me, &items)).unwrap();
        assert!(got.iter().all(Result::is_ok));
    });
}

fn attachment() {
    let me = alice();
    let content = STANDARD.encode(vec![0xA5; 10 << 20]);
    let answer = envelope(
        "GetAttachment",
        &format!(
            "<m:GetAttachmentResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>\
             <m:Attachments><t:FileAttachment><t:AttachmentId Id=\"T\"/><t:Name>a.bin</t:Name><t:Content>{content}\
             </t:Content></t:FileAttachment></m:Attachments></m:GetAttachmentResponseMessage>"
        ),
    );
    drop(content);
    let info = AttachmentInfo {
        id: "T".to_owned(),
        name: None,
        content_type: None,
        size: 0,
        is_inline: false,
        content_id: None,
        kind: AttachmentKind::File,
    };
    let name = "attachment of 10 MiB";
    let row = Row { name, answers: vec![answer], design: Some((30, 40)), messages: 0, content: 10 << 20 };
    show(row, |runtime, ports| {
        let attachments = ports.attachments.as_ref().unwrap();
        let size = runtime.block_on(attachments.fetch(&me, &info, &mut std::io::sink())).unwrap();
        assert_eq!(size, 10 << 20);
    });
}

/// With a word as argument only that row. Alone, a row's memory is its own; after others it may use what they
/// gave back to the allocator.
fn main() {
    let rows: [(&str, fn()); 5] = [
        ("search", search),
        ("mime", mime),
        ("single", single),
        ("bodies", bodies),
        ("attachment", attachment),
    ];
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for (name, row) in rows {
        if words.is_empty() || words.iter().any(|word| word == name) {
            row();
        }
    }
}
