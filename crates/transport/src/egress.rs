//! Where requests may go: HTTPS anywhere, plain HTTP only on this machine or to a host named for it.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use tower_service::Service;

use crate::error::{Error, Kind, host};
use crate::origin::Origin;
use crate::wire::Answering;

/// The layer.
#[derive(Clone)]
pub(crate) struct Egress<S> {
    pub(crate) inner: S,
    /// Hosts that plain HTTP is allowed to.
    pub(crate) plain: Vec<String>,
}

impl<S> Egress<S> {
    fn check(&self, request: &Request<Bytes>) -> Result<(), Error> {
        let uri = request.uri();
        let refused = |why: &str| Err(Error::before(Kind::Refused, host(uri), why));
        let Some(origin) = Origin::of(uri) else {
            return refused(
                "the address must be http(s) with a host and without a user; put credentials into the connection",
            );
        };
        if origin.is_https() || origin.is_loopback() || self.plain.iter().any(|host| host == origin.host()) {
            return Ok(());
        }
        refused(
            "plain HTTP would show mail and credentials to everybody on the way; use https, or allow this host explicitly",
        )
    }
}

impl<S> Service<Request<Bytes>> for Egress<S>
where
    S: Service<Request<Bytes>, Error = Error>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = Error;
    type Future = Answering<S::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        match self.check(&request) {
            Ok(()) => Box::pin(self.inner.call(request)),
            Err(error) => Box::pin(async move { Err(error) }),
        }
    }
}
