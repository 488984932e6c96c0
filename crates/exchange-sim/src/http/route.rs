//! What is at which path. To add a face: a path here, and its answers in a file of its own.

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};

use super::answer::{Answered, Hangup, plain, respond};
use super::autodiscover;
use super::body::PiecesBody;
use super::ews::ews;
use super::fault::MAX_REQUEST;
use super::link::Link;
use super::login;
use super::oauth;
use super::server::{EWS_PATH, Shared};
use crate::soap::rights::Caller;

/// Answers a request, whatever it is for.
pub(crate) async fn route(shared: &Shared, link: &Link, request: Request<Incoming>) -> Answered {
    if oauth::at(request.uri().path()).is_some() {
        return oauth::answer(shared, link, request).await;
    }
    if autodiscover::is_open(request.uri().path()) {
        return autodiscover::answer(shared, request).await;
    }
    // Views for tests are there whatever ways to log in a test wants to be offered.
    let is_view = request.uri().path().starts_with("/sim/");
    match login::log_in(shared, link, &request, is_view) {
        Ok(caller) => with_login(shared, link, &caller, request).await,
        Err(refused) => {
            // What was sent is taken off the connection, which a log-in in several steps needs again.
            let body = Limited::new(request.into_body(), MAX_REQUEST);
            body.collect().await.map_err(|_| Hangup)?;
            Ok(*refused)
        }
    }
}

/// What is for those only who have logged in.
async fn with_login(shared: &Shared, link: &Link, caller: &Caller, request: Request<Incoming>) -> Answered {
    let path = request.uri().path();
    match (request.method(), path) {
        (&Method::POST, path) if path.eq_ignore_ascii_case(EWS_PATH) => {
            ews(shared, link, caller, request).await
        }
        (_, path) if autodiscover::is_at(path) => autodiscover::answer(shared, request).await,
        (&Method::GET, "/sim/ledger") => {
            let ledger = serde_json::to_string_pretty(&shared.organisation.ledger()).unwrap_or_default();
            Ok(respond(StatusCode::OK, "application/json", PiecesBody::text(ledger)))
        }
        (&Method::GET, "/sim/snapshot") => {
            Ok(respond(StatusCode::OK, "application/json", PiecesBody::text(shared.organisation.snapshot())))
        }
        (_, path) if path.eq_ignore_ascii_case(EWS_PATH) => {
            Ok(plain(StatusCode::METHOD_NOT_ALLOWED, "405: EWS takes POST."))
        }
        _ => Ok(plain(StatusCode::NOT_FOUND, "404: there is EWS at /EWS/Exchange.asmx and nothing else.")),
    }
}
