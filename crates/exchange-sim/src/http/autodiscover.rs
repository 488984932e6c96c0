//! Autodiscover over HTTP: two faces for those who have logged in, and one for everybody.

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue, LOCATION};
use hyper::{Method, Request, Response, StatusCode};

use super::answer::{Answered, Hangup, plain, respond};
use super::body::PiecesBody;
use super::fault::MAX_REQUEST;
use super::server::{EWS_PATH, Shared};
use crate::soap::autodiscover::{over_json, over_pox, over_soap};

const SOAP: &str = "/autodiscover/autodiscover.svc";
const POX: &str = "/autodiscover/autodiscover.xml";
const JSON: &str = "/autodiscover/autodiscover.json/v1.0/";

/// Whether a path is one of those that need a log-in.
pub(crate) fn is_at(path: &str) -> bool {
    path.eq_ignore_ascii_case(SOAP) || path.eq_ignore_ascii_case(POX)
}

/// Whether a path is the one that needs none.
pub(crate) fn is_open(path: &str) -> bool {
    path.get(..JSON.len()).is_some_and(|start| start.eq_ignore_ascii_case(JSON))
}

/// The address of EWS, as the client calls this server.
fn ews(request: &Request<Incoming>) -> String {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("http://{host}{EWS_PATH}")
}

/// Answers a request at one of those paths.
pub(crate) async fn answer(shared: &Shared, request: Request<Incoming>) -> Answered {
    let ews = ews(&request);
    if is_open(request.uri().path()) {
        return Ok(json(shared, &request, &ews));
    }
    if request.method() != Method::POST {
        return Ok(plain(StatusCode::METHOD_NOT_ALLOWED, "405: Autodiscover takes POST here."));
    }
    let is_soap = request.uri().path().eq_ignore_ascii_case(SOAP);
    let body = Limited::new(request.into_body(), MAX_REQUEST).collect().await.map_err(|_| Hangup)?.to_bytes();
    let Ok(text) = std::str::from_utf8(&body) else {
        return Ok(plain(StatusCode::BAD_REQUEST, "400: the request is not UTF-8."));
    };
    let mut state = shared.organisation.lock();
    state.ledger.request("Autodiscover");
    let (status, xml) = if is_soap { over_soap(&state, text, &ews) } else { over_pox(&state, text, &ews) };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Ok(respond(status, "text/xml; charset=utf-8", PiecesBody::text(xml)))
}

fn json(shared: &Shared, request: &Request<Incoming>, ews: &str) -> Response<PiecesBody> {
    let address = percent_decoded(request.uri().path().get(JSON.len()..).unwrap_or_default());
    let query = request.uri().query().unwrap_or_default();
    let protocol = query.split('&').find_map(|pair| pair.strip_prefix("Protocol=")).unwrap_or_default();
    let (status, text) = over_json(&shared.organisation.lock(), &address, protocol, ews);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status.is_redirection() {
        let mut sent = plain(status, "302: ask there.");
        if let Ok(to) = HeaderValue::from_str(&text) {
            sent.headers_mut().insert(LOCATION, to);
        }
        return sent;
    }
    respond(status, "application/json", PiecesBody::text(text))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16)).unwrap_or(0);
        bytes.push(match byte {
            b'%' => u8::try_from(digit() * 16 + digit()).unwrap_or(b'?'),
            byte => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
