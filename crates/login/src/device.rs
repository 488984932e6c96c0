//! The device code ([RFC 8628](https://www.rfc-editor.org/rfc/rfc8628)): a person types a code into any
//! browser, while this side asks now and then whether that has happened.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use transport::{Origin, Secret};

use crate::fetch::{self, Wanted, ask};
use crate::form::Form;
use crate::log_in::LogIn;
use crate::problem::{Code, Problem};
use crate::settings::Grant;

/// How often to ask where the authority does not say.
const INTERVAL: u64 = 5;
/// By how much to ask less often when it says so, and when it does not answer.
const SLOWER: u64 = 5;
/// The longest time between two questions, and for the whole log-in.
const SLOWEST: u64 = 60;
const LONGEST: u64 = 30 * 60;

/// A log-in that waits for a person.
pub struct DeviceLogIn {
    log_in: LogIn,
    device_code: Secret,
    interval: u64,
    ends: u64,
    /// Where the person goes.
    pub verification_uri: String,
    /// What the person types there.
    pub user_code: String,
    /// How many seconds there are for that.
    pub expires_in: u64,
}

#[derive(Deserialize)]
struct Said {
    device_code: String,
    user_code: String,
    #[serde(alias = "verification_url")]
    verification_uri: String,
    expires_in: u64,
    interval: Option<u64>,
}

impl LogIn {
    /// Begins a log-in with a device code. Nothing is kept before [`DeviceLogIn::complete`].
    pub async fn begin_device(&self) -> Result<DeviceLogIn, Problem> {
        let settings = &self.inner.settings;
        if !matches!(settings.grant, Grant::DeviceCode) {
            return Err(Problem::Settings(format!(
                "this connection logs in by `{}`; a device code needs `kind: device_code`",
                settings.grant.name()
            )));
        }
        let form = Form::new().with("client_id", &settings.client).with("scope", &settings.scope);
        let door = self.inner.door();
        let began = self.inner.clock.now();
        let body = door.send(&settings.authority.device(), form).await?;
        let said: Said = door.read(&body)?;
        // Both are shown to a person, who trusts them.
        let plain = |text: &str, longest: usize| {
            !text.is_empty() && text.len() <= longest && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let origin = said.verification_uri.parse().ok().and_then(|uri| Origin::of(&uri));
        let safe = origin.is_some_and(|origin| origin.is_https() || origin.is_loopback());
        if !plain(&said.verification_uri, 200) || !safe {
            return Err(door.no_answer("the address to log in at is not one of https"));
        }
        if !plain(&said.user_code, 32) || said.device_code.is_empty() {
            return Err(door.no_answer("the code cannot be read"));
        }
        let expires_in = said.expires_in.min(LONGEST);
        let device_code = Secret::new(said.device_code);
        self.inner.tell(&device_code);
        Ok(DeviceLogIn {
            log_in: self.clone(),
            device_code,
            interval: said.interval.unwrap_or(INTERVAL).clamp(1, SLOWEST),
            ends: began.saturating_add(expires_in),
            verification_uri: said.verification_uri,
            user_code: said.user_code,
            expires_in,
        })
    }
}

impl DeviceLogIn {
    /// Waits for the person and keeps the log-in. Who it was, if the authority says so. Dropping the future
    /// gives up.
    pub async fn complete(self) -> Result<Option<String>, Problem> {
        let inner = &self.log_in.inner;
        let mut interval = self.interval;
        loop {
            inner.clock.sleep(Duration::from_secs(interval)).await;
            if inner.clock.now() >= self.ends {
                return Err(Problem::TooLate);
            }
            let form = Form::new()
                .with("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
                .with("device_code", self.device_code.reveal());
            match ask(inner, form, &Wanted::default()).await {
                Ok(tokens) => return fetch::keep(inner, tokens).await,
                Err(Problem::Refused(refusal)) => match (refusal.error(), refusal.code()) {
                    ("authorization_pending", _) => {}
                    ("slow_down", _) => interval = interval.saturating_add(SLOWER).min(SLOWEST),
                    ("expired_token" | "code_expired", _) | (_, Some(Code::Aadsts(70019))) => {
                        return Err(Problem::TooLate);
                    }
                    _ if refusal.passes() => interval = interval.saturating_add(SLOWER).min(SLOWEST),
                    _ => return Err(Problem::Refused(refusal)),
                },
                // The person may be typing; a break of the network is no reason to begin again.
                Err(Problem::Unreachable(why)) if why.kind() != transport::Kind::Refused => {
                    interval = interval.saturating_mul(2).min(SLOWEST);
                }
                Err(Problem::Busy { retry_after, .. }) => {
                    let wait = retry_after.map_or(0, |wait| wait.as_secs());
                    interval = interval.saturating_mul(2).max(wait).min(SLOWEST);
                }
                Err(other) => return Err(other),
            }
        }
    }
}

impl fmt::Debug for DeviceLogIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceLogIn")
            .field("verification_uri", &self.verification_uri)
            .finish_non_exhaustive()
    }
}
