//! Reading large answers through the ports, beside the bare limit in the same run: the same bytes through
//! quick-xml's events and one base64 decoder, and nothing made of them.
//!
//! `cargo bench -p portcullis-ews --bench read`. CPU time of this thread, and by how much the peak
//! of resident memory grew; both from `/proc`, so on other systems the wall clock alone is shown.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program that measures and prints"
)]
#![allow(missing_docs, reason = "a program that measures and prints")]

use std::convert::Infallible;
use std::fmt::Write as _;
use std::future::{Ready, ready};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use exchange::{
    AttachmentInfo, AttachmentKind, FolderRef, ItemRef, Mailbox, Ports, Query, SearchRequest, WellKnownFolder,
};
use futures_util::FutureExt;
use futures_util::stream::{Iter, iter};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use portcullis_ews::{Access, Config, EwsClient};
use quick_xml::events::Event;
use tower_service::Service;

/// How large the pieces are that a socket gives.
const PIECE: usize = 16 * 1024;
const ROUNDS: u32 = 30;

#[derive(Clone)]
struct Canned(Bytes);

struct Pieces(Bytes);

impl Iterator for Pieces {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn next(&mut self) -> Option<Self::Item> {
        let piece = self.0.split_to(PIECE.min(self.0.len()));
        (!piece.is_empty()).then(|| Ok(Frame::data(piece)))
    }
}

impl Service<Request<Bytes>> for Canned {
    type Response = Response<StreamBody<Iter<Pieces>>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        ready(Ok(Response::new(StreamBody::new(iter(Pieces(self.0.clone()))))))
    }
}

fn ports(answer: &Bytes) -> Ports {
    let url = http::Uri::from_static("https://mail.corp.example/EWS/Exchange.asmx");
    let mut config = Config::new(url, Access::Impersonation);
    config.batch = 1000;
    EwsClient::new(Canned(answer.clone()), config, |_| true).ports()
}

fn alice() -> Mailbox {
    Mailbox::new("alice@corp.example").unwrap()
}

fn id(n: usize) -> String {
    format!(
        "AAMkADllMTlhYmUxLTg5MTctNDI4ZS1iNDdlLTM2NTk2Y2E5ODA0MwBGAAAAAADW58Si2h5DR47ERsh76m/ZBwC30utV9Qm1Tp6i563HuBDKAAAAAAEMAAC30utV9Qm1Tp6i563HuBDKAA{n:010}AAA="
    )
}

fn envelope(operation: &str, messages: &str) -> Bytes {
    Bytes::from(format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <s:Header><h:ServerVersionInfo MajorVersion=\"15\" MinorVersion=\"20\" MajorBuildNumber=\"3370\" \
         MinorBuildNumber=\"16\" xmlns:h=\"http://schemas.microsoft.com/exchange/services/2006/types\"/></s:Header>\
         <s:Body><m:{operation}Response xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\" \
         xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\"><m:ResponseMessages>{messages}\
         </m:ResponseMessages></m:{operation}Response></s:Body></s:Envelope>"
    ))
}

fn summary(n: usize) -> String {
    format!(
        "<t:ItemId Id=\"{}\" ChangeKey=\"CQAAABYAAAC30utV9Qm1Tp6i563HuBDKAAER7Bl4\"/><t:ParentFolderId \
         Id=\"AQMkADllMTlhYmUxLTg5MTctNDI4ZS1iNDdlLTM2NTk2Y2E5ODA0MwAuAAAD1ufEotoeQ0eOxEbIe+pv2QEAt9LrVfUJtU6eouetx7gQ\" \
         ChangeKey=\"AQAAAA==\"/><t:Subject>Invoice {n} &amp; reminder, please pay until Friday</t:Subject>\
         <t:DateTimeReceived>2026-11-21T05:00:00Z</t:DateTimeReceived><t:Size>{}</t:Size>\
         <t:HasAttachments>false</t:HasAttachments><t:From><t:Mailbox><t:Name>Accounts Payable</t:Name>\
         <t:EmailAddress>accounts{n}@supplier.example</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType>\
         <t:MailboxType>OneOff</t:MailboxType></t:Mailbox></t:From>\
         <t:InternetMessageId>&lt;{n}.5f2c1b@mail.supplier.example&gt;</t:InternetMessageId><t:IsRead>true</t:IsRead>",
        id(n),
        4000 + n
    )
}

fn find(count: usize) -> Bytes {
    let mut rows = String::new();
    for n in 0..count {
        write!(rows, "<t:Message>{}</t:Message>", summary(n)).unwrap();
    }
    envelope(
        "FindItem",
        &format!(
            "<m:FindItemResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>\
             <m:RootFolder IndexedPagingOffset=\"{count}\" TotalItemsInView=\"{count}\" IncludesLastItemInRange=\"true\">\
             <t:Items>{rows}</t:Items></m:RootFolder></m:FindItemResponseMessage>"
        ),
    )
}

fn get_message(n: usize, inner: &str) -> String {
    format!(
        "<m:GetItemResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:Items>\
         <t:Message>{inner}{}</t:Message></m:Items></m:GetItemResponseMessage>",
        summary(n)
    )
}

/// The bare limit: every event of the bytes, and the text of `Content` and `MimeContent` decoded.
fn bare(answer: &[u8]) -> usize {
    let mut reader = quick_xml::Reader::from_reader(answer);
    let (mut seen, mut decode) = (0, false);
    let mut out = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return seen + out.len(),
            Event::Start(start) => {
                decode = matches!(start.local_name().as_ref(), "Content" | "MimeContent");
                seen += 1;
            }
            Event::Text(text) if decode => {
                out.clear();
                STANDARD.decode_vec(text.as_bytes(), &mut out).unwrap();
            }
            _ => seen += 1,
        }
    }
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

/// One line.
fn row(name: &str, bytes: usize, target: u64, ours: impl FnMut(), limit: impl FnMut()) {
    let (ours, memory) = measure(ours);
    let (limit, _) = measure(limit);
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{name:<28} {:>6.1} MB  ours {:>6.1} ms  +{memory:>5.1} MB  bare {:>6.1} ms  ratio {:>4.2}  target {target} ms",
        bytes as f64 / 1e6,
        millis(ours),
        millis(limit),
        millis(ours) / millis(limit),
    );
}

fn now<T>(work: impl Future<Output = Result<T, exchange::Error>>) -> T {
    work.now_or_never().expect("nothing here waits").unwrap()
}

fn search() {
    let me = alice();
    let answer = find(10_000);
    let request = SearchRequest {
        mailbox: me.clone(),
        folder: FolderRef::WellKnown(WellKnownFolder::Inbox),
        query: Query::default(),
        restriction: None,
        offset: 0,
        limit: 10_000,
    };
    let search = ports(&answer).search.unwrap();
    row(
        "find 10,000 items",
        answer.len(),
        50,
        || assert_eq!(now(search.search(&request)).messages.len(), 10_000),
        || assert!(bare(&answer) > 10_000),
    );
}

fn mime() {
    let me = alice();
    let content = STANDARD.encode(vec![b'm'; 10 * 1024]);
    let answers: Vec<Bytes> = (0..1000)
        .map(|n| envelope("GetItem", &get_message(n, &format!("<t:MimeContent>{content}</t:MimeContent>"))))
        .collect();
    let readers: Vec<_> = answers.iter().map(|answer| ports(answer).read.unwrap()).collect();
    let items: Vec<ItemRef> = (0..1000).map(|n| ItemRef::new(id(n))).collect();
    row(
        "mime of 1,000, one by one",
        answers.iter().map(Bytes::len).sum(),
        32,
        || {
            for (reader, item) in readers.iter().zip(&items) {
                assert_eq!(now(reader.mime(&me, item, &mut std::io::sink())), 10 * 1024);
            }
        },
        || answers.iter().for_each(|answer| assert!(bare(answer) > 10 * 1024)),
    );
}

fn bodies() {
    let me = alice();
    let body = "Dear customer, your parcel is waiting. ".repeat(350);
    let all: String = (0..1000)
        .map(|n| get_message(n, &format!("<t:TextBody BodyType=\"Text\">{body}</t:TextBody>")))
        .collect();
    let answer = envelope("GetItem", &all);
    drop(all);
    let items: Vec<ItemRef> = (0..1000).map(|n| ItemRef::new(id(n))).collect();
    let reader = ports(&answer).read.unwrap();
    row(
        "get 1,000 with bodies",
        answer.len(),
        32,
        || assert!(now(reader.get(&me, &items)).iter().all(Result::is_ok)),
        || assert!(bare(&answer) > 1000),
    );
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
    let attachments = ports(&answer).attachments.unwrap();
    let mut sink = std::io::sink();
    row(
        "attachment of 10 MiB",
        answer.len(),
        40,
        || assert_eq!(now(attachments.fetch(&me, &info, &mut sink)), 10 << 20),
        || assert!(bare(&answer) >= 10 << 20),
    );
}

/// With a word as argument only that row. Alone, a row's memory is its own; after others it may use what they
/// gave back to the allocator.
fn main() {
    let rows: [(&str, fn()); 4] =
        [("search", search), ("mime", mime), ("bodies", bodies), ("attachment", attachment)];
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for (name, row) in rows {
        if words.is_empty() || words.iter().any(|word| word == name) {
            row();
        }
    }
}
