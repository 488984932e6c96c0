//! HTTP statuses and bodies that are no SOAP, as errors.
//!
//! | status | kind |
//! |---|---|
//! | 401, 403, 407 | permission denied |
//! | 408, 421, 425 | transient |
//! | 413, 414, 431 | limit |
//! | 429, 503 | throttled |
//! | other 5xx and above | unknown if the operation changes something, else transient |
//! | 3xx, other 4xx, anything else | invalid |
//!
//! 404 and 410 speak of the address of the server, so they are never `NotFound`, which would read as "that
//! mail is gone".

use std::time::Duration;

use exchange::{Error, ErrorKind};
use http::{HeaderMap, Response, StatusCode, header};

use crate::code::{BLOCKED, LONGEST_WAIT, is_block, shown};
use crate::failure::Effect;
use crate::time;

/// The header Exchange Online explains a blocked request with.
const POLICY: &str = "x-ews-policy-reason";

/// The error of an answer that carries no SOAP.
pub(crate) fn error<B>(answer: &Response<B>, head: &[u8], operation: &str, effect: Effect) -> Error {
    let status = answer.status();
    let (kind, message) = match status.as_u16() {
        200..=299 => not_ews(head, effect),
        300..=399 => (ErrorKind::Invalid, redirect(answer.headers())),
        401 => (
            ErrorKind::PermissionDenied,
            "the server refused the log-in; check the user, the secret and whether this way of logging in is allowed"
                .to_owned(),
        ),
        403 => (ErrorKind::PermissionDenied, forbidden(answer.headers(), head)),
        407 => (ErrorKind::PermissionDenied, "the proxy asks for a log-in".to_owned()),
        408 | 421 | 425 => (ErrorKind::Transient, "the server could not take the request now".to_owned()),
        413 | 414 | 431 => (ErrorKind::Limit, "the server finds the request too large".to_owned()),
        429 | 503 => (ErrorKind::Throttled, "the server asked to wait".to_owned()),
        404 | 410 => (
            ErrorKind::Invalid,
            "there is no EWS at this address; check the `url` of the connection".to_owned(),
        ),
        500.. => match effect {
            Effect::Reads => (ErrorKind::Transient, "the server or something before it failed".to_owned()),
            Effect::Changes => (
                ErrorKind::Unknown,
                "the server or something before it failed, and it may have taken effect: look at the mailbox before you try again"
                    .to_owned(),
            ),
        },
        _ => (ErrorKind::Invalid, "the server refused the request".to_owned()),
    };
    Error::new(kind, format!("{operation}: HTTP {}: {message}", status.as_u16()))
        .with_code(format!("HTTP {}", status.as_u16()))
        .with_retry_after(retry_after(answer.headers()))
}

/// Whether a body may be a SOAP answer: it begins like XML and not like HTML.
pub(crate) fn may_be_soap(status: StatusCode, head: &[u8]) -> bool {
    (status.is_success() || status.is_client_error() || status.is_server_error())
        && looks_like(head) == Looks::Xml
}

/// What a body begins like.
#[derive(Debug, PartialEq, Eq)]
enum Looks {
    Empty,
    Xml,
    Html,
    Json,
    Other,
}

fn looks_like(head: &[u8]) -> Looks {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let start = head.get(..64.min(head.len())).unwrap_or_default().to_ascii_lowercase();
    match start.first() {
        None => Looks::Empty,
        Some(b'<') if start.starts_with(b"<!doctype html") || start.starts_with(b"<html") => Looks::Html,
        Some(b'<' | 0 | 0xFE | 0xFF) => Looks::Xml,
        Some(b'{' | b'[') => Looks::Json,
        Some(_) => Looks::Other,
    }
}

/// A page for people never comes from the service itself, so nothing was done; with anything else that is
/// no answer a change may have happened.
fn not_ews(head: &[u8], effect: Effect) -> (ErrorKind, String) {
    let (kind, what) = match looks_like(head) {
        Looks::Html => {
            return (
                ErrorKind::PermissionDenied,
                "a web page came back, which is not an EWS answer; most often a log-in page: check the `url` and the way of logging in"
                    .to_owned(),
            );
        }
        Looks::Empty => (ErrorKind::Transient, "the body is empty"),
        Looks::Json => (ErrorKind::Invalid, "JSON came back"),
        Looks::Xml | Looks::Other => (ErrorKind::Invalid, "something else came back"),
    };
    match effect {
        Effect::Reads => {
            (kind, format!("{what}, which is not an EWS answer; check the `url` of the connection"))
        }
        Effect::Changes => (
            ErrorKind::Unknown,
            format!(
                "{what}, which is not an EWS answer; it may have taken effect: look at the mailbox before you try again"
            ),
        ),
    }
}

/// Names the host a redirect points to. The rest of the target may hold secrets.
fn redirect(headers: &HeaderMap) -> String {
    let target = headers
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<http::Uri>().ok())
        .and_then(|uri| Some(format!("{}://{}", uri.scheme_str()?, uri.host()?)));
    let target = target.as_deref().unwrap_or("another path");
    format!(
        "the server redirects to {}; redirects are not followed: put the final address into `url` if you trust it",
        shown(target, 200)
    )
}

fn forbidden(headers: &HeaderMap, head: &[u8]) -> String {
    let reason = headers.get(POLICY).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let body = String::from_utf8_lossy(head);
    match reason {
        Some(reason) => format!("{} (the server says: {})", blocked(&reason), shown(&reason, 200)),
        None if is_block(&body) => BLOCKED.to_owned(),
        None => "the account may not do this; check its rights on the mailbox".to_owned(),
    }
}

/// What the header says, as [documented](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-control-access-to-ews-in-exchange):
/// EWS is disabled for the user or the tenant, or a policy blocks this application.
fn blocked(reason: &str) -> &'static str {
    let reason = reason.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if says(&["disabled", "not enabled"]) {
        "EWS is switched off for this mailbox or the whole tenant (EwsEnabled): ask the Exchange administrator, or use a connection over Microsoft Graph"
    } else if says(&["appid", "app id", "application", "policy", "user agent", "useragent"]) {
        "EWS is on, but this application may not use it: ask the Exchange administrator to add its application id to EwsAllowedAppIDs (and `portcullis/*` to EwsAllowList where user agents are listed), or use a connection over Microsoft Graph"
    } else {
        BLOCKED
    }
}

/// `Retry-After`: seconds, or a date relative to the answer's own `Date`. What cannot be read is no wait.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let until = time::http_date(value)?;
        let now = time::http_date(headers.get(header::DATE)?.to_str().ok()?)?;
        Duration::from_secs(u64::try_from(until - now).unwrap_or(0))
    };
    Some(wait.min(LONGEST_WAIT))
}
