//! One deadline for the whole exchange: connecting, sending, the head and the last byte of the body. A
//! server that sends a byte now and then cannot hold a step longer than that.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tower_service::Service;

use crate::error::{Error, Kind, host};
use crate::wire::Answering;

/// The layer.
#[derive(Clone)]
pub(crate) struct Deadline<S> {
    pub(crate) inner: S,
    pub(crate) limit: Duration,
}

impl<S, B> Service<Request<Bytes>> for Deadline<S>
where
    S: Service<Request<Bytes>, Response = Response<B>, Error = Error>,
    S::Future: Send + 'static,
    B: 'static,
{
    type Response = Response<Timed<B>>;
    type Error = Error;
    type Future = Answering<Response<Timed<B>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let late = Error::after(
            Kind::Deadline,
            host(request.uri()),
            format!("no whole answer within {:?}", self.limit),
        );
        let end = Instant::now() + self.limit;
        let answer = self.inner.call(request);
        Box::pin(async move {
            match timeout_at(end, answer).await {
                Ok(answer) => Ok(answer?.map(|inner| Timed { inner, end: Box::pin(sleep_until(end)), late })),
                Err(_) => Err(late),
            }
        })
    }
}

/// A body that ends with an error when the time is up.
pub(crate) struct Timed<B> {
    inner: B,
    end: Pin<Box<Sleep>>,
    late: Error,
}

impl<B: Body<Error = Error> + Unpin> Body for Timed<B> {
    type Data = B::Data;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, Error>>> {
        if self.end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(self.late.clone())));
        }
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
