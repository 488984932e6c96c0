//! The largest answer that is taken, counted as the caller gets it: after it was decompressed.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower_service::Service;

use crate::error::{Error, Kind, host};
use crate::wire::Answering;

/// The layer.
#[derive(Clone)]
pub(crate) struct Size<S> {
    pub(crate) inner: S,
    pub(crate) limit: u64,
}

impl<S, B> Service<Request<Bytes>> for Size<S>
where
    S: Service<Request<Bytes>, Response = Response<B>, Error = Error>,
    S::Future: Send + 'static,
    B: Body,
{
    type Response = Response<Limited<B>>;
    type Error = Error;
    type Future = Answering<Response<Limited<B>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let limit = self.limit;
        let too_large = Error::after(
            Kind::TooLarge,
            host(request.uri()),
            format!("the limit of this connection is {limit} bytes"),
        );
        let answer = self.inner.call(request);
        Box::pin(async move { Ok(answer.await?.map(|inner| Limited { inner, left: limit, too_large })) })
    }
}

/// A body that ends with an error beyond the limit.
pub(crate) struct Limited<B> {
    inner: B,
    left: u64,
    too_large: Error,
}

impl<B: Body<Error = Error> + Unpin> Body for Limited<B> {
    type Data = B::Data;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            let len = frame.data_ref().map_or(0, |data| data.remaining() as u64);
            match self.left.checked_sub(len) {
                Some(left) => self.left = left,
                None => return Poll::Ready(Some(Err(self.too_large.clone()))),
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
