//! One HTTP exchange through whatever tower service was given, behind one boxed type.

use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use tower_service::Service;

use crate::failure::Failure;
use crate::xml::Pull;

/// The body of an answer, its errors already in words.
pub(crate) type Body = UnsyncBoxBody<Bytes, String>;

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Failure>> + Send>>;

/// A tower service without its type.
pub(crate) trait Exchange: Send + Sync {
    /// Sends a request and gives the head of its answer.
    fn send(&self, request: Request<Bytes>) -> Answer;
}

/// What became of a request that got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sent {
    /// It did not leave; it may go better later.
    No,
    /// It did not leave because there is no log-in; that stays so until somebody does something.
    NoLogIn,
    /// It may have reached the server.
    Perhaps,
}

impl From<bool> for Sent {
    /// Whether it may have left.
    fn from(may_have_left: bool) -> Self {
        if may_have_left { Sent::Perhaps } else { Sent::No }
    }
}

/// A service, and how to tell from its error what became of the request.
pub(crate) struct Over<S, F> {
    pub(crate) service: S,
    pub(crate) sent: F,
}

impl<S, B, F> Exchange for Over<S, F>
where
    S: Service<Request<Bytes>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: StdError + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Display,
    F: Fn(&S::Error) -> Sent + Clone + Send + Sync + 'static,
{
    fn send(&self, request: Request<Bytes>) -> Answer {
        let mut service = self.service.clone();
        let sent = self.sent.clone();
        Box::pin(async move {
            let failed = |error: S::Error| {
                let words = chain(&error);
                match sent(&error) {
                    Sent::No => Failure::NotSent(words),
                    Sent::NoLogIn => Failure::NoLogIn(words),
                    Sent::Perhaps => Failure::Lost(words),
                }
            };
            if let Err(error) = poll_fn(|cx| service.poll_ready(cx)).await {
                return Err(Failure::NotSent(chain(&error)));
            }
            let answer = service.call(request).await.map_err(failed)?;
            Ok(answer.map(|body| body.map_err(|error| error.to_string()).boxed_unsync()))
        })
    }
}

/// An error with its causes, as one line.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !words.contains(&more) {
            words.push_str(": ");
            words.push_str(&more);
        }
        cause = inner.source();
    }
    words
}

/// How many bytes tell XML from a web page. Notifications begin with more than that, and are waited for then.
const HEAD: usize = 128;
/// How many of a refusal may hold its reason.
const REFUSAL: usize = 1_024;

/// A body as a source of bytes, with what was read of it ahead.
pub(crate) struct Source {
    ahead: Bytes,
    /// How many of them are judged.
    head: usize,
    body: Body,
}

impl Source {
    /// Waits for the body's first bytes, so that what is no XML can be recognised however it is cut up.
    pub(crate) async fn begin(status: StatusCode, mut body: Body) -> Result<Self, Failure> {
        let head = if status.is_success() { HEAD } else { REFUSAL };
        let mut ahead = frame(&mut body).await?.unwrap_or_default();
        while !ahead.is_empty() && ahead.len() < head {
            match frame(&mut body).await? {
                Some(more) => ahead = [ahead, more].concat().into(),
                None => break,
            }
        }
        Ok(Source { ahead, head, body })
    }

    /// The first bytes: as many in whatever pieces they came, so that the same body is always judged alike.
    pub(crate) fn head(&self) -> &[u8] {
        self.ahead.get(..self.head).unwrap_or(&self.ahead)
    }
}

impl Pull for Source {
    async fn pull(&mut self) -> Result<Option<Bytes>, Failure> {
        if !self.ahead.is_empty() {
            return Ok(Some(std::mem::take(&mut self.ahead)));
        }
        frame(&mut self.body).await
    }
}

/// The next data of a body that is not empty.
async fn frame(body: &mut Body) -> Result<Option<Bytes>, Failure> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(words)) => return Err(Failure::Lost(words)),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if !data.is_empty() => return Ok(Some(data)),
                _ => {}
            },
        }
    }
}
