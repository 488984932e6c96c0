//! Tokens that somebody else fetches: who is asked for one, and what a server says about one it refuses.
//!
//! How a token comes about is no matter of this crate: `login` knows it. This file only carries it. Other
//! ways to log in that a server offers beside `Bearer` are not read: none is ever chosen by a server.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::challenge::{self, Challenge};
use crate::error::{Error, Kind};
use crate::secret::Secret;

/// The longest challenge that is passed on; the ones of Exchange Online have some hundred characters.
const LONGEST_CLAIMS: usize = 8 << 10;

/// A token that is on its way.
pub type Token<'a> = Pin<Box<dyn Future<Output = Result<Secret, NoToken>> + Send + 'a>>;

/// Somebody who has a token for one server. Asked before every request.
pub trait Bearer: Send + Sync {
    /// A token that is good now.
    fn token(&self) -> Token<'_>;

    /// Another token, because the server refused this one. `claims` is the challenge it sent along, as it
    /// stood in the header: base64 of a JSON object. Asked once for a request at most.
    fn another<'a>(&'a self, refused: &'a Secret, claims: Option<&'a str>) -> Token<'a>;
}

/// Why there is no token, in words for people. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoToken {
    why: String,
    wait: Option<Duration>,
}

impl NoToken {
    /// With the reason, and what to do next.
    pub fn new(why: impl Into<String>) -> Self {
        NoToken { why: why.into(), wait: None }
    }

    /// As [`NoToken::new`], where it may be otherwise after this time although nobody does anything.
    pub fn for_now(why: impl Into<String>, wait: Duration) -> Self {
        NoToken { why: why.into(), wait: Some(wait) }
    }
}

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for NoToken {}

/// A source of tokens that can be compared and shown, as credentials can.
#[derive(Clone)]
pub struct Source(Arc<dyn Bearer>);

impl Source {
    pub(crate) fn new(bearer: Arc<dyn Bearer>) -> Self {
        Source(bearer)
    }

    /// The header for a request to `host`, and the token in it.
    pub(crate) async fn header(&self, host: &str) -> Result<(HeaderValue, Secret), Error> {
        write(self.0.token().await, host)
    }

    /// As [`Source::header`], after an answer with these headers refused a token.
    pub(crate) async fn another(
        &self,
        refused: &Secret,
        answer: &HeaderMap,
        host: &str,
    ) -> Result<(HeaderValue, Secret), Error> {
        let claims = claims(answer);
        write(self.0.another(refused, claims.as_deref()).await, host)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source(…)")
    }
}

impl PartialEq for Source {
    /// Whether both are the same source, not equal ones.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Source {}

fn write(token: Result<Secret, NoToken>, host: &str) -> Result<(HeaderValue, Secret), Error> {
    let token = token.map_err(|NoToken { why, wait }| Error::no_log_in(host, why, wait))?;
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.reveal()))
        .map_err(|_| Error::before(Kind::LogIn, host, "the token does not fit into a header"))?;
    value.set_sensitive(true);
    Ok((value, token))
}

/// The parameter `claims` of a challenge of the scheme `Bearer`.
fn claims(headers: &HeaderMap) -> Option<String> {
    claims_in(&challenge::of(headers)).filter(|claims| !claims.is_empty() && claims.len() <= LONGEST_CLAIMS)
}

fn claims_in(challenges: &[Challenge]) -> Option<String> {
    challenges.iter().filter(|one| one.is("bearer")).find_map(|one| one.get("claims")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_read_from_the_challenge_of_the_scheme_bearer_only() {
        for (list, expected) in [
            (r#"Bearer realm="", error="insufficient_claims", claims="eyJhIjoxfQ==""#, Some("eyJhIjoxfQ==")),
            (r#"Negotiate, Bearer realm="a, claims=\"x\"", claims=abc, error=e"#, Some("abc")),
            (r#"bearer CLAIMS = "x""#, Some("x")),
            (r#"Basic claims="x""#, None),
            (r#"Bearer realm="a", Basic claims="x""#, None),
            (r#"Bearer claims="never ends"#, None),
            ("Bearer", None),
            ("NTLM TlRMTVNTUAAC==", None),
            ("", None),
        ] {
            assert_eq!(claims_in(&challenge::parse(list)).as_deref(), expected, "{list}");
        }
    }
}
