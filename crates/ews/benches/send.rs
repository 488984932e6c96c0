//! A large attachment through the ports to a server over HTTP, and back from the mailbox of the recipient: byte for
//! byte, and what the process of the client needs for it.
//!
//! `cargo bench -p portcullis-ews --bench send [-- MEBIBYTES]`, 10 without a number. The server is the simulator in a
//! process of its own, started from this program, so that its memory is not counted. Memory is from `/proc`; on other
//! systems it shows as nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program that measures and prints"
)]
#![allow(missing_docs, reason = "a program that measures and prints")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use exchange::{
    Address, AttachmentKind, BodyText, Content, Draft, FolderRef, Mailbox, MimeDraft, NewAttachment, Ports,
    Query, SearchRequest, WellKnownFolder,
};
use exchange_sim::{Organisation, Server};
use portcullis_ews::{Access, Config, EwsClient};
use transport::{Client, Credentials, Origin, Secret};

const USER: &str = "svc@corp.example";
const PASSWORD: &str = "correct horse";
const SERVE: &str = "serve";

/// Bytes that are made while they are read, so that nobody holds them.
#[derive(Clone, Copy)]
struct Made {
    left: u64,
    state: u32,
}

impl Made {
    fn new(left: u64) -> Self {
        Made { left, state: 0x9e37_79b9 }
    }

    fn next(&mut self) -> u8 {
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.state.to_be_bytes().first().copied().unwrap_or(0)
    }
}

impl Read for Made {
    fn read(&mut self, place: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(place.len());
        place.iter_mut().take(most).for_each(|byte| *byte = self.next());
        self.left -= most as u64;
        Ok(most)
    }
}

impl Content for Made {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(*self))
    }
}

/// Takes bytes that have to be those.
struct Expecting(Made);

impl Write for Expecting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            assert!(self.0.left > 0 && *byte == self.0.next(), "other bytes came back");
            self.0.left -= 1;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// MiB, by the name of a line of `/proc/self/status`.
fn memory(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
    line.and_then(|kilobytes| kilobytes.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// Runs the work and prints how long it took and how much memory it needed beyond what there was.
async fn measure<T>(what: &str, work: impl Future<Output = T>) -> T {
    // 5 resets the peak; see proc(5).
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let (before, start) = (memory("VmRSS:"), Instant::now());
    let done = work.await;
    let peak = memory("VmHWM:");
    println!(
        "{what:<34} {:>7.0} ms  peak {peak:>6.1} MiB  (+{:.1})",
        start.elapsed().as_secs_f64() * 1e3,
        (peak - before).max(0.0)
    );
    done
}

fn ports(url: &str) -> Ports {
    let url: http::Uri = url.parse().unwrap();
    let login = Credentials::basic(USER, Secret::new(PASSWORD));
    let builder = Client::builder().credentials(Origin::of(&url).unwrap(), login);
    let client = builder.deadline(Duration::from_secs(120)).build().unwrap();
    let config = Config::new(url, Access::Impersonation);
    EwsClient::new(client, config, |error: &transport::Error| error.may_have_left()).ports()
}

async fn serve() {
    let organisation = Organisation::new();
    organisation.add_mailbox("alice@corp.example");
    organisation.add_mailbox("bob@corp.example");
    let server = Server::start(organisation, exchange_sim::Config::local(USER, PASSWORD)).await.unwrap();
    println!("{}", server.url());
    std::future::pending::<()>().await;
}

async fn send_and_fetch(ports: Ports, size: u64) {
    let (alice, bob) =
        (Mailbox::new("alice@corp.example").unwrap(), Mailbox::new("bob@corp.example").unwrap());
    let (submit, drafts) = (ports.submit.unwrap(), ports.drafts.unwrap());
    let draft = Draft {
        to: vec![Address { name: None, address: bob.as_str().to_owned() }],
        subject: Some("Large".to_owned()),
        body: BodyText::Text("See what is attached.".to_owned()),
        key: "large".to_owned(),
        ..Draft::default()
    };
    let made = NewAttachment {
        name: "large.bin".to_owned(),
        media_type: None,
        content_id: None,
        kind: AttachmentKind::File,
        size,
        content: Arc::new(Made::new(size)),
    };
    let item = measure("a draft", submit.create_draft(&alice, &draft)).await.unwrap();
    let item = measure("attached", drafts.attach(&alice, &item, &made)).await.unwrap();
    measure("sent", submit.send(&alice, &item)).await.unwrap();
    let request = SearchRequest {
        mailbox: bob.clone(),
        folder: FolderRef::WellKnown(WellKnownFolder::Inbox),
        query: Query::default(),
        restriction: None,
        offset: 0,
        limit: 1,
    };
    let found = ports.search.unwrap().search(&request).await.unwrap();
    let message = found.messages.first().expect("the message arrived").item.clone();
    let attachments = ports.attachments.unwrap();
    let all = attachments.list(&bob, &message).await.unwrap();
    let mut taken = Expecting(Made::new(size));
    let fetched = attachments.fetch(&bob, all.first().expect("it is attached"), &mut taken);
    assert_eq!(measure("fetched by the recipient", fetched).await.unwrap(), size);
    assert_eq!(taken.0.left, 0);
    let head = "From: alice@corp.example\r\nTo: bob@corp.example\r\nSubject: Whole\r\n\r\n";
    let content = Arc::new(Headed { head, rest: Made::new(size) });
    let mime = MimeDraft { size: size + head.len() as u64, content, key: "whole".to_owned() };
    measure("kept from its MIME form", drafts.create_from_mime(&alice, &mime)).await.unwrap();
}

/// Bytes below a head.
struct Headed {
    head: &'static str,
    rest: Made,
}

impl Content for Headed {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.head.as_bytes().chain(self.rest)))
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if words.iter().any(|word| word == SERVE) {
        return runtime.block_on(serve());
    }
    let mebibytes: u64 = words.iter().find_map(|word| word.parse().ok()).unwrap_or(10);
    let program = std::env::current_exe().unwrap();
    let mut server = Command::new(program).arg(SERVE).stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut url).unwrap();
    println!("{mebibytes} MiB over HTTP, the process at rest has {:.1} MiB", memory("VmRSS:"));
    runtime.block_on(send_and_fetch(ports(url.trim()), mebibytes << 20));
    server.kill().unwrap();
    server.wait().unwrap();
}
