//! What a person does in a browser: logs in at `authorize`, or types the code of a device.

use hyper::header::{HeaderValue, LOCATION};
use hyper::{Response, StatusCode};
use jiff::{SignedDuration, Timestamp};

use super::super::answer::{plain, respond};
use super::super::body::PiecesBody;
use super::super::login;
use super::super::server::Shared;
use super::form::{Form, encode};
use super::grant::find;
use super::issuer;
use super::issuer::{Code, Decision, Issuer, Subject};
use super::refusal::Refusal;
use crate::account::{Account, Application};
use crate::soap::rights::Caller;

/// How long a code is good, in seconds.
const CODE_LIFE: i64 = 600;
const FORM: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form method=\"post\"><input name=\"user\"><input name=\"password\" type=\"password\"><button>Sign in</button></form></body></html>";
const DEVICE_FORM: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form method=\"post\"><input name=\"user_code\"><input name=\"user\"><input name=\"password\" type=\"password\"><button name=\"decision\" value=\"grant\">Sign in</button><button name=\"decision\" value=\"decline\">Cancel</button></form></body></html>";

/// Shows the page, or goes on at once where the browser is said to be logged in.
pub(crate) fn ask(shared: &Shared, tenant: &str, query: &Form, now: Timestamp) -> Response<PiecesBody> {
    let application = match check(shared, tenant, query) {
        Ok(application) => application,
        Err(refusal) => return refusal.answer(now),
    };
    if query.get("prompt") != Some("none") {
        return page(FORM);
    }
    let hint = query.get("login_hint").unwrap_or_default();
    match login::accounts(shared).into_iter().find(|account| account.is_called(hint)) {
        Some(account) => back(shared, tenant, query, &application, &account, now),
        None => {
            let refusal = Refusal::new(
                "login_required",
                50_058,
                "A silent sign-in request was sent but no user is signed in.",
            );
            failed(query, &refusal, now)
        }
    }
}

/// Takes name and password, and sends the browser back with a code.
pub(crate) fn decide(
    shared: &Shared,
    tenant: &str,
    query: &Form,
    form: &Form,
    now: Timestamp,
) -> Response<PiecesBody> {
    let application = match check(shared, tenant, query) {
        Ok(application) => application,
        Err(refusal) => return refusal.answer(now),
    };
    let (user, password) = (form.get("user").unwrap_or_default(), form.get("password").unwrap_or_default());
    match login::check(shared, user, password) {
        Some(account) => back(shared, tenant, query, &application, &account, now),
        None => page(FORM),
    }
}

/// Shows where to type the code of a device.
pub(crate) fn ask_device() -> Response<PiecesBody> {
    page(DEVICE_FORM)
}

/// Takes the code of a device with name and password, or with a refusal.
pub(crate) fn decide_device(shared: &Shared, form: &Form) -> Response<PiecesBody> {
    let (user, password) = (form.get("user").unwrap_or_default(), form.get("password").unwrap_or_default());
    let decision = match login::check(shared, user, password) {
        _ if form.get("decision") == Some("decline") => Decision::Declined,
        Some(account) => Decision::Granted(account.user.clone(), Caller::from(&account)),
        None => return plain(StatusCode::FORBIDDEN, "403: user or password is wrong."),
    };
    match settle(&mut issuer(shared), form.get("user_code").unwrap_or_default(), decision) {
        true => plain(StatusCode::OK, "You may close this window."),
        false => plain(StatusCode::NOT_FOUND, "404: nobody waits for this code."),
    }
}

/// Puts what a person decided to the device that waits for it; false if none does.
pub(crate) fn settle(issuer: &mut Issuer, user_code: &str, decision: Decision) -> bool {
    let device = issuer.devices.values_mut().find(|device| device.user_code == user_code);
    match device {
        Some(device) => {
            device.decision = decision;
            true
        }
        None => false,
    }
}

/// Checks what the browser was sent with. Nobody is sent back to an address that is not on this machine.
fn check(shared: &Shared, tenant: &str, query: &Form) -> Result<Application, Refusal> {
    let application = find(shared, tenant, query.required("client_id")?)?;
    if query.required("response_type")? != "code" {
        let text = "The response type is not supported: use 'code'.";
        return Err(Refusal::new("unsupported_response_type", 700_051, text));
    }
    let redirect = query.required("redirect_uri")?;
    let local = ["http://localhost", "http://127.0.0.1", "http://[::1]"].iter().any(|local| {
        redirect.strip_prefix(local).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    if !local {
        let text = format!(
            "The redirect URI '{redirect}' specified in the request does not match the redirect URIs configured for the application '{}'.",
            application.id
        );
        return Err(Refusal::new("invalid_request", 50_011, text));
    }
    if query.get("code_challenge").is_some() && query.get("code_challenge_method") != Some("S256") {
        let text = "The code_challenge_method is not supported: use 'S256'.";
        return Err(Refusal::new("invalid_request", 9_002_313, text));
    }
    query.required("scope")?;
    Ok(application)
}

fn back(
    shared: &Shared,
    tenant: &str,
    query: &Form,
    application: &Application,
    account: &Account,
    now: Timestamp,
) -> Response<PiecesBody> {
    let mut issuer = issuer(shared);
    let word = issuer.word();
    let subject = Subject {
        application: application.id.clone(),
        tenant: tenant.to_owned(),
        user: Some(account.user.clone()),
        scope: query.get("scope").unwrap_or_default().to_owned(),
        caller: Caller::from(account),
    };
    let code = Code {
        subject,
        redirect_uri: query.get("redirect_uri").unwrap_or_default().to_owned(),
        challenge: query.get("code_challenge").map(str::to_owned),
        until: now.checked_add(SignedDuration::from_secs(CODE_LIFE)).unwrap_or(now),
    };
    issuer.codes.insert(word.clone(), code);
    redirect(query, &format!("code={}", encode(&word)))
}

fn failed(query: &Form, refusal: &Refusal, now: Timestamp) -> Response<PiecesBody> {
    let description = encode(&refusal.description(now));
    redirect(query, &format!("error={}&error_description={description}", refusal.error))
}

fn redirect(query: &Form, said: &str) -> Response<PiecesBody> {
    let to = query.get("redirect_uri").unwrap_or_default();
    let joint = if to.contains('?') { '&' } else { '?' };
    let state = query.get("state").map(|state| format!("&state={}", encode(state))).unwrap_or_default();
    let mut away = plain(StatusCode::FOUND, "Go back.");
    if let Ok(value) = HeaderValue::from_str(&format!("{to}{joint}{said}{state}")) {
        away.headers_mut().insert(LOCATION, value);
    }
    away
}

fn page(text: &'static str) -> Response<PiecesBody> {
    respond(StatusCode::OK, "text/html; charset=utf-8", PiecesBody::text(text))
}
