//! Puts the layers together.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tower_service::Service;

use crate::addresses::Addresses;
use crate::credentials::{Attach, Credentials};
use crate::deadline::{Deadline, Timed};
use crate::decode::{Decode, Decoded};
use crate::dial::Dialer;
use crate::egress::Egress;
use crate::error::{Error, Kind};
use crate::identity::ClientCertificate;
use crate::limit::{Gate, Held, Limit};
use crate::origin::Origin;
use crate::proxy::{Proxies, Proxy};
use crate::record::Record;
use crate::repeat::Repeat;
use crate::size::{Limited, Size};
use crate::stage::{Log, Reach};
use crate::tls::{self, Settings, TlsVersion};
use crate::wire::{Answering, Arriving, Wire};

type Stack = Record<Egress<Deadline<Repeat<Attach<Limit<Deadline<Size<Decode<Wire>>>>>>>>>;

/// The HTTP client: a tower service that is cheap to clone. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    stack: Stack,
    gate: Arc<Gate>,
    dialer: Dialer,
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
            attempt: None,
            max_body: 256 << 20,
            max_concurrent: None,
            repeats: 2,
            waits: true,
            proxies: Proxies::None,
            addresses: Addresses::any(),
            tls: Settings::default(),
        }
    }

    /// Sends nothing to `origin` for so long, because the server asked for that in a way that only the caller
    /// can read. `Retry-After` is read here.
    pub fn back_off(&self, origin: &Origin, wait: Duration) {
        self.gate.close(origin, wait);
    }

    /// Tries the way to `origin` stage by stage, as a request would take it, and closes the connection again.
    pub async fn reach(&self, origin: &Origin) -> Reach {
        let mut log = Log::default();
        let (tls, failed) = match self.dialer.dial(origin, false, &mut log).await {
            Ok(mut way) => {
                let refused = way.refused(origin.host()).await;
                (way.tls, refused)
            }
            Err(why) => (None, Some(why)),
        };
        Reach { steps: log.steps, tls, failed }
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
    inner: Timed<Held<Timed<Limited<Decoded<Arriving>>>>>,
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
    attempt: Option<Duration>,
    max_body: u64,
    max_concurrent: Option<usize>,
    repeats: u32,
    waits: bool,
    proxies: Proxies,
    addresses: Addresses,
    tls: Settings,
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

    /// How long a call may take, with waiting, trying again, and to the last byte of its answer; 120 s by
    /// default.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = limit;
        self
    }

    /// How long one exchange of a call may take. By default as long as the call.
    #[must_use]
    pub fn attempt_timeout(mut self, limit: Duration) -> Self {
        self.attempt = Some(limit);
        self
    }

    /// How many bytes the body of an answer may have, after it was decompressed; 256 MiB by default.
    #[must_use]
    pub fn max_body(mut self, bytes: u64) -> Self {
        self.max_body = bytes;
        self
    }

    /// How many requests may be under way at one time, to the end of their answers. By default any number.
    #[must_use]
    pub fn max_concurrent(mut self, requests: usize) -> Self {
        self.max_concurrent = Some(requests);
        self
    }

    /// How often a request that is marked as repeatable is sent again at most; twice by default.
    #[must_use]
    pub fn repeats(mut self, most: u32) -> Self {
        self.repeats = most;
        self
    }

    /// Leaves time to the caller: nothing is sent again, and a wait that a server asks for is told and not kept.
    /// For callers whose clock is not the machine's.
    #[must_use]
    pub fn callers_time(mut self) -> Self {
        (self.repeats, self.waits) = (0, false);
        self
    }

    /// Connects to these addresses only; to any by default. A name is resolved once, and what was judged is what is
    /// connected to. The proxy itself is not judged.
    #[must_use]
    pub fn addresses(mut self, addresses: Addresses) -> Self {
        self.addresses = addresses;
        self
    }

    /// Goes through this proxy. Without one no proxy is used, whatever the environment says.
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxies = Proxies::One(Arc::new(proxy));
        self
    }

    /// Goes through the proxies that the environment names in `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
    /// `NO_PROXY`. Fails if one of these cannot be read.
    pub fn system_proxy(mut self) -> Result<Self, Error> {
        self.proxies = Proxies::system(|name| std::env::var(name).ok())?;
        Ok(self)
    }

    /// Trusts the certificates in this PEM text too.
    #[must_use]
    pub fn root_certificates(mut self, pem: Vec<u8>) -> Self {
        self.tls.roots.push(pem);
        self
    }

    /// Speaks these versions of TLS and those between them; 1.2 and 1.3 by default.
    #[must_use]
    pub fn tls_versions(mut self, least: TlsVersion, most: TlsVersion) -> Self {
        (self.tls.least, self.tls.most) = (least, most);
        self
    }

    /// Shows this certificate to servers that ask for one.
    #[must_use]
    pub fn client_certificate(mut self, certificate: ClientCertificate) -> Self {
        self.tls.identity = Some(certificate);
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
        let tls = Arc::new(tls::config(&self.tls)?);
        let dialer =
            Dialer { limit: self.connect, proxies: self.proxies, addresses: Arc::new(self.addresses), tls };
        let gate = Arc::new(Gate::new(self.max_concurrent, self.waits));
        let decode = Decode { inner: Wire::new(dialer.clone()), limit: self.max_body };
        let size = Size { inner: decode, limit: self.max_body };
        let attempt = Deadline { inner: size, limit: self.attempt, outer: false };
        let limit = Limit { inner: attempt, gate: Arc::clone(&gate) };
        let attach = Attach::new(limit, &self.credentials)?;
        let repeat = Repeat { inner: attach, most: self.repeats };
        let deadline = Deadline { inner: repeat, limit: Some(self.deadline), outer: true };
        let egress = Egress { inner: deadline, plain: self.plain };
        let origins = self.credentials.into_iter().map(|(origin, _)| origin).collect();
        Ok(Client { stack: Record { inner: egress }, gate, dialer, origins })
    }
}
