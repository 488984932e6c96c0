//! One request and its whole answer, within the limits of the connection.

use action_api::plan::{Blame, Failure};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tower_service::Service;
use transport::{Marks, asked_to_wait};

use crate::failure;
use crate::fields::{Params, Query};
use crate::web::Site;

/// How many redirects of a reading request are followed.
const MOST_REDIRECTS: usize = 5;
/// How much of a server's words a message repeats.
const WORDS: usize = 200;
/// What keys of idempotency travel in, as a draft of the IETF and the services that have it call it.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A request to be sent.
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An answer that has arrived.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The media type without parameters, in lower case.
    pub(crate) fn media_type(&self) -> String {
        let value = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

/// The key under which the other side may know a repeat; says nothing about the run.
pub(crate) fn key(context: &action_api::Context) -> String {
    let digest = Sha256::digest(context.key.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

impl Site {
    /// The address of a request below the base.
    pub(crate) fn below(
        &self,
        action: &str,
        path: &str,
        params: &Params,
        query: &Query,
    ) -> Result<Uri, Failure> {
        let query = query.pairs();
        if let Some((name, _)) = &self.query_key
            && query.iter().any(|(ours, _)| ours == name)
        {
            return Err(failure::invalid(
                action,
                format_args!("the parameter `{name}` is the connection's own"),
            ));
        }
        self.base.below(path, &params.texts(), &query).map_err(|why| failure::invalid(action, why))
    }

    /// Sends a request that only reads, again where that helps, and follows redirects below the base.
    pub(crate) async fn read(&self, mut ask: Ask) -> Result<Answer, Failure> {
        for _ in 0..=MOST_REDIRECTS {
            let from = ask.uri.clone();
            let again = Ask {
                method: ask.method.clone(),
                uri: ask.uri.clone(),
                headers: ask.headers.clone(),
                body: Bytes::new(),
            };
            let answer = self.send(ask, false).await?;
            let moved = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
            let Some(location) = answer.headers.get(LOCATION).filter(|_| moved) else { return Ok(answer) };
            let location = location.to_str().unwrap_or_default();
            let to = self.base.redirect(&from, location).map_err(|why| self.refused(answer.status, &why))?;
            ask = Ask { uri: self.with_key(to)?, ..again };
        }
        Err(self.refused(StatusCode::FOUND, &format!("it redirects more than {MOST_REDIRECTS} times")))
    }

    /// Sends a request that changes something, once.
    pub(crate) async fn change(&self, ask: Ask) -> Result<Answer, Failure> {
        self.send(ask, true).await
    }

    /// Posts JSON to the one address of the connection, once, with these headers beside those of the body.
    pub(crate) async fn post(
        &self,
        action: &str,
        mut headers: HeaderMap,
        json: Vec<u8>,
    ) -> Result<Answer, Failure> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let uri = self.base.uri().map_err(|why| failure::invalid(action, why))?;
        self.change(Ask { method: Method::POST, uri: self.with_key(uri)?, headers, body: json.into() }).await
    }

    /// With the parameter of the query that holds the connection's key.
    pub(crate) fn with_key(&self, uri: Uri) -> Result<Uri, Failure> {
        let Some((name, key)) = &self.query_key else { return Ok(uri) };
        let name = crate::base::encode(name);
        // A redirect may repeat it.
        let whole = uri.to_string();
        let (path, query) = whole.split_once('?').unwrap_or((&whole, ""));
        let begin = format!("{name}=");
        let mut query: Vec<&str> =
            query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with(&begin)).collect();
        let ours = format!("{begin}{}", crate::base::encode(key.reveal()));
        query.push(&ours);
        format!("{path}?{}", query.join("&")).parse().map_err(|_| {
            Failure::new(
                action_api::plan::FailureKind::Invalid,
                Blame::Host,
                "the key of the connection does not fit into an address",
            )
        })
    }

    async fn send(&self, ask: Ask, changes: bool) -> Result<Answer, Failure> {
        let unfit = || failure::invalid("the request", "it cannot be written as HTTP");
        let mut request = Request::builder()
            .method(ask.method)
            .uri(ask.uri)
            .header(USER_AGENT, HeaderValue::from_static(concat!("portcullis/", env!("CARGO_PKG_VERSION"))))
            .body(ask.body)
            .map_err(|_| unfit())?;
        request.headers_mut().extend(ask.headers);
        let marks = if changes { Marks::default() } else { Marks::default().repeatable() };
        let marks = if self.kind.address_is_secret() { marks.secret_path() } else { marks };
        request.extensions_mut().insert(marks);
        let mut client = self.client.clone();
        let unanswered = |error: transport::Error| self.hushed(failure::unanswered(&error, changes));
        std::future::poll_fn(|cx| client.poll_ready(cx)).await.map_err(unanswered)?;
        let answer = client.call(request).await.map_err(unanswered)?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| {
            let mut failure = unanswered(error);
            failure.message = format!("{}, after it answered {}", failure.message, head.status);
            failure::with_status(failure, head.status)
        })?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    }

    /// The failure of a step whose answer has a status it did not want.
    pub(crate) fn unwanted(&self, what: &str, answer: &Answer, changes: bool) -> Failure {
        let wait = asked_to_wait(answer.status, &answer.headers);
        let kind = failure::kind_of(answer.status, wait.is_some(), changes);
        let said = self.words(&answer.body);
        let said = if said.is_empty() { said } else { format!(": {said}") };
        let next = match answer.status.as_u16() {
            300..=399 => "; a redirect of a changing request is not followed",
            401 | 403 => "; check the log-in of the connection and what it may do",
            _ => "",
        };
        let message = format!("{} answered {} to {what}{said}{next}", self.base.shown(), answer.status);
        let failure = failure::with_status(Failure::new(kind, Blame::Server, message), answer.status);
        match wait {
            Some(wait) => failure.retry_after(wait),
            None => failure,
        }
    }

    fn refused(&self, status: StatusCode, why: &str) -> Failure {
        let kind = action_api::plan::FailureKind::Invalid;
        let message = format!("{} answered {status}, and {why}", self.base.shown());
        self.hushed(failure::with_status(Failure::new(kind, Blame::Server, message), status))
    }

    /// The beginning of a server's words, on one line, without secrets.
    pub(crate) fn words(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body.get(..4096).unwrap_or(body));
        let line: String = self.hidden.text(&text).split_whitespace().collect::<Vec<_>>().join(" ");
        line.chars().filter(|letter| !letter.is_control()).take(WORDS).collect()
    }

    /// A failure without the secrets of the connection.
    pub(crate) fn hushed(&self, mut failure: Failure) -> Failure {
        failure.message = self.hidden.text(&failure.message);
        failure
    }
}
