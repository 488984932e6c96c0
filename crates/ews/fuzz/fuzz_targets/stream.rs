//! Any bytes as a stream of notifications, in pieces of any size: no panic, an end, and the pieces change nothing.
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
use portcullis_ews::{Access, Config, EwsClient};
use portcullis_exchange::Mailbox;
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

/// Everything the stream gives, as text.
fn outcome(bytes: &[u8], size: usize) -> String {
    let service = Pieces(bytes.chunks(size.max(1)).map(Bytes::copy_from_slice).collect());
    let url = http::Uri::from_static("https://mail.corp.example/EWS/Exchange.asmx");
    let mut config = Config::new(url, Access::Impersonation);
    config.request_id_seed = Some(1);
    let client = EwsClient::new(service, config, |_| true);
    let me = Mailbox::new("alice@corp.example").expect("an address");
    let subscriptions = ["s".to_owned()];
    let opened = client.stream_events(&me, &subscriptions, 1).now_or_never().expect("nothing here waits");
    let mut stream = match opened {
        Ok(stream) => stream,
        Err(error) => return format!("{error:?}"),
    };
    let mut all = String::new();
    loop {
        let next = stream.next().now_or_never().expect("nothing here waits");
        all.push_str(&format!("{next:?}\n"));
        if !matches!(next, Ok(Some(_))) {
            return all;
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let [size, bytes @ ..] = input else { return };
    let whole = outcome(bytes, bytes.len());
    assert_eq!(whole, outcome(bytes, usize::from(*size) % 64 + 1));
});
