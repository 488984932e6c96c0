//! The innermost layer: a request on a connection, a new one or one that is kept.
//!
//! Connections are this crate's own, over hyper's protocol alone, because some log-ins belong to a connection
//! and a client that hides its connections cannot keep their legs together. A request that was provably not
//! written, because a kept connection was closed just then, goes out on the next one; nothing else is sent
//! twice here.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout};
use tower_service::Service;

use crate::connection::{Connection, Lost, words};
use crate::dial::Dialer;
use crate::error::{Error, Kind, host};
use crate::handshake::{self, Failed, SERVER};
use crate::marks::Clock;
use crate::origin::Origin;
use crate::stage::Log;
use crate::windows::Login;

/// An answer that is under way.
pub(crate) type Answering<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// How long a connection is kept without use. Servers and the boxes before them close theirs after some minutes.
const KEPT: Duration = Duration::from_secs(30);
/// How many are kept for one origin.
const MOST_KEPT: usize = 32;
/// When a key distribution centre that is away is worth another try.
const SOON: Duration = Duration::from_secs(30);
/// How long the end of an answer may take to get out of the way of the next request.
const SETTLED: Duration = Duration::from_secs(1);

/// The layer.
#[derive(Clone)]
pub(crate) struct Wire {
    pool: Arc<Pool>,
}

impl Wire {
    pub(crate) fn new(dialer: Dialer) -> Self {
        Wire { pool: Arc::new(Pool { dialer, kept: Mutex::default() }) }
    }
}

impl Service<Request<Bytes>> for Wire {
    type Response = Response<Arriving>;
    type Error = Error;
    type Future = Answering<Response<Arriving>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let pool = Arc::clone(&self.pool);
        Box::pin(async move { pool.exchange(request).await })
    }
}

/// The connections that are kept.
struct Pool {
    dialer: Dialer,
    kept: Mutex<HashMap<Origin, Vec<Connection>>>,
}

impl Pool {
    async fn exchange(self: Arc<Self>, request: Request<Bytes>) -> Result<Response<Arriving>, Error> {
        let host = host(request.uri());
        let origin = Origin::of(request.uri())
            .ok_or_else(|| Error::before(Kind::Refused, host.as_str(), "the address is none of a server"))?;
        let login = request.extensions().get::<Arc<Login>>().cloned();
        loop {
            let (mut connection, fresh) = match self.take(&origin).await {
                Some(kept) => (kept, false),
                None => (self.open(&origin, login.is_some()).await?, true),
            };
            let dressed = connection.dressed(&request, &origin);
            if let Some(clock) = Clock::of(&request) {
                clock.leaves();
            }
            let answer = match &login {
                None => connection.send(dressed).await.map_err(Failed::Lost),
                Some(login) => {
                    handshake::exchange(&mut connection, dressed, login, origin.bare_host(), &SERVER).await
                }
            };
            match answer {
                Ok(answer) => {
                    let lease = Lease { connection, pool: Arc::clone(&self), origin };
                    return Ok(answer.map(|inner| Arriving::new(inner, lease, host)));
                }
                // None of these was carried out, and a new connection may do better.
                Err(Failed::Lost(Lost::NotSent(_)) | Failed::LogIn(_)) if !fresh => {}
                Err(Failed::Lost(Lost::NotSent(why))) => {
                    return Err(Error::before(Kind::Broken, host, why));
                }
                Err(Failed::Lost(Lost::Sent(why))) => return Err(Error::after(Kind::Broken, host, why)),
                Err(Failed::Lost(Lost::Tls(why))) => return Err(Error::before(Kind::Tls, host, why)),
                Err(Failed::LogIn(why)) => return Err(Error::no_log_in(&host, why, None)),
                Err(Failed::LogInForNow(why)) => return Err(Error::no_log_in(&host, why, Some(SOON))),
            }
        }
    }

    async fn open(&self, origin: &Origin, alone: bool) -> Result<Connection, Error> {
        let way = self.dialer.dial(origin, alone, &mut Log::default()).await?;
        Connection::open(way).await.map_err(|why| Error::before(Kind::Broken, origin.host(), why))
    }

    /// A kept connection that can be used, the last used one first.
    async fn take(&self, origin: &Origin) -> Option<Connection> {
        loop {
            let mut connection = self.kept().get_mut(origin)?.pop()?;
            let fresh = connection.since.elapsed() < KEPT && !connection.is_closed();
            if fresh && timeout(SETTLED, connection.is_ready()).await.unwrap_or(false) {
                return Some(connection);
            }
        }
    }

    fn keep(&self, origin: Origin, mut connection: Connection) {
        connection.since = Instant::now();
        let mut all = self.kept();
        for of_one in all.values_mut() {
            of_one.retain(|kept| kept.since.elapsed() < KEPT && !kept.is_closed());
        }
        all.retain(|_, of_one| !of_one.is_empty());
        let of_one = all.entry(origin).or_default();
        if of_one.len() < MOST_KEPT {
            of_one.push(connection);
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<Origin, Vec<Connection>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use, and where it goes afterwards.
struct Lease {
    connection: Connection,
    pool: Arc<Pool>,
    origin: Origin,
}

/// A body as it arrives. At its end the connection is kept; dropped before that, it is closed.
pub(crate) struct Arriving {
    inner: Incoming,
    lease: Option<Lease>,
    host: String,
}

impl Arriving {
    fn new(inner: Incoming, lease: Lease, host: String) -> Self {
        let mut arriving = Arriving { inner, lease: Some(lease), host };
        if arriving.inner.is_end_stream() {
            arriving.release();
        }
        arriving
    }

    fn release(&mut self) {
        if let Some(Lease { connection, pool, origin }) = self.lease.take()
            && !connection.is_closed()
        {
            pool.keep(origin, connection);
        }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
            None => {
                self.release();
                Poll::Ready(None)
            }
            Some(Ok(frame)) => {
                if self.inner.is_end_stream() {
                    self.release();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(why)) => {
                self.lease = None;
                Poll::Ready(Some(Err(Error::after(Kind::Broken, self.host.as_str(), words(&why)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
