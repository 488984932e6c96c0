//! Asks for compressed answers and takes them apart again, so that nobody above knows of it.
//!
//! A few thousand bytes are taken apart at a time and the layer outside counts what comes out, so a bomb is
//! stopped within some megabytes of the limit. What came in counts against the same limit. A caller that asks
//! for an encoding itself gets the answer as it came.

use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower_service::Service;

use crate::error::{Error, Kind, host};
use crate::wire::Answering;

/// How much is taken apart at a time.
const BITE: usize = 4096;

/// The layer.
#[derive(Clone)]
pub(crate) struct Decode<S> {
    pub(crate) inner: S,
    pub(crate) limit: u64,
}

impl<S, B> Service<Request<Bytes>> for Decode<S>
where
    S: Service<Request<Bytes>, Response = Response<B>, Error = Error>,
    S::Future: Send + 'static,
{
    type Response = Response<Decoded<B>>;
    type Error = Error;
    type Future = Answering<Response<Decoded<B>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Bytes>) -> Self::Future {
        let host = host(request.uri());
        let limit = self.limit;
        let ours = !request.headers().contains_key(ACCEPT_ENCODING);
        if ours {
            request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate"));
        }
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut answer = answer.await?;
            let decoder = if ours { decoder(answer.headers_mut(), &host)? } else { None };
            Ok(answer.map(|inner| Decoded {
                inner,
                decoder,
                rest: Bytes::new(),
                left: limit,
                ended: false,
                host,
            }))
        })
    }
}

/// What takes an answer with these headers apart; `None` if it is not compressed.
fn decoder(headers: &mut HeaderMap, host: &str) -> Result<Option<Decoder>, Error> {
    let Some(coding) = headers.get(CONTENT_ENCODING) else { return Ok(None) };
    let decoder = match coding.as_bytes().trim_ascii().to_ascii_lowercase().as_slice() {
        b"identity" | b"" => None,
        b"gzip" | b"x-gzip" => Some(Decoder::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))),
        b"deflate" => Some(Decoder::Deflate(None)),
        _ => {
            let why = "the answer is encoded in a way that nobody asked for (Content-Encoding); something on the way changes answers";
            return Err(Error::after(Kind::Broken, host, why));
        }
    };
    headers.remove(CONTENT_ENCODING);
    if decoder.is_some() {
        headers.remove(CONTENT_LENGTH);
    }
    Ok(decoder)
}

enum Decoder {
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// What `deflate` means is known after the first bytes: most servers send zlib, some send it bare.
    Deflate(Option<Flat>),
}

struct Flat {
    inner: Decompress,
    ended: bool,
}

impl Decoder {
    /// Takes a bite apart. The error is words.
    fn feed(&mut self, bite: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Decoder::Gzip(gzip) => {
                gzip.write_all(bite).map_err(|why| why.to_string())?;
                Ok(std::mem::take(gzip.get_mut()))
            }
            Decoder::Deflate(flat) => {
                let flat = flat.get_or_insert_with(|| {
                    let zlib = bite.first().is_some_and(|first| first & 0x0f == 8 && first >> 4 <= 7);
                    Flat { inner: Decompress::new(zlib), ended: false }
                });
                flat.feed(bite)
            }
        }
    }

    /// What is left after the last bite; `None` if the end is missing.
    fn end(&mut self) -> Option<Vec<u8>> {
        match self {
            Decoder::Gzip(gzip) => {
                gzip.try_finish().ok()?;
                Some(std::mem::take(gzip.get_mut()))
            }
            Decoder::Deflate(flat) => flat.as_ref().filter(|flat| flat.ended).map(|_| Vec::new()),
        }
    }
}

impl Flat {
    fn feed(&mut self, bite: &[u8]) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let begun = self.inner.total_in();
        loop {
            let taken = usize::try_from(self.inner.total_in() - begun).unwrap_or(usize::MAX);
            let rest = bite.get(taken..).unwrap_or_default();
            if self.ended || (rest.is_empty() && out.len() < out.capacity()) {
                return if self.ended && !rest.is_empty() {
                    Err("something follows its end".to_owned())
                } else {
                    Ok(out)
                };
            }
            let (before, had) = (self.inner.total_in(), out.len());
            out.reserve(8 * BITE);
            let status = self
                .inner
                .decompress_vec(rest, &mut out, FlushDecompress::None)
                .map_err(|why| why.to_string())?;
            self.ended = status == Status::StreamEnd;
            if !self.ended && self.inner.total_in() == before && out.len() == had {
                return Ok(out);
            }
        }
    }
}

/// A body as it was before it was compressed.
pub(crate) struct Decoded<B> {
    inner: B,
    decoder: Option<Decoder>,
    rest: Bytes,
    left: u64,
    ended: bool,
    host: String,
}

impl<B> Decoded<B> {
    fn broken(&self, why: &str) -> Error {
        Error::after(Kind::Broken, self.host.as_str(), format!("what came compressed cannot be read: {why}"))
    }
}

impl<B: Body<Data = Bytes, Error = Error> + Unpin> Body for Decoded<B> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        let Some(decoder) = &mut this.decoder else { return Pin::new(&mut this.inner).poll_frame(cx) };
        loop {
            if !this.rest.is_empty() {
                let bite = this.rest.split_to(BITE.min(this.rest.len()));
                match decoder.feed(&bite) {
                    Ok(out) if out.is_empty() => {}
                    Ok(out) => return Poll::Ready(Some(Ok(Frame::data(out.into())))),
                    Err(why) => {
                        this.ended = true;
                        return Poll::Ready(Some(Err(this.broken(&why))));
                    }
                }
                continue;
            }
            match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                None => {
                    this.ended = true;
                    return Poll::Ready(match decoder.end() {
                        Some(rest) if rest.is_empty() => None,
                        Some(rest) => Some(Ok(Frame::data(rest.into()))),
                        None => Some(Err(this.broken("it ends in the middle"))),
                    });
                }
                Some(Err(why)) => return Poll::Ready(Some(Err(why))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        let Some(left) = this.left.checked_sub(data.len() as u64) else {
                            this.ended = true;
                            let why = "more came compressed than an answer may have";
                            return Poll::Ready(Some(Err(Error::after(
                                Kind::TooLarge,
                                this.host.as_str(),
                                why,
                            ))));
                        };
                        this.left = left;
                        this.rest = data;
                    }
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || (self.decoder.is_none() && self.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        if self.decoder.is_none() { self.inner.size_hint() } else { SizeHint::default() }
    }
}
