//! One EWS request over HTTP.

use hyper::body::Incoming;
use hyper::header::{COOKIE, HeaderValue, SET_COOKIE};
use hyper::{HeaderMap, Request, Response, StatusCode};

use super::answer::{Answered, plain, respond};
use super::body::PiecesBody;
use super::fault::{Faulty, reading};
use super::link::Link;
use super::server::Shared;
use crate::soap;
use crate::soap::rights::Caller;
use crate::soap::routing::Routing;
use crate::streaming;

/// Answers a request.
pub(crate) async fn ews(
    shared: &Shared,
    link: &Link,
    caller: &Caller,
    request: Request<Incoming>,
) -> Answered {
    let routing = routing(request.headers());
    let bytes = match reading(request).await {
        Ok(bytes) => bytes,
        Err(refused) => return refused,
    };
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return Ok(plain(StatusCode::BAD_REQUEST, "400: the request is not UTF-8."));
    };
    let operation = soap::operation_name(text);
    shared.organisation.lock().ledger.request(&operation);
    let call = Faulty { shared, link, operation: &operation };
    call.answer(|| respond_to(shared, answer(shared, caller, &routing, text))).await
}

/// What the headers say about where a request is to go.
fn routing(headers: &HeaderMap) -> Routing {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    Routing {
        anchor: header("x-anchormailbox"),
        public: header("x-publicfoldermailbox"),
        prefers_affinity: header("x-preferserveraffinity").is_some_and(|value| value == "true"),
        cookies: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    }
}

/// An answer that is complete, or one that goes on as notifications come.
fn respond_to(shared: &Shared, mut answer: soap::Answer) -> Response<PiecesBody> {
    match answer.live.take() {
        None => xml(answer),
        Some(live) => {
            let later = streaming::follow(shared.organisation.clone(), live);
            xml(answer).map(|body| body.followed_by(later))
        }
    }
}

fn answer(shared: &Shared, caller: &Caller, routing: &Routing, text: &str) -> soap::Answer {
    match soap::read(text) {
        Ok(document) => soap::handle(&mut shared.organisation.lock(), caller, routing, &document),
        Err(fault) => fault.into(),
    }
}

/// An answer of the SOAP face as one of HTTP.
pub(crate) fn xml(answer: soap::Answer) -> Response<PiecesBody> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = respond(status, "text/xml; charset=utf-8", PiecesBody::new(answer.out.into_pieces()));
    for cookie in &answer.cookies {
        if let Ok(value) = HeaderValue::from_str(cookie) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }
    response
}
