//! A token endpoint as Microsoft's: `/{tenant}/oauth2/v2.0/token`, `devicecode` and `authorize`.
//!
//! A person is whoever posts an account's name and password: the page of `authorize` and of `/sim/device` is a plain
//! form. With `prompt=none` and `login_hint` a browser is taken to be logged in already. Left out: consent, second
//! factors, and everything about devices but their codes.

mod assertion;
mod form;
mod grant;
mod issuer;
mod person;
mod refusal;

use std::sync::{MutexGuard, PoisonError};

use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Method, Request, StatusCode};
use serde_json::json;

use super::answer::{Answered, json, plain};
use super::fault::{Faulty, reading};
use super::link::Link;
use super::server::Shared;
use form::Form;
use grant::Asked;
pub(crate) use issuer::Issuer;

/// Whether a path is of the token endpoint; its tenant and what is asked of it.
pub(crate) fn at(path: &str) -> Option<(&str, &str)> {
    if path == "/sim/device" {
        return Some(("", "device"));
    }
    let (tenant, what) = path.strip_prefix('/')?.split_once("/oauth2/v2.0/")?;
    let known = ["token", "devicecode", "authorize"].contains(&what);
    (known && !tenant.is_empty() && !tenant.contains('/')).then_some((tenant, what))
}

/// The endpoint's memory.
pub(crate) fn issuer(shared: &Shared) -> MutexGuard<'_, Issuer> {
    shared.issuer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time of the endpoint: the organisation's, and what a test let pass.
pub(crate) fn now(shared: &Shared) -> jiff::Timestamp {
    let clock = shared.organisation.lock().clock.peek();
    issuer(shared).now(clock)
}

/// Answers a request of a client or of a browser.
pub(crate) async fn answer(shared: &Shared, link: &Link, request: Request<Incoming>) -> Answered {
    let path = request.uri().path().to_owned();
    let Some((tenant, what)) = at(&path) else {
        return Ok(plain(StatusCode::NOT_FOUND, "404: there is no such endpoint."));
    };
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (authorization, host) = (header(AUTHORIZATION), header(HOST).unwrap_or_default());
    let method = request.method().clone();
    let query = Form::read(request.uri().query().unwrap_or_default());
    let body = match reading(request).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let form = Form::read(&String::from_utf8_lossy(&body));
    let asked = Asked {
        shared,
        tenant,
        form: &form,
        authorization: authorization.as_deref(),
        audiences: audiences(tenant, &host),
        now: now(shared),
    };
    let faulty = Faulty { shared, link, operation: what };
    let act = || match (what, method) {
        ("token", Method::POST) => match asked.answer(&mut issuer(shared)) {
            Ok(token) => json(StatusCode::OK, &token),
            Err(refusal) => refusal.answer(asked.now),
        },
        ("devicecode", Method::POST) => device_code(&asked, &host),
        ("authorize", Method::GET) => person::ask(shared, tenant, &query, asked.now),
        ("authorize", Method::POST) => person::decide(shared, tenant, &query, &form, asked.now),
        ("device", Method::GET) => person::ask_device(),
        ("device", Method::POST) => person::decide_device(shared, &form),
        _ => plain(StatusCode::METHOD_NOT_ALLOWED, "405: this endpoint is not for that method."),
    };
    faulty.answer(act).await
}

/// The names of the token endpoint of a tenant: this server's, and the one in the world.
fn audiences(tenant: &str, host: &str) -> Vec<String> {
    [format!("http://{host}"), String::from("https://login.microsoftonline.com")]
        .iter()
        .map(|origin| format!("{origin}/{tenant}/oauth2/v2.0/token"))
        .collect()
}

fn device_code(asked: &Asked<'_>, host: &str) -> hyper::Response<super::body::PiecesBody> {
    let application = asked.application();
    let begun = application.and_then(|application| Ok((application, asked.for_people()?)));
    match begun {
        Err(refusal) => refusal.answer(asked.now),
        Ok((application, scope)) => {
            let (device_code, user_code) =
                issuer(asked.shared).begin_device(&application.id, scope, asked.now);
            let page = format!("http://{host}/sim/device");
            let message = format!(
                "To sign in, use a web browser to open the page {page} and enter the code {user_code} to authenticate."
            );
            json(
                StatusCode::OK,
                &json!({
                    "user_code": user_code,
                    "device_code": device_code,
                    "verification_uri": page,
                    "expires_in": issuer::DEVICE_LIFE,
                    "interval": issuer::INTERVAL,
                    "message": message,
                }),
            )
        }
    }
}
