//! Who is it: looks at the log-in of a request, and says how to log in where there is none that is good.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Request, Response, StatusCode};

use super::answer::plain;
use super::body::PiecesBody;
use super::config::Scheme;
use super::digest;
use super::link::{Link, Progress};
use super::ntlm::{Handshake, is_message};
use super::oauth;
use super::server::Shared;
use crate::account::Account;
use crate::soap::rights::Caller;

/// Seconds from the year 1601, where Windows begins to count, to 1970.
const TO_1970: u64 = 11_644_473_600;
/// How SPNEGO names NTLM, with the head of a list of one.
const NTLM_BY_NAME: [u8; 12] = [0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a];

/// How Exchange asks for a token: of which application, and of whom.
const BEARER: &str = "Bearer client_id=\"00000002-0000-0ff1-ce00-000000000000\", trusted_issuers=\"00000001-0000-0000-c000-000000000000@*\", token_types=\"app_asserted_user_v1 service_asserted_app_v1\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\"";

/// The caller of a request, or the answer that refuses it. `anyhow` lets Basic in where it is not offered.
pub(crate) fn log_in(
    shared: &Shared,
    link: &Link,
    request: &Request<Incoming>,
    anyhow: bool,
) -> Result<Caller, Box<Response<PiecesBody>>> {
    let headers = request.headers();
    let Some(given) = headers.get(AUTHORIZATION) else {
        return link
            .login(|progress| match progress {
                Progress::Done(caller) => Some(caller.clone()),
                _ => None,
            })
            .ok_or_else(|| refuse(shared, &[]));
    };
    let given = given.to_str().unwrap_or_default();
    let (scheme, token) = given.split_once(' ').unwrap_or((given, ""));
    if scheme.eq_ignore_ascii_case("digest") {
        let asks = (request.method().as_str(), request.uri());
        return digest::log_in(shared, token, asks).map_err(|stale| refuse_as(shared, &[], stale));
    }
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "basic" => Scheme::Basic,
        "ntlm" => Scheme::Ntlm,
        "negotiate" => Scheme::Negotiate,
        "bearer" => Scheme::Bearer,
        _ => return Err(refuse(shared, &[])),
    };
    let allowed = shared.config.offers(scheme) || anyhow && scheme == Scheme::Basic;
    if !allowed {
        return Err(refuse(shared, &[]));
    }
    match scheme {
        // Digest went its own way above.
        Scheme::Basic | Scheme::Digest(_) => basic(shared, token).ok_or_else(|| refuse(shared, &[])),
        Scheme::Ntlm | Scheme::Negotiate => ntlm(shared, link, scheme, token),
        Scheme::Bearer => bearer(shared, headers, token),
    }
}

/// All accounts: the one of the configuration and those of the organisation.
pub(crate) fn accounts(shared: &Shared) -> Vec<Account> {
    let mut accounts = vec![shared.config.account()];
    accounts.extend(shared.organisation.lock().directory.accounts.iter().cloned());
    accounts
}

/// The account with a name and a password.
pub(crate) fn check(shared: &Shared, user: &str, password: &str) -> Option<Account> {
    accounts(shared).into_iter().find(|account| account.is_called(user) && account.password == password)
}

fn basic(shared: &Shared, token: &str) -> Option<Caller> {
    let decoded = STANDARD.decode(token.trim()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some(Caller::from(&check(shared, user, password)?))
}

fn ntlm(
    shared: &Shared,
    link: &Link,
    scheme: Scheme,
    token: &str,
) -> Result<Caller, Box<Response<PiecesBody>>> {
    let bytes = STANDARD.decode(token.trim()).unwrap_or_default();
    let (message, enveloped) = unwrap(&bytes);
    let name = if scheme == Scheme::Ntlm { "NTLM" } else { "Negotiate" };
    if is_message(message, 1) {
        let mut nonce = [0; 8];
        let time = shared.organisation.lock().clock.peek();
        let filetime = u64::try_from(time.as_second()).unwrap_or(0).saturating_add(TO_1970) * 10_000_000;
        let begun =
            getrandom::fill(&mut nonce).ok().and_then(|()| Handshake::begin(message, nonce, filetime));
        let Some(handshake) = begun else { return Err(refuse(shared, &[])) };
        let answer = match enveloped {
            true => wrap(handshake.challenge()),
            false => handshake.challenge().to_vec(),
        };
        link.login(|progress| *progress = Progress::Challenged(handshake));
        return Err(refuse(shared, &[format!("{name} {}", STANDARD.encode(answer))]));
    }
    // A challenge is good for one answer, and only on the connection on which it went out.
    let handshake = match link.login(std::mem::take) {
        Progress::Challenged(handshake) => handshake,
        Progress::Nothing | Progress::Done(_) => return Err(refuse(shared, &[])),
    };
    let accounts = accounts(shared);
    let caller = handshake.finish(message, &accounts).map(Caller::from).ok_or_else(|| refuse(shared, &[]))?;
    link.login(|progress| *progress = Progress::Done(caller.clone()));
    Ok(caller)
}

/// Checks a token: that it is of this issuer, not too old, and for Exchange.
fn bearer(shared: &Shared, headers: &HeaderMap, token: &str) -> Result<Caller, Box<Response<PiecesBody>>> {
    let now = oauth::now(shared);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let reason = match oauth::issuer(shared).read(token.trim(), now) {
        Ok((caller, audience)) if is_exchange(audience, host) => return Ok(caller),
        Ok(_) => "The audience claim value is invalid for current resource.",
        Err(reason) => reason,
    };
    let mut refused = refuse(shared, &[format!("{BEARER}, error=\"invalid_token\"")]);
    let category = if reason.contains("expired") { "token_expired" } else { "invalid_token" };
    let diagnostics = format!("2000001;reason=\"{reason}\";error_category=\"{category}\"");
    if let Ok(value) = HeaderValue::from_str(&diagnostics) {
        refused.headers_mut().insert("x-ms-diagnostics", value);
    }
    Err(refused)
}

/// Whether a token for a resource is one for Exchange: in one of the clouds, or on this server.
fn is_exchange(audience: &str, host: &str) -> bool {
    let name = audience.split_once("://").map_or(audience, |(_, name)| name);
    let clouds =
        ["outlook.office365.com", "outlook.office365.us", "outlook-dod.office365.us", "partner.outlook.cn"];
    clouds.contains(&name) || name.eq_ignore_ascii_case(host)
}

/// The NTLM message in a token, and whether SPNEGO is around it.
fn unwrap(token: &[u8]) -> (&[u8], bool) {
    let at = token.windows(8).position(|window| window == b"NTLMSSP\0");
    let Some((head, message)) = at.and_then(|at| token.split_at_checked(at)) else { return (&[], false) };
    // What follows the message in its envelope is not part of what the client sealed.
    let length = match head {
        [.., 0x04, 0x82, high, low] => usize::from(u16::from_be_bytes([*high, *low])),
        [.., 0x04, 0x81, length] => usize::from(*length),
        [.., 0x04, length] if *length < 0x80 => usize::from(*length),
        _ => message.len(),
    };
    (message.get(..length).unwrap_or(message), !head.is_empty())
}

/// A `NegTokenResp` of SPNEGO that says "NTLM, not yet done" and carries a message.
fn wrap(message: &[u8]) -> Vec<u8> {
    let state = der(0xa0, &[0x0a, 0x01, 0x01]);
    let mechanism = der(0xa1, &NTLM_BY_NAME);
    let response = der(0xa2, &der(0x04, message));
    der(0xa1, &der(0x30, &[state, mechanism, response].concat()))
}

fn der(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(length) if length < 0x80 => out.push(length),
        Ok(length) => out.extend([0x81, length]),
        Err(_) => {
            out.push(0x82);
            out.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    out.extend(value);
    out
}

/// 401 with every scheme that is offered, or with the next word of one that has begun.
fn refuse(shared: &Shared, said: &[String]) -> Box<Response<PiecesBody>> {
    refuse_as(shared, said, false)
}

/// The same. `stale` says that an answer was right, but not for this challenge.
fn refuse_as(shared: &Shared, said: &[String], stale: bool) -> Box<Response<PiecesBody>> {
    let mut refused = plain(StatusCode::UNAUTHORIZED, "401 Unauthorized: log in first.");
    let mut lines = said.to_vec();
    if lines.is_empty() {
        let has_applications = !shared.organisation.lock().directory.applications.is_empty();
        for scheme in &shared.config.schemes {
            lines.extend(match scheme {
                Scheme::Basic => Some(String::from("Basic realm=\"exchange-sim\"")),
                Scheme::Digest(algorithm) => Some(digest::challenge(shared, *algorithm, stale)),
                Scheme::Ntlm => Some(String::from("NTLM")),
                Scheme::Negotiate => Some(String::from("Negotiate")),
                Scheme::Bearer => has_applications.then(|| BEARER.to_owned()),
            });
        }
    }
    for line in lines {
        if let Ok(value) = HeaderValue::from_str(&line) {
            refused.headers_mut().append(WWW_AUTHENTICATE, value);
        }
    }
    Box::new(refused)
}
