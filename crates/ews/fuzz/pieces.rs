//! A server that gives one answer in pieces, whatever it is asked: what every target here fuzzes the client with.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{Iter, iter};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use tower_service::Service;

/// Answers every request with the same bytes.
#[derive(Clone)]
pub struct Pieces(Vec<Bytes>);

/// What it answers with.
pub type Body = StreamBody<Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

impl Pieces {
    /// These bytes, in pieces of this size.
    pub fn of(answer: &[u8], size: usize) -> Self {
        Pieces(answer.chunks(size.max(1)).map(Bytes::copy_from_slice).collect())
    }
}

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
