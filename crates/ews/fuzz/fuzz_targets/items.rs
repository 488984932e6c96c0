//! Any bytes as the answer to an operation on items of any kind: no panic, and the pieces change nothing.
#![no_main]

#[path = "../pieces.rs"]
mod pieces;

use futures_util::FutureExt;
use libfuzzer_sys::fuzz_target;
use pieces::Pieces;
use portcullis_ews::{
    Access, Config, Creation, Deletion, EwsClient, Field, FolderAt, ItemChange, ItemSearch, ItemShape,
    ItemView, NewAttachment, NewItem, Update, Updating,
};
use portcullis_exchange::{DeleteMode, ItemRef, Mailbox};

/// What the chosen operation makes of the answer, as text.
fn outcome(operation: u8, answer: &[u8], size: usize) -> String {
    let service = Pieces::of(answer, size);
    let url = http::Uri::from_static("https://mail.corp.example/EWS/Exchange.asmx");
    let mut config = Config::new(url, Access::Impersonation);
    config.request_id_seed = Some(1);
    let client = EwsClient::new(service, config, |_| true);
    let me = Mailbox::new("alice@corp.example").expect("an address");
    let items = [ItemRef::new("A"), ItemRef::new("B")];
    let mut search = ItemSearch::new(FolderAt::CALENDAR);
    search.folders.push(FolderAt::CONTACTS);
    search.view = ItemView::Page { offset: 0, limit: 1000, from_end: operation % 2 == 0 };
    let change = |item: &ItemRef| ItemChange::message(item.clone(), vec![Update::Set(Field::IsRead(true))]);
    let changes: Vec<ItemChange> = items.iter().map(change).collect();
    let new = [NewItem::message(), NewItem::contact()];
    let files = [NewAttachment::file("a", "b"), NewAttachment::file("c", "d")];
    let how = Updating::default();
    let shown = match operation / 2 % 7 {
        0 => format!("{:?}", client.find_items(&me, &search).now_or_never()),
        1 => format!("{:?}", client.get_items(&me, &items, &ItemShape::default()).now_or_never()),
        2 => format!("{:?}", client.create_items(&me, &new, &Creation::default()).now_or_never()),
        3 => format!("{:?}", client.update_items(&me, &changes, &how).now_or_never()),
        4 => format!("{:?}", client.copy_items(&me, &items, &FolderAt::CALENDAR).now_or_never()),
        5 => {
            format!("{:?}", client.delete_items(&me, &items, Deletion::new(DeleteMode::Soft)).now_or_never())
        }
        _ => format!("{:?}", client.create_attachments(&me, &items[0], &files).now_or_never()),
    };
    assert!(shown.starts_with("Some"), "nothing here waits");
    shown
}

fuzz_target!(|input: &[u8]| {
    let [operation, size, answer @ ..] = input else { return };
    let whole = outcome(*operation, answer, answer.len());
    assert_eq!(whole, outcome(*operation, answer, usize::from(*size) % 64 + 1));
});
