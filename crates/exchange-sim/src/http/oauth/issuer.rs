//! What the token endpoint remembers: tokens, codes, and what was used up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::soap::rights::Caller;

/// How long a token is good, in seconds, until a test says otherwise.
const LIFE: i64 = 3599;
/// How long a device code is good, in seconds.
pub(crate) const DEVICE_LIFE: i64 = 900;
/// How often a client may ask, in seconds.
pub(crate) const INTERVAL: u64 = 1;

/// What a token is for: an application, perhaps for a person, and for what.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) application: String,
    pub(crate) tenant: String,
    /// The person's account; none where the application acts by itself.
    pub(crate) user: Option<String>,
    pub(crate) scope: String,
    pub(crate) caller: Caller,
}

/// A code that a browser brought back.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) subject: Subject,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: Option<String>,
    pub(crate) until: Timestamp,
}

/// A device that waits for a person.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) application: String,
    pub(crate) scope: String,
    pub(crate) user_code: String,
    pub(crate) until: Timestamp,
    pub(crate) decision: Decision,
    asked: Option<Instant>,
}

/// What the person said.
#[derive(Debug, Clone)]
pub(crate) enum Decision {
    Open,
    Declined,
    Granted(String, Caller),
}

struct Issued {
    caller: Caller,
    audience: String,
    until: Timestamp,
}

/// The endpoint's memory.
#[derive(Default)]
pub(crate) struct Issuer {
    tokens: BTreeMap<String, Issued>,
    refresh: BTreeMap<String, Subject>,
    pub(crate) codes: BTreeMap<String, Code>,
    pub(crate) devices: BTreeMap<String, Device>,
    seen: BTreeSet<(String, String)>,
    numbers: u64,
    /// What a test said about how long tokens are good.
    pub(crate) life: Option<Duration>,
    /// How much time a test let pass.
    pub(crate) ahead: Duration,
}

impl Issuer {
    /// The time here, given the time of the organisation.
    pub(crate) fn now(&self, clock: Timestamp) -> Timestamp {
        let ahead = SignedDuration::try_from(self.ahead).unwrap_or_default();
        clock.checked_add(ahead).unwrap_or(clock)
    }

    /// A word that nobody can guess and that was never used.
    pub(crate) fn word(&mut self) -> String {
        let mut bytes = [0; 24];
        // Without random bytes it is still unique.
        let _ = getrandom::fill(&mut bytes);
        self.numbers += 1;
        URL_SAFE_NO_PAD.encode([&self.numbers.to_be_bytes()[..], &bytes].concat())
    }

    /// Notes that an assertion was used; false if it was used before.
    pub(crate) fn is_first(&mut self, application: &str, jti: String) -> bool {
        self.seen.insert((application.to_owned(), jti))
    }

    /// Issues a token, and the answer that carries it.
    pub(crate) fn issue(&mut self, subject: Subject, now: Timestamp) -> Value {
        let life = self.life.map_or(LIFE, |life| i64::try_from(life.as_secs()).unwrap_or(LIFE));
        let until = now.checked_add(SignedDuration::from_secs(life)).unwrap_or(now);
        let audience = audience(&subject.scope);
        let unique = self.word();
        let token = token(&subject, &audience, &unique, now.as_second(), until.as_second());
        let issued = Issued { caller: subject.caller.clone(), audience, until };
        self.tokens.insert(token.clone(), issued);
        let mut answer = json!({
            "token_type": "Bearer",
            "scope": subject.scope,
            "expires_in": life,
            "ext_expires_in": life,
            "access_token": token,
        });
        let keeps = subject.user.is_some() && subject.scope.split(' ').any(|scope| scope == "offline_access");
        if let (true, Some(answer)) = (keeps, answer.as_object_mut()) {
            let refresh = self.word();
            answer.insert("refresh_token".to_owned(), refresh.clone().into());
            self.refresh.insert(refresh, subject);
        }
        answer
    }

    /// Takes a refresh token: it is good once.
    pub(crate) fn redeem(&mut self, token: &str) -> Option<Subject> {
        self.refresh.remove(token)
    }

    /// Whose token it is and for what it is, or why it is not good.
    pub(crate) fn read(&self, token: &str, now: Timestamp) -> Result<(Caller, &str), &'static str> {
        let issued = self.tokens.get(token).ok_or("The token is not of this issuer.")?;
        if issued.until <= now {
            return Err("The token has expired.");
        }
        Ok((issued.caller.clone(), &issued.audience))
    }

    /// Begins a log-in on another device; gives its code and the one that the person types.
    pub(crate) fn begin_device(
        &mut self,
        application: &str,
        scope: &str,
        now: Timestamp,
    ) -> (String, String) {
        let device_code = self.word();
        let user_code = format!("SIM{:06}", self.numbers);
        let until = now.checked_add(SignedDuration::from_secs(DEVICE_LIFE)).unwrap_or(now);
        let device = Device {
            application: application.to_owned(),
            scope: scope.to_owned(),
            user_code: user_code.clone(),
            until,
            decision: Decision::Open,
            asked: None,
        };
        self.devices.insert(device_code.clone(), device);
        (device_code, user_code)
    }
}

impl Device {
    /// Notes that the client asks; true if it asks sooner than it may.
    pub(crate) fn hurries(&mut self) -> bool {
        let before = self.asked.replace(Instant::now());
        // A little earlier than agreed is no offence: timers are not exact.
        before.is_some_and(|before| before.elapsed() < Duration::from_millis(INTERVAL * 700))
    }
}

/// What a scope is for: everything before the last part of its path.
fn audience(scope: &str) -> String {
    let first = scope.split(' ').find(|scope| scope.starts_with("https://") || scope.starts_with("http://"));
    let first = first.unwrap_or("https://outlook.office365.com/.default");
    first.rsplit_once('/').map_or(first, |(before, _)| before).trim_end_matches('/').to_owned()
}

/// A token as a client may look into it. Who reads it asks the list and not the token.
fn token(subject: &Subject, audience: &str, unique: &str, from: i64, until: i64) -> String {
    let mut claims = json!({
        "aud": audience,
        "iss": format!("https://sts.windows.net/{}/", subject.tenant),
        "iat": from,
        "nbf": from,
        "exp": until,
        "appid": subject.application,
        "tid": subject.tenant,
        "uti": unique,
    });
    if let Some(claims) = claims.as_object_mut() {
        match &subject.user {
            Some(user) => {
                claims.insert("upn".to_owned(), user.as_str().into());
                claims.insert("scp".to_owned(), "EWS.AccessAsUser.All".into());
            }
            None => {
                claims.insert("roles".to_owned(), json!(["full_access_as_app"]));
            }
        }
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"typ": "JWT", "alg": "HS256"})), part(&claims));
    let signature = Hmac::<Sha256>::new_from_slice(b"exchange-sim").map(|mut mac| {
        mac.update(signed.as_bytes());
        mac.finalize().into_bytes().to_vec()
    });
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.unwrap_or_default()))
}
