//! The client: one call from request to result.
//!
//! It neither waits nor tries again: whoever runs the step knows whether that is allowed. The one exception is a
//! request for a schema version that the server does not know, which is refused before anything is done.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use exchange::{Error, ErrorKind, Mailbox, Ports};
use http::{Request, header};
use tower_service::Service;

use crate::affinity::{self, Affinities, Cookies};
use crate::config::{Access, Config};
use crate::failure::{Effect, Failure};
use crate::http::{Exchange, Over, Sent, Source};
use crate::malformed::{Malformed, Reason};
use crate::nature::Nature;
use crate::op::Operation;
use crate::reach::Reach;
use crate::request_id::{RequestId, RequestIds};
use crate::version::{self, ServerVersion, Spoken, Version};
use crate::xml::Reader;
use crate::{answer, envelope, outgoing, status};

/// Exchange Web Services over some HTTP service.
#[derive(Clone)]
pub struct EwsClient {
    inner: Arc<Inner>,
}

struct Inner {
    http: Box<dyn Exchange>,
    config: Config,
    spoken: Spoken,
    ids: RequestIds,
    affinities: Affinities,
}

/// What is heard of the server beside its answer.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    server: Option<ServerVersion>,
    /// The cookies it sets.
    pub(crate) cookies: Cookies,
    /// `X-AnchorMailbox` of the request.
    pub(crate) anchor: String,
}

impl EwsClient {
    /// A client over `service`. `sent` says of an error of the service whether the request may have reached
    /// the server, as a truth value or, with what stays so, as a [`Sent`]: after such an error a change counts
    /// as unknown. When in doubt, say true.
    pub fn new<S, B, R>(
        service: S,
        config: Config,
        sent: impl Fn(&S::Error) -> R + Clone + Send + Sync + 'static,
    ) -> Self
    where
        R: Into<Sent>,
        S: Service<Request<Bytes>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: std::error::Error + Send + Sync + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: std::fmt::Display,
    {
        let sent = move |error: &S::Error| sent(error).into();
        let http = Box::new(Over { service, sent });
        let (spoken, ids) = (Spoken::new(config.version), RequestIds::new(config.request_id_seed));
        EwsClient { inner: Arc::new(Inner { http, config, spoken, ids, affinities: Affinities::default() }) }
    }

    /// The build the server said it is in its last answer; none before the first.
    pub fn server_version(&self) -> Option<ServerVersion> {
        self.inner.spoken.server()
    }

    /// The schema version that is asked for, after what was found out so far.
    pub fn version(&self) -> Version {
        self.inner.spoken.version()
    }

    /// The ports this wire has.
    pub fn ports(&self) -> Ports {
        Ports {
            fallback_charset: self.inner.config.fallback_charset.clone(),
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
            calendar: Some(Arc::new(self.clone())),
            directory: Some(Arc::new(self.clone())),
            folders: Some(Arc::new(self.clone())),
            groups: Some(Arc::new(self.clone())),
            contacts: Some(Arc::new(self.clone())),
            mailboxes: Some(Arc::new(self.clone())),
            properties: Some(Arc::new(self.clone())),
            // It knows its server; who looks for others is an `Autodiscover`.
            discovery: None,
            copies: Some(Arc::new(self.clone())),
            transfer: Some(Arc::new(self.clone())),
            drafts: Some(Arc::new(self.clone())),
        }
    }

    /// Whether the account works in a mailbox that is not its own, and stays itself.
    pub(crate) fn stands_in_for(&self, mailbox: &Mailbox) -> bool {
        match &self.inner.config.access {
            Access::Delegate { mailbox: Some(mine) } => !mine.as_str().eq_ignore_ascii_case(mailbox.as_str()),
            Access::Delegate { mailbox: None } => true,
            Access::Impersonation | Access::SelfOnly { .. } => false,
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
        self.call_hearing(mailbox, operation).await.map(|(output, _)| output)
    }

    /// The same, and what was heard of the server beside it.
    pub(crate) async fn call_hearing<O: Operation>(
        &self,
        mailbox: &Mailbox,
        operation: O,
    ) -> Result<(O::Output, Heard), Error> {
        let mut heard = Heard::default();
        let (reader, id, operation) = self.begin_hearing(mailbox, operation, &mut heard).await?;
        let output = finish(reader, operation).await.map_err(|failure| said::<O>(failure, id, mailbox))?;
        Ok((output, heard))
    }

    /// The servers that subscriptions are on.
    pub(crate) fn affinities(&self) -> &Affinities {
        &self.inner.affinities
    }

    /// Sends one operation and reads its answer up to where that of the operation begins.
    pub(crate) async fn begin<O: Operation>(
        &self,
        mailbox: &Mailbox,
        operation: O,
    ) -> Result<(Reader<Source>, RequestId, O), Error> {
        self.begin_hearing(mailbox, operation, &mut Heard::default()).await
    }

    async fn begin_hearing<O: Operation>(
        &self,
        mailbox: &Mailbox,
        operation: O,
        heard: &mut Heard,
    ) -> Result<(Reader<Source>, RequestId, O), Error> {
        let spoken = &self.inner.spoken;
        let mut asked = spoken.version();
        loop {
            let id = self.inner.ids.next();
            let request = self.request(mailbox, &operation, asked, id)?;
            *heard = Heard { anchor: anchor(&request), ..Heard::default() };
            let opened = self.open::<O>(request, id, heard).await;
            let server = heard.server;
            spoken.heard(server);
            let failure = match opened {
                Ok(reader) => {
                    self.inner.affinities.renew(operation.affinity(), &heard.cookies);
                    return Ok((reader, id, operation));
                }
                Err(Failure::Said(fault)) if self.refuses_version(&fault) => {
                    if let Some(lower) = spoken.lower(asked, server) {
                        asked = lower;
                        continue;
                    }
                    too_old(fault, server).into()
                }
                Err(failure) => failure,
            };
            return Err(said::<O>(failure, id, mailbox));
        }
    }

    fn refuses_version(&self, fault: &Error) -> bool {
        self.inner.config.step_down && fault.code.as_deref().is_some_and(version::is_refusal)
    }

    fn request<O: Operation>(
        &self,
        mailbox: &Mailbox,
        operation: &O,
        version: Version,
        id: RequestId,
    ) -> Result<Request<Bytes>, Error> {
        if version < O::SINCE {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "{} at {mailbox}: servers know this since {}, and {version} is spoken with this one",
                    O::NAME,
                    O::SINCE
                ),
            ));
        }
        let config = &self.inner.config;
        let mut reach = Reach::find(config, version, mailbox, O::NAME)?;
        reach.role = O::ROLE;
        let written = envelope::write(config, &reach, |out| operation.write(out))?;
        let (body, outgoing) = outgoing::parts(written, operation.payload(), config.streams_requests)?;
        let request = Request::post(config.url.clone())
            .header(header::CONTENT_TYPE, "text/xml; charset=utf-8")
            .header(header::ACCEPT, "text/xml")
            .header(header::USER_AGENT, concat!("portcullis/", env!("CARGO_PKG_VERSION")))
            .header("client-request-id", id.to_string())
            .header("return-client-request-id", "true")
            .header("X-AnchorMailbox", reach.anchor);
        let request = match reach.public {
            Some(public) => request.header("X-PublicFolderMailbox", public),
            None => request,
        };
        let request = match outgoing {
            Some(outgoing) => request.extension(outgoing),
            None => request,
        };
        let nature = Nature { repeatable: O::EFFECT == Effect::Reads, lasts: operation.lasts() };
        let mut request = request.extension(nature).body(body).map_err(|_| {
            Error::new(
                ErrorKind::Invalid,
                format!("{} at {mailbox}: the address cannot be put into a request header", O::NAME),
            )
        })?;
        self.inner.affinities.dress(operation.affinity(), request.headers_mut());
        Ok(request)
    }

    /// Sends a request and reads its answer up to where that of the operation begins.
    async fn open<O: Operation>(
        &self,
        request: Request<Bytes>,
        id: RequestId,
        heard: &mut Heard,
    ) -> Result<Reader<Source>, Failure> {
        let (parts, body) = self.inner.http.send(request).await?.into_parts();
        let answer = http::Response::from_parts(parts, ());
        heard.cookies = affinity::set(answer.headers(), &self.inner.config.url);
        let server = &mut heard.server;
        if answer.headers().get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity") {
            let element = "the document".to_owned();
            return Err(Malformed { reason: Reason::Compressed, element, offset: 0 }.into());
        }
        let source = match Source::begin(answer.status(), body).await {
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
        let mut reader = Reader::new(source, limit, id).telling(self.inner.config.on_busy.clone());
        let expected = answer::Expected { name: O::ANSWER, bare: O::BARE };
        match (answer::open(&mut reader, expected, O::NAME, O::EFFECT, server).await, plain) {
            (Ok(()), None) => Ok(reader),
            (Err(failure), None) => Err(failure),
            // A fault says more than the status it came with; anything else says less.
            (Err(Failure::Said(fault)), Some(plain)) => {
                let wait = fault.retry_after.or(plain.retry_after);
                Err(fault.with_retry_after(wait).into())
            }
            (_, Some(plain)) => Err(plain.into()),
        }
    }
}

/// The mailbox a request is routed by.
fn anchor(request: &Request<Bytes>) -> String {
    let anchor = request.headers().get("X-AnchorMailbox").and_then(|value| value.to_str().ok());
    anchor.unwrap_or_default().to_owned()
}

/// A failure as an error that names its request.
fn said<O: Operation>(failure: Failure, id: RequestId, mailbox: &Mailbox) -> Error {
    let mut error = failure.into_error(O::NAME, O::EFFECT, mailbox);
    error.message = id.onto(error.message);
    error
}

/// Reads the answer of an operation, and that the document is whole.
async fn finish<O: Operation>(mut reader: Reader<Source>, operation: O) -> Result<O::Output, Failure> {
    let output = operation.read(&mut reader).await?;
    answer::close(&mut reader).await?;
    Ok(output)
}

/// The refusal of the oldest version there is, with what is known of the server.
fn too_old(mut fault: Error, server: Option<ServerVersion>) -> Error {
    if let Some(server) = server.filter(|server| server.speaks().is_none()) {
        fault.message.push_str(&format!(
            "; the server is of build {server}, which is older than Exchange 2013, the oldest that can be used"
        ));
    }
    fault
}

impl std::fmt::Debug for EwsClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EwsClient").field("config", &self.inner.config).finish_non_exhaustive()
    }
}
