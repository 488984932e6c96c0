//! How many requests are under way at one time, and the wait that a server asked for.
//!
//! Both hold for all requests of a client together. A server that says "wait" to one call means all of them:
//! if only that call waited, the others would keep the server busy, and be counted against it. A request that
//! cannot wait that long fails at once and says when to come back.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use tower_service::Service;

use crate::error::{Error, Kind, host};
use crate::marks::{Clock, Marks};
use crate::origin::Origin;
use crate::wire::Answering;

/// The longest wait that is taken from a server. Who asks for more is asked again after it.
const LONGEST: Duration = Duration::from_secs(300);

/// What all requests of a client share.
pub(crate) struct Gate {
    places: Option<Arc<Semaphore>>,
    waits: bool,
    closed: Mutex<HashMap<Origin, Instant>>,
}

impl Gate {
    /// For so many requests at one time. Without `waits` no server closes it.
    pub(crate) fn new(most: Option<usize>, waits: bool) -> Self {
        let places = most.map(|most| Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS))));
        Gate { places, waits, closed: Mutex::default() }
    }

    /// Nothing goes to `origin` for so long. A shorter wait never ends a longer one.
    pub(crate) fn close(&self, origin: &Origin, wait: Duration) {
        if !self.waits {
            return;
        }
        let until = Instant::now() + wait.min(LONGEST);
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        closed.retain(|_, until| *until > Instant::now());
        let entry = closed.entry(origin.clone()).or_insert(until);
        *entry = until.max(*entry);
    }

    fn closed_until(&self, origin: &Origin) -> Option<Instant> {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        closed.get(origin).copied().filter(|until| *until > Instant::now())
    }

    /// Waits for the server, then for a place.
    async fn enter(
        &self,
        origin: &Origin,
        ends: Option<Instant>,
        apart: bool,
    ) -> Result<Option<OwnedSemaphorePermit>, Error> {
        loop {
            if let Some(until) = self.closed_until(origin) {
                if ends.is_some_and(|ends| until >= ends) {
                    return Err(Error::busy(origin.host(), until.saturating_duration_since(Instant::now())));
                }
                sleep_until(until).await;
            }
            let place = match &self.places {
                Some(places) if !apart => Arc::clone(places).acquire_owned().await.ok(),
                _ => None,
            };
            // The wait may have begun while there was no place.
            if self.closed_until(origin).is_none() {
                return Ok(place);
            }
        }
    }
}

/// The layer.
#[derive(Clone)]
pub(crate) struct Limit<S> {
    pub(crate) inner: S,
    pub(crate) gate: Arc<Gate>,
}

impl<S, B> Service<Request<Bytes>> for Limit<S>
where
    S: Service<Request<Bytes>, Response = Response<B>, Error = Error> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Held<B>>;
    type Error = Error;
    type Future = Answering<Response<Held<B>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let gate = Arc::clone(&self.gate);
        let mut inner = self.inner.clone();
        Box::pin(async move {
            let Some(origin) = Origin::of(request.uri()) else {
                let why = "the address is none of a server";
                return Err(Error::before(Kind::Refused, host(request.uri()), why));
            };
            let apart = Marks::of(&request).lasts.is_some();
            let place = gate.enter(&origin, Clock::of(&request).map(|clock| clock.ends), apart).await?;
            let answer = inner.call(request).await?;
            if let Some(wait) = asked_to_wait(answer.status(), answer.headers()) {
                tracing::debug!(host = origin.host(), ?wait, "the server asked to wait");
                gate.close(&origin, wait);
            }
            Ok(answer.map(|inner| Held { inner, place }))
        })
    }
}

/// A body that holds a place until its end.
pub(crate) struct Held<B> {
    inner: B,
    place: Option<OwnedSemaphorePermit>,
}

impl<B: Body + Unpin> Body for Held<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if frame.as_ref().is_none_or(Result::is_err) {
            self.place = None;
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

/// How long an answer asks to wait, for callers that tell it on: 429 and 503 with `Retry-After`, in seconds or as a date. A date is taken
/// relative to the answer's own, because clocks differ. What cannot be read is no wait.
pub fn asked_to_wait(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)).min(LONGEST));
    }
    let date = |text: &str| DateTimeParser::new().parse_timestamp(text).ok();
    let until = date(text)?;
    let now = headers.get(DATE).and_then(|value| date(value.to_str().ok()?)).unwrap_or_else(Timestamp::now);
    let seconds = until.as_second().saturating_sub(now.as_second());
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(status: u16, headers: &[(&str, &str)]) -> Option<u64> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        asked_to_wait(StatusCode::from_u16(status).unwrap(), &map).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_wait_is_read_as_seconds_and_as_a_date() {
        assert_eq!(wait(429, &[("retry-after", "7")]), Some(7));
        assert_eq!(wait(503, &[("retry-after", " 99999999999999999999 ")]), Some(300));
        let until = ("retry-after", "Sun, 06 Nov 1994 08:49:50 GMT");
        assert_eq!(wait(503, &[until, ("date", "Sun, 06 Nov 1994 08:49:37 GMT")]), Some(13));
        assert_eq!(wait(503, &[until]), Some(0), "a date in the past");
        assert_eq!(wait(503, &[("retry-after", "soon")]), None);
        assert_eq!(wait(503, &[]), None);
        assert_eq!(wait(200, &[("retry-after", "7")]), None);
    }
}
