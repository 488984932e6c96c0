//! The body of a request: bytes that are there, or a source that is read while it goes out.
//!
//! Everything between the caller and the connection hands on requests with bytes. A body that is too large for that is
//! named in the request's extensions, and read for the first time where the request is written: a piece at a time, and
//! the next one only when there is room for it on the connection.

use std::fmt;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

/// How much is read at a time.
const PIECE: usize = 64 * 1024;

type Open = dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync;

/// A body that is read while it goes out, in the extensions of a request whose own body is empty.
///
/// It is opened anew whenever the request is written again: on another connection, after a log-in, or because a
/// harmless request is repeated.
#[derive(Clone)]
pub struct Streamed {
    length: u64,
    open: Arc<Open>,
}

impl Streamed {
    /// A body of `length` bytes, which `open` gives from the beginning.
    pub fn new(
        length: u64,
        open: impl Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync + 'static,
    ) -> Self {
        Streamed { length, open: Arc::new(open) }
    }

    /// Whether a request has a body, in either way.
    pub(crate) fn or_bytes(request: &Request<Bytes>) -> bool {
        !request.body().is_empty() || request.extensions().get::<Streamed>().is_some()
    }
}

impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streamed").field("length", &self.length).finish_non_exhaustive()
    }
}

/// A body on its way out.
pub(crate) enum Leaving {
    Whole(Full<Bytes>),
    Read { source: Box<dyn Read + Send>, left: u64 },
}

impl Leaving {
    /// The body of a request.
    pub(crate) fn of(request: Request<Bytes>) -> io::Result<Request<Leaving>> {
        let streamed = request.extensions().get::<Streamed>().filter(|_| request.body().is_empty()).cloned();
        let Some(streamed) = streamed else { return Ok(request.map(|body| Leaving::Whole(Full::new(body)))) };
        let source = (streamed.open)()?;
        Ok(request.map(|_| Leaving::Read { source, left: streamed.length }))
    }
}

impl Body for Leaving {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Leaving::Whole(whole) => Pin::new(whole)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Leaving::Read { left: 0, .. } => Poll::Ready(None),
            Leaving::Read { source, left } => {
                let most = usize::try_from(*left).unwrap_or(PIECE).min(PIECE);
                let mut piece = vec![0; most];
                // What is read comes from a file or from memory, so it does not keep others waiting.
                match source.read(&mut piece) {
                    Ok(0) => {
                        let words = format!("the request's body ended {left} bytes too early");
                        Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::UnexpectedEof, words))))
                    }
                    Ok(read) => {
                        piece.truncate(read);
                        *left = left.saturating_sub(read as u64);
                        Poll::Ready(Some(Ok(Frame::data(Bytes::from(piece)))))
                    }
                    Err(why) => Poll::Ready(Some(Err(why))),
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Leaving::Whole(whole) => whole.is_end_stream(),
            Leaving::Read { left, .. } => *left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Leaving::Whole(whole) => whole.size_hint(),
            Leaving::Read { left, .. } => SizeHint::with_exact(*left),
        }
    }
}
