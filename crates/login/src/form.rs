//! One request to an authority: a form there, JSON back. The only place of this crate that sends anything.
//!
//! Redirects are answers like any other here, so nothing is sent to a second place. What the request says is
//! never part of an error, nor is what comes back, except codes that have a known shape.

use std::future::poll_fn;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;
use tower_service::Service as _;
use transport::Client;
use url::form_urlencoded;

use crate::authority::Authority;
use crate::clock::Clock;
use crate::problem::{Code, Problem, Refusal};

/// The longest answer that is read; tokens of people in many groups have some 20 KB.
const LONGEST: usize = 256 << 10;

/// From how far off on our clock is worth a word.
const OFF: i64 = 4 * 60;

/// The fields of a form.
pub(crate) struct Form(String);

impl Form {
    pub(crate) fn new() -> Self {
        Form(String::new())
    }

    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        Form(form_urlencoded::Serializer::new(self.0).append_pair(name, value).finish())
    }

    pub(crate) fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

/// Whom to ask, with what.
pub(crate) struct Door<'a> {
    pub(crate) http: &'a Client,
    pub(crate) authority: &'a Authority,
    pub(crate) clock: &'a dyn Clock,
}

impl Door<'_> {
    /// Sends a form to `address`, which is one of the authority's, and gives the body of a success.
    pub(crate) async fn send(&self, address: &str, form: Form) -> Result<Bytes, Problem> {
        let request = Request::post(address)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, concat!("portcullis/", env!("CARGO_PKG_VERSION")))
            .body(Bytes::from(form.0))
            .map_err(|_| Problem::Settings("the address of the authority cannot be used".to_owned()))?;
        let mut http = self.http.clone();
        poll_fn(|cx| http.poll_ready(cx)).await.map_err(|why| self.unreachable(why))?;
        let answer = http.call(request).await.map_err(|why| self.unreachable(why))?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, LONGEST).collect().await.map_err(|why| {
            match why.downcast::<transport::Error>() {
                Ok(why) => self.unreachable(*why),
                Err(_) => self.no_answer("it is too long"),
            }
        })?;
        let body = body.to_bytes();
        match parts.status.as_u16() {
            200..=299 => Ok(body),
            300..=399 => Err(self.no_answer("it redirects elsewhere, where secrets must not follow")),
            status @ (429 | 500..) => match self.refusal(&body, &parts.headers) {
                // The authority's own codes say more than a status that something before it may have made.
                Some(refusal) if status != 429 && !refusal.passes() => {
                    Err(Problem::Refused(Box::new(refusal)))
                }
                _ => Err(Problem::Busy {
                    host: self.authority.host(),
                    status,
                    retry_after: retry_after(&parts.headers),
                }),
            },
            404 | 405 => match self.refusal(&body, &parts.headers) {
                Some(refusal) => Err(Problem::Refused(Box::new(refusal))),
                None => {
                    Err(self.no_answer("there is no such page; it does not offer this way of logging in"))
                }
            },
            407 => Err(self.no_answer("the proxy asks for a log-in")),
            _ => match self.refusal(&body, &parts.headers) {
                Some(refusal) => Err(Problem::Refused(Box::new(refusal))),
                None => Err(self.no_answer(looks_like(&body))),
            },
        }
    }

    /// Reads a JSON answer.
    pub(crate) fn read<'b, T: Deserialize<'b>>(&self, body: &'b [u8]) -> Result<T, Problem> {
        serde_json::from_slice(body).map_err(|_| self.no_answer(looks_like(body)))
    }

    pub(crate) fn no_answer(&self, what: &'static str) -> Problem {
        Problem::NotAnAnswer { host: self.authority.host(), what }
    }

    /// There was no answer, or there is not to be one yet: the client keeps the waits it was asked for.
    fn unreachable(&self, why: transport::Error) -> Problem {
        match (why.kind(), why.retry_after()) {
            (transport::Kind::Busy, retry_after @ Some(_)) => {
                Problem::Busy { host: self.authority.host(), status: 429, retry_after }
            }
            _ => Problem::Unreachable(why),
        }
    }

    fn refusal(&self, body: &[u8], headers: &HeaderMap) -> Option<Refusal> {
        let said: Said = serde_json::from_slice(body).ok()?;
        let mut refusal = refused(self.authority, &said.error, said.error_description.as_deref())?;
        refusal.code = refusal.code.or(said.error_codes.first().copied().map(Code::Aadsts));
        refusal.trace = said.trace_id.filter(|id| is_id(id)).or(refusal.trace);
        refusal.ahead = ahead(headers, self.clock.now());
        Some(refusal)
    }
}

/// An error as [RFC 6749](https://www.rfc-editor.org/rfc/rfc6749#section-5.2) has it, with what Entra ID adds.
#[derive(Deserialize)]
struct Said {
    error: String,
    error_description: Option<String>,
    #[serde(default)]
    error_codes: Vec<u32>,
    trace_id: Option<String>,
}

/// A refusal from what a body or a redirect says. Nothing is taken over but words of a known shape.
pub(crate) fn refused(authority: &Authority, error: &str, description: Option<&str>) -> Option<Refusal> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if error.is_empty() || error.len() > 60 || !error.chars().all(fits) {
        return None;
    }
    let description = description.unwrap_or_default();
    let code = number(description, "AADSTS").map(Code::Aadsts);
    let code = code.or_else(|| number(description, "MSIS").map(Code::Msis));
    let trace = after(description, "Trace ID:").map(str::trim_start);
    let trace = trace.map(|text| text.chars().take(36).collect::<String>()).filter(|id| is_id(id));
    Some(Refusal { host: authority.host(), error: error.to_owned(), code, trace, ahead: None })
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(_, after)| after)
}

fn number(text: &str, mark: &str) -> Option<u32> {
    let digits: String = after(text, mark)?.chars().take_while(char::is_ascii_digit).take(9).collect();
    digits.parse().ok()
}

/// Whether it is a GUID, which is what request ids are.
fn is_id(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

fn looks_like(body: &[u8]) -> &'static str {
    match body.trim_ascii_start().first() {
        None => "it is empty",
        Some(b'<') => "a web page came back",
        Some(b'{') => "its JSON says something else than was asked",
        Some(_) => "it is no JSON",
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// By how much our clock is ahead, where that is much.
fn ahead(headers: &HeaderMap, now: u64) -> Option<i64> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    let theirs = httpdate::parse_http_date(date).ok()?;
    let theirs = theirs.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    let ahead = i64::try_from(now).ok()?.checked_sub(i64::try_from(theirs).ok()?)?;
    (ahead.abs() >= OFF).then_some(ahead)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_of_a_description_is_shown_but_codes(
            error in "[a-z_]{1,12}|.{0,20}",
            description in "(AADSTS|MSIS|Trace ID:|[0-9a-f-]{1,40}|[^a-z]|sesame| ){0,12}",
        ) {
            let authority = Authority::at("https://login.example/tenant").unwrap();
            if let Some(refusal) = refused(&authority, &error, Some(&description)) {
                let shown = refusal.to_string();
                prop_assert!(!shown.contains("sesame"), "{}", shown);
                prop_assert!(!shown.contains(char::is_control), "{:?}", shown);
                prop_assert!(shown.len() < 600, "{}", shown);
            }
        }
    }
}
