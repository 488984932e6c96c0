//! One connection that speaks HTTP/1.1, and the task that serves it.
//!
//! Whoever drops a connection closes it at once, in whatever state it is: that is how a call that nobody waits
//! for any more reaches the server.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHORIZATION};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::dial::{Forward, Io, Way};
use crate::origin::Origin;
use crate::streamed::{Leaving, Streamed};
use crate::tls;

/// How much is read at once, and how long the head of an answer may be. Larger pieces, up to which the default grows, are
/// more than a processor's nearest memory holds, and twice as dear.
const READ: usize = 64 << 10;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The connection was closed before the request was written. Sending it on another one is safe.
    NotSent(String),
    /// It broke after that; the server may have got the request.
    Sent(String),
    /// The server ended TLS, which it does before it reads any request: in version 1.3 the client's side of the
    /// handshake is over before the server has looked at the client's certificate.
    Tls(String),
}

impl Lost {
    pub(crate) fn words(self) -> String {
        match self {
            Lost::NotSent(words) | Lost::Sent(words) | Lost::Tls(words) => words,
        }
    }
}

/// Ends its task when it is dropped.
struct Served(JoinHandle<()>);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connection.
pub(crate) struct Connection {
    sender: SendRequest<Leaving>,
    _served: Served,
    forward: Option<Forward>,
    /// What a log-in can be bound to.
    pub(crate) binding: Option<Vec<u8>>,
    /// A log-in on this connection was taken by the server.
    pub(crate) logged_in: bool,
    /// When it was last of use.
    pub(crate) since: Instant,
}

impl Connection {
    /// Speaks HTTP on a way to a server.
    pub(crate) async fn open(way: Way) -> Result<Self, String> {
        let (sender, served) = speak(way.io, false).await?;
        Ok(Connection {
            sender,
            _served: served,
            forward: way.forward,
            binding: way.binding,
            logged_in: false,
            since: Instant::now(),
        })
    }

    /// Speaks HTTP with a proxy that is to become a way to somewhere else.
    pub(crate) async fn to_proxy(io: Box<dyn Io>, binding: Option<Vec<u8>>) -> Result<Self, String> {
        let (sender, served) = speak(io, true).await?;
        let since = Instant::now();
        Ok(Connection { sender, _served: served, forward: None, binding, logged_in: false, since })
    }

    /// The request as it stands on this connection: with a host, and by its path unless a proxy forwards it.
    pub(crate) fn dressed(&self, request: &Request<Bytes>, origin: &Origin) -> Request<Bytes> {
        let mut dressed = Request::new(request.body().clone());
        *dressed.method_mut() = request.method().clone();
        *dressed.headers_mut() = request.headers().clone();
        if let Some(streamed) = request.extensions().get::<Streamed>() {
            dressed.extensions_mut().insert(streamed.clone());
        }
        // What proxies are told is decided here and nowhere else.
        dressed.headers_mut().remove(PROXY_AUTHORIZATION);
        let authority = request.uri().authority().map_or_else(String::new, ToString::to_string);
        if let Ok(host) = HeaderValue::try_from(authority) {
            dressed.headers_mut().insert(HOST, host);
        }
        // Windows answers a POST that does not say how long it is with 411, before it looks at who logs in.
        let holds = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
        if holds && !Streamed::or_bytes(request) {
            dressed.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        *dressed.uri_mut() = match &self.forward {
            Some(forward) => {
                if let Some(login) = &forward.login {
                    dressed.headers_mut().insert(PROXY_AUTHORIZATION, login.clone());
                }
                request.uri().clone()
            }
            None => by_path(request.uri()),
        };
        debug_assert_eq!(Origin::of(request.uri()).as_ref(), Some(origin));
        dressed
    }

    /// Whether another request can be sent; waits until the answer before it is out of the way.
    pub(crate) async fn is_ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// Whether the other side has closed it.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn send(&mut self, request: Request<Bytes>) -> Result<Response<Incoming>, Lost> {
        if let Err(why) = self.sender.ready().await {
            return Err(Lost::NotSent(words(&why)));
        }
        let request = Leaving::of(request)
            .map_err(|why| Lost::NotSent(format!("what was to be sent cannot be read: {why}")))?;
        self.sender.try_send_request(request).await.map_err(|mut why| {
            let sent = why.take_message().is_none();
            if let Some(words) = tls::late(why.error()) {
                return Lost::Tls(words);
            }
            let words = words(why.error());
            if sent { Lost::Sent(words) } else { Lost::NotSent(words) }
        })
    }
}

/// Whether the server said that it closes the connection after this answer.
pub(crate) fn is_last<B>(answer: &Response<B>) -> bool {
    let said = answer.headers().get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    said.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case("close"))
}

async fn speak(io: Box<dyn Io>, upgrades: bool) -> Result<(SendRequest<Leaving>, Served), String> {
    let mut builder = Builder::new();
    builder.read_buf_exact_size(Some(READ));
    let (sender, connection) = builder.handshake(TokioIo::new(io)).await.map_err(|why| words(&why))?;
    // How it ends is told to whoever waits for an answer.
    let served = if upgrades {
        tokio::spawn(async move {
            let _ = connection.with_upgrades().await;
        })
    } else {
        tokio::spawn(async move {
            let _ = connection.await;
        })
    };
    Ok((sender, Served(served)))
}

fn by_path(uri: &Uri) -> Uri {
    Uri::from(uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")))
}

/// An error with its causes as one line.
pub(crate) fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words.push_str(": ");
        words.push_str(&inner.to_string());
        cause = inner.source();
    }
    words
}
