//! A tunnel through an HTTP proxy by [`CONNECT`](https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6).
//!
//! The proxy gets the name of the server, its own log-in, and nothing else of the request. A log-in with a
//! domain is NTLM, on this very connection, which then becomes the tunnel.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;

use crate::connection::{Connection, words};
use crate::dial::Io;
use crate::error::{Error, Kind};
use crate::handshake::{self, PROXY};
use crate::origin::{Origin, authority};
use crate::proxy::Proxy;
use crate::windows::{Login, Scheme};

/// The header for a log-in by Basic; `None` if the proxy has no log-in.
pub(crate) fn basic(proxy: &Proxy) -> Result<Option<HeaderValue>, Error> {
    let Some(login) = &proxy.login else { return Ok(None) };
    let setup = |why: String| Error::before(Kind::Setup, "", why);
    if login.domain.is_some() {
        return Err(setup(format!(
            "{proxy} is to be logged in to with a domain, which means NTLM, and that needs https at the server"
        )));
    }
    if login.user.contains(':') {
        return Err(setup(format!("the user for {proxy} must not contain a colon")));
    }
    let text = format!("{}:{}", login.user, login.password.reveal());
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(text)))
        .map_err(|_| setup(format!("the log-in for {proxy} does not fit into a header")))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Turns a connection to `proxy` into one to `origin`.
pub(crate) async fn open(
    io: Box<dyn Io>,
    proxy: &Proxy,
    origin: &Origin,
    binding: Option<Vec<u8>>,
) -> Result<Box<dyn Io>, Error> {
    let wrong = |why: String| Error::before(Kind::Proxy, origin.host(), format!("{proxy}: {why}"));
    let to = authority(origin.host(), origin.port());
    let mut request = Request::connect(&to)
        .header(HOST, &to)
        .body(Bytes::new())
        .map_err(|_| wrong("the name of the server cannot be put into a request".to_owned()))?;
    let mut connection = Connection::to_proxy(io, binding).await.map_err(wrong)?;
    let windows = proxy.login.as_ref().and_then(|login| {
        let domain = login.domain.clone()?;
        Some(Login {
            scheme: Scheme::Ntlm,
            user: login.user.clone(),
            domain: Some(domain),
            password: login.password.clone(),
            kdc: None,
        })
    });
    let answer = match windows {
        Some(login) => handshake::exchange(&mut connection, request, &login, &proxy.host, &PROXY)
            .await
            .map_err(|why| wrong(why.words()))?,
        None => {
            if let Some(value) = basic(proxy)? {
                request.headers_mut().insert(PROXY_AUTHORIZATION, value);
            }
            connection.send(request).await.map_err(|why| wrong(why.words()))?
        }
    };
    if !answer.status().is_success() {
        return Err(wrong(refused(&answer, proxy)));
    }
    let upgraded = hyper::upgrade::on(answer).await.map_err(|why| wrong(words(&why)))?;
    Ok(Box::new(TokioIo::new(upgraded)))
}

fn refused(answer: &Response<Incoming>, proxy: &Proxy) -> String {
    let status = answer.status();
    let why = match status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED if proxy.login.is_none() => {
            return format!(
                "it wants a log-in ({}); give the proxy a user and a password",
                handshake::offered(answer, &PROXY)
            );
        }
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            return format!(
                "it refused the log-in ({}); check its user and password, and the domain if it wants NTLM",
                handshake::offered(answer, &PROXY)
            );
        }
        StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED => {
            "its rules do not allow this server or port; ask who runs it"
        }
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            "it could not reach the server; check the address, and whether the server needs no proxy"
        }
        _ => "it did not open a tunnel; check that it is an HTTP proxy",
    };
    format!("HTTP {}: {why}", status.as_u16())
}
