//! The client: how it is configured, and one call from request to result.
//!
//! It neither waits nor tries again: whoever runs the step knows whether that is allowed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use exchange::port::SETTLE;
use exchange::{Error, ErrorKind, Mailbox, Ports};
use http::{Request, Uri, header};
use tower_service::Service;

use crate::failure::Failure;
use crate::http::{Exchange, Over, Source};
use crate::malformed::{Malformed, Reason};
use crate::op::Operation;
use crate::xml::Reader;
use crate::{answer, envelope, status};

/// The [schema version](https://learn.microsoft.com/exchange/client-developer/web-service-reference/requestserverversion)
/// a request asks for. Servers answer a request for an older version than theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Version {
    /// Exchange 2013 SP1: what every supported server knows.
    #[default]
    Exchange2013Sp1,
    /// Exchange 2016 and later.
    Exchange2016,
}

impl Version {
    /// Every one of them.
    pub const ALL: [Version; 2] = [Version::Exchange2013Sp1, Version::Exchange2016];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::Exchange2013Sp1 => "Exchange2013_SP1",
            Version::Exchange2016 => "Exchange2016",
        }
    }
}

/// Whose mailboxes the account may open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Any that the server lets it act for, by impersonation.
    Impersonation,
    /// Its own, and no other is ever asked for.
    SelfOnly {
        /// The account's own mailbox.
        mailbox: Mailbox,
    },
}

/// How to reach a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The service, e.g. `https://mail.corp.example/EWS/Exchange.asmx`.
    pub url: Uri,
    /// The schema version to ask for.
    pub version: Version,
    /// Whose mailboxes the account may open.
    pub access: Access,
    /// How many items one request names at most.
    pub batch: usize,
    /// The longest answer that is kept in memory, in bytes.
    pub max_answer: u64,
    /// The longest answer that is passed on as it comes (MIME, attachments), in bytes of its base64.
    pub max_stream: u64,
    /// How long a message that was sent may be shown nowhere, before it is filed in Sent Items.
    pub settle: Duration,
}

impl Config {
    /// The defaults for a server: Exchange 2013 SP1, 100 items a request, answers of at most 64 MiB, streams
    /// of at most 256 MiB, half a minute to file what was sent.
    pub fn new(url: Uri, access: Access) -> Self {
        Config {
            url,
            version: Version::default(),
            access,
            batch: 100,
            max_answer: 64 << 20,
            max_stream: 256 << 20,
            settle: SETTLE,
        }
    }
}

/// Exchange Web Services over some HTTP service.
#[derive(Clone)]
pub struct EwsClient {
    inner: Arc<Inner>,
}

struct Inner {
    http: Box<dyn Exchange>,
    config: Config,
}

impl EwsClient {
    /// A client over `service`. `may_have_left` says of an error of the service whether the request may have
    /// reached the server: after such an error a change counts as unknown. When in doubt, say true.
    pub fn new<S, B>(
        service: S,
        config: Config,
        may_have_left: impl Fn(&S::Error) -> bool + Clone + Send + Sync + 'static,
    ) -> Self
    where
        S: Service<Request<Bytes>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: std::error::Error + Send + Sync + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: std::fmt::Display,
    {
        let http = Box::new(Over { service, may_have_left });
        EwsClient { inner: Arc::new(Inner { http, config }) }
    }

    /// The ports this wire has.
    pub fn ports(&self) -> Ports {
        Ports {
            search: Some(Arc::new(self.clone())),
            read: Some(Arc::new(self.clone())),
            attachments: Some(Arc::new(self.clone())),
            moves: Some(Arc::new(self.clone())),
            delete: Some(Arc::new(self.clone())),
            update: Some(Arc::new(self.clone())),
            submit: Some(Arc::new(self.clone())),
            detach: Some(Arc::new(self.clone())),
            junk: Some(Arc::new(self.clone())),
            rules: Some(Arc::new(self.clone())),
            automatic_replies: Some(Arc::new(self.clone())),
            directory: Some(Arc::new(self.clone())),
        }
    }

    /// How long a message that was sent may be shown nowhere.
    pub(crate) fn settle(&self) -> Duration {
        self.inner.config.settle
    }

    /// How many items one request names at most.
    pub(crate) fn batch(&self) -> usize {
        self.inner.config.batch.max(1)
    }

    /// One operation at one mailbox.
    pub(crate) async fn call<O: Operation>(
        &self,
        mailbox: &Mailbox,
        operation: O,
    ) -> Result<O::Output, Error> {
        let request = self.request(mailbox, &operation)?;
        self.exchange(request, operation)
            .await
            .map_err(|failure| failure.into_error(O::NAME, O::EFFECT, mailbox))
    }

    fn request<O: Operation>(&self, mailbox: &Mailbox, operation: &O) -> Result<Request<Bytes>, Error> {
        let config = &self.inner.config;
        let acted_for = match &config.access {
            Access::Impersonation => Some(mailbox),
            Access::SelfOnly { mailbox: own } if own.as_str().eq_ignore_ascii_case(mailbox.as_str()) => None,
            Access::SelfOnly { mailbox: own } => {
                return Err(Error::new(
                    ErrorKind::PermissionDenied,
                    format!(
                        "{} at {mailbox}: this connection opens only {own}; use a connection with impersonation",
                        O::NAME
                    ),
                ));
            }
        };
        let body = envelope::write(config.version, acted_for, |out| operation.write(out))?;
        Request::post(config.url.clone())
            .header(header::CONTENT_TYPE, "text/xml; charset=utf-8")
            .header(header::ACCEPT, "text/xml")
            .header(header::USER_AGENT, concat!("portcullis/", env!("CARGO_PKG_VERSION")))
            .header("X-AnchorMailbox", mailbox.as_str())
            .body(Bytes::from(body))
            .map_err(|_| {
                Error::new(
                    ErrorKind::Invalid,
                    format!("{} at {mailbox}: the address cannot be put into a request header", O::NAME),
                )
            })
    }

    async fn exchange<O: Operation>(
        &self,
        request: Request<Bytes>,
        operation: O,
    ) -> Result<O::Output, Failure> {
        let (parts, body) = self.inner.http.send(request).await?.into_parts();
        let answer = http::Response::from_parts(parts, ());
        if answer.headers().get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity") {
            let element = "the document".to_owned();
            return Err(Malformed { reason: Reason::Compressed, element, offset: 0 }.into());
        }
        let source = match Source::begin(body).await {
            Ok(source) => source,
            Err(failure) if answer.status().is_success() => return Err(failure),
            Err(_) => return Err(status::error(&answer, b"", O::NAME, O::EFFECT).into()),
        };
        if !status::may_be_soap(answer.status(), source.head()) {
            return Err(status::error(&answer, source.head(), O::NAME, O::EFFECT).into());
        }
        let limit = if O::STREAMS { self.inner.config.max_stream } else { self.inner.config.max_answer };
        let plain = (!answer.status().is_success())
            .then(|| status::error(&answer, source.head(), O::NAME, O::EFFECT));
        let mut reader = Reader::new(source, limit);
        match (answer::open(&mut reader, O::ANSWER, O::BARE, O::NAME, O::EFFECT).await, plain) {
            (Ok(()), None) => {}
            (Err(failure), None) => return Err(failure),
            // A fault says more than the status it came with; anything else says less.
            (Err(Failure::Said(fault)), Some(plain)) => {
                let wait = fault.retry_after.or(plain.retry_after);
                return Err(fault.with_retry_after(wait).into());
            }
            (_, Some(plain)) => return Err(plain.into()),
        }
        let output = operation.read(&mut reader).await?;
        answer::close(&mut reader).await?;
        Ok(output)
    }
}

impl std::fmt::Debug for EwsClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EwsClient").field("config", &self.inner.config).finish_non_exhaustive()
    }
}
