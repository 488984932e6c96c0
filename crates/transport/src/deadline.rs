//! A deadline to the last byte of the body: a server that sends a byte now and then cannot hold a step longer.
//!
//! The layer is in the stack twice: outside for everything, with waiting and trying again, and inside for one
//! exchange. The outer one knows whether the request left before its time was up; if not, nothing happened.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tower_service::Service;

use crate::error::{Error, Kind, host};
use crate::marks::{Clock, Marks};
use crate::wire::Answering;

/// The layer.
#[derive(Clone)]
pub(crate) struct Deadline<S> {
    pub(crate) inner: S,
    pub(crate) limit: Option<Duration>,
    /// Whether it is the outer one.
    pub(crate) outer: bool,
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

    fn call(&mut self, mut request: Request<Bytes>) -> Self::Future {
        let asked = Marks::of(&request).lasts;
        let limit = if self.outer { asked.or(self.limit) } else { self.limit.filter(|_| asked.is_none()) };
        let Some(limit) = limit else {
            let answer = self.inner.call(request);
            return Box::pin(async move { Ok(answer.await?.map(|inner| Timed { inner, time: None })) });
        };
        let host = host(request.uri());
        let words = format!("no whole answer within {limit:?}");
        let late = Error::after(Kind::Deadline, host.as_str(), words.as_str());
        let end = Instant::now() + limit;
        let clock = self.outer.then(|| {
            let clock = Clock::new(end);
            request.extensions_mut().insert(clock.clone());
            clock
        });
        let answer = self.inner.call(request);
        Box::pin(async move {
            match timeout_at(end, answer).await {
                Ok(answer) => Ok(answer?.map(|inner| {
                    let time = Some((Box::pin(sleep_until(end)), late));
                    Timed { inner, time }
                })),
                Err(_) if clock.is_some_and(|clock| !clock.may_have_left()) => {
                    Err(Error::before(Kind::Deadline, host, format!("{words}, and it was not sent yet")))
                }
                Err(_) => Err(late),
            }
        })
    }
}

/// A body that ends with an error when the time is up.
pub(crate) struct Timed<B> {
    inner: B,
    time: Option<(Pin<Box<Sleep>>, Error)>,
}

impl<B: Body<Error = Error> + Unpin> Body for Timed<B> {
    type Data = B::Data;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, Error>>> {
        if let Some((end, late)) = &mut self.time
            && end.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Some(Err(late.clone())));
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
