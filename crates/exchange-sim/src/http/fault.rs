//! Faults on request, around whatever would have been answered.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use hyper::{Request, Response, StatusCode};

use super::answer::{Answered, Hangup, plain, respond};
use super::body::PiecesBody;
use super::ews::xml;
use super::link::Link;
use super::server::Shared;
use super::tamper::Step;
use crate::misbehaviour::Misbehaviour;
use crate::soap;

/// The largest request, in bytes.
pub(crate) const MAX_REQUEST: usize = 64 * 1024 * 1024;
/// How long a client may take to send the body of a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a connection stays half open.
const HALF_OPEN: Duration = Duration::from_secs(30);
const LOGIN_PAGE: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form method=\"post\"><input name=\"user\"><input name=\"password\" type=\"password\"></form></body></html>";
const XML: &str = "text/xml; charset=utf-8";

/// The body of a request, or what is answered where it does not come.
pub(crate) async fn reading(request: Request<Incoming>) -> Result<Bytes, Answered> {
    let limited = Limited::new(request.into_body(), MAX_REQUEST);
    match tokio::time::timeout(BODY_TIMEOUT, limited.collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "413: the request is larger than 64 MiB.")))
        }
        Ok(Err(_)) => Err(Err(Hangup)),
        Err(_) => Err(Ok(plain(StatusCode::REQUEST_TIMEOUT, "408: the request did not arrive in time."))),
    }
}

/// A call of an operation, at which something may go wrong.
pub(crate) struct Faulty<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) link: &'a Link,
    pub(crate) operation: &'a str,
}

impl Faulty<'_> {
    /// Counts the call. Does it unless the fault comes before, and gives the answer unless the fault comes after.
    pub(crate) async fn answer(self, act: impl FnOnce() -> Response<PiecesBody>) -> Answered {
        let fault = self.shared.script.lock().unwrap_or_else(PoisonError::into_inner).next(self.operation);
        let Some(fault) = fault else { return Ok(act()) };
        if let Misbehaviour::Delay { milliseconds } = fault {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            return Ok(act());
        }
        match self.before(&fault) {
            Some(answered) => answered,
            None => self.after(&fault, act()).await,
        }
    }

    /// What is answered by a fault at which nothing is done.
    fn before(&self, fault: &Misbehaviour) -> Option<Answered> {
        Some(Ok(match fault {
            Misbehaviour::Throttle { retry_after_seconds } => {
                let refused = plain(StatusCode::SERVICE_UNAVAILABLE, "503: too many requests.");
                with(refused, RETRY_AFTER, &retry_after_seconds.to_string())
            }
            Misbehaviour::TooManyRequests { retry_after_seconds } => {
                let refused = plain(StatusCode::TOO_MANY_REQUESTS, "429: too many requests.");
                with(refused, RETRY_AFTER, &retry_after_seconds.to_string())
            }
            Misbehaviour::Busy { back_off_ms } => xml(soap::busy(*back_off_ms)),
            Misbehaviour::BusyInside { back_off_ms } => xml(soap::busy_inside(self.operation, *back_off_ms)),
            Misbehaviour::ServerError => xml(soap::internal_error()),
            Misbehaviour::DropBefore => return Some(Err(Hangup)),
            Misbehaviour::Html => {
                respond(StatusCode::OK, "text/html; charset=utf-8", PiecesBody::text(LOGIN_PAGE))
            }
            Misbehaviour::PolicyBlocked { reason } => {
                let refused = plain(StatusCode::FORBIDDEN, "403: Forbidden.");
                with(refused, HeaderName::from_static("x-ews-policy-reason"), reason)
            }
            Misbehaviour::Redirect { location, status } => {
                let mut away = plain(StatusCode::FOUND, "The document has moved.");
                *away.status_mut() = StatusCode::from_u16(*status).unwrap_or(StatusCode::FOUND);
                with(away, LOCATION, location)
            }
            _ => return None,
        }))
    }

    /// What becomes of an answer.
    async fn after(&self, fault: &Misbehaviour, answer: Response<PiecesBody>) -> Answered {
        let (head, body) = answer.into_parts();
        let body = body.now().collect().await.map_err(|never| match never {})?.to_bytes();
        let length = body.len();
        let raw = Raw { link: self.link, head: &head, body: &body };
        Ok(match fault {
            Misbehaviour::ServerErrorAfter => xml(soap::internal_error()),
            Misbehaviour::DropAfter => return Err(Hangup),
            Misbehaviour::Malformed => {
                respond(StatusCode::OK, XML, PiecesBody::text(body.slice(..length / 2)))
            }
            Misbehaviour::Empty => respond(StatusCode::OK, XML, PiecesBody::new(VecDeque::new())),
            Misbehaviour::Garbage { bytes } => respond(StatusCode::OK, XML, PiecesBody::text(noise(*bytes))),
            Misbehaviour::NoHttp => raw.play([Step::Send(Bytes::from(noise(256)))]),
            Misbehaviour::Truncated { bytes } => raw.cut(*bytes, None),
            Misbehaviour::HalfClose { bytes } => raw.cut(*bytes, Some(Step::HalfClose(HALF_OPEN))),
            Misbehaviour::WrongLength { by } => {
                let said = i64::try_from(length).unwrap_or(i64::MAX).saturating_add(*by).max(0);
                raw.play([Step::Send(raw.head(&said.to_string())), Step::Send(body.clone())])
            }
            Misbehaviour::Trickle { bytes, pause_ms } => {
                raw.trickle((*bytes).max(1), Duration::from_millis(*pause_ms))
            }
            Misbehaviour::GzipBomb { mebibytes } => {
                let packed = respond(head.status, XML, PiecesBody::text(bomb(&body, *mebibytes)));
                with(packed, CONTENT_ENCODING, "gzip")
            }
            Misbehaviour::HugeHeaders { kibibytes } => {
                let filler: String = (0..*kibibytes)
                    .map(|number| format!("x-filler-{number:06}: {}\r\n", "f".repeat(1005)))
                    .collect();
                let head = [
                    raw.head(&length.to_string()).as_ref().strip_suffix(b"\r\n").unwrap_or_default(),
                    filler.as_bytes(),
                    b"\r\n",
                ]
                .concat();
                raw.play([Step::Send(Bytes::from(head)), Step::Send(body.clone())])
            }
            _ => Response::from_parts(head, PiecesBody::text(body)),
        })
    }
}

/// An answer as it is sent around the HTTP library.
struct Raw<'a> {
    link: &'a Link,
    head: &'a hyper::http::response::Parts,
    body: &'a Bytes,
}

impl Raw<'_> {
    /// The head with this `Content-Length`.
    fn head(&self, length: &str) -> Bytes {
        let status = self.head.status;
        let mut out =
            format!("HTTP/1.1 {} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or("Unknown"));
        let mut line = |name: &HeaderName, value: &str| out.push_str(&format!("{name}: {value}\r\n"));
        for (name, value) in &self.head.headers {
            line(name, value.to_str().unwrap_or_default());
        }
        line(&CONTENT_LENGTH, length);
        line(&CONNECTION, "close");
        out.push_str("\r\n");
        Bytes::from(out)
    }

    fn cut(&self, bytes: usize, then: Option<Step>) -> Response<PiecesBody> {
        let part = self.body.slice(..bytes.min(self.body.len()));
        let sent = [self.head(&self.body.len().to_string()), part].map(Step::Send);
        self.play(sent.into_iter().chain(then))
    }

    fn trickle(&self, bytes: usize, pause: Duration) -> Response<PiecesBody> {
        let head = Step::Send(self.head(&self.body.len().to_string()));
        let pieces = self
            .body
            .chunks(bytes)
            .flat_map(|piece| [Step::Pause(pause), Step::Send(self.body.slice_ref(piece))]);
        self.play(std::iter::once(head).chain(pieces))
    }

    /// Leaves the script, and gives an answer that nobody will see.
    fn play(&self, steps: impl IntoIterator<Item = Step>) -> Response<PiecesBody> {
        self.link.script.set(steps);
        with(plain(StatusCode::OK, ""), CONNECTION, "close")
    }
}

fn with(mut answer: Response<PiecesBody>, name: HeaderName, value: &str) -> Response<PiecesBody> {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
    answer
}

/// Bytes that are neither text nor HTTP, and always the same.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes().first().copied().unwrap_or_default() | 0x80
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A text and very much nothing, compressed.
fn bomb(text: &[u8], mebibytes: usize) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let nothing = vec![b' '; 1024 * 1024];
    // Writing into memory cannot fail.
    let _ = packed.write_all(text);
    for _ in 0..mebibytes {
        let _ = packed.write_all(&nothing);
    }
    packed.finish().unwrap_or_default()
}
