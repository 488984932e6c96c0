//! A log-in that belongs to a connection: several requests on it, of which only the last one counts.
//!
//! The first leg goes without the body, because its answer is a challenge and no more; a 401 in the middle is
//! how the protocol works and no failure. Only the 401 after the last leg is one, and that is handed to the
//! caller like any other answer. The scheme is the configured one: what else a server offers is not taken.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, WWW_AUTHENTICATE,
};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use crate::connection::{Connection, Lost, is_last};
use crate::streamed::Streamed;
use crate::windows::{Login, NoToken, Token};

/// More legs than any log-in has.
const MOST_LEGS: usize = 6;
/// The longest page that comes with a challenge and is read to keep the connection.
const LONGEST_PAGE: usize = 256 << 10;

/// Whom a log-in is for.
pub(crate) struct Side {
    status: StatusCode,
    challenge: HeaderName,
    answer: HeaderName,
}

/// The server.
pub(crate) const SERVER: Side =
    Side { status: StatusCode::UNAUTHORIZED, challenge: WWW_AUTHENTICATE, answer: AUTHORIZATION };
/// The proxy before it.
pub(crate) const PROXY: Side = Side {
    status: StatusCode::PROXY_AUTHENTICATION_REQUIRED,
    challenge: PROXY_AUTHENTICATE,
    answer: PROXY_AUTHORIZATION,
};

/// Why a log-in did not get to its end.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The connection.
    Lost(Lost),
    /// The log-in itself. The request was not carried out.
    LogIn(String),
    /// As [`Failed::LogIn`], and it may go better soon.
    LogInForNow(String),
}

impl Failed {
    pub(crate) fn words(self) -> String {
        match self {
            Failed::Lost(lost) => lost.words(),
            Failed::LogIn(words) | Failed::LogInForNow(words) => words,
        }
    }
}

impl From<NoToken> for Failed {
    fn from(none: NoToken) -> Self {
        match none {
            NoToken::Wrong(words) => Failed::LogIn(words),
            NoToken::ForNow(words) => Failed::LogInForNow(words),
        }
    }
}

impl From<Lost> for Failed {
    fn from(lost: Lost) -> Self {
        Failed::Lost(lost)
    }
}

/// Sends a request on a connection that is logged in, or logs in with it.
pub(crate) async fn exchange(
    connection: &mut Connection,
    request: Request<Bytes>,
    login: &Login,
    host: &str,
    side: &Side,
) -> Result<Response<Incoming>, Failed> {
    if connection.logged_in {
        let answer = connection.send(request.clone()).await?;
        if answer.status() != side.status {
            return Ok(answer);
        }
        // The server has forgotten, or wants a log-in for each request.
        connection.logged_in = false;
        read_past(answer).await?;
    }
    log_in(connection, request, login, host, side).await
}

async fn log_in(
    connection: &mut Connection,
    request: Request<Bytes>,
    login: &Login,
    host: &str,
    side: &Side,
) -> Result<Response<Incoming>, Failed> {
    let mut context = login.begin(host, connection.binding.as_deref()).map_err(Failed::LogIn)?;
    let mut challenge = None;
    for _ in 0..MOST_LEGS {
        let token = context.step(challenge.take()).await?;
        // Where the proof is in the token the body can go along; else it would be sent in vain.
        let whole = token.proves || !Streamed::or_bytes(&request);
        let leg = leg(&request, login, &token, whole, side)?;
        let answer = connection.send(leg).await.map_err(|lost| match lost {
            // What was sent is not the request.
            Lost::Sent(why) if !whole => Lost::NotSent(format!("in the middle of the log-in: {why}")),
            other => other,
        })?;
        if answer.status() != side.status {
            if whole {
                connection.logged_in = true;
                return Ok(answer);
            }
            // It answered the empty request, so it asks for no log-in.
            read_past(answer).await?;
            connection.logged_in = true;
            return Ok(connection.send(request).await?);
        }
        match challenged(&answer, login, side) {
            Challenge::Token(token) => challenge = Some(token),
            _ if token.proves => return Ok(answer),
            Challenge::Bare => {
                return Err(Failed::LogIn(format!(
                    "the server began no log-in by {}, though it offers that; something before it may not pass it on",
                    login.scheme.as_str()
                )));
            }
            Challenge::Other => {
                return Err(Failed::LogIn(format!(
                    "the server does not log in by {} ({}); switch that on there, or configure one of those",
                    login.scheme.as_str(),
                    offered(&answer, side)
                )));
            }
        }
        read_past(answer).await?;
    }
    Err(Failed::LogIn("the log-in did not come to an end".to_owned()))
}

fn leg(
    request: &Request<Bytes>,
    login: &Login,
    token: &Token,
    whole: bool,
    side: &Side,
) -> Result<Request<Bytes>, Failed> {
    let mut leg = request.clone();
    if !whole {
        *leg.body_mut() = Bytes::new();
        leg.extensions_mut().remove::<Streamed>();
        leg.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let text = format!("{} {}", login.scheme.as_str(), STANDARD.encode(&token.bytes));
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| Failed::LogIn("the token does not fit into a header".to_owned()))?;
    value.set_sensitive(true);
    leg.headers_mut().insert(side.answer.clone(), value);
    Ok(leg)
}

enum Challenge {
    /// With a token to answer.
    Token(Vec<u8>),
    /// The scheme, but no token.
    Bare,
    /// Other schemes only.
    Other,
}

fn challenged(answer: &Response<Incoming>, login: &Login, side: &Side) -> Challenge {
    let mut bare = false;
    let offers = answer.headers().get_all(&side.challenge);
    for offer in offers.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
        let (scheme, rest) = offer.trim().split_once(' ').unwrap_or((offer.trim(), ""));
        if scheme.eq_ignore_ascii_case(login.scheme.as_str()) {
            match STANDARD.decode(rest.trim()) {
                Ok(token) if !token.is_empty() => return Challenge::Token(token),
                _ => bare = true,
            }
        }
    }
    if bare { Challenge::Bare } else { Challenge::Other }
}

/// The schemes that an answer offers, for people.
pub(crate) fn offered<B>(answer: &Response<B>, side: &Side) -> String {
    let mut names: Vec<String> = Vec::new();
    for value in answer.headers().get_all(&side.challenge).iter().filter_map(|value| value.to_str().ok()) {
        let scheme = value.split([' ', ',']).next().unwrap_or_default();
        let name: String = scheme.chars().filter(char::is_ascii_graphic).take(20).collect();
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names.truncate(6);
    if names.is_empty() {
        "it offers no way to log in".to_owned()
    } else {
        format!("it offers {}", names.join(", "))
    }
}

/// Reads the page that came with a challenge, so that the connection can be used on.
async fn read_past(answer: Response<Incoming>) -> Result<(), Failed> {
    let last = is_last(&answer);
    let read = Limited::new(answer.into_body(), LONGEST_PAGE).collect().await;
    if last || read.is_err() {
        return Err(Failed::LogIn(
            "the server closed the connection in the middle of the log-in, which belongs to one connection; a proxy or load balancer on the way may not keep connections".to_owned(),
        ));
    }
    Ok(())
}
