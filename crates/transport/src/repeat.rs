//! Sends a request again that its caller marked as harmless, a few times and with growing pauses.
//!
//! Only what somebody who knows the request called repeatable, and only within the deadline of the call. All
//! other repetition belongs to whoever runs the step, who has a journal and knows what a lost answer means.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tokio::time::{Instant, sleep};
use tower_service::Service;

use crate::error::{Error, Kind};
use crate::limit::asked_to_wait;
use crate::marks::{Clock, Marks};
use crate::wire::Answering;

/// The first pause; the next ones double.
const FIRST: Duration = Duration::from_millis(250);
/// The longest one.
const LONGEST: Duration = Duration::from_secs(20);

/// The layer.
#[derive(Clone)]
pub(crate) struct Repeat<S> {
    pub(crate) inner: S,
    /// How often a request is sent again at most.
    pub(crate) most: u32,
}

impl<S, B> Service<Request<Bytes>> for Repeat<S>
where
    S: Service<Request<Bytes>, Response = Response<B>, Error = Error> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = Error;
    type Future = Answering<Response<B>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let mut inner = self.inner.clone();
        let most = if Marks::of(&request).repeatable { self.most } else { 0 };
        Box::pin(async move {
            for sent in 0..most {
                let result = inner.call(request.clone()).await;
                let Some(pause) = worth_it(&result, sent) else { return result };
                let late = Clock::of(&request).is_some_and(|clock| Instant::now() + pause >= clock.ends);
                if late {
                    return result;
                }
                tracing::debug!(?pause, sent, "a harmless request is sent again");
                // What is left of that answer must not hold a place or a connection meanwhile.
                drop(result);
                sleep(pause).await;
            }
            inner.call(request).await
        })
    }
}

/// The pause before another try; `None` if this is the result.
fn worth_it<B>(result: &Result<Response<B>, Error>, sent: u32) -> Option<Duration> {
    match result {
        Ok(answer) => match answer.status() {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                Some(asked_to_wait(answer.status(), answer.headers()).unwrap_or_default().max(pause(sent)))
            }
            _ => None,
        },
        Err(why) => match why.kind() {
            Kind::Connect | Kind::Broken | Kind::Deadline => Some(pause(sent)),
            _ => None,
        },
    }
}

/// Doubles each time, and is cut by chance to a half at most, so that clients that were cut off together do
/// not come back together.
fn pause(sent: u32) -> Duration {
    let whole = FIRST.saturating_mul(1 << sent.min(10)).min(LONGEST);
    let chance = getrandom::u32().unwrap_or(u32::MAX / 2);
    whole.mul_f64(0.5 + 0.5 * f64::from(chance) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ() {
        for sent in 0..40 {
            let whole = FIRST.saturating_mul(1 << sent.min(10)).min(LONGEST);
            let pauses: Vec<Duration> = (0..8).map(|_| pause(sent)).collect();
            assert!(pauses.iter().all(|pause| *pause >= whole / 2 && *pause <= whole), "{pauses:?}");
            assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
        }
    }
}
