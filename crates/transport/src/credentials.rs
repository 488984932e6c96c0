//! Credentials, and the layer that puts them on requests to their own origin and to no other.
//!
//! Callers never hold the header: an address that was changed by somebody else gets a request without
//! credentials. The kind of log-in is configured and never chosen because a server asks for it.

use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Request, header};
use tower_service::Service;

use crate::error::{Error, Kind};
use crate::origin::Origin;
use crate::secret::Secret;

/// How to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// [Basic](https://www.rfc-editor.org/rfc/rfc7617), UTF-8. Exchange on premises takes it.
    Basic {
        /// The user; must not contain a colon.
        user: String,
        /// The password.
        password: Secret,
    },
}

impl Credentials {
    /// Basic.
    pub fn basic(user: impl Into<String>, password: Secret) -> Self {
        Credentials::Basic { user: user.into(), password }
    }

    fn header(&self) -> Result<HeaderValue, Error> {
        let Credentials::Basic { user, password } = self;
        if user.contains(':') || user.chars().chain(password.reveal().chars()).any(char::is_control) {
            let why = "a user must not contain a colon, and neither user nor password a control character";
            return Err(Error::before(Kind::Setup, "", why));
        }
        let mut value = HeaderValue::try_from(format!(
            "Basic {}",
            STANDARD.encode(format!("{user}:{}", password.reveal()))
        ))
        .map_err(|_| Error::before(Kind::Setup, "", "the credentials do not fit into a header"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// The layer.
#[derive(Clone)]
pub(crate) struct Attach<S> {
    inner: S,
    bound: Vec<(Origin, HeaderValue)>,
}

impl<S> Attach<S> {
    pub(crate) fn new(inner: S, bound: &[(Origin, Credentials)]) -> Result<Self, Error> {
        let bound = bound
            .iter()
            .map(|(origin, credentials)| Ok((origin.clone(), credentials.header()?)))
            .collect::<Result<_, Error>>()?;
        Ok(Attach { inner, bound })
    }
}

impl<S> Service<Request<Bytes>> for Attach<S>
where
    S: Service<Request<Bytes>, Error = Error>,
{
    type Response = S::Response;
    type Error = Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Bytes>) -> S::Future {
        let origin = Origin::of(request.uri());
        if let Some((_, value)) = self.bound.iter().find(|(bound, _)| Some(bound) == origin.as_ref()) {
            request.headers_mut().insert(header::AUTHORIZATION, value.clone());
        }
        self.inner.call(request)
    }
}
