//! Any bytes as the answer to any operation, in pieces of any size: no panic, and the pieces change nothing.
#![no_main]

#[path = "../pieces.rs"]
mod pieces;

use futures_util::FutureExt;
use libfuzzer_sys::fuzz_target;
use pieces::Pieces;
use portcullis_ews::{Access, Config, EwsClient};
use portcullis_exchange::{DeleteMode, FolderRef, ItemRef, Mailbox, Query, SearchRequest, WellKnownFolder};

/// What the chosen operation makes of the answer, as text.
fn outcome(operation: u8, answer: &[u8], size: usize) -> String {
    let service = Pieces::of(answer, size);
    let url = http::Uri::from_static("https://mail.corp.example/EWS/Exchange.asmx");
    let mut config = Config::new(url, Access::Impersonation);
    config.request_id_seed = Some(1);
    let ports = EwsClient::new(service, config, |_| true).ports();
    let me = Mailbox::new("alice@corp.example").expect("an address");
    let items = [ItemRef::new("A"), ItemRef::new("B")];
    let version = ItemRef { id: "A".to_owned(), change_key: Some("C".to_owned()) };
    let mut out = Vec::new();
    let shown = match operation % 8 {
        0 => {
            let folder = FolderRef::WellKnown(WellKnownFolder::Inbox);
            let request = SearchRequest {
                mailbox: me,
                folder,
                query: Query::default(),
                restriction: None,
                offset: 0,
                limit: 1000,
            };
            format!("{:?}", ports.search.expect("a port").search(&request).now_or_never())
        }
        1 => format!("{:?}", ports.read.expect("a port").get(&me, &items).now_or_never()),
        2 => format!("{:?}", ports.read.expect("a port").mime(&me, &items[0], &mut out).now_or_never()),
        3 => format!("{:?}", ports.attachments.expect("a port").list(&me, &items[0]).now_or_never()),
        4 => format!(
            "{:?}",
            ports.delete.expect("a port").delete(&me, &items, DeleteMode::Soft).now_or_never()
        ),
        5 => format!("{:?}", ports.update.expect("a port").mark_read(&me, &items, true).now_or_never()),
        6 => {
            let read = ports.read.expect("a port");
            let mut taken = [Vec::new(), Vec::new()];
            let said = read
                .mimes(&me, &items, &mut |place, bytes| {
                    taken[place].extend_from_slice(bytes);
                    Ok(())
                })
                .now_or_never();
            // What came of a message that failed depends on the pieces; of the others every byte counts.
            let whole = said.iter().flatten().flatten().zip(&taken).filter(|(said, _)| said.is_ok());
            let whole: Vec<_> = whole.map(|(_, bytes)| bytes).collect();
            format!("{said:?} {whole:?}")
        }
        _ => format!("{:?}", ports.submit.expect("a port").send(&me, &version).now_or_never()),
    };
    assert!(shown.starts_with("Some"), "nothing here waits");
    shown
}

fuzz_target!(|input: &[u8]| {
    let [operation, size, answer @ ..] = input else { return };
    let whole = outcome(*operation, answer, answer.len());
    assert_eq!(whole, outcome(*operation, answer, usize::from(*size) % 64 + 1));
});
