//! What went wrong on the way, at which host, and whether the request may have got there.

use std::fmt;
use std::time::Duration;

use http::Uri;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The client cannot be put together.
    Setup,
    /// The request may not go there.
    Refused,
    /// There is no token to log in with.
    LogIn,
    /// No address for the name.
    Name,
    /// No connection.
    Connect,
    /// The proxy did not let the request through.
    Proxy,
    /// No TLS, or none that can be trusted.
    Tls,
    /// The server asked to wait, for longer than this request has time.
    Busy,
    /// The whole exchange took too long.
    Deadline,
    /// The connection broke.
    Broken,
    /// The answer is too large.
    TooLarge,
}

/// A failure of the transport. Names a host, never an address in full and never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    host: String,
    detail: String,
    may_have_left: bool,
    retry_after: Option<Duration>,
}

impl Error {
    pub(crate) fn before(kind: Kind, host: impl Into<String>, detail: impl Into<String>) -> Self {
        Error { kind, host: host.into(), detail: detail.into(), may_have_left: false, retry_after: None }
    }

    pub(crate) fn after(kind: Kind, host: impl Into<String>, detail: impl Into<String>) -> Self {
        Error { kind, host: host.into(), detail: detail.into(), may_have_left: true, retry_after: None }
    }

    /// The server asked to wait this long.
    pub(crate) fn busy(host: impl Into<String>, wait: Duration) -> Self {
        let detail = format!("the server asked to wait {} s more", wait.as_secs().max(1));
        Error { retry_after: Some(wait), ..Error::before(Kind::Busy, host, detail) }
    }

    /// There is no token; none for this long, or until somebody does something.
    pub(crate) fn no_log_in(host: &str, why: String, wait: Option<Duration>) -> Self {
        Error { retry_after: wait, ..Error::before(Kind::LogIn, host, why) }
    }

    /// How long the server asked to wait. Of [`Kind::LogIn`]: when it may go better by itself, if ever.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// What went wrong.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The host it was about; empty for [`Kind::Setup`].
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What happened, without the sentence around it.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether the request may have reached the server. If not, sending it again is safe.
    pub fn may_have_left(&self) -> bool {
        self.may_have_left
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error { host, detail, .. } = self;
        match self.kind {
            Kind::Setup => write!(f, "the HTTP client cannot be set up: {detail}"),
            Kind::Refused => write!(f, "no request was sent to {host}: {detail}"),
            Kind::LogIn => write!(f, "no log-in at {host}: {detail}"),
            Kind::Name => write!(
                f,
                "no address for {host}: {detail}; check the spelling, the name server of this machine, and whether a proxy is needed"
            ),
            Kind::Connect => write!(
                f,
                "no connection to {host}: {detail}; check the address and port, firewalls on the way, and whether a proxy is needed"
            ),
            Kind::Proxy => write!(f, "no way to {host} through the proxy: {detail}"),
            Kind::Tls => write!(f, "no TLS with {host}: {detail}"),
            Kind::Busy => write!(f, "nothing was sent to {host}: {detail}; try again then"),
            Kind::Deadline => write!(
                f,
                "{host} took too long: {detail}; check the server, or allow more time for this connection"
            ),
            Kind::Broken => write!(f, "the connection to {host} broke: {detail}"),
            Kind::TooLarge => write!(f, "the answer of {host} is too large: {detail}"),
        }
    }
}

impl std::error::Error for Error {}

/// The host of an address, for messages.
pub(crate) fn host(uri: &Uri) -> String {
    uri.host().unwrap_or("an address without a host").chars().filter(|c| !c.is_control()).take(255).collect()
}
