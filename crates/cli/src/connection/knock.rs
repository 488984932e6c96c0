//! What answers at an address: an empty request, with a log-in and without, and what its answer says.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE, LOCATION, USER_AGENT, WWW_AUTHENTICATE};
use http::{HeaderMap, Request, StatusCode, Uri};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use tower_service::Service as _;
use transport::Client;

use super::remedy::remedy;
use super::stage::Found;

/// From here on a clock that is wrong is worth a word: Kerberos and signed log-ins allow for five minutes.
const SKEW: i64 = 120;

/// What came back.
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
}

/// Sends a request without content: enough to learn what is there, and too little to do anything.
pub(crate) async fn knock(mut client: Client, url: &Uri) -> Result<Answer, transport::Error> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = url.clone();
    let agent = concat!("portcullis/", env!("CARGO_PKG_VERSION"));
    request.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("text/xml; charset=utf-8"));
    request.headers_mut().insert(USER_AGENT, http::HeaderValue::from_static(agent));
    std::future::poll_fn(|cx| client.poll_ready(cx)).await?;
    let (parts, _) = client.call(request).await?.into_parts();
    Ok(Answer { status: parts.status, headers: parts.headers })
}

/// A failure of the transport, or of a log-in: what happened, and behind a semicolon what helps.
pub(crate) fn broken(error: &str) -> Found {
    let (reason, advice) =
        error.split_once("; ").unwrap_or((error, "check what is between here and the server"));
    Found::failed(reason, advice)
}

impl Answer {
    /// What somebody without a log-in meets.
    pub(crate) fn to_stranger(&self) -> Found {
        if self.status == StatusCode::UNAUTHORIZED {
            let offers = self.offers();
            let offers = if offers.is_empty() { "nothing it names".to_owned() } else { offers.join(", ") };
            return Found::Passed(format!(
                "HTTP 401: a log-in is asked for; the server takes {offers}{}",
                self.clock()
            ));
        }
        self.common()
            .unwrap_or_else(|| Found::Passed(format!("HTTP {}{}", self.status.as_u16(), self.clock())))
    }

    /// What somebody with a log-in meets. `scheme` is the one that was used.
    pub(crate) fn to_guest(&self, offered: &[String], scheme: &str) -> Found {
        if self.status != StatusCode::UNAUTHORIZED {
            return self.common().unwrap_or_else(|| Found::Passed("the log-in was taken".to_owned()));
        }
        let reason = "HTTP 401: the server refused the log-in";
        let takes = |wanted: &str| offered.iter().any(|offer| offer.eq_ignore_ascii_case(wanted));
        let help = if !offered.is_empty() && !takes(scheme) {
            format!(
                "the server takes {} and not {scheme}: choose another `kind` of `auth`",
                offered.join(", ")
            )
        } else {
            remedy(Some("HTTP 401"), reason).unwrap_or_default().to_owned()
        };
        Found::failed(format!("{reason}{}", self.clock()), help)
    }

    /// The ways to log in that are offered.
    pub(crate) fn offers(&self) -> Vec<String> {
        let mut offers: Vec<String> = Vec::new();
        for value in self.headers.get_all(WWW_AUTHENTICATE) {
            let scheme = value.to_str().unwrap_or_default().split([' ', ',']).next().unwrap_or_default();
            if !scheme.is_empty() && !offers.iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
                offers.push(scheme.to_owned());
            }
        }
        offers
    }

    /// What is wrong whoever asks.
    fn common(&self) -> Option<Found> {
        let status = self.status.as_u16();
        let text = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        let reason = match status {
            403 if text("x-ews-policy-reason").is_some() => {
                let said = text("x-ews-policy-reason").unwrap_or_default();
                format!("HTTP 403: EWS is switched off or restricted here (the server says: {})", short(said))
            }
            200..=299 if text(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("text/html")) => {
                format!("HTTP {status}: a web page came back, which is not EWS")
            }
            300..=399 => {
                let to = text(LOCATION.as_str()).and_then(|to| to.parse::<Uri>().ok());
                let to = to.and_then(|to| Some(format!("{}://{}", to.scheme_str()?, to.host()?)));
                let reason = format!(
                    "HTTP {status}: the server redirects to {}",
                    to.as_deref().unwrap_or("another path")
                );
                let remedy = "redirects are not followed: put the final address into `url` if you trust it";
                return Some(Found::failed(reason, remedy));
            }
            // EWS refuses an empty request in these words.
            400 | 405 | 411 | 415 | 500 => return None,
            403 => "HTTP 403: the server forbids it".to_owned(),
            404 | 410 => format!("HTTP {status}: there is nothing at this address"),
            407 => "HTTP 407: the proxy asks for a log-in".to_owned(),
            429 | 503 => format!("HTTP {status}: the server asks to wait"),
            401..=599 => format!("HTTP {status}"),
            _ => return None,
        };
        let fallback = "check the address, and what is between here and the server";
        let remedy = remedy(Some(&format!("HTTP {status}")), &reason).unwrap_or(fallback);
        Some(Found::failed(reason, remedy))
    }

    /// A word about the clock, if there is need for one.
    fn clock(&self) -> String {
        let date = self.headers.get(DATE).and_then(|value| value.to_str().ok());
        let date = date.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
        let ahead = date.map_or(0, |date| date.as_second() - Timestamp::now().as_second());
        match ahead {
            SKEW.. => format!("; the clock of this machine is {} minutes behind the server's", ahead / 60),
            ..=-120 => {
                format!("; the clock of this machine is {} minutes ahead of the server's", -ahead / 60)
            }
            _ => String::new(),
        }
    }
}

/// A server's words, short and without anything that moves a cursor.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
