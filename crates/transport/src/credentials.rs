//! Credentials, and the layer that puts them on requests to their own origin and to no other.
//!
//! Callers never hold the header: an address that was changed by somebody else gets a request without
//! credentials. The kind of log-in is configured and never chosen because a server asks for it. A token that
//! a server refuses is replaced by one other, once: a 401 says that nothing was done.

use std::sync::Arc;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use tower_service::Service;

use crate::bearer::{Bearer, Source};
use crate::digest_log_in::{self, DigestLogIn};
use crate::error::{Error, Kind};
use crate::origin::Origin;
use crate::secret::Secret;
use crate::windows::{Login, Scheme};
use crate::wire::Answering;

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
    /// A header of the service's own with a secret in it, such as `X-Api-Key`.
    Header {
        /// Its name.
        name: HeaderName,
        /// Its value.
        value: Secret,
    },
    /// [Bearer](https://www.rfc-editor.org/rfc/rfc6750): a token, asked for before every request.
    Bearer(Source),
    /// [Digest](https://www.rfc-editor.org/rfc/rfc7616) with MD5 or SHA-256, as a virtual directory of Exchange can ask
    /// for it. The password itself is never sent.
    Digest {
        /// The user, mostly as `DOMAIN\\user`.
        user: String,
        /// The password.
        password: Secret,
    },
    /// [NTLM](https://learn.microsoft.com/openspecs/windows_protocols/ms-nlmp), version 2: each connection is
    /// logged in once, bound to the server's certificate where there is one.
    Ntlm {
        /// The user, also as `DOMAIN\\user` or `user@corp.example` if there is no domain.
        user: String,
        /// The domain.
        domain: Option<String>,
        /// The password.
        password: Secret,
    },
    /// [Negotiate](https://www.rfc-editor.org/rfc/rfc4559): Kerberos and nothing weaker where a key distribution
    /// centre is given, else NTLM.
    Negotiate {
        /// As in [`Credentials::Ntlm`]. For Kerberos, a user without a domain is one that the centre knows by that
        /// whole name, as Active Directory does.
        user: String,
        /// The domain; for Kerberos the realm, such as `CORP.EXAMPLE`.
        domain: Option<String>,
        /// The password.
        password: Secret,
        /// The key distribution centre, such as `tcp://dc.corp.example:88`.
        kdc: Option<String>,
    },
}

impl Credentials {
    /// Basic.
    pub fn basic(user: impl Into<String>, password: Secret) -> Self {
        Credentials::Basic { user: user.into(), password }
    }

    /// A token of this source, and another one when the server refuses it.
    pub fn bearer(source: Arc<dyn Bearer>) -> Self {
        Credentials::Bearer(Source::new(source))
    }

    fn way(&self) -> Result<Way, Error> {
        match self {
            Credentials::Basic { user, password } => {
                Ok(Way::Header(header::AUTHORIZATION, basic(user, password)?))
            }
            Credentials::Header { name, value } => Ok(Way::Header(name.clone(), secret_value(value)?)),
            Credentials::Bearer(source) => Ok(Way::Bearer(source.clone())),
            Credentials::Digest { user, password } => {
                Ok(Way::Digest(Arc::new(DigestLogIn::new(user, password)?)))
            }
            Credentials::Ntlm { user, domain, password } => {
                windows(Scheme::Ntlm, user, domain.as_deref(), password, None)
            }
            Credentials::Negotiate { user, domain, password, kdc } => {
                windows(Scheme::Negotiate, user, domain.as_deref(), password, kdc.as_deref())
            }
        }
    }
}

/// A log-in that belongs to a connection. Tried once here, so that a user or key distribution centre that
/// cannot be used is found when the client is set up.
fn windows(
    scheme: Scheme,
    user: &str,
    domain: Option<&str>,
    password: &Secret,
    kdc: Option<&str>,
) -> Result<Way, Error> {
    let domain = domain.filter(|domain| !domain.is_empty()).map(str::to_owned);
    let (user, password, kdc) = (user.to_owned(), password.clone(), kdc.map(str::to_owned));
    let login = Login { scheme, user, domain, password, kdc };
    login.begin("localhost", None).map_err(|why| Error::before(Kind::Setup, "", why))?;
    Ok(Way::Connection(Arc::new(login)))
}

/// The secret as the value of a header.
fn secret_value(secret: &Secret) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::try_from(secret.reveal())
        .map_err(|_| Error::before(Kind::Setup, "", "the secret does not fit into a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The header of the scheme `Basic`.
fn basic(user: &str, password: &Secret) -> Result<HeaderValue, Error> {
    if user.contains(':') || user.chars().chain(password.reveal().chars()).any(char::is_control) {
        let why = "a user must not contain a colon, and neither user nor password a control character";
        return Err(Error::before(Kind::Setup, "", why));
    }
    let mut value =
        HeaderValue::try_from(format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.reveal()))))
            .map_err(|_| Error::before(Kind::Setup, "", "the credentials do not fit into a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What to do with a request to an origin that credentials are bound to.
#[derive(Debug, Clone)]
enum Way {
    /// The same header each time.
    Header(HeaderName, HeaderValue),
    /// A token.
    Bearer(Source),
    /// An answer to the last challenge.
    Digest(Arc<DigestLogIn>),
    /// The innermost layer does it, on the connection.
    Connection(Arc<Login>),
}

/// The layer.
#[derive(Clone)]
pub(crate) struct Attach<S> {
    inner: S,
    bound: Vec<(Origin, Way)>,
}

impl<S> Attach<S> {
    pub(crate) fn new(inner: S, bound: &[(Origin, Credentials)]) -> Result<Self, Error> {
        let bound = bound
            .iter()
            .map(|(origin, credentials)| Ok((origin.clone(), credentials.way()?)))
            .collect::<Result<_, Error>>()?;
        Ok(Attach { inner, bound })
    }
}

impl<S, B> Service<Request<Bytes>> for Attach<S>
where
    S: Service<Request<Bytes>, Response = Response<B>, Error = Error> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = Error;
    type Future = Answering<Response<B>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Bytes>) -> Self::Future {
        let origin = Origin::of(request.uri());
        // Only this layer says who logs in.
        request.extensions_mut().remove::<Arc<Login>>();
        match self.bound.iter().find(|(bound, _)| Some(bound) == origin.as_ref()) {
            None => Box::pin(self.inner.call(request)),
            Some((_, Way::Header(name, value))) => {
                request.headers_mut().insert(name.clone(), value.clone());
                Box::pin(self.inner.call(request))
            }
            Some((_, Way::Connection(login))) => {
                request.headers_mut().remove(header::AUTHORIZATION);
                request.extensions_mut().insert(Arc::clone(login));
                Box::pin(self.inner.call(request))
            }
            Some((bound, Way::Digest(login))) => {
                let host = bound.host().to_owned();
                Box::pin(digest_log_in::exchange(self.inner.clone(), Arc::clone(login), host, request))
            }
            Some((bound, Way::Bearer(source))) => {
                Box::pin(with_token(self.inner.clone(), source.clone(), bound.clone(), request))
            }
        }
    }
}

/// Sends a request with a token, and once more with another one if the server refuses that.
async fn with_token<S, B>(
    mut inner: S,
    source: Source,
    origin: Origin,
    mut request: Request<Bytes>,
) -> Result<Response<B>, Error>
where
    S: Service<Request<Bytes>, Response = Response<B>, Error = Error>,
{
    let (value, token) = source.header(origin.host()).await?;
    request.headers_mut().insert(header::AUTHORIZATION, value);
    std::future::poll_fn(|cx| inner.poll_ready(cx)).await?;
    let answer = inner.call(request.clone()).await?;
    if answer.status() != StatusCode::UNAUTHORIZED {
        return Ok(answer);
    }
    let (value, _) = source.another(&token, answer.headers(), origin.host()).await?;
    drop(answer);
    request.headers_mut().insert(header::AUTHORIZATION, value);
    std::future::poll_fn(|cx| inner.poll_ready(cx)).await?;
    inner.call(request).await
}
