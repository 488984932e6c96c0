//! One EWS request over HTTP, and what may go wrong with it on request.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};

use super::body::PiecesBody;
use super::server::{Hangup, Shared, plain, respond};
use crate::misbehaviour::Misbehaviour;
use crate::soap;
use crate::soap::out::Piece;

/// The largest request, in bytes.
const MAX_REQUEST: usize = 64 * 1024 * 1024;
/// How long a client may take to send the body of a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(120);
const LOGIN_PAGE: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form method=\"post\"><input name=\"user\"><input name=\"password\" type=\"password\"></form></body></html>";

/// Answers a request.
pub(crate) async fn ews(shared: &Shared, request: Request<Incoming>) -> Result<Response<PiecesBody>, Hangup> {
    let limited = Limited::new(request.into_body(), MAX_REQUEST);
    let bytes = match tokio::time::timeout(BODY_TIMEOUT, limited.collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "413: the request is larger than 64 MiB."));
        }
        Ok(Err(_)) => return Err(Hangup),
        Err(_) => return Ok(plain(StatusCode::REQUEST_TIMEOUT, "408: the request did not arrive in time.")),
    };
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return Ok(plain(StatusCode::BAD_REQUEST, "400: the request is not UTF-8."));
    };
    let (operation, fault) = announce(shared, text);
    match fault {
        None => {}
        Some(Misbehaviour::Delay { milliseconds }) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
        Some(fault) => return misbehave(shared, text, &operation, &fault),
    }
    Ok(xml(answer(shared, text)))
}

/// Counts a request, and says what goes wrong with it.
fn announce(shared: &Shared, text: &str) -> (String, Option<Misbehaviour>) {
    let operation = soap::operation_name(text);
    shared.organisation.lock().ledger.request(&operation);
    let fault = shared.script.lock().unwrap_or_else(PoisonError::into_inner).next(&operation);
    (operation, fault)
}

fn answer(shared: &Shared, text: &str) -> soap::Answer {
    match soap::read(text) {
        Ok(document) => soap::handle(&mut shared.organisation.lock(), &shared.user, &document),
        Err(fault) => fault.into(),
    }
}

fn misbehave(
    shared: &Shared,
    text: &str,
    operation: &str,
    fault: &Misbehaviour,
) -> Result<Response<PiecesBody>, Hangup> {
    match fault {
        Misbehaviour::Throttle { retry_after_seconds } => {
            let mut refused = plain(StatusCode::SERVICE_UNAVAILABLE, "503: too many requests.");
            refused.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*retry_after_seconds));
            Ok(refused)
        }
        Misbehaviour::Busy { back_off_ms } => Ok(xml(soap::busy(*back_off_ms))),
        Misbehaviour::BusyInside { back_off_ms } => Ok(xml(soap::busy_inside(operation, *back_off_ms))),
        Misbehaviour::ServerError => Ok(xml(soap::internal_error())),
        Misbehaviour::ServerErrorAfter => {
            let _ = answer(shared, text);
            Ok(xml(soap::internal_error()))
        }
        Misbehaviour::DropBefore => Err(Hangup),
        Misbehaviour::DropAfter => {
            let _ = answer(shared, text);
            Err(Hangup)
        }
        Misbehaviour::Malformed => Ok(half(answer(shared, text))),
        Misbehaviour::Html => {
            Ok(respond(StatusCode::OK, "text/html; charset=utf-8", PiecesBody::text(LOGIN_PAGE)))
        }
        Misbehaviour::Empty => {
            let _ = answer(shared, text);
            Ok(respond(StatusCode::OK, "text/xml; charset=utf-8", PiecesBody::new(VecDeque::new())))
        }
        Misbehaviour::Delay { .. } => Ok(xml(answer(shared, text))),
    }
}

/// The first half of an answer's first text.
fn half(answer: soap::Answer) -> Response<PiecesBody> {
    let first = answer.out.into_pieces().pop_front();
    let text = match first {
        Some(Piece::Text(text)) => text.slice(..text.len() / 2),
        _ => Default::default(),
    };
    respond(StatusCode::OK, "text/xml; charset=utf-8", PiecesBody::text(text))
}

fn xml(answer: soap::Answer) -> Response<PiecesBody> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    respond(status, "text/xml; charset=utf-8", PiecesBody::new(answer.out.into_pieces()))
}
