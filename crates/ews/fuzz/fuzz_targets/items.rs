//! Any bytes as the answer to an operation on items of any kind: no panic, and the pieces change nothing.
#![no_main]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{Iter, iter};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use libfuzzer_sys::fuzz_target;
use portcullis_ews::{
    Access, Config, Creation, Deletion, EwsClient, Field, FolderAt, ItemChange, ItemSearch, ItemShape,
    ItemView, NewAttachment, NewItem, Update, Updating,
};
use portcullis_exchange::{DeleteMode, ItemRef, Mailbox};
use tower_service::Service;

#[derive(Clone)]
struct Pieces(Vec<Bytes>);

type Body = StreamBody<Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

impl Service<Request<Bytes>> for Pieces {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        let pieces: Vec<_> = self.0.iter().map(|piece| Ok(Frame::data(piece.clone()))).collect();
        ready(Ok(Response::new(StreamBody::new(iter(pieces)))))
    }
}

/// What the chosen operation makes of the answer, as text.
fn outcome(operation: u8, answer: &[u8], size: usize) -> String {
    let service = Pieces(answer.chunks(size.max(1)).map(Bytes::copy_from_slice).collect());
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
