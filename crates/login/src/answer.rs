//! What an authority gives: an access token, how long it lasts, and perhaps a refresh token and a name.
//!
//! Authorities differ, and proxies answer in their place. What cannot be a token is refused here, and a life
//! is made from whatever was said about it such that no token leads to a loop of requests.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use transport::Secret;

use crate::form::Door;
use crate::problem::Problem;

/// The longest token; a server refuses a header that is longer anyway.
const LONGEST: usize = 48 << 10;
/// Where nothing is said about its life.
const ASSUMED: u64 = 10 * 60;
/// A token that lasts less is of no use.
const SHORTEST: u64 = 30;
/// The longest lives, with Continuous Access Evaluation, are 28 hours.
const LONGEST_LIFE: u64 = 30 * 60 * 60;
/// Renewed so long before the end.
const EARLY: u64 = 5 * 60;

/// A token for a server.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) token: Secret,
    pub(crate) obtained: u64,
    pub(crate) expires: u64,
}

impl Access {
    /// Good, and for more than five minutes; of one that lasts less than ten minutes, for half its life.
    pub(crate) fn is_fresh(&self, now: u64) -> bool {
        let early = EARLY.min(self.expires.saturating_sub(self.obtained) / 2);
        // A clock that was set back says nothing about a token any more.
        now < self.expires.saturating_sub(early) && now.saturating_add(EARLY) >= self.obtained
    }

    /// Good for one more request.
    pub(crate) fn is_alive(&self, now: u64) -> bool {
        now.saturating_add(SHORTEST) <= self.expires && now.saturating_add(EARLY) >= self.obtained
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// What came of a request for tokens.
pub(crate) struct Tokens {
    pub(crate) access: Access,
    pub(crate) refresh: Option<Secret>,
    /// Who logged in, as the authority calls them.
    pub(crate) person: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    access_token: String,
    token_type: Option<String>,
    expires_in: Option<Value>,
    refresh_token: Option<String>,
    id_token: Option<String>,
}

/// Reads an answer of the token endpoint. `asked` is when the request was sent.
pub(crate) fn tokens(door: &Door<'_>, body: &[u8], asked: u64) -> Result<Tokens, Problem> {
    let said: Said = door.read(body)?;
    if said.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(door.no_answer("the token is not one for the scheme Bearer"));
    }
    let fits = |token: &str| {
        !token.is_empty() && token.len() <= LONGEST && token.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if !fits(&said.access_token) {
        return Err(door.no_answer("the token is empty, too long, or no token"));
    }
    let life = life(said.expires_in.as_ref())
        .ok_or_else(|| door.no_answer("the token has expired already, or has no life that can be read"))?;
    Ok(Tokens {
        access: Access {
            token: Secret::new(said.access_token),
            obtained: asked,
            expires: asked.saturating_add(life),
        },
        refresh: said.refresh_token.filter(|token| fits(token)).map(Secret::new),
        person: said.id_token.as_deref().and_then(person),
    })
}

/// Seconds. Some write the number as text.
fn life(said: Option<&Value>) -> Option<u64> {
    let seconds = match said {
        None | Some(Value::Null) => ASSUMED,
        Some(Value::Number(number)) => match number.as_u64() {
            Some(seconds) => seconds,
            None => number.as_f64().filter(|seconds| *seconds >= 1.0).map(|_| ASSUMED)?,
        },
        Some(Value::String(text)) => text.trim().parse().ok()?,
        Some(_) => return None,
    };
    (seconds >= SHORTEST).then_some(seconds.min(LONGEST_LIFE))
}

/// Who an ID token speaks of. It came straight from the authority over TLS, in which case OpenID Connect
/// (Core, 3.1.3.7) does not ask for its signature to be checked.
fn person(id_token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        preferred_username: Option<String>,
        upn: Option<String>,
    }
    let claims: Claims = payload(id_token)?;
    let name = claims.preferred_username.or(claims.upn)?;
    let fits = !name.is_empty() && name.len() <= 320 && !name.chars().any(char::is_control);
    fits.then_some(name)
}

fn payload<T: for<'de> Deserialize<'de>>(token: &str) -> Option<T> {
    let part = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?).ok()
}

/// What an access token says about itself. Only for people to look at: it is meant for the server, is not
/// checked, and may not be readable at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Facts {
    /// Whom it is for.
    #[serde(rename = "aud")]
    pub audience: Option<String>,
    /// The tenant it is from.
    #[serde(rename = "tid")]
    pub tenant: Option<String>,
    /// What the application may do as itself.
    #[serde(default)]
    pub roles: Vec<String>,
    /// What it may do for the person, in words with spaces between them.
    #[serde(rename = "scp")]
    pub scopes: Option<String>,
    /// The person.
    pub upn: Option<String>,
}

impl Facts {
    /// Reads them.
    pub(crate) fn of(token: &Secret) -> Option<Self> {
        let facts: Facts = payload(token.reveal())?;
        let shown = |text: String| text.chars().filter(|c| !c.is_control()).take(200).collect::<String>();
        Some(Facts {
            audience: facts.audience.map(shown),
            tenant: facts.tenant.map(shown),
            roles: facts.roles.into_iter().take(50).map(shown).collect(),
            scopes: facts.scopes.map(shown),
            upn: facts.upn.map(shown),
        })
    }

    /// For a message: whom it is for, and what it permits.
    pub(crate) fn sentence(&self) -> String {
        let audience = self.audience.as_deref().unwrap_or("an audience it does not name");
        let mut permits = self.roles.join(" ");
        permits.push_str(self.scopes.as_deref().unwrap_or_default());
        let permits = if permits.is_empty() { "nothing" } else { &permits };
        format!("the token is for {audience} and permits {permits}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn any_life_ends_in_time_and_none_is_so_short_that_it_loops() {
        for (said, expected) in [
            (json!(3599), Some(3599)),
            (json!("3599"), Some(3599)),
            (json!(null), Some(ASSUMED)),
            (json!(1e12), Some(ASSUMED)),
            (json!(1_000_000_000_000_u64), Some(LONGEST_LIFE)),
            (json!(0), None),
            (json!(-1), None),
            (json!(0.5), None),
            (json!(29), None),
            (json!("soon"), None),
            (json!([1]), None),
        ] {
            assert_eq!(life(Some(&said)), expected, "{said}");
        }
        assert_eq!(life(None), Some(ASSUMED));
    }

    proptest! {
        #[test]
        fn no_token_and_no_life_is_too_odd(text in ".{0,80}", number: f64, whole: i64) {
            for said in [json!(text), json!(number), json!(whole), json!([text]), json!({ "n": number })] {
                let life = life(Some(&said));
                prop_assert!(life.is_none_or(|life| (SHORTEST..=LONGEST_LIFE).contains(&life)), "{said}: {life:?}");
                let token = format!("e30.{}.x", URL_SAFE_NO_PAD.encode(said.to_string()));
                let _ = (Facts::of(&Secret::new(&*token)), person(&token));
            }
            let _ = (Facts::of(&Secret::new(&*text)), person(&text));
        }
    }

    #[test]
    fn a_token_is_renewed_five_minutes_early_and_a_short_one_at_half_its_life() {
        let token = |life: u64| Access { token: Secret::new("t"), obtained: 10_000, expires: 10_000 + life };
        let (hour, minute) = (token(3600), token(60));
        assert!(hour.is_fresh(10_000 + 3299) && !hour.is_fresh(10_000 + 3300));
        assert!(hour.is_alive(10_000 + 3570) && !hour.is_alive(10_000 + 3571));
        assert!(minute.is_fresh(10_000 + 29) && !minute.is_fresh(10_000 + 30));
        assert!(hour.is_fresh(10_000 - 300) && !hour.is_fresh(10_000 - 301), "the clock was set back");
        assert!(!hour.is_alive(1));
    }

    #[test]
    fn what_a_token_says_is_read_and_made_fit_to_be_shown() {
        let claims = json!({ "aud": "https://x", "roles": ["full_access_as_app"], "tid": "a\u{1b}[31m" });
        let token = format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let facts = Facts::of(&Secret::new(token)).unwrap();
        assert_eq!(facts.sentence(), "the token is for https://x and permits full_access_as_app");
        assert_eq!(facts.tenant.as_deref(), Some("a[31m"));
        assert_eq!(Facts::of(&Secret::new("opaque")), None);
    }
}
