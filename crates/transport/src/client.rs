//! Puts the layers together.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tower_service::Service;

use crate::credentials::{Attach, Credentials};
use crate::deadline::{Deadline, Timed};
use crate::egress::Egress;
use crate::error::{Error, Kind};
use crate::origin::Origin;
use crate::record::Record;
use crate::size::{Limited, Size};
use crate::wire::{Answering, Arriving, Wire};

type Stack = Record<Egress<Attach<Deadline<Size<Wire>>>>>;

/// The HTTP client: a tower service that is cheap to clone. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    stack: Stack,
    origins: Vec<Origin>,
}

impl Client {
    /// A client without credentials, to be configured.
    pub fn builder() -> Builder {
        Builder {
            credentials: Vec::new(),
            plain: Vec::new(),
            connect: Duration::from_secs(10),
            deadline: Duration::from_secs(120),
            max_body: 256 << 20,
            proxy: None,
            roots: Vec::new(),
        }
    }
}

impl Service<Request<Bytes>> for Client {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Answering<Response<Body>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.stack.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let answer = self.stack.call(request);
        Box::pin(async move { Ok(answer.await?.map(|inner| Body { inner })) })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("credentials_for", &self.origins).finish_non_exhaustive()
    }
}

/// The body of an answer: within its deadline, within its size.
pub struct Body {
    inner: Timed<Limited<Arriving>>,
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

/// How the client is to behave.
#[derive(Debug, Clone)]
pub struct Builder {
    credentials: Vec<(Origin, Credentials)>,
    plain: Vec<String>,
    connect: Duration,
    deadline: Duration,
    max_body: u64,
    proxy: Option<Uri>,
    roots: Vec<Vec<u8>>,
}

impl Builder {
    /// Logs in to `origin` like this, and nowhere else.
    #[must_use]
    pub fn credentials(mut self, origin: Origin, credentials: Credentials) -> Self {
        self.credentials.push((origin, credentials));
        self
    }

    /// Allows plain HTTP to `host`. Without this it is allowed to this machine only.
    #[must_use]
    pub fn allow_plain_http(mut self, host: &str) -> Self {
        self.plain.push(host.to_ascii_lowercase());
        self
    }

    /// How long connecting may take; 10 s by default.
    #[must_use]
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect = limit;
        self
    }

    /// How long a whole exchange may take, to the last byte of its answer; 120 s by default.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = limit;
        self
    }

    /// How many bytes the body of an answer may have; 256 MiB by default.
    #[must_use]
    pub fn max_body(mut self, bytes: u64) -> Self {
        self.max_body = bytes;
        self
    }

    /// Goes through this HTTP proxy. Without this no proxy is used, whatever the environment says.
    #[must_use]
    pub fn proxy(mut self, proxy: Uri) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Trusts the certificates in this PEM text too.
    #[must_use]
    pub fn root_certificates(mut self, pem: Vec<u8>) -> Self {
        self.roots.push(pem);
        self
    }

    /// The client. Fails if certificates, proxy or credentials cannot be used.
    pub fn build(self) -> Result<Client, Error> {
        for (origin, _) in &self.credentials {
            let plain = origin.is_loopback() || self.plain.iter().any(|host| host == origin.host());
            if !origin.is_https() && !plain {
                let why = format!(
                    "credentials for {origin} would go over plain HTTP; use https, or allow this host explicitly"
                );
                return Err(Error::before(Kind::Setup, origin.host(), why));
            }
        }
        let wire = Wire::new(self.connect, self.proxy.as_ref(), &self.roots)?;
        let size = Size { inner: wire, limit: self.max_body };
        let deadline = Deadline { inner: size, limit: self.deadline };
        let attach = Attach::new(deadline, &self.credentials)?;
        let egress = Egress { inner: attach, plain: self.plain };
        let origins = self.credentials.into_iter().map(|(origin, _)| origin).collect();
        Ok(Client { stack: Record { inner: egress }, origins })
    }
}
